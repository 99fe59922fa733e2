"""What ratings and causes of regions are read from: grey statistics, and the features of each region."""

import numpy as np
import pytest

from models.runtime.contract import REGION_NAMES
from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE
from models.runtime.region_features import CELLS, FEATURES, STATISTICS, coarse, grey_statistics, region_features


def shares_of(rows):
    shares = np.zeros((8, MAP_SIZE, MAP_SIZE), np.float32)
    for region, row in enumerate(rows):
        if row is not None:
            shares[region, row : row + 8, 10:20] = 1
    return shares


def features_of(rating, rows, severity=0.0, statistics=0.0):
    maps = np.zeros((8, CELLS, CELLS), np.float32) + np.asarray(rating, np.float32).reshape(-1, 1, 1)
    causes = np.full((len(CAUSE_CHANNELS), CELLS, CELLS), severity, np.float32)
    counted = np.full((len(STATISTICS), CELLS, CELLS), statistics, np.float32)
    return region_features(maps, causes, counted, shares_of(rows))


def test_statistics_tell_flat_from_textured_and_dark_from_bright():
    rng = np.random.default_rng(1)
    grey = np.zeros((256, 256), np.uint8)
    grey[:, 128:] = rng.integers(100, 200, (256, 128))
    grey[200:, :64] = 255
    found = dict(zip(STATISTICS, grey_statistics(grey), strict=True))
    assert all(one.shape == (CELLS, CELLS) for one in found.values())
    assert found["level"][10, 4] == 0
    assert found["level"][10, 24] == pytest.approx(150, abs=10)
    for name in ("speckle", "texture", "across", "along", "edges", "grain", "detail"):
        assert found[name][10, 4] == 0
        assert found[name][10, 24] > 10
    assert (found["black"][10, 4], found["white"][10, 4]) == (1, 0)
    assert (found["black"][28, 4], found["white"][28, 4]) == (0, 1)
    assert found["floor"][10, 24] < found["level"][10, 24] < found["ceiling"][10, 24]


def test_a_region_knows_itself_the_others_and_all_together():
    features, is_there = features_of([1, 2, 3, 4, 5, 4, 3, 2], [0] * 8, severity=0.5, statistics=np.e - 1)
    assert features.shape == (8, FEATURES)
    assert is_there.all()
    assert features[0, :5] == pytest.approx([1, 23 / 7, 2, 2, 5])
    assert features[4, :5] == pytest.approx([5, 19 / 7, 1, 2, 4])
    causes, statistics = len(CAUSE_CHANNELS), len(STATISTICS)
    for first in (5, 5 + causes + statistics):  # of the region, and of all
        assert features[:, first : first + causes] == pytest.approx(0.0, abs=1e-6)
        assert features[:, first + causes : first + causes + statistics] == pytest.approx(1.0)
    which = 5 + 2 * (causes + statistics)
    assert (features[:, which : which + 8] == np.eye(8)).all()


def test_neighbours_are_those_around_the_ventricle():
    assert REGION_NAMES[6:] == ("annulus_left", "annulus_right"), "beside the first and the last wall region"
    features, _ = features_of([1, 2, 3, 4, 5, 4, 3, 2], [0] * 8)
    first = 5 + 2 * (len(CAUSE_CHANNELS) + len(STATISTICS)) + 8
    before, after = features[:, first], features[:, first + 1]
    assert before.tolist() == [3, 1, 2, 3, 4, 5, 3, 4]
    assert after.tolist() == [2, 3, 4, 5, 4, 2, 1, 2]


def test_an_empty_region_pulls_at_nothing():
    rows = [0, 8, 16, 24, 0, 8, None, None]
    features, is_there = features_of([2, 2, 2, 2, 4, 4, 5, 5], rows)
    assert is_there.tolist() == [True] * 6 + [False] * 2
    assert np.isfinite(features).all()
    assert features[6, 0] == features[7, 0] == pytest.approx(16 / 6)
    features, is_there = features_of([3] * 8, [None] * 8)
    assert not is_there.any()
    assert not features.any()


def test_shares_are_averaged_over_the_cells_of_the_maps():
    shares = shares_of([0] * 8)
    assert coarse(shares).shape == (8, CELLS, CELLS)
    assert coarse(shares)[0].sum() * 4 == shares[0].sum()
