"""A scanner's whole screen: the sector among text, rulers, ECG and clock, and random screens with known truth.

Random screens are the test bed of sector detection: ``random_screen(seed)`` gives a screen and the exact sector in it.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual.acoustics.scan_conversion import ScanConverter
from capture.virtual.screen import furniture
from capture.virtual.screen.calipers import CaliperOverlay
from capture.virtual.screen.colour_box import ColourFlow, draw_colour_bar
from capture.virtual.screen.ecg import EcgTrace
from capture.virtual.screen.freeze import draw_freeze
from capture.virtual.screen.interlacing import weave
from capture.virtual.screen.looks import Colour, ConsoleLook, full_range_lut, limited_range_lut
from capture.virtual.screen.parameters import CARDIAC_EXAM, ScreenParameters
from capture.virtual.screen.phantom import PhantomLevels, phantom_polar
from capture.virtual.screen.random_screens import SCREEN_SIZES, random_busy_parameters, random_parameters
from capture.virtual.screen.strip import SweepStrip, draw_strip_frame
from capture.virtual.screen.truth import CLOCK, RulerTick, ScreenTruth, TextBox

__all__ = [
    "SCREEN_SIZES",
    "Console",
    "ScreenParameters",
    "random_busy_screen",
    "random_parameters",
    "random_screen",
    "random_screen_frames",
]

_CINE_FRAMES = 212


class Console:
    """Draws screens: the still parts once; picture, flow, ECG and clock for each frame.

    Attributes
    ----------
    parameters : of the whole screen
    converter : scan converter that fills the picture's box
    levels : (256,) uint8, table of the video range that every drawn level goes through
    truth : what is drawn where
    """

    def __init__(self, parameters: ScreenParameters, ranges: int, beams: int) -> None:
        self.parameters = parameters
        self.converter = ScanConverter(parameters.sector, ranges, beams, parameters.height, parameters.width)
        self.levels = limited_range_lut() if parameters.limited_range else full_range_lut()
        # Everything but the picture is laid out on the scanner's own screen, without the black bars around it.
        self._own = parameters.without_bars()
        self._rng = np.random.default_rng([parameters.seed, 77])
        self._start_s = int(self._rng.integers(8 * 3600, 18 * 3600))
        self._clock_box = self._place_clock()
        self._ecg = self._make_ecg()
        self._look = self._levelled_look()
        self._texts: list[TextBox] = []
        self._ticks: list[RulerTick] = []
        self._background = self._draw_background()
        self._prepare_overlays()
        self.truth = self._make_truth()
        self._held: np.ndarray | None = None
        self._before: np.ndarray | None = None

    def picture(self, polar: np.ndarray) -> np.ndarray:
        """Scan-convert ``polar`` (ranges, beams) uint8 to the sector's box in video levels, 0 outside the sector."""
        return self.converter.convert(np.asarray(cv2.LUT(polar, self.levels)))

    def shown_s(self, t_s: float) -> float:
        """Time of the picture that the screen shows at ``t_s``: that of the freeze once it is frozen."""
        frozen = self.parameters.frozen_from_s
        return t_s if frozen is None else min(t_s, frozen)

    def compose(self, picture: np.ndarray, t_s: float, older: tuple[np.ndarray, float] | None = None) -> np.ndarray:
        """Complete screen at time ``t_s``; a fresh (H, W, 3) BGR uint8.

        Parameters
        ----------
        picture : (box.height, box.width) uint8 as ``picture`` returns it. A frozen screen keeps the first one that
            it is given at or after the freeze.
        older : picture and time of the frame before, for the odd lines of an interlaced screen; by default those of
            the call before
        """
        screen = self._draw(self._frozen(picture, t_s), t_s)
        if not self.parameters.interlaced:
            return screen
        before = self._draw(*older) if older is not None else self._before
        self._before = screen
        return screen.copy() if before is None else weave(screen, before)

    def _frozen(self, picture: np.ndarray, t_s: float) -> np.ndarray:
        if self.shown_s(t_s) == t_s and t_s != self.parameters.frozen_from_s:
            self._held = None
            return picture
        if self._held is None:
            self._held = picture.copy()
        return self._held

    def _draw(self, picture: np.ndarray, t_s: float) -> np.ndarray:
        screen = self._background.copy()
        rows, columns = self.converter.box.slices()
        # Background is 0 inside the sector and the picture 0 outside, so that the larger of both is the sum.
        screen[rows, columns] = cv2.max(screen[rows, columns], cv2.merge([picture, picture, picture]))
        shown_s = self.shown_s(t_s)
        if self._flow is not None:
            self._flow.draw(screen, picture, shown_s)
        own_rows, own_columns = self.parameters.active_rect.slices()
        own = screen[own_rows, own_columns]
        if self._strip is not None:
            self._strip.draw(own, shown_s)
        self._calipers.draw(own)
        if self._ecg is not None:
            self._ecg.draw(own, shown_s)
        furniture.draw_clock(own, self._look, self._clock_box, self._start_s + int(t_s))
        if t_s != shown_s or t_s == self.parameters.frozen_from_s:
            draw_freeze(own, self._look, self._cine_frame, _CINE_FRAMES)
        return screen

    def _draw_background(self) -> np.ndarray:
        p, look = self._own, self._own.look
        screen = np.empty((p.height, p.width, 3), np.uint8)
        screen[:] = look.background
        inside = p.sector.mask(p.height, p.width)
        self._texts += furniture.draw_bars(screen, look, p.patient, p.exam)
        settings = self._settings()
        self._texts += furniture.draw_columns(screen, look, settings, self._keep_clear(inside), self._rng)
        ticks, numbers = furniture.draw_ruler(screen, look, p.sector, p.depth_mm)
        grey_bar = furniture.draw_grey_bar(screen, look)
        self._texts += numbers
        focus = float(self._rng.uniform(0.3, 0.8))
        furniture.draw_markers(screen, look, p.sector, focus, p.marker_side, p.marker_at_corner)
        self._draw_mode_parts(screen)
        screen = np.asarray(cv2.LUT(screen, self.levels))
        screen[inside] = 0
        self._ticks = [tick for tick in ticks if self._is_visible(tick, inside, grey_bar)]
        return self._with_bars(screen)

    def _keep_clear(self, inside: np.ndarray) -> np.ndarray:
        grown = _grown(inside, self._own.height)
        if self._own.strip is not None:
            grown[self._own.strip.rect.slices()] = True
        return grown

    def _draw_mode_parts(self, screen: np.ndarray) -> None:
        p = self._own
        if p.colour_box is not None:
            self._texts += draw_colour_bar(screen, p.look, p.colour_box)
        if p.strip is not None:
            self._texts += draw_strip_frame(screen, p.look, p.strip, p.depth_mm)

    def _with_bars(self, own: np.ndarray) -> np.ndarray:
        """The scanner's own screen among black bars."""
        p = self.parameters
        if p.active is None:
            return own
        screen = np.full((p.height, p.width, 3), self.levels[0], np.uint8)
        screen[p.active.slices()] = own
        return screen

    def _is_visible(self, tick: RulerTick, inside: np.ndarray, grey_bar: Rect | None) -> bool:
        """Whether nothing that is drawn later covers a mark of the ruler."""
        p = self._own
        x, y = tick.pixels().T
        covers = [grey_bar, p.ecg_box, p.strip.rect if p.strip else None, self._clock_box]
        return not inside[y, x].any() and not any(
            ((x >= r.x - 1) & (x <= r.x + r.width) & (y >= r.y - 1) & (y <= r.y + r.height)).any()
            for r in covers
            if r is not None
        )

    def _prepare_overlays(self) -> None:
        p, seed = self._own, self.parameters.seed
        period_s = 60.0 / p.heart_rate_bpm
        self._cine_frame = int(np.random.default_rng([seed, 78]).integers(1, _CINE_FRAMES + 1))
        self._calipers = CaliperOverlay(p.calipers, p.sector, p.spacing_mm, self._look, p.height, p.width)
        box, strip = self.parameters.colour_box, p.strip
        area = self.converter.box
        self._flow = ColourFlow(box, area, period_s, self.levels, self._look, seed) if box else None
        self._strip = SweepStrip(strip, p.sector, period_s, self.levels, self._look, seed) if strip else None

    def _make_truth(self) -> ScreenTruth:
        p, own = self.parameters, self.parameters.active_rect
        scratch = np.zeros((own.height, own.width, 3), np.uint8)
        clock = furniture.draw_clock(scratch, self._look, self._clock_box, self._start_s)
        texts = [*self._texts, *self._calipers.texts, TextBox(CLOCK, "00:00:00", clock)]
        if p.frozen_from_s is not None:
            texts += draw_freeze(scratch, self._look, self._cine_frame, _CINE_FRAMES)
        return ScreenTruth(
            sector=p.sector,
            spacing_mm=p.spacing_mm,
            ticks=tuple(tick.moved(own.x, own.y) for tick in self._ticks),
            texts=tuple(box.moved(own.x, own.y) for box in texts),
            ecg_box=p.ecg_box,
            marker_side="none" if p.look.marker == "none" else p.marker_side,
            mode="frozen" if p.frozen_from_s is not None else p.imaging,
            imaging=p.imaging,
            active=own,
            colour_box=p.colour_box.wedge if p.colour_box else None,
            strip=p.strip.rect if p.strip else None,
        )

    def _settings(self) -> tuple[str, ...]:
        r = self._rng
        lines = (
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
        return lines if self.parameters.exam == CARDIAC_EXAM else lines[:-1]

    def _place_clock(self) -> Rect:
        p = self._own
        height = max(14, round(0.032 * p.height))
        top = max(2, round(p.look.header_fraction * p.height) - height - 1)
        width = round(0.12 * p.width * (1.3 if p.height < 600 else 1.0))
        return Rect(p.width - width, top, width - 2, height)

    def _make_ecg(self) -> EcgTrace | None:
        p = self._own
        if p.ecg_box is None:
            return None
        thickness = max(1, round(p.height / 540))
        return EcgTrace(p.ecg_box, 60.0 / p.heart_rate_bpm, 4.0, self._level(p.look.ecg), thickness)

    def _level(self, colour: Colour) -> Colour:
        blue, green, red = (int(self.levels[value]) for value in colour)
        return blue, green, red

    def _levelled_look(self) -> ConsoleLook:
        look = self.parameters.look
        colours = {name: self._level(getattr(look, name)) for name in ("background", "text", "accent")}
        return replace(look, **colours)  # type: ignore[arg-type]


def _grown(mask: np.ndarray, height: int) -> np.ndarray:
    size = 2 * max(2, round(0.012 * height)) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8))) > 0


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
    return _frames(parameters, seed, count, fps)[0], parameters.sector


def random_busy_screen(seed: int, count: int = 1, fps: float = 30.0) -> tuple[list[np.ndarray], ScreenTruth]:
    """Successive frames of a screen with what stands on clinical ones, and its truth; same seed, same bytes.

    Patient text, calipers, colour flow, Doppler and M-mode strips, freeze, interlacing and black bars: see
    ``random_busy_parameters``.
    """
    return _frames(random_busy_parameters(seed), seed, count, fps)


def _frames(parameters: ScreenParameters, seed: int, count: int, fps: float) -> tuple[list[np.ndarray], ScreenTruth]:
    levels = PhantomLevels.random(seed)
    console = Console(parameters, levels.ranges, levels.beams)
    frames = []
    for index in range(count):
        polar = phantom_polar(levels, index)
        frames.append(console.compose(console.picture(polar), index / fps))
    return frames, console.truth
