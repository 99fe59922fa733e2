"""The virtual scanner: a beating four-chamber heart, imaged with speckle that moves with the tissue, on a console.

Tissue is a fixed field of complex scatterers in beam space at end-diastole. For each frame the motion says which
material each sample shows; the echo's phase turns with the way it has moved, so that speckle follows tissue and
decorrelates with strain. Clutter, leaflets, point spread, noise, envelope and compression follow. Left out for speed:
out-of-plane motion, side lobes, multiple scattering and the curvature of wave fronts.
"""

from __future__ import annotations

import cv2
import numpy as np

from capture.errors import CaptureError
from capture.geometry import Sector
from capture.virtual.acoustics import (
    NoiseBank,
    PointSpread,
    amplitude,
    power_db,
    rotated,
    smoothed,
    to_grey,
    white_field,
)
from capture.virtual.anatomy import TissueMap
from capture.virtual.console import Console, ScreenParameters
from capture.virtual.degradations import Degradations
from capture.virtual.ground_truth import GroundTruth, ground_truth
from capture.virtual.heart import Heart, HeartParameters, HeartState
from capture.virtual.looks import LOOKS
from capture.virtual.motion import BeamMotion
from capture.virtual.probe import ProbeSettings
from capture.virtual.screen_layout import scanner_screen
from capture.virtual.valves import ValveBrush

LEAFLET_DB = 6.0
AVERAGED_SHARE = 0.5  # of noise and clutter
VIEWS = ("A4C",)


def screen_for(
    seed: int,
    view: str,
    width: int,
    height: int,
    *,
    probe: ProbeSettings | None = None,
    rate_bpm: float | None = None,
    limited_range: bool = False,
) -> ScreenParameters:
    """Screen of the patient ``seed``, without preparing to render.

    Raises
    ------
    CaptureError
        For a view that the scanner does not know, or a screen too small to read.
    """
    if view not in VIEWS:
        raise CaptureError(f"The virtual scanner has no view {view!r}. Choose one of {', '.join(VIEWS)}.")
    if not (320 <= width <= 7680 and 240 <= height <= 4320):
        raise CaptureError(f"A virtual screen of {width}x{height} is not possible. Choose 320x240 to 7680x4320.")
    patient = HeartParameters.random(seed)
    probe = probe or ProbeSettings.random(seed, patient.reach_mm)
    rate_bpm = rate_bpm or patient.heart_rate_bpm
    return scanner_screen(probe, width, height, LOOKS[seed % len(LOOKS)], limited_range, rate_bpm, seed)


