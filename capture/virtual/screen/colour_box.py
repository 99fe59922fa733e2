"""Colour Doppler: a wedge inside the sector in which blood is coloured by its velocity, and the colour bar."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual.screen.furniture import put_text
from capture.virtual.screen.looks import ConsoleLook
from capture.virtual.screen.truth import SETTINGS, TextBox

_COARSE = (72, 48)  # flow is smooth: samples along and across the beams of the wedge
_WRITE_BELOW_GREY = 64  # colour is written where the grey picture is darker than this, as scanners do for blood
_WALL_FILTER = 14  # of 128 levels: slower motion is taken for tissue
_BANK = 4


@dataclass(frozen=True)
class ColourBox:
    """Where flow is coloured, and how fast it may be before colours wrap.

    Attributes
    ----------
    wedge : in screen pixels, with the apex of the picture's sector
    nyquist_cm_s : velocity at the ends of the colour bar
    """

    wedge: Sector
    nyquist_cm_s: float = 60.0

    def moved(self, dx: float, dy: float) -> ColourBox:
        """The same box, shifted by pixels."""
        return ColourBox(self.wedge.moved(dx, dy), self.nyquist_cm_s)


def random_colour_box(rng: np.random.Generator, sector: Sector) -> ColourBox:
    """A wedge that takes a quarter to two thirds of the sector's angle and range."""
    span, reach = sector.angle_right - sector.angle_left, sector.radius_max_px - sector.radius_min_px
    angle, first = rng.uniform(0.3, 0.65) * span, rng.uniform(0.15, 0.4)
    left = sector.angle_left + rng.uniform(0.05, 0.95) * (span - angle)
    inner = sector.radius_min_px + first * reach
    outer = inner + rng.uniform(0.3, 0.92 - first) * reach
    wedge = Sector(sector.apex_x, sector.apex_y, float(inner), float(outer), float(left), float(left + angle))
    return ColourBox(wedge, float(rng.choice([46.0, 54.0, 62.0, 69.0])))


def flow_colours() -> np.ndarray:
    """Colours by wrapped velocity, (256, 1, 3) uint8 BGR: 0..127 towards the probe, 255..128 away from it."""
    towards = np.linspace((0, 0, 90), (40, 235, 255), 128)
    away = np.linspace((90, 0, 0), (255, 240, 60), 128)
    return np.asarray(np.rint(np.vstack([towards, away[::-1]])).astype(np.uint8)[:, None])


