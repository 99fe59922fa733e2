"""Everything that a virtual screen shows besides the echoes themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from capture.geometry import Rect, Sector
from capture.virtual.screen.calipers import Caliper
from capture.virtual.screen.colour_box import ColourBox
from capture.virtual.screen.looks import LOOKS, ConsoleLook
from capture.virtual.screen.patient_text import PatientText
from capture.virtual.screen.strip import Strip
from capture.virtual.screen.truth import moved_rect

CARDIAC_EXAM = "Adult Echo"


@dataclass(frozen=True)
class ScreenParameters:
    """Everything that a screen shows besides the picture. All places are in pixels of the whole screen.

    Attributes
    ----------
    width, height : screen in pixels
    sector : where the picture stands
    depth_mm : range of the deepest sample below the probe's face
    look : colours and layout
    limited_range : levels are squeezed into 16..235, as capture cards often deliver them
    heart_rate_bpm : of the ECG trace and of the flow
    ecg_box : rectangle of the ECG trace, None for no trace
    seed : chooses the texts and their spacing
    exam : name of the examination in the header
    active : rectangle of the scanner's own picture, black bars around it; None for the whole screen
    patient : invented person in the text fields, None for an anonymous one
    marker_side : side of the orientation marker, ``left`` or ``right``
    marker_at_corner : it is level with the corner of the probe's face instead of its middle, for curved probes
    calipers : measurements over the picture
    colour_box : coloured flow, None for none
    strip : sweeping spectrum or M-mode below the picture, None for none
    frozen_from_s : time from which the picture stands still, None for never
    interlaced : odd lines come from the frame before
    """

    width: int
    height: int
    sector: Sector
    depth_mm: float
    look: ConsoleLook = LOOKS[0]
    limited_range: bool = False
    heart_rate_bpm: float = 65.0
    ecg_box: Rect | None = None
    seed: int = 1
    exam: str = CARDIAC_EXAM
    active: Rect | None = None
    patient: PatientText | None = None
    marker_side: str = "left"
    marker_at_corner: bool = False
    calipers: tuple[Caliper, ...] = ()
    colour_box: ColourBox | None = None
    strip: Strip | None = None
    frozen_from_s: float | None = None
    interlaced: bool = False

    @property
    def spacing_mm(self) -> float:
        """Side of a screen pixel in mm."""
        return self.depth_mm / (self.sector.radius_max_px - self.sector.radius_min_px)

    @property
    def imaging(self) -> str:
        """``2d``, ``colour``, ``spectral`` or ``mmode``."""
        if self.strip is not None:
            return self.strip.kind
        return "colour" if self.colour_box is not None else "2d"

    @property
    def active_rect(self) -> Rect:
        """Rectangle of the scanner's own picture."""
        return self.active or Rect(0, 0, self.width, self.height)

    def moved(self, dx: int, dy: int) -> ScreenParameters:
        """The same things, shifted by pixels; the screen's size and ``active`` stay."""
        return replace(
            self,
            sector=self.sector.moved(dx, dy),
            ecg_box=moved_rect(self.ecg_box, dx, dy) if self.ecg_box else None,
            calipers=tuple(caliper.moved(dx, dy) for caliper in self.calipers),
            colour_box=self.colour_box.moved(dx, dy) if self.colour_box else None,
            strip=self.strip.moved(dx, dy) if self.strip else None,
        )

    def without_bars(self) -> ScreenParameters:
        """The active rectangle as a screen of its own."""
        active = self.active_rect
        moved = self.moved(-active.x, -active.y)
        return replace(moved, width=active.width, height=active.height, active=None)
