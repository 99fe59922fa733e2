"""What a scanner does to the compressed picture: it damps speckle and raises contrast by its grey map."""

from __future__ import annotations

import cv2
import numpy as np

from capture.virtual.acoustics.signals import CURVE_STEPS


class ImageFilter:
    """Speckle reduction and grey map of one setting; same seed, same setting.

    Parameters
    ----------
    seed : chooses strength and curve
    middle_grey : grey level that the grey map leaves as it is

    Attributes
    ----------
    curve : the grey map, for ``signals.to_grey``
    """

    def __init__(self, seed: int, middle_grey: float) -> None:
        rng = np.random.default_rng([seed, 112])
        self._kept = float(rng.uniform(0.32, 0.52))
        self.curve = _grey_map(middle_grey, float(rng.uniform(1.1, 1.5)), float(rng.uniform(1.15, 1.7)))

    def damped(self, level_db: np.ndarray) -> np.ndarray:
        """Levels (ranges, beams) float32 with speckle drawn towards the local mean; its size stays."""
        mean = cv2.GaussianBlur(level_db, (0, 0), sigmaX=1.8, sigmaY=2.4)
        return np.asarray(cv2.addWeighted(level_db, self._kept, mean, 1 - self._kept, 0))


def _grey_map(middle_grey: float, dark: float, bright: float) -> np.ndarray:
    """Rising table of fine grey levels, uint8: dark ones sink by the power ``dark``, bright ones rise ``bright`` times
    at most."""
    grey = np.arange(255 * CURVE_STEPS + 1) / CURVE_STEPS
    low = middle_grey * (grey / middle_grey) ** dark
    room = 255 - middle_grey
    above = np.maximum(grey - middle_grey, 0) / room
    # Steeper by ``bright`` at first, then saturating softly so that white stays white.
    high = middle_grey + room * (1 - (1 - above) ** bright)
    return np.asarray(np.rint(np.where(grey < middle_grey, low, high)), np.uint8)
