"""What every scene of the virtual scanner can do: render complete screens of an examination, frame by frame."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from capture.geometry import Sector
from capture.virtual.screen.console import Console
from capture.virtual.screen.parameters import ScreenParameters


class Scene(ABC):
    """An examination on a scanner's screen; the same frame index gives the same bytes.

    Attributes
    ----------
    fps : frames per second
    screen : what stands on the screen, and where
    console : draws the screen
    """

    fps: float
    screen: ScreenParameters
    console: Console

    @property
    @abstractmethod
    def period_s(self) -> float:
        """Time after which the main motion repeats, in s."""

    @abstractmethod
    def picture(self, frame_index: int) -> np.ndarray:
        """The sector's box alone, (box.height, box.width) uint8, 0 outside the sector."""

    def render(self, frame_index: int) -> np.ndarray:
        """Complete screen, a fresh (height, width, 3) BGR uint8."""
        return self.console.compose(self.picture(frame_index), frame_index / self.fps)

    @property
    def sector(self) -> Sector:
        """Exact sector on the screen."""
        return self.screen.sector

    @property
    def spacing_mm(self) -> float:
        """Side of a screen pixel in mm."""
        return self.screen.spacing_mm