class ColourFlow:
    """Colours the blood in one colour box; the flow is made up and beats with the heart.

    Parameters
    ----------
    box : the colour box
    picture_box : rectangle that ``picture`` fills on the screen
    period_s : of the heart beat
    levels : (256,) uint8, table of the video range
    """

    def __init__(
        self, box: ColourBox, picture_box: Rect, period_s: float, levels: np.ndarray, look: ConsoleLook, seed: int
    ) -> None:
        self._look, self._period_s = look, period_s
        self._area, self._offset = _common(box.wedge, picture_box)
        local = box.wedge.moved(-self._area.x, -self._area.y)
        self._wedge = local.mask(self._area.height, self._area.width).astype(np.uint8) * np.uint8(255)
        self._maps = self._coarse_maps(local)
        self._colours = levels[flow_colours()]
        self._limit = int(levels[_WRITE_BELOW_GREY])
        self._outline = np.rint(box.wedge.outline(24)).astype(np.int32)[:, None]
        rng = np.random.default_rng([seed, 90])
        self._steady, self._pulsed = (_smooth(rng, 9) * scale for scale in (18, 110))
        self._jitter = [_smooth(rng, 1.2) * 14 for _ in range(_BANK)]

    def draw(self, screen: np.ndarray, picture: np.ndarray, t_s: float) -> None:
        """Colour blood in ``screen`` (H, W, 3) BGR uint8, in place; ``picture`` is the grey picture under it."""
        if self._area.width and self._area.height:
            velocity = cv2.remap(self._velocity(t_s), *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            # Beyond the Nyquist limit the two bytes are cut to one: that is exactly how colours wrap.
            colour = cv2.applyColorMap(velocity.astype(np.uint8), self._colours)
            rows, columns = self._area.slices()
            cv2.copyTo(colour, self._written(picture, velocity), screen[rows, columns])
        cv2.polylines(screen, [self._outline], True, self._look.text, 1, cv2.LINE_AA)

    def _velocity(self, t_s: float) -> np.ndarray:
        """Velocity on the coarse grid, 128 per Nyquist limit, int16."""
        phase = t_s / self._period_s % 1.0
        pulse = np.exp(-(((phase - 0.18) / 0.10) ** 2)) - 0.8 * np.exp(-(((phase - 0.58) / 0.09) ** 2))
        jitter = self._jitter[round(t_s * 240) % _BANK]
        return np.asarray(self._steady + np.float32(pulse) * self._pulsed + jitter).astype(np.int16)

    def _written(self, picture: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        """Where colour is written, uint8 0 or 255: dark in the grey picture, inside the wedge, and fast enough."""
        x, y = self._offset
        grey = cv2.blur(picture[y : y + self._area.height, x : x + self._area.width], (9, 9))
        dark = cv2.inRange(grey, 0, self._limit)
        fast = cv2.bitwise_not(cv2.inRange(velocity, -_WALL_FILTER, _WALL_FILTER))
        return np.asarray(cv2.bitwise_and(cv2.bitwise_and(dark, fast), self._wedge))

    def _coarse_maps(self, local: Sector) -> tuple[np.ndarray, np.ndarray]:
        y, x = np.mgrid[0 : self._area.height, 0 : self._area.width].astype(np.float32)
        radius, angle = local.polar(x, y)
        row = (radius - local.radius_min_px) * ((_COARSE[0] - 1) / (local.radius_max_px - local.radius_min_px))
        column = (angle - local.angle_left) * ((_COARSE[1] - 1) / (local.angle_right - local.angle_left))
        if not row.size:
            return row.astype(np.int16), column.astype(np.uint16)
        first, second = cv2.convertMaps(column.astype(np.float32), row.astype(np.float32), cv2.CV_16SC2)
        return np.asarray(first), np.asarray(second)


def draw_colour_bar(screen: np.ndarray, look: ConsoleLook, box: ColourBox) -> list[TextBox]:
    """Bar of velocities with its limits, towards the probe at the top."""
    height, width = screen.shape[:2]
    rows, columns = round(0.16 * height), max(6, round(0.010 * width))
    x, y = round(0.955 * width), round(0.47 * height)
    colours = flow_colours()[:, 0]
    bar = np.vstack([colours[127::-1], colours[:127:-1]])  # fastest towards, zero, fastest away
    screen[y : y + rows, x : x + columns] = bar[np.linspace(0, 255, rows).astype(int)][:, None]
    cv2.rectangle(screen, (x - 1, y - 1), (x + columns, y + rows), look.text, 1)
    limit = f"{box.nyquist_cm_s:.0f}"
    lines = ((f"+{limit}", y - round(0.01 * height)), (f"-{limit} cm/s", y + rows + round(0.024 * height)))
    left = x - round(0.02 * width)
    return [TextBox(SETTINGS, t, put_text(screen, t, left, line, look, look.text, 0.75)) for t, line in lines]


def _common(wedge: Sector, picture_box: Rect) -> tuple[Rect, tuple[int, int]]:
    """Part of the wedge's bounds inside the picture's box, on the screen, and its place (x, y) in that box."""
    bounds = wedge.bounds()
    inside = Rect(bounds.x - picture_box.x, bounds.y - picture_box.y, bounds.width, bounds.height).clipped(
        picture_box.height, picture_box.width
    )
    area = Rect(inside.x + picture_box.x, inside.y + picture_box.y, inside.width, inside.height)
    return area, (inside.x, inside.y)


def _smooth(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Gaussian field of unit variance on the coarse grid, float32."""
    field = cv2.GaussianBlur(rng.standard_normal(_COARSE).astype(np.float32), (0, 0), sigma)
    return np.asarray(field / field.std(), dtype=np.float32)
