"""One list of shapes that describes an overlay, without Qt: the window and the exports are two thin painters of it.

Positions are frame pixels (x, y), (0, 0) the centre of the top left pixel. Widths, sizes and offsets are output pixels
(they do not grow with the picture). Colours are sRGB with alpha, 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum

import cv2
import numpy as np

from app.overlay.palettes import Rgb
from capture.geometry import Rect

Rgba = tuple[int, int, int, int]
"""Red, green, blue, alpha, 0..255."""


class Fade(Enum):
    """How strongly an overlay is painted; the value multiplies every alpha."""

    FULL = 1.0
    DIMMED = 0.4
    NONE = 0.0


class Cue(StrEnum):
    """What repeats the colour for those who do not see it."""

    NUMBER = "number"
    PATTERN = "pattern"
    NONE = "none"


@dataclass(frozen=True)
class Hatch:
    """Parallel lines through a shape: directions in degrees from the x axis, distance in output pixels."""

    angles_deg: tuple[float, ...]
    spacing_px: float


HATCHES: dict[int, Hatch | None] = {
    1: Hatch((45.0, 135.0), 7.0),
    2: Hatch((45.0,), 7.0),
    3: Hatch((0.0,), 10.0),
    4: Hatch((90.0,), 16.0),
    5: None,
}
"""Pattern of each label: the denser, the worse; a clean region is excellent."""


GROUP_SHARE = 0.25
"""A group of texts takes at most this share of the picture's width: a small picture must stay visible."""

READABLE_PX = 6.0
"""Letters of a shrunk group that would be smaller than this are left out."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """Closed shape.

    Attributes
    ----------
    points : (K, 2) float frame pixels
    fill : inside, None for none
    outline : border, None for none
    width_px : border width
    dashed : whether the border is broken
    hatch : lines over the fill, in the colour of the border
    """

    points: np.ndarray
    fill: Rgba | None = None
    outline: Rgba | None = None
    width_px: float = 1.5
    dashed: bool = False
    hatch: Hatch | None = None


@dataclass(frozen=True, eq=False)
class Line:
    """Open line through (K, 2) float frame pixels."""

    points: np.ndarray
    colour: Rgba
    width_px: float = 1.5
    dashed: bool = False


@dataclass(frozen=True)
class Text:
    """One line of text, moved inwards by the painter where it would leave the picture.

    Attributes
    ----------
    text : what to write
    x, y : anchor in frame pixels
    dx_px, dy_px : from the anchor to the centre of the text, output pixels
    size_px : height of the letters' box
    colour : of the letters
    plate : background, None for none
    round_plate : the background is a disc (numbers) instead of a rounded bar (words)
    group_px : width of the group of texts that shrinks as one where the picture is small, output pixels; 0: in none
    """

    text: str
    x: float
    y: float
    colour: Rgba
    dx_px: float = 0.0
    dy_px: float = 0.0
    size_px: float = 15.0
    plate: Rgba | None = None
    round_plate: bool = False
    group_px: float = 0.0

    def within(self, picture_px: float) -> Text | None:
        """The same text as it stands in a picture of this width, output pixels; None where it could not be read."""
        share = GROUP_SHARE * picture_px / self.group_px if self.group_px else 1.0
        if share >= 1.0:
            return self
        if share * self.size_px < READABLE_PX:
            return None
        return replace(self, dx_px=share * self.dx_px, dy_px=share * self.dy_px, size_px=share * self.size_px)


@dataclass(frozen=True, eq=False)
class Raster:
    """Coloured pixels, stretched over a part of the picture and cut along an outline.

    Attributes
    ----------
    bgra : (h, w, 4) uint8, blue, green and red multiplied by alpha
    place : the part of the frame that it is stretched over
    outline : (K, 2) float frame pixels, outside of which nothing is painted
    """

    bgra: np.ndarray
    place: Rect
    outline: np.ndarray

    def stretched(self, width: int, height: int) -> np.ndarray:
        """In the size in which its place is painted, (height, width, 4) uint8, zero outside the outline."""
        scale = np.array([width / self.place.width, height / self.place.height])
        points = (self.outline + 0.5 - np.array([self.place.x, self.place.y])) * scale - 0.5
        inside = np.zeros((height, width), np.uint8)
        cv2.fillPoly(inside, [np.rint(points).astype(np.int32)], 255)
        return np.asarray(cv2.copyTo(cv2.resize(self.bgra, (width, height), interpolation=cv2.INTER_LINEAR), inside))


Item = Polygon | Line | Text | Raster


@dataclass(frozen=True)
class DisplayList:
    """Items in painting order, over a frame of (height, width) pixels."""

    frame_size: tuple[int, int]
    items: tuple[Item, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.items)

    def on(self, part: Rect) -> DisplayList:
        """The same overlay for a picture that holds only this part of the frame."""
        return DisplayList((part.height, part.width), tuple(_moved(item, -part.x, -part.y) for item in self.items))


def _moved(item: Item, dx: int, dy: int) -> Item:
    if isinstance(item, Text):
        return replace(item, x=item.x + dx, y=item.y + dy)
    offset = np.array([dx, dy], np.float32)
    if isinstance(item, Raster):
        place = Rect(item.place.x + dx, item.place.y + dy, item.place.width, item.place.height)
        return replace(item, place=place, outline=item.outline + offset)
    return replace(item, points=item.points + offset)


def with_alpha(colour: Rgb, alpha: float, fade: Fade = Fade.FULL) -> Rgba:
    """Colour with an opacity 0..1, weakened by a fade."""
    return (*colour, round(255 * alpha * fade.value))
