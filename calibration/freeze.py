"""Whether the scanner stands still: the same picture in the sector while clock and ECG beside it may go on.

Analog grabbers add noise of about one grey level to a picture that stands still, so a few levels do not count. A living
heart changes much more: in the real A4C clip at least 59 % of the sector's pixels differ by more than 8 levels from the
picture of up to 1.5 s before, 11 % where the gain is so low that most of the sector is black; noise of 2 grey levels
reaches 0.3 %, and an ECG trace across the sector about 2 %.
"""

from __future__ import annotations

import cv2
import numpy as np

from capture.frame import Frame
from capture.geometry import SectorShape

FROZEN_SENTENCE = "the picture stands still: the scanner seems to be frozen"

_SAMPLES_ACROSS = 72  # of the longer side of the sector
_SAME_GREY = 8
_MOVING_SHARE = 0.04


class FreezeWatch:
    """Compares the sector of a live stream with its last picture that was different. Not thread-safe.

    Only for live streams: a still from a file stands still on purpose.

    Parameters
    ----------
    frozen_after_s : a sector that stays the same for longer is frozen; longer than a beat's quiet part
    """

    def __init__(self, frozen_after_s: float = 1.5) -> None:
        self._frozen_after_ns = round(frozen_after_s * 1e9)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._reference: Frame | None = None
        self._sector: SectorShape | None = None
        self._at: tuple[np.ndarray, np.ndarray] | None = None
        self._still: np.ndarray | None = None

    def update(self, frame: Frame, sector: SectorShape) -> bool:
        """Take a frame and its sector in order of capture time; whether the sector is frozen."""
        reference = self._reference
        if reference is None or reference.pixels.shape != frame.pixels.shape:
            self._begin(frame)
            return False
        if sector != self._sector or self._at is None or self._still is None:
            self._sector, self._at = sector, _places(sector, frame.height, frame.width)
            self._still = _grey_at(reference, self._at)
        now = _grey_at(frame, self._at)
        if _moving_share(now, self._still) > _MOVING_SHARE:
            self._reference, self._still = frame, now
            return False
        return frame.t_mono_ns - reference.t_mono_ns > self._frozen_after_ns

    def _begin(self, frame: Frame) -> None:
        self.reset()
        self._reference = frame


def _places(sector: SectorShape, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of pixels spread evenly over a sector, each (K,)."""
    bounds = sector.bounds()
    step = max(max(bounds.width, bounds.height) // _SAMPLES_ACROSS, 1)
    grid = np.zeros((-(-height // step), -(-width // step)), np.uint8)
    cv2.fillPoly(grid, [np.rint(sector.outline() / step * 16).astype(np.int32)], 1, shift=4)
    rows, columns = np.nonzero(grid)
    return rows * step, columns * step


def _grey_at(frame: Frame, places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Grey values at places, (K,) uint8; of a colour picture the green plane, which is most of its grey."""
    pixels = frame.pixels if frame.pixels.ndim == 2 else frame.pixels[..., 1]
    return np.asarray(pixels[places])


def _moving_share(now: np.ndarray, before: np.ndarray) -> float:
    """Share of the places that differ by more than noise does."""
    if not now.size:
        return 0.0
    return float(np.count_nonzero(cv2.absdiff(now, before) > _SAME_GREY)) / now.size
