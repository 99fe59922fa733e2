"""What part of the screen a segment of the video holds, and the exact way there and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from app.session.plain import from_plain, to_plain
from calibration.crop import SectorCrop
from calibration.levels import Levels, grey_of
from calibration.profile import ScannerProfile
from capture.errors import CalibrationError, SessionError
from capture.geometry import Rect, SectorShape

LARGEST_SIDE = 16384


@dataclass(frozen=True)
class SegmentGeometry:
    """Where the stored pixels lie on the screen, and all that a replay must know beside them.

    Attributes
    ----------
    frame_size : (height, width) of the screen
    source_id : pseudonymous id of the source
    sector : on the screen, pixels; None only for a whole screen on which none was found
    levels, mirrored : black and white of the signal, left and right swapped: as the assessor took them. Stored pixels
        are as they were grabbed.
    spacing_mm : side of a screen pixel, None when unknown
    view : fixed by the user or the source at the segment's first frame, None when it was recognised
    whole_screen : the whole screen is stored, not the sector alone

    Raises
    ------
    SessionError
        When the sector does not lie on the screen, or there is none and the screen is not to be stored.
    """

    frame_size: tuple[int, int]
    source_id: str
    sector: SectorShape | None = None
    levels: Levels | None = None
    mirrored: bool = False
    spacing_mm: float | None = None
    view: str | None = None
    whole_screen: bool = False

    def __post_init__(self) -> None:
        if not 8 <= min(self.frame_size) <= max(self.frame_size) <= LARGEST_SIDE:
            raise SessionError(f"a screen of {self.frame_size} pixels cannot be stored: 8 to {LARGEST_SIDE} each side")
        if self.sector is None and not self.whole_screen:
            raise SessionError("no sector is known, so nothing of the screen may be stored: choose a profile with one")
        _ = self.rect

    @property
    def rect(self) -> Rect:
        """The stored part of the screen."""
        if self.whole_screen or self._crop is None:
            return Rect(0, 0, self.frame_size[1], self.frame_size[0])
        return self._crop.rect

    @property
    def sector_in_crop(self) -> SectorShape | None:
        """The sector in pixels of the stored pictures."""
        return None if self.sector is None else self.sector.moved(-self.rect.x, -self.rect.y)

    @cached_property
    def _crop(self) -> SectorCrop | None:
        if self.sector is None:
            return None
        try:
            return SectorCrop(self.sector, *self.frame_size, mirrored=self.mirrored)
        except CalibrationError as error:
            raise SessionError(f"the stored sector cannot be used: {error}") from error

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """What is stored of a screen: (H, W) or (H, W, 3) BGR uint8 -> (h, w) uint8 grey, 0 outside the sector."""
        if self.whole_screen or self._crop is None:
            return grey_of(pixels)
        return self._crop.crop(pixels)

    def place(self, stored: np.ndarray) -> np.ndarray:
        """The stored pixels on a screen of the former size, (h, w) -> (H, W) uint8, 0 elsewhere."""
        screen = np.zeros(self.frame_size, np.uint8)
        screen[self.rect.slices()] = stored
        return screen

    def profile(self, name: str = "recorded") -> ScannerProfile:
        """A profile by which an assessor sees placed pictures as it saw the screen.

        Raises
        ------
        SessionError
            When no sector is known.
        """
        if self.sector is None:
            raise SessionError("no sector was found when this was recorded: calibrate a profile on the pictures")
        return ScannerProfile.of(
            name, self.sector, self.frame_size, self.levels, self.spacing_mm, mirrored=self.mirrored
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it."""
        return dict(to_plain(self, []))

    @classmethod
    def from_json(cls, values: Any) -> SegmentGeometry:
        """Back from ``to_json``.

        Raises
        ------
        SessionError
            When the values are not those of a geometry.
        """
        found = from_plain(values, [], {cls.__name__: cls})
        if not isinstance(found, cls):
            raise SessionError("the index holds no geometry of a segment: verify the session")
        return found
