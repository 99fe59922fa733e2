"""Statistics of a picture: what each group of them is there to tell."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.runtime.picture_statistics import FEATURES, LONGEST_SIDE, of_known_size, picture_statistics

SHAPE = (240, 260)
MEAN, STEPS_ACROSS, BLACK, EVEN_ACROSS = 0, 8, 22, 24
GRID, BANDS = FEATURES - 30, FEATURES - 24


def speckle(seed: int = 0, sigma: float = 1.2) -> np.ndarray:
    noise = np.random.default_rng(seed).rayleigh(1, SHAPE).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.clip(100 + 30 * (smooth - smooth.mean()) / smooth.std(), 1, 255).astype(np.uint8)


def as_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def test_any_picture_has_as_many_finite_statistics():
    pictures = [speckle(), np.zeros((8, 8), np.uint8), np.full((9, 700), 255, np.uint8), speckle()[:, :20].copy()]
    for picture in pictures:
        found = picture_statistics(picture)
        assert (found.shape, found.dtype) == ((FEATURES,), np.float32)
        assert np.isfinite(found).all()


def test_the_surround_counts_for_nothing():
    framed = np.zeros((288, 288), np.uint8)
    framed[24:264, 14:274] = speckle()
    alone, within = picture_statistics(speckle()), picture_statistics(framed)
    assert within[[MEAN, STEPS_ACROSS]] == pytest.approx(alone[[MEAN, STEPS_ACROSS]], rel=0.03)


def test_blocks_stand_out_wherever_their_grid_begins():
    plain, packed = speckle(), as_jpeg(speckle(), 15)
    assert picture_statistics(plain)[GRID] < 1.2
    for shift in (0, 3):
        found = picture_statistics(packed[shift:, shift:].copy())
        assert found[GRID] > 1.5, "across"
        assert found[GRID + 3] > 1.5, "along"


def test_what_is_enlarged_has_no_power_in_the_highest_bands():
    small = cv2.resize(speckle(sigma=0.5), None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
    fine, coarse = (picture_statistics(picture)[BANDS : BANDS + 8] for picture in (speckle(sigma=0.5), large))
    assert (coarse[5:] < fine[5:] - 0.1).all()


def test_a_low_gain_leaves_black_and_even_places():
    dark = np.maximum(speckle().astype(int) - 90, 0).astype(np.uint8)
    before, after = picture_statistics(speckle()), picture_statistics(dark)
    assert after[BLACK] > before[BLACK] + 0.2
    assert after[EVEN_ACROSS] > before[EVEN_ACROSS] + 0.2
    assert after[MEAN] < before[MEAN] - 50


def test_large_pictures_are_shrunk_and_small_ones_left_alone():
    large = cv2.resize(speckle(), (1000, 900), interpolation=cv2.INTER_LINEAR)
    assert max(of_known_size(large).shape) == LONGEST_SIDE
    assert of_known_size(speckle()) is not None
    assert np.array_equal(of_known_size(speckle()), speckle())
