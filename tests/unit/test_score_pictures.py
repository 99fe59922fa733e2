"""Pictures of the score: groups of near-duplicates, splits without leaks, beams of linear probes, versions."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from capture.errors import DataError
from capture.geometry import LinearField, Sector
from models.data.degradations import KINDS, RESERVED_KINDS, TRAINING_KINDS
from models.data.polar import beams_of
from models.runtime.picture_statistics import FEATURES
from models.score.data import Pool, fixed_pool, kept_pool, read_pool, square_of, statistics_of, training_pool, varied
from models.score.pictures import (
    LONGEST_SIDE,
    SPLITS,
    breast_images,
    groups_of,
    lung_pictures,
    organ_pictures,
    scaled,
    split_of,
    unseen_pictures,
)
from models.score.recipe import ScoreRecipe
from models.us2qnet.data import SectorPicture
from tests.support.made_up_organs import SECTOR, speckle, write_organs
from tests.support.real_images import data_root


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_organs(tmp_path_factory.mktemp("organs"))


def organ_of_training(folder: Path) -> object:
    return organ_pictures(folder, "train")


def made_up(seed: int = 0) -> SectorPicture:
    return SectorPicture(speckle(seed), SECTOR, f"g{seed}", f"g{seed}")


def test_near_duplicates_share_a_group_also_over_a_third():
    one, other = speckle(1, None), speckle(2, None)
    brighter = np.clip(one.astype(int) + 20, 0, 255).astype(np.uint8)
    cut = brighter[3:, 2:]
    assert groups_of([one, other, brighter, cut]) == [0, 1, 0, 0]
    assert groups_of([]) == []


def test_the_curated_breast_set_falls_into_as_many_groups_as_is_said():
    if not (data_root() / "busi").is_dir():
        pytest.skip("no busi below the data folder: set SONOGAUGE_DATA to where the data sets are")
    found = breast_images(data_root())
    assert (len(found), len({item.group for item in found})) == (564, 433)
    splits = [split_of(item.group) for item in found]
    assert [splits.count(split) for split in SPLITS] == [397, 62, 105]


def test_no_group_is_in_two_splits(data: Path):
    found = {split: organ_pictures(data, split) for split in SPLITS}
    assert all(set(organs) == {"echo", "breast", "fetal"} for organs in found.values())
    groups = [{p.group for pictures in organs.values() for p in pictures} for organs in found.values()]
    assert all(not one & other for one, other in combinations(groups, 2))


def test_organs_that_are_held_out_are_in_no_split(data: Path):
    unseen = unseen_pictures(data)
    assert (len(unseen["liver"]), len(unseen["lung"])) == (4, 3)
    trained = {p.group for split in SPLITS for pictures in organ_pictures(data, split).values() for p in pictures}
    assert not trained & {p.group for pictures in unseen.values() for p in pictures}


def test_real_lung_clips_give_three_frames_of_moderate_size():
    if not (data_root() / "lung_ccby").is_dir():
        pytest.skip("no lung_ccby below the data folder: set SONOGAUGE_DATA to where the data sets are")
    found = lung_pictures(data_root())
    assert max(max(p.image.shape) for p in found) <= LONGEST_SIDE
    assert len({p.group for p in found}) >= 15
    assert len(found) > 2 * 15


@pytest.mark.parametrize("missing", ["busi", "lung_ccby", "hc18", "camus"])
def test_a_missing_set_is_told(tmp_path: Path, missing: str):
    folder = write_organs(tmp_path)
    (folder / missing).rename(folder / "elsewhere")
    read = lung_pictures if missing == "lung_ccby" else organ_of_training
    with pytest.raises(DataError, match="point --data at"):
        read(folder)


def test_beams_of_a_linear_probe_are_parallel():
    beams = beams_of(LinearField(10.0, 5.0, 209.0, 154.0))
    mask = beams.mask(200, 300)
    wanted = LinearField(10.0, 5.0, 209.0, 154.0).mask(200, 300)
    assert (mask != wanted).sum() <= 2 * 150, "at most a column of pixels on either side"
    depth = beams.depth_fraction(np.float32(100), np.array([5, 80, 154], np.float32))
    assert depth == pytest.approx((0, 0.5, 1), abs=0.01)
    assert beams_of(SECTOR) is SECTOR


def test_a_scaled_picture_keeps_its_sector():
    small = scaled(made_up(), 0.5)
    outside = small.image[~small.sector.mask(*small.image.shape)]
    assert small.image.shape == (75, 100)
    assert np.mean(outside > 8) < 0.05


def test_a_varied_picture_is_still_one_and_black_outside():
    random, picture = np.random.default_rng(3), made_up()
    linear = SectorPicture(speckle(1, None), beams_of(LinearField(0, 0, 199, 149)), "b", "b")
    shapes = set()
    for _ in range(40):
        for source in (picture, linear):
            found = varied(source, random)
            shapes.add((found.image.shape, isinstance(found.sector, Sector)))
            square = found.square()
            assert found.severity == 0
            assert (square > 0).mean() > 0.25
    assert len(shapes) > 10


def test_training_pictures_have_every_organ_and_no_reserved_kind():
    recipe = ScoreRecipe()
    assert not set(recipe.kinds) & set(RESERVED_KINDS)
    assert set(recipe.kinds) > set(TRAINING_KINDS)
    organs = {"echo": [made_up(1), made_up(2)], "breast": [made_up(3)]}
    pool = training_pool(organs, {"echo": 4, "breast": 6}, recipe.kinds, 5, statistics_of)
    again = training_pool(organs, {"echo": 4, "breast": 6}, recipe.kinds, 5, statistics_of)
    assert pool.inputs.shape == (14, FEATURES)
    assert np.array_equal(pool.inputs, again.inputs)
    assert pool.severity.min() >= 0
    assert 0.3 < pool.severity.max() <= 1


def test_fixed_pictures_are_of_training_kinds_as_they_came():
    pool = fixed_pool({"echo": [made_up(1)]}, 16, 2, square_of)
    untouched = made_up(1).square()
    same = [np.array_equal(image, untouched) for image in pool.inputs]
    assert [s == 0 for s in pool.severity] == same
    assert any(same)
    assert len(KINDS) == len(TRAINING_KINDS) + len(RESERVED_KINDS)


def test_a_pool_is_kept_and_made_again_for_another_wish(tmp_path: Path):
    made = []

    def make() -> Pool:
        made.append(fixed_pool({"echo": [made_up(1)]}, 3, 2, statistics_of))
        return made[-1]

    path = tmp_path / "pool.npz"
    first = kept_pool(path, {"seed": 1}, make)
    again = kept_pool(path, {"seed": 1}, make)
    assert np.array_equal(first.inputs, again.inputs)
    assert np.array_equal(read_pool(path).severity, first.severity)
    kept_pool(path, {"seed": 2}, make)
    assert len(made) == 2
    path.write_bytes(b"PK")
    with pytest.raises(DataError, match="train score"):
        read_pool(path)
