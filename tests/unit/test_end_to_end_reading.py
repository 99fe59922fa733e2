"""What is read from the end-to-end network's maps: each region from its own map, wherever the region lies."""

from types import SimpleNamespace

import numpy as np
import pytest

from capture.errors import ModelError
from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE
from models.runtime.end_to_end import EndToEnd, open_end_to_end
from models.runtime.manifest import Correction
from models.runtime.methods import RegionalInput
from models.runtime.region_features import FEATURES

GREY = np.zeros((256, 256), np.uint8)
MAPS = 8 + len(CAUSE_CHANNELS)


class FakeSession:
    """The quality network: gives its maps."""

    model_id = "regional_quality"

    def __init__(self, maps, **correction):
        self.maps = np.asarray(maps, np.float32)
        self.entry = SimpleNamespace(correction=Correction(**correction))
        self.is_open = True

    def run(self, batch):
        return np.zeros((1, 8), np.float32), self.maps[None]

    def close(self):
        self.is_open = False


class FakeReader(FakeSession):
    """Rates a region as its own map does, and finds its haze as likely as the map of haze says."""

    model_id = "regional_reading"

    def __init__(self, features=FEATURES):
        spec = SimpleNamespace(shape=(None, features))
        self.entry = SimpleNamespace(contract=SimpleNamespace(input=spec))
        self.is_open = True

    def run(self, batch):
        causes = np.zeros((len(batch), 6), np.float32)
        causes[:, 3] = 1 / (1 + np.exp(-batch[:, 5 + 3]))
        return batch[:, :1], causes


def shares_of(rows):
    shares = np.zeros((8, MAP_SIZE, MAP_SIZE), np.float32)
    for region, row in enumerate(rows):
        if row is not None:
            shares[region, row : row + 8, 10:20] = 1
    return shares


def read(maps, rows, **correction):
    network = EndToEnd(FakeSession(maps, **correction), FakeReader())
    return network.regions(network.read(GREY), shares_of(rows))


def test_each_region_is_read_from_its_own_map():
    maps = np.zeros((MAPS, 32, 32), np.float32)
    maps[0] += 1.5
    maps[1, 8:12] = -1.0  # rows 16 to 24 of the shares
    maps[2] = 9.0
    found = read(maps, [0, 16, 32, None, 0, 0, 0, 0]).ratings
    assert found[:3] == pytest.approx([4.5, 2.0, 5.0])
    assert np.isnan(found[3])
    assert found[4:] == pytest.approx([3.0] * 4)


def test_a_sites_correction_is_applied_to_the_rating():
    found = read(np.ones((MAPS, 32, 32), np.float32), [0] * 8, slope=2.0, intercept=1.0).ratings
    assert found == pytest.approx([1.5] * 8)


def test_causes_are_told_region_by_region():
    maps = np.full((MAPS, 32, 32), -20, np.float32)
    maps[8 + 3, :4] = 20
    found = read(maps, [0, 16, *[None] * 6]).likelihoods
    assert found.shape == (6, 8)
    assert found[3, :2] == pytest.approx([1.0, 0.0], abs=2e-3)
    assert np.isnan(found[:, 2:]).all()


def test_as_a_method_it_takes_masks():
    masks = np.zeros((8, 256, 256), bool)
    masks[0, :64] = True
    maps = np.zeros((MAPS, 32, 32), np.float32)
    maps[0, :8] = 1.0
    network = EndToEnd(FakeSession(maps), FakeReader())
    found = network.measure(RegionalInput(GREY, np.ones((256, 256), bool), masks, masks[0]))
    assert found[0] == pytest.approx(4.0)
    assert np.isnan(found[1:]).all()


def test_other_maps_are_refused():
    with pytest.raises(ModelError, match="reinstall"):
        EndToEnd(FakeSession(np.zeros((MAPS, 16, 16))), FakeReader()).read(GREY)


def test_a_reader_of_other_features_is_refused_and_nothing_stays_open():
    opened = {"regional_quality": FakeSession(np.zeros((MAPS, 32, 32))), "regional_reading": FakeReader(FEATURES - 1)}
    with pytest.raises(ModelError, match=f"not {FEATURES}"):
        open_end_to_end(opened.__getitem__)
    assert not any(session.is_open for session in opened.values())
