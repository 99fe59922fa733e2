"""What is truly drawn where on a virtual screen: the answer sheet of sector detection, depth scale and text removal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.geometry import Rect, Sector

PATIENT, DATE, CLOCK, SETTINGS, RULER, MEASUREMENT, FREEZE = (
    "patient",
    "date",
    "clock",
    "settings",
    "ruler",
    "measurement",
    "freeze",
)
IDENTIFYING = (PATIENT, DATE, CLOCK)


@dataclass(frozen=True)
class TextBox:
    """One line of text on the screen.

    Attributes
    ----------
    kind : ``patient``, ``date``, ``clock``, ``settings``, ``ruler``, ``measurement`` or ``freeze``
    text : as drawn; of the clock an example
    rect : holds every pixel that the text changes, clipped to the screen
    """

    kind: str
    text: str
    rect: Rect

    def moved(self, dx: int, dy: int) -> TextBox:
        """The same text, shifted by pixels."""
        return TextBox(self.kind, self.text, moved_rect(self.rect, dx, dy))


@dataclass(frozen=True)
class RulerTick:
    """One visible mark of the depth ruler.

    Attributes
    ----------
    depth_mm : below the probe's face
    start, end : first and last pixel (x, y) of the drawn mark; ``start`` is the end next to the sector
    number_cm : number beside the mark, None for none
    """

    depth_mm: float
    start: tuple[int, int]
    end: tuple[int, int]
    number_cm: int | None = None

    def moved(self, dx: int, dy: int) -> RulerTick:
        """The same mark, shifted by pixels."""
        (x0, y0), (x1, y1) = self.start, self.end
        return RulerTick(self.depth_mm, (x0 + dx, y0 + dy), (x1 + dx, y1 + dy), self.number_cm)

    def pixels(self) -> np.ndarray:
        """Pixels (x, y) along the mark, (K, 2) int64."""
        count = max(abs(self.end[0] - self.start[0]), abs(self.end[1] - self.start[1])) + 1
        return np.rint(np.linspace(self.start, self.end, count)).astype(np.int64)


@dataclass(frozen=True)
class ScreenTruth:
    """Everything known about one screen; all places in screen pixels.

    Attributes
    ----------
    sector : of the 2-D picture
    spacing_mm : side of a screen pixel in the picture
    ticks : visible marks of the depth ruler, from shallow to deep
    texts : every line of text
    ecg_box : where the ECG draws, None for none
    marker_side : side of the picture on which the orientation marker stands, ``left``, ``right`` or ``none``
    mode : ``2d``, ``colour``, ``spectral``, ``mmode``, or ``frozen`` for any of them that stands still
    imaging : the same without ``frozen``
    active : rectangle of the scanner's own picture, the rest of the screen is black bars
    colour_box : wedge in which flow is coloured, None for none
    strip : rectangle of the sweeping spectrum or M-mode, None for none
    """

    sector: Sector
    spacing_mm: float
    ticks: tuple[RulerTick, ...]
    texts: tuple[TextBox, ...]
    ecg_box: Rect | None
    marker_side: str
    mode: str
    imaging: str
    active: Rect
    colour_box: Sector | None = None
    strip: Rect | None = None

    @property
    def patient_texts(self) -> tuple[TextBox, ...]:
        """Text that could identify a person: names, numbers, dates and times."""
        return tuple(box for box in self.texts if box.kind in IDENTIFYING)

    @property
    def settings_texts(self) -> tuple[TextBox, ...]:
        """All other text."""
        return tuple(box for box in self.texts if box.kind not in IDENTIFYING)


def moved_rect(rect: Rect, dx: int, dy: int) -> Rect:
    """The same rectangle, shifted by pixels."""
    return Rect(rect.x + dx, rect.y + dy, rect.width, rect.height)


def text_mask(boxes: tuple[TextBox, ...], height: int, width: int) -> np.ndarray:
    """Pixels in any of the text rectangles, (H, W) bool."""
    mask = np.zeros((height, width), bool)
    for box in boxes:
        mask[box.rect.slices()] = True
    return mask
