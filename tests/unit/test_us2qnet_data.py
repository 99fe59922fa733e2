"""Sets for quality clusters: levels are known, kinds equally often, patients kept apart, orders fixed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.errors import DataError
from capture.geometry import Sector
from models.data.degradations import RESERVED_KINDS, TRAINING_KINDS
from models.us2qnet.data import (
    FIVE_LEVELS,
    SIZE,
    SectorPicture,
    abdomen_pictures,
    bladder_pictures,
    echo_pictures,
    graded_versions,
    in_one,
    known_levels,
    read_mnist,
)
from tests.support.made_up_camus import write_camus
from tests.support.real_images import data_root

PICTURES = 16


@pytest.fixture(scope="module")
def speckle() -> list[SectorPicture]:
    """Rayleigh speckle in a sector that reaches over its frame's middle."""
    random = np.random.default_rng(0)
    sector = Sector(80.0, 2.0, 4.0, 110.0, -0.6, 0.6)
    inside = sector.mask(120, 160)
    found = []
    for number in range(PICTURES):
        grey = np.clip(random.rayleigh(60, inside.shape) * inside, 0, 255).astype(np.uint8)
        found.append(SectorPicture(grey, sector, f"p{number // 2}", f"p{number // 2}_{number % 2}"))
    return found


def write_digits(folder: Path, train: int = 40, test: int = 10) -> Path:
    """Digits sorted by class, of one grey each, in ``folder/mnist``."""
    (folder / "mnist").mkdir(parents=True)
    for part, count in (("train", train), ("test", test)):
        labels = np.sort(np.arange(count) % 10).astype(np.uint8)
        images = np.broadcast_to((20 * labels)[:, None, None], (count, 28, 28))
        np.savez(folder / "mnist" / f"mnist_{part}.npz", images=images, labels=labels)
    return folder


def test_every_level_has_every_picture_and_every_kind_equally_often(speckle: list[SectorPicture]):
    levels = known_levels(speckle, FIVE_LEVELS)
    assert Counter(picture.label for picture in levels) == dict.fromkeys(range(5), PICTURES)
    for label in range(1, 5):
        kinds = Counter(picture.name.split(":")[1] for picture in levels if picture.label == label)
        assert kinds == dict.fromkeys(TRAINING_KINDS, PICTURES // len(TRAINING_KINDS))
        assert not set(kinds) & set(RESERVED_KINDS)
    assert all(np.array_equal(one.image, other.image) for one, other in zip(levels, speckle, strict=False))


def test_a_level_further_on_is_further_from_the_original(speckle: list[SectorPicture]):
    levels = in_one(known_levels(speckle)).images.astype(np.float64).reshape(3, PICTURES, -1)
    half, full = (np.abs(levels[label] - levels[0]).mean() for label in (1, 2))
    assert 0 < half < full


def test_levels_are_the_same_each_time(speckle: list[SectorPicture]):
    one, other = (in_one(known_levels(speckle)) for _ in range(2))
    assert np.array_equal(one.images, other.images)
    assert one.names.tolist() == other.names.tolist()


def test_squares_are_the_tight_crop_black_outside(speckle: list[SectorPicture]):
    found = in_one(known_levels(speckle))
    assert found.images.shape == (3 * PICTURES, SIZE, SIZE)
    assert found.images.dtype == np.uint8
    assert not found.images[:, -8:, :8].any(), "outside the sector stays black, in haze too"
    assert found.images[:PICTURES, SIZE // 2].any(axis=1).all()
    picked = found.take(found.labels == 1)
    assert len(picked) == PICTURES
    assert picked.groups[0] == "p0"


def test_versions_are_the_picture_itself_made_worse_by_what_is_said(speckle: list[SectorPicture]):
    found = graded_versions(speckle, versions=6, seed=4)
    assert len(found) == 6 * PICTURES
    severity = np.array([picture.severity for picture in found])
    assert severity.min() == 0
    assert severity.max() > 0.9
    assert 0.02 < (severity == 0).mean() < 0.3
    for picture, own in zip(found, 6 * speckle, strict=True):
        assert picture.group == own.group
        assert np.array_equal(picture.image, own.image) == (picture.severity == 0)


def test_no_picture_is_told():
    with pytest.raises(DataError, match="point --data"):
        in_one([])


def test_digits_are_shuffled_in_one_fixed_order(tmp_path: Path):
    write_digits(tmp_path)
    whole, again, part = read_mnist(tmp_path), read_mnist(tmp_path), read_mnist(tmp_path, count=20)
    assert len(whole) == 50
    assert np.array_equal(whole.labels, again.labels)
    assert np.array_equal(whole.labels[:20], part.labels)
    assert (np.diff(whole.labels) < 0).any(), "sorted digits would teach one class at a time"
    assert np.array_equal(whole.images[:, 0, 0], 20 * whole.labels), "picture and label move together"
    assert len(set(whole.names)) == 50


@pytest.mark.parametrize("damage", ["missing", "cut", "shape"])
def test_damaged_digits_are_told(tmp_path: Path, damage: str):
    path = write_digits(tmp_path) / "mnist" / "mnist_test.npz"
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(b"no archive")
    else:
        np.savez(path, images=np.zeros((3, 8, 8), np.uint8), labels=np.zeros(3, np.uint8))
    with pytest.raises(DataError, match=r"mnist_test\.npz"):
        read_mnist(tmp_path)


def test_echo_keeps_the_sets_own_split(tmp_path: Path):
    write_camus(tmp_path, train=2, val=1)
    train, val = (echo_pictures(tmp_path, split) for split in ("train", "val"))
    assert {picture.group for picture in train} == {"patient0001", "patient0002"}
    assert {picture.group for picture in val} == {"patient0003"}
    assert in_one(val).images.max() > 100


def test_virtual_bladders_carry_their_own_class():
    found = bladder_pictures(patients=1, first_seed=7)
    assert [(picture.label, picture.name) for picture in found] == [
        (0, "virtual7:A+"),
        (1, "virtual7:A"),
        (2, "virtual7:A-"),
    ]
    assert in_one(found).images.any(axis=(1, 2)).all()


def test_liver_without_data_or_with_a_damaged_outline_is_told(tmp_path: Path):
    with pytest.raises(DataError, match="liver_aul"):
        abdomen_pictures(tmp_path, "train")
    folder = tmp_path / "liver_aul" / "Normal"
    for part in ("image", "segmentation/outline"):
        (folder / part).mkdir(parents=True)
    for number in range(10):
        cv2.imwrite(str(folder / "image" / f"{number}.jpg"), np.zeros((60, 80), np.uint8))
        (folder / "segmentation" / "outline" / f"{number}.json").write_text("[[1, 2], [3")
    with pytest.raises(DataError, match="outline"):
        abdomen_pictures(tmp_path, "train")


def test_real_liver_pictures_keep_the_sector_that_was_drawn(tmp_path: Path):
    root = data_root() / "liver_aul" / "Benign"
    names = [path.stem for path in sorted((root / "image").glob("*.jpg"))[:4]]
    if not names:
        pytest.skip("no liver_aul below the data folder: set SONOGAUGE_DATA to where the data sets are")
    for name in names:
        for part, suffix in (("image", "jpg"), ("segmentation/outline", "json")):
            path = tmp_path / "liver_aul" / "Benign" / part / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((root / part / path.name).read_bytes())
    found = {split: [p.group for p in abdomen_pictures(tmp_path, split)] for split in ("train", "val")}
    assert not set(found["train"]) & set(found["val"])
    assert len(found["train"]) + len(found["val"]) >= len(names) - 1
