"""Measurement calipers over a picture: two crosses, a dotted line between them, and a box with the results."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual.screen.furniture import put_text, text_rect
from capture.virtual.screen.looks import ConsoleLook
from capture.virtual.screen.truth import MEASUREMENT, TextBox

_DOT_PITCH_PX = 9  # on a screen of 1080 lines


@dataclass(frozen=True)
class Caliper:
    """One distance measured on the picture.

    Attributes
    ----------
    start, end : centres of the two crosses, screen pixels (x, y)
    """

    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def length_px(self) -> float:
        """Distance of the crosses."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))

    def moved(self, dx: float, dy: float) -> Caliper:
        """The same caliper, shifted by pixels."""
        return Caliper((self.start[0] + dx, self.start[1] + dy), (self.end[0] + dx, self.end[1] + dy))


def random_calipers(rng: np.random.Generator, sector: Sector, count: int) -> tuple[Caliper, ...]:
    """Calipers with both crosses well inside the sector, some of them almost upright or level."""
    return tuple(Caliper(_place(rng, sector), _place(rng, sector)) for _ in range(count))


def _place(rng: np.random.Generator, sector: Sector) -> tuple[float, float]:
    radius = sector.radius_min_px + rng.uniform(0.2, 0.9) * (sector.radius_max_px - sector.radius_min_px)
    angle = sector.angle_left + rng.uniform(0.15, 0.85) * (sector.angle_right - sector.angle_left)
    return float(sector.apex_x + radius * np.sin(angle)), float(sector.apex_y + radius * np.cos(angle))


class CaliperOverlay:
    """Draws calipers and their results; places are worked out once.

    Attributes
    ----------
    texts : the lines of the result box
    """

    def __init__(
        self,
        calipers: tuple[Caliper, ...],
        sector: Sector,
        spacing_mm: float,
        look: ConsoleLook,
        height: int,
        width: int,
    ) -> None:
        self._calipers, self._look = calipers, look
        self._size = max(3, round(0.008 * height))
        pitch = max(3.0, _DOT_PITCH_PX * height / 1080)
        self._dots = np.vstack([_dots(caliper, pitch) for caliper in calipers]) if calipers else np.empty((0, 2), int)
        lines = [f"{n} D {c.length_px * spacing_mm / 10:.2f} cm" for n, c in enumerate(calipers, 1)]
        self._panel, self._lines = _layout(lines, sector, look, height, width)
        blank = np.zeros((height, width, 3), np.uint8)
        self.texts = tuple(TextBox(MEASUREMENT, t, text_rect(blank, t, x, y, look)) for t, x, y in self._lines)

    def draw(self, screen: np.ndarray) -> None:
        """Draw into ``screen`` (H, W, 3) BGR uint8, in place."""
        if not self._calipers:
            return
        inside = _inside(self._dots, screen.shape[:2])
        screen[inside[:, 1], inside[:, 0]] = self._look.accent
        for caliper in self._calipers:
            for place in (caliper.start, caliper.end):
                _cross(screen, (round(place[0]), round(place[1])), self._size, self._look)
        rows, columns = self._panel.slices()
        screen[rows, columns] = self._look.background
        right, bottom = self._panel.x + self._panel.width - 1, self._panel.y + self._panel.height - 1
        cv2.rectangle(screen, (self._panel.x, self._panel.y), (right, bottom), self._look.text, 1)
        for text, x, y in self._lines:
            put_text(screen, text, x, y, self._look, self._look.text)


def _layout(
    lines: list[str], sector: Sector, look: ConsoleLook, height: int, width: int
) -> tuple[Rect, list[tuple[str, int, int]]]:
    """Result box on the screen where it covers least of the picture, and its lines with the places of their text."""
    pitch = max(12, round(0.032 * height))
    columns, rows = round(0.12 * width * (1.4 if height < 600 else 1.0)), pitch * len(lines) + pitch // 2
    sides = round(0.035 * width), width - columns - round(0.04 * width)
    places = [Rect(x, round(y * height), columns, rows) for x in sides for y in (0.72, 0.64, 0.56, 0.48)]
    panel = min(places, key=lambda place: _covered(place, sector))
    return panel, [(line, panel.x + 6, panel.y + pitch * (row + 1)) for row, line in enumerate(lines)]


def _covered(place: Rect, sector: Sector) -> int:
    """Pixels of the sector in a rectangle."""
    return int(np.count_nonzero(sector.moved(-place.x, -place.y).mask(place.height, place.width)))


def _dots(caliper: Caliper, pitch: float) -> np.ndarray:
    count = max(2, round(caliper.length_px / pitch))
    return np.rint(np.linspace(caliper.start, caliper.end, count)).astype(np.intp)


def _inside(places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    x, y = places[:, 0], places[:, 1]
    return np.asarray(places[(x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])])


def _cross(screen: np.ndarray, centre: tuple[int, int], size: int, look: ConsoleLook) -> None:
    x, y = centre
    cv2.line(screen, (x - size, y), (x + size, y), look.accent, 1)
    cv2.line(screen, (x, y - size), (x, y + size), look.accent, 1)
