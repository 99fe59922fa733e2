"""The map of what drives a score, on scorers whose reasons are known."""

from __future__ import annotations

import numpy as np
import pytest

from capture.errors import PictureError
from models.runtime.saliency import GRID, saliency, sector_mask

SIDE = 112


def roughness_score(squares: np.ndarray) -> np.ndarray:
    """A scorer that dislikes steps between neighbours."""
    return np.asarray(100 - np.abs(np.diff(squares.astype(np.float64), axis=2)).mean(axis=(1, 2)))


def picture(rough: tuple[slice, slice]) -> np.ndarray:
    """Even grey with noise in one place."""
    found = np.full((SIDE, SIDE), 100.0)
    found[rough] += np.random.default_rng(0).normal(0, 30, found[rough].shape)
    return np.clip(found, 1, 255).astype(np.uint8)


def test_the_place_that_costs_points_stands_out():
    place = (slice(64, 80), slice(16, 32))
    found = saliency(roughness_score, picture(place))
    assert found.shape == (SIDE, SIDE)
    assert found.dtype == np.float32
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert 64 <= row < 80
    assert 16 <= column < 32
    assert found.max() > 5 * np.abs(found[:32, 64:]).max()


def test_what_holds_the_score_up_is_negative():
    found = saliency(lambda squares: 100 - roughness_score(squares), picture((slice(64, 80), slice(16, 32))))
    assert found.min() < 0
    assert found[72, 24] < 0.8 * found.min()


def test_one_batch_of_at_most_fifty():
    sizes = []

    def counted(squares: np.ndarray) -> np.ndarray:
        sizes.append(squares.shape)
        assert squares.dtype == np.uint8
        return np.zeros(len(squares))

    assert not saliency(counted, picture((slice(0, 8), slice(0, 8)))).any()
    assert sizes == [(GRID * GRID + 1, SIDE, SIDE)]


def test_outside_the_sector_nothing_is_asked_or_shown():
    square = picture((slice(20, 60), slice(20, 60)))
    square[:, SIDE // 2 :] = 0
    asked = []

    def scorer(squares: np.ndarray) -> np.ndarray:
        asked.append(len(squares))
        assert not squares[:, :, SIDE // 2 :].any(), "the surround stays black"
        return roughness_score(squares)

    found = saliency(scorer, square)
    assert not found[:, SIDE // 2 :].any()
    assert asked[0] < GRID * GRID
    assert not saliency(scorer, np.zeros((SIDE, SIDE), np.uint8)).any()


def test_black_within_a_sector_is_inside():
    square = np.full((20, 20), 50, np.uint8)
    square[8:12, 8:12] = 0
    square[:, :3] = 0
    mask = sector_mask(square)
    assert mask[:, 3:].all()
    assert not mask[:, :3].any()


@pytest.mark.parametrize("bad", [np.zeros(8, np.uint8), np.zeros((8, 8), np.float32), np.zeros((8, 8, 3), np.uint8)])
def test_what_is_no_grey_picture_is_refused(bad: np.ndarray):
    with pytest.raises(PictureError, match="crop it first"):
        saliency(roughness_score, bad)
