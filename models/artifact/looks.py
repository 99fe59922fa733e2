"""How another scanner or another setting would show a known frame: the gate must not call that an artifact."""

from __future__ import annotations

import cv2
import numpy as np

_GAMMA, _GAIN = 0.4, 0.15  # largest change, as a logarithm
_BLACK = 10.0  # grey levels
_NEAREST = 1.2  # largest zoom
_SMOOTHEST, _SHARPEST = 1.2, 0.8  # pixels of the square; share of what a blur of 1 pixel takes


def other_look(square: np.ndarray, inside: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A frame under another grey curve, gain, filter, depth and width of the beams.

    Parameters
    ----------
    square : (S, S) uint8, the tight crop of a sector
    inside : (S, S) bool, pixels inside the sector
    random : decides how much of each

    Returns
    -------
    (S, S) uint8, black outside the sector.
    """
    picture = _filtered(_nearer(square, random).astype(np.float32), random)
    curve = (np.arange(256, dtype=np.float32) / 255) ** np.exp(random.uniform(-_GAMMA, _GAMMA))
    curve = 255 * curve * np.exp(random.uniform(-_GAIN, _GAIN)) + random.uniform(-_BLACK, _BLACK)
    looked = cv2.LUT(np.clip(picture + 0.5, 0, 255).astype(np.uint8), np.clip(curve, 0, 255).astype(np.uint8))
    return np.asarray(np.where(inside, looked, 0), np.uint8)


def _filtered(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Smoothed or sharpened."""
    if random.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(random.uniform(0.3, _SMOOTHEST))))
    blurred = cv2.GaussianBlur(picture, (0, 0), 1.0)
    return np.asarray(picture + random.uniform(0, _SHARPEST) * (picture - blurred))


def _nearer(square: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Narrower beams, less deep: a part of the picture, from the middle of the probe on, fills the sector."""
    side = len(square)
    across, along = random.uniform(1, _NEAREST, 2)
    move = np.array([[across, 0, (side - 1) / 2 * (1 - across)], [0, along, 0]], np.float32)
    return np.asarray(cv2.warpAffine(square, move, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
