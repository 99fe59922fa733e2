"""The lower half of Doppler and M-mode screens: a strip that a cursor writes from left to right, for ever."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual.screen.furniture import put_text
from capture.virtual.screen.looks import ConsoleLook
from capture.virtual.screen.strip_tape import mmode_tape, spectral_tape
from capture.virtual.screen.truth import SETTINGS, TextBox, moved_rect

SPECTRAL, MMODE = "spectral", "mmode"
_GAP = 0.012  # of the width, black ahead of the writing cursor


@dataclass(frozen=True)
class Strip:
    """A sweeping strip below a small picture.

    Attributes
    ----------
    rect : on the screen
    kind : ``spectral`` or ``mmode``
    angle : of the beam whose echoes are shown, radians
    gate : range of the sample volume as a share of the picture's range
    window_s : time across the strip
    limit_cm_s : velocity at the top of a spectrum
    """

    rect: Rect
    kind: str
    angle: float = 0.0
    gate: float = 0.6
    window_s: float = 4.0
    limit_cm_s: float = 120.0

    def moved(self, dx: int, dy: int) -> Strip:
        """The same strip, shifted by pixels."""
        rect = moved_rect(self.rect, dx, dy)
        return Strip(rect, self.kind, self.angle, self.gate, self.window_s, self.limit_cm_s)


class SweepStrip:
    """Draws a strip and the beam's line over the picture.

    Parameters
    ----------
    strip : what to draw where
    sector : of the small picture
    period_s : of the heart beat
    levels : (256,) uint8, table of the video range
    look : colours in video levels
    """

    def __init__(
        self, strip: Strip, sector: Sector, period_s: float, levels: np.ndarray, look: ConsoleLook, seed: int
    ) -> None:
        self._strip, self._look = strip, look
        beats = int(np.ceil(strip.window_s / period_s)) + 3
        self._length_s = beats * period_s
        self._columns = round(self._length_s / strip.window_s * strip.rect.width)
        rng = np.random.default_rng([seed, 91])
        make = spectral_tape if strip.kind == SPECTRAL else mmode_tape
        grey = levels[make(rng, strip.rect.height, self._columns, beats)]
        endless = np.hstack([grey, grey[:, : strip.rect.width]])
        self._tape = np.asarray(cv2.cvtColor(np.ascontiguousarray(endless), cv2.COLOR_GRAY2BGR))
        self._line = _beam_line(sector, strip)
        self._gate = _gate_marks(sector, strip) if strip.kind == SPECTRAL else []
        self._black = tuple(int(levels[0]) for _ in range(3))

    def draw(self, screen: np.ndarray, t_s: float) -> None:
        """Draw into ``screen`` (H, W, 3) BGR uint8 at time ``t_s``, in place."""
        rows, columns = self._strip.rect.slices()
        area, width, window_s = screen[rows, columns], self._strip.rect.width, self._strip.window_s
        sweep_start = t_s - t_s % window_s
        cursor = int((t_s - sweep_start) / window_s * width)
        after = min(width, cursor + max(2, round(_GAP * width)))
        area[:, cursor:after] = self._black
        self._copy(area, 0, cursor, sweep_start)
        self._copy(area, after, width, sweep_start - window_s)
        screen[self._line[:, 1], self._line[:, 0]] = self._look.text
        for start, end in self._gate:
            cv2.line(screen, start, end, self._look.accent, 2)

    def _copy(self, area: np.ndarray, first: int, last: int, sweep_start: float) -> None:
        # The place on the tape follows from time alone, so that strip and ECG never drift apart.
        at = int(sweep_start / self._length_s * self._columns)
        start = (at + first) % self._columns
        if last > first:
            area[:, first:last] = self._tape[:, start : start + last - first]


def draw_strip_frame(screen: np.ndarray, look: ConsoleLook, strip: Strip, depth_mm: float) -> list[TextBox]:
    """Frame, scale at the right and half seconds below; before the video range is applied."""
    r, height = strip.rect, screen.shape[0]
    cv2.rectangle(screen, (r.x - 1, r.y - 1), (r.x + r.width, r.y + r.height), look.text, 1)
    for half in range(1, int(strip.window_s * 2)):
        x, y = r.x + round(half * r.width / (2 * strip.window_s)), r.y + r.height
        cv2.line(screen, (x, y), (x, y + (6 if half % 2 == 0 else 3) * height // 1080 + 1), look.text, 1)
    spectral = strip.kind == SPECTRAL
    top, bottom = (strip.limit_cm_s, -strip.limit_cm_s) if spectral else (0.0, depth_mm / 10)
    texts = ((f"{top:.0f}", r.y + round(0.02 * height)), (f"{bottom:.0f}", r.y + r.height - 2))
    unit = ("cm/s" if spectral else "cm", r.y + r.height // 2)
    x = r.x + r.width + 6
    return [TextBox(SETTINGS, t, put_text(screen, t, x, y, look, look.text, 0.75)) for t, y in (*texts, unit)]


def _beam_line(sector: Sector, strip: Strip) -> np.ndarray:
    """Pixels (x, y) of the dotted line along the beam, (K, 2)."""
    radius = np.arange(sector.radius_min_px + 2, sector.radius_max_px - 2, 5.0)
    x = sector.apex_x + radius * np.sin(strip.angle)
    places: np.ndarray = np.rint(np.column_stack([x, sector.apex_y + radius * np.cos(strip.angle)])).astype(np.intp)
    return places


def _gate_marks(sector: Sector, strip: Strip) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Two short bars across the beam, around the sample volume."""
    reach = sector.radius_max_px - sector.radius_min_px
    across = np.array([np.cos(strip.angle), -np.sin(strip.angle)]) * 0.02 * reach
    marks = []
    for offset in (-0.012, 0.012):
        radius = sector.radius_min_px + (strip.gate + offset) * reach
        centre = np.array([sector.apex_x + radius * np.sin(strip.angle), sector.apex_y + radius * np.cos(strip.angle)])
        (x0, y0), (x1, y1) = np.rint(centre - across).astype(int), np.rint(centre + across).astype(int)
        marks.append(((int(x0), int(y0)), (int(x1), int(y1))))
    return marks
