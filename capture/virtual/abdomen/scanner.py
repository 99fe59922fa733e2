"""The abdomen scene: a full bladder through a curvilinear probe, with its own global truth A-, A or A+.

As in the heart's live path, tissue is a fixed field of complex scatterers in beam space; breathing and the operator's
hand move it under the probe, the wall less than what lies deep. Attenuation and gas move with the tissue, clutter stays
with the probe. Left out for speed: motion out of the plane, side lobes of single reflectors, refraction.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.errors import CaptureError
from capture.virtual.abdomen.anatomy import URINE_DB, Bladder, structure_db
from capture.virtual.abdomen.parameters import QUALITIES, AbdomenParameters, curved_probe
from capture.virtual.abdomen.textures import texture_db
from capture.virtual.abdomen.truth import (
    BLADDER,
    AbdomenQuality,
    AbdomenTruth,
    abdomen_quality,
    display_gain_db,
)
from capture.virtual.abdomen.window import noise_db, window
from capture.virtual.acoustics.signals import (
    NoiseBank,
    PointSpread,
    amplitude,
    power_db,
    rotated,
    smoothed,
    to_grey,
    white_field,
)
from capture.virtual.probe.settings import ProbeSettings
from capture.virtual.scene import Scene
from capture.virtual.screen.console import Console
from capture.virtual.screen.layout import fitted_sector
from capture.virtual.screen.looks import LOOKS
from capture.virtual.screen.parameters import ScreenParameters

VIEW = "BLADDER"
EXAM = "Abdomen Pelvis"
AVERAGED_SHARE = 0.5  # of noise and clutter, by compounding
_MARGIN_ROWS, _MARGIN_BEAMS = 24, 20
_ATTEMPTS = 60


@dataclass(frozen=True)
class _Case:
    """One examination with what follows from it."""

    parameters: AbdomenParameters
    probe: ProbeSettings
    bladder: Bladder
    quality: AbdomenQuality


def _case(parameters: AbdomenParameters) -> _Case:
    face = curved_probe(parameters.seed, 100.0).face_mm
    bladder = Bladder.of(parameters, face)
    reach = bladder.organ_centre[1] + bladder.organ_half[1] + 8.0 - face
    probe = curved_probe(parameters.seed, reach)
    return _Case(parameters, probe, bladder, abdomen_quality(parameters, probe, bladder))


def _drawn_case(seed: int, quality: str | None) -> _Case:
    """Draw examinations until one has the wanted class; a class by chance for None."""
    wanted = str(np.random.default_rng([seed, 207]).choice(QUALITIES)) if quality is None else quality
    if wanted not in QUALITIES:
        raise CaptureError(f"There is no picture quality {quality!r}. Choose one of {', '.join(QUALITIES)}.")
    for attempt in range(_ATTEMPTS):
        case = _case(AbdomenParameters.random(seed, wanted, attempt))
        if case.quality.quality_class == wanted:
            return case
    raise CaptureError(f"Patient {seed} gave no picture of quality {wanted} in {_ATTEMPTS} tries. Choose another seed.")


class AbdomenScanner(Scene):
    """Renders screens of one bladder examination; the same arguments give the same bytes.

    Parameters
    ----------
    seed : chooses person, probe, settings and screen
    width, height : screen in pixels
    fps : frames per second
    quality : class that the picture shall have, ``A-``, ``A`` or ``A+``; by chance for None
    parameters : replaces what seed and ``quality`` would choose
    limited_range : levels 16..235 instead of 0..255

    Attributes
    ----------
    sector : where the picture stands on the screen
    spacing_mm : side of a screen pixel
    quality : physical quantities behind the class

    Raises
    ------
    CaptureError
        For an unknown quality, or a screen too small to read.
    """

    view = VIEW

    def __init__(
        self,
        seed: int = 1,
        width: int = 1920,
        height: int = 1080,
        fps: float = 30.0,
        quality: str | None = None,
        *,
        parameters: AbdomenParameters | None = None,
        limited_range: bool = False,
    ) -> None:
        if not (320 <= width <= 7680 and 240 <= height <= 4320):
            raise CaptureError(f"A virtual screen of {width}x{height} is not possible. Choose 320x240 to 7680x4320.")
        self.seed, self.fps = seed, fps
        case = _case(parameters) if parameters is not None else _drawn_case(seed, quality)
        self.parameters, self.probe, self.bladder, self.quality = (
            case.parameters,
            case.probe,
            case.bladder,
            case.quality,
        )
        self.gain_db = display_gain_db(self.parameters, self.probe)
        self.screen = abdomen_screen(self.probe, width, height, seed, limited_range)
        self.console = Console(self.screen, self.probe.ranges, 2 * self.probe.beams)
        self._prepare_signals()

    @property
    def period_s(self) -> float:
        """Length of a breath, after which motion repeats but for the hand's."""
        return self.parameters.breath_period_s

    def picture(self, frame_index: int) -> np.ndarray:
        """The sector's box alone, (box.height, box.width) uint8, 0 outside the sector."""
        polar = to_grey(smoothed(self.level_db(frame_index)), self.gain_db, self.probe.dynamic_range_db)
        wide = cv2.resize(polar, (2 * self.probe.beams, self.probe.ranges), interpolation=cv2.INTER_CUBIC)
        return self.console.picture(np.asarray(wide))

    def level_db(self, frame_index: int) -> np.ndarray:
        """Level of the envelope in dB before gain, (ranges, beams) float32."""
        rng = np.random.default_rng([self.seed, 210, frame_index])
        t_s = frame_index / self.fps
        deeper_mm, right_mm = self._travel(t_s)
        field = self._tissue_field(deeper_mm, right_mm)
        turn = 2 * np.pi * t_s / self.period_s
        field += np.float32(np.cos(turn)) * self._clutter[0]
        field += np.float32(np.sin(turn)) * self._clutter[1]
        image = self._point_spread.apply(field)
        image += self._noise.draw(rng) * self._noise_amplitude
        return power_db(image, self._averaged_power)

    def ground_truth(self, frame_index: int) -> AbdomenTruth:
        """Label of the bladder on the pixels of the sector's box, and the class of the examination."""
        t_s = frame_index / self.fps
        box, probe = self.console.converter.box, self.probe
        row, column = self.console.converter.polar_position(self.sector, probe.ranges, probe.beams)
        radius = probe.face_mm + row * probe.range_step_mm
        angle = -probe.half_angle + column * probe.beam_step_rad
        deeper_mm, right_mm = self._travel(t_s)
        follow = self._follow(radius)
        material = radius - follow * deeper_mm
        turned = angle - follow * right_mm / np.maximum(radius, 1.0)
        inside = self.bladder.distance_mm(material * np.sin(turned), material * np.cos(turned)) < 0
        labels = np.where(inside & (self.console.converter.mask > 0), BLADDER, 0).astype(np.uint8)
        return AbdomenTruth(box, labels, self.quality, t_s)

    def _travel(self, t_s: float) -> tuple[float, float]:
        """How far deep tissue has moved away from the probe and to the right, in mm."""
        p = self.parameters
        breath = p.breath_mm * np.sin(2 * np.pi * t_s / p.breath_period_s)
        hand = p.hand_mm * (np.sin(2 * np.pi * t_s / 7.3 + p.seed) - np.sin(p.seed))
        return float(breath), float(0.8 * hand + 0.4 * breath)

    def _follow(self, radius: np.ndarray) -> np.ndarray:
        """Share of the motion that tissue at a range takes part in: none at the skin, all below the wall."""
        depth = (radius - self.probe.face_mm) / (self.parameters.habitus_mm + 6.0)
        share = np.clip(depth, 0, 1)
        return np.asarray(share * share * (3 - 2 * share))

    def _prepare_signals(self) -> None:
        p, probe = self.parameters, self.probe
        rng = np.random.default_rng([self.seed, 208])
        radius, angle = self._material_places()
        seen = window(p, self.bladder, radius, angle, probe)
        level = structure_db(p, self.bladder, radius, angle, probe.face_mm)
        level = np.where(level > URINE_DB + 1, level + texture_db(p, self.bladder, probe, radius, angle), level)
        echo = amplitude(level + seen.gain_db) + amplitude(seen.gas_echo_db)
        scatterers = white_field(rng, *echo.shape) * echo
        self._scatterers = np.ascontiguousarray(scatterers).view(np.float32).reshape(*echo.shape, 2)
        rows, columns = slice(0, probe.ranges), slice(_MARGIN_BEAMS, _MARGIN_BEAMS + probe.beams)
        self._share = self._follow(radius[rows])
        self._base_row = np.arange(probe.ranges, dtype=np.float32)[:, None]
        self._base_column = np.arange(_MARGIN_BEAMS, _MARGIN_BEAMS + probe.beams, dtype=np.float32)[None, :]
        self._radius = radius[rows]
        clutter, noise = amplitude(seen.clutter_db[rows, columns]), amplitude(noise_db(p, self._radius, probe))
        # Compounding averages noise and clutter, not tissue: that share of their power comes without speckle.
        lively = np.float32(np.sqrt(1 - AVERAGED_SHARE))
        self._averaged_power = AVERAGED_SHARE * (clutter**2 + noise**2) + np.float32(1e-9)
        self._clutter = [white_field(rng, probe.ranges, probe.beams) * (lively * clutter) for _ in range(2)]
        self._noise_amplitude = lively * noise
        self._point_spread = PointSpread(probe)
        self._noise = NoiseBank(probe, rng)

    def _material_places(self) -> tuple[np.ndarray, np.ndarray]:
        """Ranges (R, 1) in mm and angles (1, B) of the material field, larger than the picture by a margin."""
        probe = self.probe
        rows = np.arange(probe.ranges + _MARGIN_ROWS)[:, None]
        columns = np.arange(-_MARGIN_BEAMS, probe.beams + _MARGIN_BEAMS)[None, :]
        return probe.face_mm + rows * probe.range_step_mm, -probe.half_angle + columns * probe.beam_step_rad

    def _tissue_field(self, deeper_mm: float, right_mm: float) -> np.ndarray:
        """Echoes of the material that motion has brought to each sample, (ranges, beams) complex64."""
        probe = self.probe
        travel = (self._share * deeper_mm).astype(np.float32)
        row = self._base_row - travel / np.float32(probe.range_step_mm)
        sideways = (self._share * (right_mm / probe.beam_step_rad) / self._radius).astype(np.float32)
        size = (probe.ranges, probe.beams)
        rows = np.ascontiguousarray(np.broadcast_to(row, size))
        echo = cv2.remap(
            self._scatterers, self._base_column - sideways, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT
        )
        field = np.ascontiguousarray(echo).view(np.complex64)[..., 0]
        field *= rotated(np.ones_like(travel), travel * np.float32(-probe.wave_number_rad_per_mm))
        return field


def abdomen_screen(probe: ProbeSettings, width: int, height: int, seed: int, limited_range: bool) -> ScreenParameters:
    """Screen with the curvilinear sector as large as fits, without ECG."""
    look = LOOKS[seed % len(LOOKS)]
    top, bottom = height * (look.header_fraction + 0.045), height * (0.965 - look.footer_fraction)
    sector = fitted_sector(probe, round(0.5 * width), (top, bottom), 0.40 * width)
    return ScreenParameters(
        width, height, sector, probe.depth_mm, look, limited_range, seed=seed, exam=EXAM, marker_at_corner=True
    )
