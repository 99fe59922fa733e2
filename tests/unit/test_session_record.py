"""Assessments stored and read back: nothing may change."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from mocks import make_assessment, make_frame

from app.session.assessment_record import FIGURES, figures_of, pack_assessment, unpack_assessment
from calibration.levels import LIMITED_RANGE
from capture.errors import SessionError
from capture.geometry import LinearField, Rect, Sector
from models.runtime.contract import (
    Assessment,
    Cause,
    ClusterAssessment,
    FrameStamp,
    GateAssessment,
    Readiness,
    ScoreAssessment,
    cannot_judge,
)


def same(first: object, second: object) -> bool:
    """Equal in type, value, and for arrays in shape, type and every bit; ``compare=False`` fields included."""
    if isinstance(first, np.ndarray):
        assert isinstance(second, np.ndarray)
        return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()
    if dataclasses.is_dataclass(first):
        names = [field.name for field in dataclasses.fields(first)]
        return type(first) is type(second) and all(same(getattr(first, n), getattr(second, n)) for n in names)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, tuple):
        return isinstance(second, tuple) and len(first) == len(second) and all(map(same, first, second))
    return type(first) is type(second) and first == second


def full_assessment(seed: int = 0) -> Assessment:
    """Every field of every part set, with outlines that are no whole numbers."""
    rng = np.random.default_rng(seed)
    outline = rng.uniform(0, 640, (61, 2)).astype(np.float32)
    frame = make_frame(7, 123_456_789_012, t_media_s=0.1 + 0.2)
    stamp = FrameStamp(5, 123_450_000_000)
    base = make_assessment(
        frame,
        [4.1, None, 1 / 3 + 1, 2.0, 5.0, 3.3, 2.2, 1.1],
        view="A4C",
        view_p=0.987654321,
        causes=(Cause("shadow", 0.3, ("mid_left", "apical_left")), Cause("gain_low", 0.1)),
        advice="Lateral wall in shadow: slide medially",
        readiness=Readiness(True, None, False),
        cluster=ClusterAssessment(
            "A+", 2, (0.1, 0.2, 0.7), ("A-", "A", "A+"), (1.5, -2.25), 0.1, 4, outline[:10, 0].copy(), stamp
        ),
        score=ScoreAssessment(81.23456789, stamp),
        gate=GateAssessment(-3.2, -9.5, True, None, "", (0.1, 0.2), stamp),
        sector=Sector(320.5, -3.25, 10, 400, -0.7, 0.7),
        crop=Rect(3, 0, 500, 400),
        levels=LIMITED_RANGE,
        mirrored=True,
        contours={"LV": (outline, outline[:3]), "MYO": (), "LA": (np.zeros((0, 2), np.float32),)},
        spacing_assumed=False,
        label_map=rng.integers(0, 5, (48, 64)).astype(np.uint8),
        model_ids={"regional": "regional@1.6-int8#abcdef01"},
        stages_ms={"network": 12.5, "wait": 0.1},
    )
    regions = (dataclasses.replace(base.regions[0], polygons=(outline, outline[::-1].copy())), *base.regions[1:])
    return dataclasses.replace(base, regions=regions)


def test_every_field_comes_back_exactly():
    original = full_assessment()
    assert same(original, unpack_assessment(pack_assessment(original)))


def test_a_refusal_and_a_linear_field_come_back_exactly():
    refused = cannot_judge(make_frame(3), "no sector", sector=LinearField(1, 2, 30, 40))
    assert same(refused, unpack_assessment(pack_assessment(refused)))


def test_every_field_of_the_contract_is_covered():
    """A field that is added to the contract must be set in this test's example, so that the test above sees it."""
    plain = Assessment(0, 0, "", (8, 8), full_assessment().verdict)
    unset = {
        field.name
        for field in dataclasses.fields(Assessment)
        if same(getattr(plain, field.name), getattr(full_assessment(), field.name))
    }
    assert unset == {"verdict", "reason", "cluster_reason", "score_reason", "gate_reason"}


def test_figures_are_plain_numbers_of_the_same_assessment():
    original = full_assessment()
    figures = dict(zip(FIGURES, figures_of(original, 9), strict=True))
    assert figures["raw_0"] == figures["smooth_0"] == 4.1
    assert figures["raw_1"] is None
    assert (figures["cluster"], figures["cluster_rank"], figures["cause"]) == ("A+", 2, "shadow")
    assert (figures["ef"], figures["strain"], figures["mapse"]) == (True, None, False)
    assert all(type(value) in (int, float, str, bool, type(None)) for value in figures.values())


def test_numpy_scalars_become_numbers_of_the_same_value():
    original = dataclasses.replace(full_assessment(), view_p=np.float32(0.1), t_mono_ns=np.int64(5))
    back = unpack_assessment(pack_assessment(original))
    assert (back.view_p, back.t_mono_ns) == (float(np.float32(0.1)), 5)


def test_damaged_bytes_give_one_error():
    record = pack_assessment(full_assessment())
    rng = np.random.default_rng(1)
    for _ in range(200):
        data = bytearray(record)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        with pytest.raises(SessionError):
            unpack_assessment(bytes(data[: rng.integers(1, len(data))]))
