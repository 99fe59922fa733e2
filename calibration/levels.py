"""Black and white level of a video signal: full range (0-255) or limited range (16-235)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

LIMITED_BLACK, LIMITED_WHITE = 16, 235
_OVERSHOOT = 4  # compression rings a few grey levels beyond the limits
_RARE_SHARE = 1e-3


@dataclass(frozen=True)
class Levels:
    """Grey levels that stand for black and white.

    Attributes
    ----------
    black, white : 0..255, at least 16 apart
    """

    black: int = 0
    white: int = 255

    def __post_init__(self) -> None:
        if not (self.black >= 0 and self.white <= 255 and self.white - self.black >= 16):
            raise ValueError(f"levels need 0 <= black, white <= 255 and 16 between them, got {self.black}-{self.white}")

    @property
    def is_full(self) -> bool:
        """Whether nothing has to be expanded."""
        return self.black == 0 and self.white == 255

    @cached_property
    def lut(self) -> np.ndarray:
        """Table that expands to full range, (256,) uint8."""
        grey = np.arange(256, dtype=np.float64)
        expanded = np.rint((grey - self.black) * (255.0 / (self.white - self.black)))
        return np.asarray(np.clip(expanded, 0, 255).astype(np.uint8))

    def expand(self, grey: np.ndarray) -> np.ndarray:
        """Grey levels expanded to full range; any shape, uint8. The same array when nothing has to change."""
        return grey if self.is_full else np.asarray(cv2.LUT(grey, self.lut))


FULL_RANGE = Levels()
LIMITED_RANGE = Levels(LIMITED_BLACK, LIMITED_WHITE)


def grey_of(pixels: np.ndarray) -> np.ndarray:
    """Grey picture, (H, W) uint8, of a grey or BGR one."""
    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))


def detect_levels(frames: Sequence[np.ndarray]) -> Levels:
    """Whether a stream is limited or full range.

    A scanner screen holds large black areas. They lie at 16 in a limited-range signal, and then almost nothing lies
    beyond 16-235. Anything less clear counts as full range, which changes no pixel.

    Parameters
    ----------
    frames : pictures of one stream, each (H, W) or (H, W, 3) BGR uint8

    Returns
    -------
    ``LIMITED_RANGE`` or ``FULL_RANGE``; the latter for no frames.
    """
    if not frames:
        return FULL_RANGE
    histogram = np.sum([_histogram(frame) for frame in frames], axis=0)  # (256,)
    shares = histogram / max(float(histogram.sum()), 1.0)
    beyond = shares[: LIMITED_BLACK - _OVERSHOOT].sum() + shares[LIMITED_WHITE + _OVERSHOOT + 1 :].sum()
    at_black = shares[LIMITED_BLACK - _OVERSHOOT : LIMITED_BLACK + _OVERSHOOT + 1].sum()
    return LIMITED_RANGE if beyond < _RARE_SHARE and at_black > 0.02 else FULL_RANGE


def _histogram(frame: np.ndarray) -> np.ndarray:
    grey = grey_of(frame[::2, ::2])
    return np.bincount(grey.ravel(), minlength=256)
