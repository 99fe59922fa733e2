"""Outputs of the dense network in plain units, and how maps are pooled over regions."""

import numpy as np
import pytest
from make_mock_models import heart_labels

from models.runtime.dense import MAP_SIZE, VIEW_CHANNELS, mask_shares, pooled, read_outputs, region_shares
from models.runtime.regions import divide

EVERYWHERE = np.ones((256, 256), bool)


def division(spacing_known=False):
    return divide(heart_labels(), (0.5, 0.5), EVERYWHERE, spacing_known=spacing_known)


def test_raw_outputs_become_ratings_shares_and_probabilities():
    maps = np.zeros((1, 9, MAP_SIZE, MAP_SIZE), np.float32)
    maps[0, 0] = 1.5
    frame = np.array([[2.0, 0.0, 0.0, 0.0, -100.0]], np.float32)
    reading = read_outputs(np.zeros((1, 5, 256, 256), np.float32), maps, frame)
    assert (reading.rating == 4.5).all()
    assert (reading.coherence == 0.5).all()
    assert reading.severity.shape == (7, MAP_SIZE, MAP_SIZE)
    assert reading.view_p.sum() == pytest.approx(1)
    assert VIEW_CHANNELS[int(reading.view_p.argmax())] == "A4C"
    assert reading.foreshortening == pytest.approx(0, abs=1e-9)


def test_each_wall_is_judged_by_its_own_cells():
    shares = region_shares(division(), (0.5, 0.5), EVERYWHERE)
    walls = shares[:6]
    assert walls.sum(axis=0).max() <= 1 + 1e-5
    area = np.array([(division().wall_map == value).sum() for value in range(1, 7)])
    assert walls.sum(axis=(1, 2)) * 16 == pytest.approx(area, rel=1e-4)


def test_an_annulus_is_judged_by_a_disc_of_nine_millimetres():
    shares = region_shares(division(spacing_known=True), (0.5, 0.5), EVERYWHERE)
    radius_mm = np.sqrt(shares[6:].sum(axis=(1, 2)) * 4 / np.pi)  # a cell is 2 mm wide
    assert radius_mm == pytest.approx(9, rel=0.05)


def test_nothing_outside_the_sector_counts():
    inside = EVERYWHERE.copy()
    inside[:, 128:] = False
    shares = region_shares(division(), (0.5, 0.5), inside)
    assert not shares[3:6].any()
    assert np.isnan(pooled(np.ones((MAP_SIZE, MAP_SIZE)), shares)[3:6]).all()


def test_pooling_is_the_mean_over_the_mask():
    values = np.arange(MAP_SIZE * MAP_SIZE, dtype=np.float32).reshape(MAP_SIZE, MAP_SIZE)
    mask = np.zeros((1, 256, 256), bool)
    mask[0, :8, 8:16] = True  # four cells
    assert pooled(values, mask_shares(mask)) == pytest.approx([values[:2, 2:4].mean()])
    stack = np.stack([values, 2 * values])
    assert pooled(stack, mask_shares(mask)).shape == (2, 1)
