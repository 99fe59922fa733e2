"""What is read from the end-to-end network's maps: each region from its own map, wherever the region lies."""

from types import SimpleNamespace

import numpy as np
import pytest

from capture.errors import ModelError
from models.runtime.causes import BY_LIKELIHOOD, BY_SEVERITY
from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE
from models.runtime.end_to_end import EndToEnd
from models.runtime.manifest import CauseMap, Correction
from models.runtime.methods import RegionalInput

GREY = np.zeros((256, 256), np.uint8)
MAPS = 8 + len(CAUSE_CHANNELS)


class FakeSession:
    model_id = "regional_quality"

    def __init__(self, maps, cause_map=None, **correction):
        self.maps = np.asarray(maps, np.float32)
        self.entry = SimpleNamespace(correction=Correction(**correction), cause_map=cause_map)

    def run(self, batch):
        return np.zeros((1, 8), np.float32), self.maps[None]

    def close(self): ...


def shares_of(rows):
    shares = np.zeros((8, MAP_SIZE, MAP_SIZE), np.float32)
    for region, row in enumerate(rows):
        if row is not None:
            shares[region, row : row + 8, 10:20] = 1
    return shares


def test_each_region_is_read_from_its_own_map():
    maps = np.zeros((MAPS, 32, 32), np.float32)
    maps[0] += 1.5
    maps[1, 8:12] = -1.0  # rows 16 to 24 of the shares
    maps[2] = 9.0
    found = EndToEnd(FakeSession(maps)).read(GREY).region_ratings(shares_of([0, 16, 32, None, 0, 0, 0, 0]))
    assert found[:3] == pytest.approx([4.5, 2.0, 5.0])
    assert np.isnan(found[3])
    assert found[4:] == pytest.approx([3.0] * 4)


def test_a_sites_correction_is_applied_to_the_rating():
    maps = np.ones((MAPS, 32, 32), np.float32)
    found = EndToEnd(FakeSession(maps, slope=2.0, intercept=1.0)).read(GREY).region_ratings(shares_of([0] * 8))
    assert found == pytest.approx([1.5] * 8)


def test_each_region_has_a_level_of_its_own():
    levels = (0.25, 0, 0, 0, 0, 0, 0, -0.25)
    network = EndToEnd(FakeSession(np.ones((MAPS, 32, 32)), slope=2.0, region_levels=levels))
    found = network.read(GREY).region_ratings(shares_of([0] * 8))
    assert found == pytest.approx([1.875, *[2.0] * 6, 2.125])


def test_causes_are_means_over_the_regions():
    maps = np.full((MAPS, 32, 32), -20, np.float32)
    maps[8 + 2, :4] = 20
    severity = EndToEnd(FakeSession(maps)).read(GREY).region_severity(shares_of([0, 16, *[None] * 6]))
    assert severity.shape == (len(CAUSE_CHANNELS), 8)
    assert severity[2, :2] == pytest.approx([1.0, 0.0], abs=1e-3)
    assert np.isnan(severity[2, 2:]).all()


def test_severities_become_likelihoods_where_the_model_has_a_map_to_them():
    maps = np.full((MAPS, 32, 32), -20, np.float32)
    maps[8 + 2, :4] = 0
    shares = shares_of([0, 16, *[None] * 6])
    found, told = EndToEnd(FakeSession(maps)).read(GREY).region_causes(shares)
    assert (found[2, 0], told) == (pytest.approx(0.5), BY_SEVERITY)
    cause_map = CauseMap(weights=np.eye(6).tolist(), bias=(0, 0, 2, 0, 0, 0))
    found, told = EndToEnd(FakeSession(maps, cause_map)).read(GREY).region_causes(shares)
    assert (found.shape, told) == ((6, 8), BY_LIKELIHOOD)
    assert found[2, 0] == pytest.approx(np.exp(2) / (1 + np.exp(2)), abs=0.01)
    assert found[2, 1] < 0.01
    assert np.isnan(found[:, 2:]).all()


def test_as_a_method_it_takes_masks():
    masks = np.zeros((8, 256, 256), bool)
    masks[0, :64] = True
    maps = np.zeros((MAPS, 32, 32), np.float32)
    maps[0, :8] = 1.0
    found = EndToEnd(FakeSession(maps)).measure(RegionalInput(GREY, np.ones((256, 256), bool), masks, masks[0]))
    assert found[0] == pytest.approx(4.0)
    assert np.isnan(found[1:]).all()


def test_other_maps_are_refused():
    with pytest.raises(ModelError, match="reinstall"):
        EndToEnd(FakeSession(np.zeros((MAPS, 16, 16)))).read(GREY)
