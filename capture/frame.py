"""One captured picture and the description of where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from capture.geometry import SectorShape


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture, immutable from the moment of capture.

    Attributes
    ----------
    pixels : (H, W) grey or (H, W, 3) BGR, uint8, read-only; copied once, by the source
    index : counts the frames of one opening of the source, from 0
    t_mono_ns : capture time on the monotonic clock (``time.monotonic_ns``), the driver's buffer time where it gives one
    source_id : stable id of the source, for example ``v4l2:/dev/video0``
    t_media_s : position in a recording in seconds, None for live sources
    """

    pixels: np.ndarray
    index: int
    t_mono_ns: int
    source_id: str
    t_media_s: float | None = None

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
            raise ValueError(f"a frame is (H, W) or (H, W, 3) uint8, got {shape} {self.pixels.dtype}")
        self.pixels.setflags(write=False)

    @property
    def height(self) -> int:
        """Rows in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns in pixels."""
        return int(self.pixels.shape[1])


EXAMS = ("echo", "abdomen")
"""What is examined: the heart, or other organs, which have no regions of the heart."""


@dataclass(frozen=True)
class VideoMode:
    """A mode asked of, or granted by, a source. Zero or an empty string: no wish, or unknown."""

    width: int = 0
    height: int = 0
    fps: float = 0.0
    fourcc: str = ""

    def __str__(self) -> str:
        size = f"{self.width}x{self.height}" if self.width else "size unknown"
        rate = f" {self.fps:.4g} fps" if self.fps else ""
        return f"{size}{rate} {self.fourcc}".rstrip()


@dataclass(frozen=True)
class SourceInfo:
    """What a source says of itself once, when it is opened.

    Attributes
    ----------
    name : for people, without any patient text
    source_id : stable id, the string that opens it again
    granted : the mode in use, read back from the device or file
    requested : the mode that was asked for
    is_live : frames come at their own time and cannot be asked for again
    frame_count : length of a recording in frames, None when live or unknown
    spacing_mm : side of a pixel in mm, None when unknown
    sector : when the source knows it exactly (virtual scanner), else None
    view : ``A4C``, ``A2C``, ``ALAX`` when the source knows it, else None
    exam : one of ``EXAMS`` when the source knows it, else None
    notes : findings for the user, such as a mode that was not granted
    """

    name: str
    source_id: str
    granted: VideoMode
    requested: VideoMode = field(default_factory=VideoMode)
    is_live: bool = True
    frame_count: int | None = None
    spacing_mm: float | None = None
    sector: SectorShape | None = None
    view: str | None = None
    exam: str | None = None
    notes: tuple[str, ...] = ()
