"""Scales pixels to the size of a pane, once for both panes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from PySide6.QtGui import QImage

from app.ui.widgets.fit import Fit

AREA_BELOW = 0.6
"""Below this scale pixels are averaged over areas; nearer to 1 linear looks the same at a fifth of the cost."""

KEPT = 4
"""A frame reaches the right pane some frames after the left one."""


@dataclass(frozen=True, eq=False)
class _Scaled:
    pixels: np.ndarray
    placed: Fit
    buffer: np.ndarray
    image: QImage


class Scaler:
    """Images of the last few pictures, in the size in which they were shown.

    OpenCV scales, at half of the cost of Qt's smooth transform. The right pane shows the frame that the left one showed
    a moment ago, so that each frame is scaled once. A ``QImage`` does not own its pixels: they are kept beside it.
    """

    def __init__(self) -> None:
        self._kept: deque[_Scaled] = deque(maxlen=KEPT)

    def image(self, pixels: np.ndarray, placed: Fit) -> QImage:
        """Picture of ``placed``'s size from (H, W) grey or (H, W, 3) BGR uint8; valid while the scaler keeps it."""
        for kept in self._kept:
            if kept.pixels is pixels and kept.placed == placed:
                return kept.image
        buffer = with_alpha(scaled(pixels, placed))
        height, width = buffer.shape[:2]
        image = QImage(buffer.data, width, height, buffer.strides[0], QImage.Format.Format_RGB32)
        self._kept.append(_Scaled(pixels, placed, buffer, image))
        return image


def scaled(pixels: np.ndarray, placed: Fit) -> np.ndarray:
    """Part of a picture in the size of its placement, contrast untouched; no copy of what is shown 1:1."""
    rows, columns = placed.source.slices()
    part = pixels[rows, columns]
    if (placed.width, placed.height) == (placed.source.width, placed.source.height):
        return part
    way = cv2.INTER_AREA if placed.scale <= AREA_BELOW else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (placed.width, placed.height), interpolation=way), dtype=np.uint8)


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    """(H, W) grey or (H, W, 3) BGR uint8 -> (H, W, 4) BGRA, what a window's memory holds.

    Qt would turn any other kind into this at each paint, in several threads.
    """
    code = cv2.COLOR_GRAY2BGRA if pixels.ndim == 2 else cv2.COLOR_BGR2BGRA
    return np.asarray(cv2.cvtColor(pixels, code), dtype=np.uint8)
