"""The electrocardiogram: one beat as a curve, and the sweeping trace of a scanner screen."""

from __future__ import annotations

import cv2
import numpy as np

from capture.geometry import Rect
from capture.virtual.screen.looks import Colour

# Waves of one beat: (time after the R peak in s, amplitude in mV, width in s); P, Q, R, S, T.
_WAVES = ((-0.17, 0.13, 0.022), (-0.026, -0.10, 0.009), (0.0, 1.0, 0.011), (0.03, -0.22, 0.011), (0.29, 0.27, 0.045))


def ecg_mv(t_s: np.ndarray, period_s: float) -> np.ndarray:
    """Potential at times after an R peak, in mV; same shape as ``t_s``."""
    phase = np.mod(np.asarray(t_s, dtype=np.float64) + period_s / 2, period_s) - period_s / 2
    curve = np.zeros_like(phase)
    for centre, amplitude, width in _WAVES:
        # The T wave of one beat may lie in the second half of the period: wrap every distance.
        distance = np.mod(phase - centre + period_s / 2, period_s) - period_s / 2
        curve += amplitude * np.exp(-0.5 * (distance / width) ** 2)
    return curve


class EcgTrace:
    """A trace that is written from left to right over ``window_s`` seconds, with a moving cursor.

    Parameters
    ----------
    box : where it may draw, screen pixels
    period_s : length of one beat
    window_s : time across the box
    """

    def __init__(self, box: Rect, period_s: float, window_s: float, colour: Colour, thickness: int) -> None:
        self.box = box
        self._period_s = period_s
        self._window_s = window_s
        self._colour = colour
        self._thickness = thickness
        self._x = np.arange(1, box.width - 1, max(1, box.width // 640), dtype=np.float64)

    def draw(self, screen: np.ndarray, t_s: float) -> None:
        """Draw the trace at time ``t_s`` into ``screen`` (H, W, 3), in place."""
        cursor = (t_s % self._window_s) / self._window_s * self.box.width
        sweep_start = t_s - t_s % self._window_s
        at = sweep_start + self._x / self.box.width * self._window_s
        old = self._x > cursor + 0.015 * self.box.width
        at[old] -= self._window_s
        points = np.column_stack([self.box.x + self._x, self._rows(ecg_mv(at, self._period_s))]).astype(np.int32)
        new, kept = points[self._x <= cursor], points[old]
        for part in (new, kept):
            if len(part) > 1:
                cv2.polylines(screen, [part.reshape(-1, 1, 2)], False, self._colour, self._thickness, cv2.LINE_8)
        self._cursor(screen, int(self.box.x + cursor))

    def _rows(self, millivolts: np.ndarray) -> np.ndarray:
        margin = 2 + self._thickness
        height = self.box.height - 2 * margin
        rows: np.ndarray = self.box.y + margin + (1.0 - (np.clip(millivolts, -0.25, 1.0) + 0.25) / 1.25) * height
        return rows

    def _cursor(self, screen: np.ndarray, x: int) -> None:
        x = min(x, self.box.x + self.box.width - 2)
        cv2.line(screen, (x, self.box.y + 1), (x, self.box.y + self.box.height - 2), self._colour, 1)
