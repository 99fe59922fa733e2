"""A scanner's whole screen: the sector among text, rulers, ECG and clock, and random screens with known truth.

Random screens are the test bed of sector detection: ``random_screen(seed)`` gives a screen and the exact sector in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual import furniture
from capture.virtual.ecg import EcgTrace
from capture.virtual.looks import LOOKS, Colour, ConsoleLook, full_range_lut, limited_range_lut
from capture.virtual.phantom import PhantomLevels, phantom_polar
from capture.virtual.scan_conversion import ScanConverter

SCREEN_SIZES = ((1920, 1080), (1280, 720), (1024, 768), (640, 480))


@dataclass(frozen=True)
class ScreenParameters:
    """Everything that a screen shows besides the picture.

    Attributes
    ----------
    width, height : screen in pixels
    sector : where the picture stands
    depth_mm : range of the deepest sample below the probe's face
    look : colours and layout
    limited_range : levels are squeezed into 16..235, as capture cards often deliver them
    heart_rate_bpm : of the ECG trace
    ecg_box : rectangle of the ECG trace, None for no trace
    seed : chooses the texts and their spacing
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

    @property
    def spacing_mm(self) -> float:
        """Side of a screen pixel in mm."""
        return self.depth_mm / (self.sector.radius_max_px - self.sector.radius_min_px)


class Console:
    """Draws screens: the still parts once, picture, ECG and clock for each frame.

    Attributes
    ----------
    converter : scan converter that fills the picture's box
    levels : (256,) uint8, table of the video range that every drawn level goes through
    """

    def __init__(self, parameters: ScreenParameters, ranges: int, beams: int) -> None:
        self.parameters = parameters
        self.converter = ScanConverter(parameters.sector, ranges, beams, parameters.height, parameters.width)
        self.levels = limited_range_lut() if parameters.limited_range else full_range_lut()
        self._rng = np.random.default_rng([parameters.seed, 77])
        self._start_s = int(self._rng.integers(8 * 3600, 18 * 3600))
        self._clock_box = self._place_clock()
        self._ecg = self._make_ecg()
        self._look = self._levelled_look()
        self._background = self._draw_background()

    def picture(self, polar: np.ndarray) -> np.ndarray:
        """Scan-convert ``polar`` (ranges, beams) uint8 to the sector's box in video levels, 0 outside the sector."""
        return self.converter.convert(np.asarray(cv2.LUT(polar, self.levels)))

    def compose(self, picture: np.ndarray, t_s: float) -> np.ndarray:
        """Complete screen at time ``t_s``; a fresh (H, W, 3) BGR uint8.

        Parameters
        ----------
        picture : (box.height, box.width) uint8 as ``picture`` returns it
        """
        screen = self._background.copy()
        rows, columns = self.converter.box.slices()
        # Background is 0 inside the sector and the picture 0 outside, so that the larger of both is the sum.
        screen[rows, columns] = cv2.max(screen[rows, columns], cv2.merge([picture, picture, picture]))
        if self._ecg is not None:
            self._ecg.draw(screen, t_s)
        furniture.draw_clock(screen, self._look, self._clock_box, self._start_s + int(t_s))
        return screen

    def _draw_background(self) -> np.ndarray:
        p, look = self.parameters, self.parameters.look
        screen = np.empty((p.height, p.width, 3), np.uint8)
        screen[:] = look.background
        inside = p.sector.mask(p.height, p.width)
        furniture.draw_bars(screen, look, "SIM-0001 ANONYMOUS")
        furniture.draw_columns(screen, look, self._settings(), _grown(inside, p.height), self._rng)
        furniture.draw_ruler(screen, look, p.sector, p.depth_mm)
        furniture.draw_grey_bar(screen, look)
        furniture.draw_markers(screen, look, p.sector, float(self._rng.uniform(0.3, 0.8)))
        screen = np.asarray(cv2.LUT(screen, self.levels))
        screen[inside] = 0
        return screen

    def _settings(self) -> tuple[str, ...]:
        r = self._rng
        return (
            f"P{r.integers(2, 6)}-{r.integers(1, 3)}s",
            f"{r.integers(28, 80)} Hz",
            f"{self.parameters.depth_mm / 10:.1f} cm",
            "2D",
            f"H{r.uniform(2.8, 4.2):.1f}",
            f"Gn {r.integers(30, 80)}",
            f"DR {r.integers(48, 72)}",
            f"C {r.integers(30, 70)}",
            f"PRC {r.integers(8, 14)}-{r.integers(1, 6)}-L",
            "PST 0",
            f"AO {r.integers(80, 101)}%",
            f"{self.parameters.heart_rate_bpm:.0f} bpm",
        )

    def _place_clock(self) -> Rect:
        p = self.parameters
        height = max(14, round(0.032 * p.height))
        top = max(2, round(p.look.header_fraction * p.height) - height - 1)
        width = round(0.12 * p.width * (1.3 if p.height < 600 else 1.0))
        return Rect(p.width - width, top, width - 2, height)

    def _make_ecg(self) -> EcgTrace | None:
        p = self.parameters
        if p.ecg_box is None:
            return None
        thickness = max(1, round(p.height / 540))
        return EcgTrace(p.ecg_box, 60.0 / p.heart_rate_bpm, 4.0, self._level(p.look.ecg), thickness)

    def _level(self, colour: Colour) -> Colour:
        blue, green, red = (int(self.levels[value]) for value in colour)
        return blue, green, red

    def _levelled_look(self) -> ConsoleLook:
        look = self.parameters.look
        return ConsoleLook(**{**look.__dict__, "text": self._level(look.text)})


