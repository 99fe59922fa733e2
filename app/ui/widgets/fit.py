"""Where a part of a picture lands in a pane. No Qt: plain arithmetic, tested alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.geometry import Rect

SNAP = 1.06
"""Up to this scale a picture is shown 1:1: sharper, and free of charge."""

MARGIN = 0.03
"""Border around the sector, as a share of its longer side."""


@dataclass(frozen=True)
class Fit:
    """A source rectangle placed in a pane, aspect kept.

    Attributes
    ----------
    source : part of the frame, frame pixels
    scale : pane pixels per frame pixel
    x, y, width, height : where it lands, pane pixels
    """

    source: Rect
    scale: float
    x: int
    y: int
    width: int
    height: int

    def to_pane(self, points: np.ndarray) -> np.ndarray:
        """Frame pixels (K, 2) to pane pixels (K, 2) float64; (0, 0) is the centre of the top left frame pixel."""
        offset = np.array([0.5 - self.source.x, 0.5 - self.source.y])
        return np.asarray((points + offset) * self.scale + np.array([self.x, self.y]), dtype=np.float64)


def fit(source: Rect, pane_width: int, pane_height: int) -> Fit:
    """Largest placement of a source rectangle in a pane, centred; 1:1 when that is nearly as large."""
    scale = min(pane_width / max(source.width, 1), pane_height / max(source.height, 1))
    if 1.0 <= scale <= SNAP:
        scale = 1.0
    width, height = max(round(source.width * scale), 1), max(round(source.height * scale), 1)
    return Fit(source, scale, (pane_width - width) // 2, (pane_height - height) // 2, width, height)


def with_margin(rect: Rect, frame_height: int, frame_width: int) -> Rect:
    """A rectangle with a small border, inside the frame."""
    border = round(MARGIN * max(rect.width, rect.height))
    grown = Rect(rect.x - border, rect.y - border, rect.width + 2 * border, rect.height + 2 * border)
    return grown.clipped(frame_height, frame_width)
