"""What drives the score of a picture: how it changes when one place after the other is smoothed out.

Needs no gradient, so that the released files serve: one batch of at most 50 pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from capture.errors import PictureError

GRID = 7
SMOOTHING = 0.25  # sigma, as a share of the shorter side of a cell

ScoresOf = Callable[[np.ndarray], np.ndarray]


def saliency(scores_of: ScoresOf, picture: np.ndarray) -> np.ndarray:
    """Points of the 0-100 score that the look of each place costs.

    Positive where the score is higher with the place smoothed out (noise, blocks, haze), negative where it is lower
    (fine structure that holds the score up), 0 outside the sector.

    Parameters
    ----------
    scores_of : scores 0..100 of pictures (N, H, W) uint8, as (N,) floats; ``PictureScore.scores``
    picture : (H, W) uint8, 0 outside the sector

    Returns
    -------
    (H, W) float32, points of score for a place of a seventh of each side; linear between the 7 x 7 places measured.

    Raises
    ------
    PictureError
        When the picture is not grey with 8 bits.
    """
    if picture.dtype != np.uint8 or picture.ndim != 2:
        raise PictureError(f"a grey picture of 8 bits is needed, not {picture.dtype} {picture.shape}: crop it first")
    down, across, inside = _hats(picture.shape[0]), _hats(picture.shape[1]), sector_mask(picture)
    places = np.nonzero(down @ inside.astype(np.float32) @ across.T >= 1)  # (P,) rows and (P,) columns of the grid
    if not len(places[0]):
        return np.zeros(picture.shape, np.float32)
    smooth = _smoothed(picture, inside, SMOOTHING * min(picture.shape) / GRID)
    windows = down[places[0]][:, :, None] * across[places[1]][:, None, :]  # (P, H, 1) x (P, 1, W)
    scores = np.asarray(scores_of(_covered(picture, smooth, windows)), np.float32)
    cost = np.zeros((GRID, GRID), np.float32)
    cost[places] = scores[1:] - scores[0]
    return np.asarray((down.T @ cost @ across) * inside, np.float32)


def sector_mask(picture: np.ndarray) -> np.ndarray:
    """Pixels between the first and the last grey one of their row and of their column, (H, W) bool."""
    grey = picture > 0
    across, along = (_since_first(grey, axis) & _until_last(grey, axis) for axis in (1, 0))
    return np.asarray(across & along)


def _since_first(grey: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(np.logical_or.accumulate(grey, axis=axis))


def _until_last(grey: np.ndarray, axis: int) -> np.ndarray:
    return np.flip(_since_first(np.flip(grey, axis), axis), axis)


def _hats(size: int) -> np.ndarray:
    """Weight of each of the 7 places along a side of ``size`` pixels, (7, size) float32; they sum to 1."""
    cell = size / GRID
    away = np.abs(np.arange(size) + 0.5 - cell * (np.arange(GRID) + 0.5)[:, None]) / cell
    hats = np.clip(1 - away, 0, 1)
    return np.asarray(hats / hats.sum(axis=0), np.float32)


def _smoothed(picture: np.ndarray, inside: np.ndarray, sigma: float) -> np.ndarray:
    """Local mean of the sector's own pixels, (H, W) float32, 0 outside."""
    weight = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), sigma)
    mean = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), sigma) / np.maximum(weight, 1e-3)
    return np.asarray(mean * inside, np.float32)


def _covered(picture: np.ndarray, smooth: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The picture, and with each of P places smoothed out by its window (P, H, W), (P + 1, H, W) uint8.

    A few operations on all of them: the less Python between them, the less the live program waits for its lock.
    """
    windows *= smooth - picture
    windows += picture
    np.rint(windows, out=windows)
    return np.concatenate([picture[np.newaxis], windows.astype(np.uint8)])
