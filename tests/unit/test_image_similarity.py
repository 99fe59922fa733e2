"""SSIM, relative error and PSNR against what their definitions give by hand."""

from __future__ import annotations

import numpy as np
import pytest

from capture.errors import DataError
from models.metrics.image_similarity import psnr_db, relative_pixel_error, ssim, ssim_map, whole_windows

EVERYWHERE = np.ones((40, 48), bool)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    first = random.random((40, 48))
    return first, 0.6 * first + 0.4 * random.random((40, 48))


def test_equal_pictures_are_alike_and_a_negative_is_not():
    first, second = pictures()
    assert ssim(first, first, EVERYWHERE) == pytest.approx(1.0)
    assert ssim(first, 1 - first, EVERYWHERE) < -0.5
    assert 0.3 < ssim(first, second, EVERYWHERE) < 0.95


def test_flat_pictures_are_compared_by_their_level():
    first, second = np.full((40, 48), 0.5), np.full((40, 48), 0.6)
    by_hand = (2 * 0.5 * 0.6 + 1e-4) / (0.25 + 0.36 + 1e-4)
    assert ssim(first, second, EVERYWHERE) == pytest.approx(by_hand)
    assert ssim(first * 255, second * 255, EVERYWHERE, data_range=255) == pytest.approx(by_hand)


@pytest.mark.parametrize("place", [(5, 5), (20, 31), (34, 42)])
def test_one_window_by_its_definition(place: tuple[int, int]):
    first, second = pictures()
    row, column = place
    window = np.s_[row - 5 : row + 6, column - 5 : column + 6]
    offsets = np.arange(-5, 6)
    weight = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    weight /= weight.sum()
    a, b = first[window], second[window]
    mean_a, mean_b = (weight * a).sum(), (weight * b).sum()
    spread_a, spread_b = (weight * (a - mean_a) ** 2).sum(), (weight * (b - mean_b) ** 2).sum()
    together = (weight * (a - mean_a) * (b - mean_b)).sum()
    by_hand = (2 * mean_a * mean_b + 0.01**2) * (2 * together + 0.03**2)
    by_hand /= (mean_a**2 + mean_b**2 + 0.01**2) * (spread_a + spread_b + 0.03**2)
    assert ssim_map(first, second)[place] == pytest.approx(by_hand)


def test_what_is_outside_the_mask_does_not_matter():
    first, second = pictures()
    inside = np.zeros_like(EVERYWHERE)
    inside[8:32, 10:40] = True
    other = np.where(inside, second, 9.0)
    assert np.argwhere(whole_windows(inside)).min(axis=0).tolist() == [13, 15]
    for measure in (ssim, relative_pixel_error, psnr_db):
        assert measure(first, other, inside) == pytest.approx(measure(first, second, inside))
        assert measure(first, other, EVERYWHERE) != pytest.approx(measure(first, second, EVERYWHERE))


def test_relative_error_and_psnr_by_hand():
    truth, found = np.array([[0.5, 0.2], [0.0, 1.0]]), np.array([[0.4, 0.3], [0.0, 1.0]])
    inside = np.ones((2, 2), bool)
    assert relative_pixel_error(truth, found, inside) == pytest.approx((0.2 + 0.5) / 4)
    assert psnr_db(truth, found, inside) == pytest.approx(10 * np.log10(1 / 0.005))
    assert psnr_db(truth, truth, inside) == float("inf")
    floored = relative_pixel_error(np.zeros((1, 1)), np.full((1, 1), 1e-5), np.ones((1, 1), bool))
    assert floored == pytest.approx(0.1)


def test_nothing_to_compare_is_nan_and_other_sizes_are_refused():
    first, second = pictures()
    nowhere = np.zeros_like(EVERYWHERE)
    assert all(np.isnan(measure(first, second, nowhere)) for measure in (ssim, relative_pixel_error, psnr_db))
    with pytest.raises(DataError, match="one size"):
        ssim(first, second[:-1], EVERYWHERE)
    with pytest.raises(DataError, match="one size"):
        psnr_db(first, second, EVERYWHERE[:-1])