class VirtualScanner:
    """Renders screens of one patient; the same arguments give the same bytes.

    Parameters
    ----------
    seed : chooses patient, window, settings and screen
    view : only ``A4C`` so far
    width, height : screen in pixels
    fps : frames per second, the clock of heart and console
    limited_range : levels 16..235 instead of 0..255
    heart, probe, degradations : replace what the seed would choose

    Attributes
    ----------
    sector : where the picture stands on the screen
    spacing_mm : side of a screen pixel

    Raises
    ------
    CaptureError
        For a view that the scanner does not know.
    """

    def __init__(
        self,
        seed: int = 1,
        view: str = "A4C",
        width: int = 1920,
        height: int = 1080,
        fps: float = 30.0,
        *,
        limited_range: bool = False,
        heart: HeartParameters | None = None,
        probe: ProbeSettings | None = None,
        degradations: Degradations | None = None,
    ) -> None:
        self.seed, self.view, self.fps = seed, view, fps
        self.heart = Heart(heart or HeartParameters.random(seed))
        self.probe = probe or ProbeSettings.random(seed, self.heart.parameters.reach_mm)
        self.degradations = degradations or Degradations.random(seed)
        rate = self.heart.parameters.heart_rate_bpm
        self.screen = screen_for(
            seed, view, width, height, probe=self.probe, rate_bpm=rate, limited_range=limited_range
        )
        self._prepare_signals()
        # Twice as many columns: neighbours on the screen are then interpolated between close beams.
        self.console = Console(self.screen, self.probe.ranges, 2 * self.probe.beams)
        self.gain_db = self._automatic_gain()

    @property
    def sector(self) -> Sector:
        """Exact sector on the screen."""
        return self.screen.sector

    @property
    def spacing_mm(self) -> float:
        """Side of a screen pixel in mm."""
        return self.screen.spacing_mm

    def render(self, frame_index: int) -> np.ndarray:
        """Complete screen, a fresh (height, width, 3) BGR uint8."""
        return self.console.compose(self.picture(frame_index), frame_index / self.fps)

    def picture(self, frame_index: int) -> np.ndarray:
        """The sector's box alone, (box.height, box.width) uint8, 0 outside the sector."""
        polar = to_grey(smoothed(self.level_db(frame_index)), self.gain_db, self.probe.dynamic_range_db)
        wide = cv2.resize(polar, (2 * self.probe.beams, self.probe.ranges), interpolation=cv2.INTER_CUBIC)
        return self.console.picture(np.asarray(wide))

    def level_db(self, frame_index: int) -> np.ndarray:
        """Level of the envelope in dB before gain, (ranges, beams) float32."""
        rng = np.random.default_rng([self.seed, 108, frame_index])
        t_s = frame_index / self.fps
        state = self.heart.state(t_s)
        field = self._tissue_field(state)
        field += self._clutter_field(t_s)
        self._add_leaflets(field, state)
        image = self._point_spread.apply(field)
        image += self._noise.draw(rng) * self._noise_amplitude
        return power_db(image, self._averaged_power)

    def ground_truth(self, frame_index: int) -> GroundTruth:
        """Labels and visibility on the pixels of the sector's box."""
        return ground_truth(self, frame_index)

    def _prepare_signals(self) -> None:
        rng = np.random.default_rng([self.seed, 107])
        probe, window = self.probe, self.degradations
        self.motion = BeamMotion(self.heart, probe)
        self.tissue = TissueMap(self.heart, self.seed)
        scatterers = white_field(rng, *self.motion.material_shape)
        scatterers *= amplitude(self.tissue.sample(*self.motion.material_places()))
        self._scatterers = scatterers.view(np.float32).reshape(*scatterers.shape, 2)
        self._gain = amplitude(window.gain_db(probe))
        # Compounding averages noise and clutter, not tissue: that share of their power comes without speckle.
        lively = np.float32(np.sqrt(1 - AVERAGED_SHARE))
        clutter, noise = amplitude(window.clutter_db(probe)), amplitude(window.noise_level_db(probe))[:, None]
        self._averaged_power = AVERAGED_SHARE * (clutter**2 + noise**2) + np.float32(1e-9)
        clutter, self._noise_amplitude = lively * clutter, lively * noise
        self._clutter = [white_field(rng, probe.ranges, probe.beams) * clutter for _ in range(2)]
        self._leaflet_scatterers = white_field(rng, probe.ranges, probe.beams) * amplitude(np.array(LEAFLET_DB))
        self._point_spread = PointSpread(probe)
        self._noise = NoiseBank(probe, rng)
        self._valves = ValveBrush(self.heart, probe, self.seed)

    def _tissue_field(self, state: HeartState) -> np.ndarray:
        column, row, travel_mm = self.motion.maps(state)
        echo = cv2.remap(self._scatterers, column, row, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
        field = np.ascontiguousarray(echo).view(np.complex64)[..., 0]
        field *= rotated(self._gain, travel_mm * np.float32(-self.probe.wave_number_rad_per_mm))
        return field

    def _clutter_field(self, t_s: float) -> np.ndarray:
        """Reverberation hardly moves: two still fields are mixed in turn, once per breath."""
        turn = 2 * np.pi * t_s / self.heart.parameters.breath_period_s
        first, second = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        return np.asarray(first * self._clutter[0] + second * self._clutter[1])

    def _add_leaflets(self, field: np.ndarray, state: HeartState) -> None:
        drawn = self._valves.draw(state)
        rows = np.flatnonzero(drawn.max(axis=1))
        if len(rows):
            band = slice(int(rows[0]), int(rows[-1]) + 1)
            field[band] += drawn[band] * np.float32(1 / 255) * self._leaflet_scatterers[band] * self._gain[band]

    def _automatic_gain(self) -> float:
        """Gain that brings the median of the sector to the wanted grey level, as a sonographer would."""
        self.gain_db = 0.0
        end_systole = round(self.heart.end_systole_s() * self.fps)
        levels = np.concatenate([self.level_db(index)[::3, ::3].ravel() for index in (0, end_systole)])
        area = np.broadcast_to(self.probe.range_mm()[::3, None], self._gain[::3, ::3].shape).ravel()
        order = np.argsort(levels)
        share = np.cumsum(np.tile(area, 2)[order])
        median = float(levels[order][np.searchsorted(share, share[-1] / 2)])
        return (self.probe.median_grey / 255 - 1) * self.probe.dynamic_range_db - median