def _grown(mask: np.ndarray, height: int) -> np.ndarray:
    size = 2 * max(2, round(0.012 * height)) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8))) > 0


def random_parameters(seed: int) -> ScreenParameters:
    """Random size, look, sector (50-95 degrees, phased or curvilinear), range and ECG; same seed, same screen."""
    rng = np.random.default_rng([seed, 11])
    width, height = SCREEN_SIZES[int(rng.integers(len(SCREEN_SIZES)))]
    look = LOOKS[int(rng.integers(len(LOOKS)))]
    sector = _random_sector(rng, width, height, look)
    return ScreenParameters(
        width,
        height,
        sector,
        depth_mm=float(rng.uniform(100, 220)),
        look=look,
        limited_range=bool(rng.random() < 0.4),
        heart_rate_bpm=float(rng.uniform(50, 110)),
        ecg_box=_random_ecg_box(rng, width, height, sector),
        seed=seed,
    )


def _random_sector(rng: np.random.Generator, width: int, height: int, look: ConsoleLook) -> Sector:
    half = np.radians(rng.uniform(50, 95)) / 2
    tilt = np.radians(rng.uniform(-4, 4)) if rng.random() < 0.2 else 0.0
    inner = float(rng.choice([0.0, rng.uniform(0.01, 0.06), rng.uniform(0.2, 0.45)], p=[0.45, 0.35, 0.2]))
    top = height * (look.header_fraction + rng.uniform(0.02, 0.08))
    room = height * (1 - look.footer_fraction - rng.uniform(0.01, 0.14)) - top
    radius = room / (1 - inner * np.cos(half))
    radius = min(radius, 0.46 * width / np.sin(half + abs(tilt)))
    slack = width / 2 - radius * np.sin(half + abs(tilt)) - 4
    apex_x = width / 2 + rng.uniform(-1, 1) * min(slack, 0.12 * width)
    apex_y = top - radius * inner * np.cos(half)
    return Sector(
        float(apex_x), float(apex_y), float(radius * inner), float(radius), float(tilt - half), float(tilt + half)
    )


def _random_ecg_box(rng: np.random.Generator, width: int, height: int, sector: Sector) -> Rect | None:
    """Below the sector, or crossing its bottom, or none."""
    if rng.random() < 0.2:
        return None
    rows = round(height * rng.uniform(0.05, 0.09))
    bottom = sector.apex_y + sector.radius_max_px
    wish = bottom - rows * rng.uniform(0.0, 1.0) if rng.random() < 0.5 else height - rows * 1.2
    columns = round(width * rng.uniform(0.45, 0.8))
    return Rect((width - columns) // 2, int(min(wish, height - rows - 2)), columns, rows)


def random_screen(seed: int) -> tuple[np.ndarray, Sector]:
    """One random screen and its true sector.

    Returns
    -------
    pixels : (H, W, 3) BGR uint8, one of ``SCREEN_SIZES``
    sector : exact; its pixels are ``sector.mask(H, W)``
    """
    frames, sector = random_screen_frames(seed, 1)
    return frames[0], sector


def random_screen_frames(seed: int, count: int, fps: float = 30.0) -> tuple[list[np.ndarray], Sector]:
    """Successive frames of the screen of ``random_screen(seed)``: speckle moves, ECG and clock run."""
    parameters = random_parameters(seed)
    levels = PhantomLevels.random(seed)
    console = Console(parameters, levels.ranges, levels.beams)
    frames = []
    for index in range(count):
        polar = phantom_polar(levels, index)
        frames.append(console.compose(console.picture(polar), index / fps))
    return frames, parameters.sector
