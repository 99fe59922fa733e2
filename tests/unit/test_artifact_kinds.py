"""The kinds of artifacts: training and testing share none, every kind changes a picture, and is drawn again alike."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import models.artifact.kinds as table
from capture.geometry import LinearField
from models.artifact.held_out import HeldOutFrame, successors
from models.artifact.kinds import FAMILIES, HELD_OUT, TRAINING
from models.artifact.network import SIZE
from models.artifact.pictures import DENSITY, ENCODER, HEART, SourcePicture, part_of
from models.artifact.simulated import Canvas, Fan
from models.data.polar import beams_of
from tests.support.made_up_sets import HEART as HEART_SECTOR
from tests.support.made_up_sets import speckle

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch speaks of its own plans


def picture(seed: int, name: str = "patient1_4CH_ED") -> SourcePicture:
    return SourcePicture(speckle(seed, HEART_SECTOR), HEART_SECTOR, HEART, "patient1", name)


@pytest.fixture(scope="module")
def canvas_parts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one, other = picture(1), picture(2)
    return one.square(), other.square(), one.crop().sector_mask_model


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_nothing_that_is_tested_was_trained_on(family: table.Family):
    assert not set(family.training_kinds) & set(family.held_out_kinds)
    assert not {*family.known, *family.other} & set(family.held_out_organs)
    makers = {function.__name__ for function in TRAINING.values()}
    assert not makers & {function.__name__ for function in HELD_OUT.values()}


def test_the_card_names_every_kind():
    card = (Path(table.__file__).parent / "card.md").read_text()
    assert [kind for kind in (*TRAINING, *HELD_OUT) if kind not in card] == []
    assert not re.search(r"\btodo\b", card, re.IGNORECASE)


@pytest.mark.parametrize("kind", TRAINING)
def test_training_kinds_spoil_a_picture_and_repeat(kind: str, canvas_parts: tuple[np.ndarray, ...]):
    image, donor, inside = canvas_parts
    before = image.copy()
    for seed in range(8):
        made, again = (TRAINING[kind](Canvas(image, donor, inside, np.random.default_rng(seed))) for _ in range(2))
        assert (made.shape, made.dtype) == ((SIZE, SIZE), np.uint8)
        assert (made == again).all()
        assert (made != image).mean() > 0.0005, "something is to be seen"
    assert (image == before).all(), "the known picture stays as it is"


@pytest.mark.parametrize("kind", HELD_OUT)
def test_held_out_kinds_spoil_a_real_frame_and_repeat(kind: str):
    frame, following = picture(3), picture(4, "patient1_4CH_ES")
    before = frame.image.copy()
    for seed in range(3):
        made, again = (HELD_OUT[kind](HeldOutFrame(frame, following, np.random.default_rng(seed))) for _ in range(2))
        assert (made.shape, made.dtype) == ((SIZE, SIZE), np.uint8)
        assert (made == again).all()
        assert (made != frame.square()).mean() > 0.002
    assert (frame.image == before).all()


def test_only_phases_of_one_view_and_patient_follow_each_other():
    frames = [picture(1, f"patient1_{view}_{phase}") for view in ("4CH", "2CH") for phase in ("ED", "ES")]
    lone = SourcePicture(frames[0].image, HEART_SECTOR, "liver", "liver/7", "liver/7-train_3")
    found = successors([*frames, lone])
    assert [None if other is None else other.name for other in found] == [
        "patient1_4CH_ES",
        "patient1_4CH_ED",
        "patient1_2CH_ES",
        "patient1_2CH_ED",
        None,
    ]


def test_a_fan_straightens_and_bends_back(canvas_parts: tuple[np.ndarray, ...]):
    _, _, inside = canvas_parts
    fan = Fan(inside)
    smooth = np.where(inside, np.add.outer(np.arange(SIZE), np.arange(SIZE)) / 2, 0).astype(np.float32)
    back = fan.bent(fan.straight(smooth))
    core = inside & (np.arange(SIZE)[:, None] > 20)
    assert np.abs(back - smooth)[core].mean() < 2


def test_a_linear_field_becomes_a_sector_of_the_same_pixels():
    field = LinearField(10, 20, 200, 150)
    same = beams_of(field).mask(180, 240) == field.mask(180, 240)
    assert same.mean() > 0.985


def test_a_patient_is_always_in_the_same_part():
    parts = [part_of(f"patient{number:04d}") for number in range(400)]
    assert parts == [part_of(f"patient{number:04d}") for number in range(400)]
    assert 0.12 < parts.count(DENSITY) / 400 < 0.3
    assert set(parts) == {ENCODER, DENSITY}
