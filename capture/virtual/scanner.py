"""The virtual scanner: a beating heart in three dimensions, cut by any plane of a probe that may move any time.

For each frame, motion and anatomy are worked out at the nodes of a coarse polar grid: which material is there, how
strongly it scatters, what the way to it costs. Scatterers are fixed in the material; the echo's phase turns with the
way the material has moved along the beam, so that speckle follows tissue, and decorrelates with strain and when tissue
leaves the plane. Clutter, point spread, noise, envelope and compression follow. Left out for speed: side lobes,
multiple scattering, aberration, the curvature of wave fronts and the thickness of the plane in the anatomy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from capture.errors import CaptureError
from capture.virtual.acoustics.beam_grid import BeamGrid
from capture.virtual.acoustics.degradations import Degradations
from capture.virtual.acoustics.image_filter import ImageFilter
from capture.virtual.acoustics.lattice import ScattererLattice
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
from capture.virtual.body.anatomy import Tissue
from capture.virtual.body.heart import Heart, HeartParameters, HeartState
from capture.virtual.body.patient import Patient, named_patient
from capture.virtual.ground_truth import GroundTruth, ground_truth
from capture.virtual.probe.pose import VIEWS, ProbePose, standard_pose
from capture.virtual.probe.settings import ProbeSettings
from capture.virtual.scene import Scene
from capture.virtual.screen.console import Console, ScreenParameters
from capture.virtual.screen.layout import scanner_screen
from capture.virtual.screen.looks import LOOKS
from capture.virtual.screen.modes import IMAGE, MODES, with_strip

AVERAGED_SHARE = 0.5  # of noise and clutter
_TGC_DB_PER_CM_MHZ = 0.5  # attenuation for which gain over depth makes up
_NEPER_PER_DB = float(np.log(10) / 20)


def view_reach_mm(view: str, heart: HeartParameters) -> float:
    """How deep a view of that heart goes from its window: the left atrium's floor, or the far wall."""
    if view in ("A4C", "A2C", "ALAX", "A5C"):
        return heart.reach_mm
    return (115.0 if view == "SUBCOSTAL" else 82.0) + heart.radius + heart.lateral + 26.0


def chosen_patient(seed: int, patient: Patient | str | None) -> Patient:
    """A patient as given, by name, or whoever ``seed`` is."""
    return patient if isinstance(patient, Patient) else named_patient(patient, seed)


def screen_for(
    seed: int,
    view: str,
    width: int,
    height: int,
    *,
    probe: ProbeSettings | None = None,
    rate_bpm: float | None = None,
    limited_range: bool = False,
    patient: Patient | str | None = None,
    mode: str = IMAGE,
) -> ScreenParameters:
    """Screen of a patient, without preparing to render.

    Raises
    ------
    CaptureError
        For a view, patient or mode that the scanner does not know, or a screen too small to read.
    """
    if view not in VIEWS:
        raise CaptureError(f"The virtual scanner has no view {view!r}. Choose one of {', '.join(VIEWS)}.")
    if mode not in MODES:
        raise CaptureError(f"The virtual scanner has no mode {mode!r}. Choose one of {', '.join(MODES)}.")
    if not (320 <= width <= 7680 and 240 <= height <= 4320):
        raise CaptureError(f"A virtual screen of {width}x{height} is not possible. Choose 320x240 to 7680x4320.")
    heart = chosen_patient(seed, patient).heart
    probe = probe or ProbeSettings.random(seed, view_reach_mm(view, heart))
    rate_bpm = rate_bpm or heart.heart_rate_bpm
    screen = scanner_screen(probe, width, height, LOOKS[seed % len(LOOKS)], limited_range, rate_bpm, seed)
    return screen if mode == IMAGE else with_strip(screen, mode)


class VirtualScanner(Scene):
    """Renders screens of one patient; the same arguments give the same bytes.

    Parameters
    ----------
    seed : chooses patient, settings and screen
    view : one of ``pose.VIEWS``, where the probe stands at first; its depth setting stays
    width, height : screen in pixels
    fps : frames per second, the clock of heart and console
    limited_range : levels 16..235 instead of 0..255
    patient : a name of ``patient.PATIENTS`` or a ``Patient``; None for any
    pose : where the probe stands instead of the view's standard pose
    heart, probe, degradations : replace what seed and patient would choose
    gain_db : None for one automatic choice at the standard pose of the view; it stays while the probe moves
    mode : one of ``modes.MODES``: the picture alone, or a small one above a sweeping strip

    Attributes
    ----------
    sector : where the picture stands on the screen
    spacing_mm : side of a screen pixel
    pose : where the probe stands; ``set_pose`` moves it

    Raises
    ------
    CaptureError
        For a view, patient or mode that the scanner does not know, or an impossible screen.
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
        patient: Patient | str | None = None,
        pose: ProbePose | None = None,
        heart: HeartParameters | None = None,
        probe: ProbeSettings | None = None,
        degradations: Degradations | None = None,
        gain_db: float | None = None,
        mode: str = IMAGE,
    ) -> None:
        self.seed, self.view, self.fps = seed, view, fps
        self.patient = chosen_patient(seed, patient)
        parameters = heart or self.patient.heart
        self.probe = probe or ProbeSettings.random(seed, view_reach_mm(view, parameters))
        rate = parameters.heart_rate_bpm
        self.screen = screen_for(
            seed, view, width, height, probe=self.probe, rate_bpm=rate, limited_range=limited_range, mode=mode
        )
        self.heart = Heart(parameters)
        self.degradations = degradations or self.patient.degradations
        self.tissue = Tissue(self.heart, seed)
        self.set_pose(standard_pose(view, self.heart))
        self._prepare_signals()
        # Twice as many columns: neighbours on the screen are then interpolated between close beams.
        self.console = Console(self.screen, self.probe.ranges, 2 * self.probe.beams)
        self.gain_db = self._automatic_gain() if gain_db is None else gain_db
        if pose is not None:
            self.set_pose(pose)

    @property
    def period_s(self) -> float:
        """Length of a heart beat."""
        return self.heart.period_s

    def set_pose(self, pose: ProbePose) -> None:
        """Move the probe; the next frame shows what it sees from there. Gain and depth stay."""
        self.pose = pose
        self.grid = BeamGrid(self.probe, pose)

    def set_knobs(
        self,
        gain_offset_db: float | None = None,
        tgc_db: tuple[float, ...] | None = None,
        dynamic_range_db: float | None = None,
    ) -> None:
        """Turn the knobs that act on the picture alone; None leaves one as it is.

        Raises
        ------
        CaptureError
            For a value out of bounds, see ``ProbeSettings``.
        """
        wanted = {"gain_offset_db": gain_offset_db, "tgc_db": tgc_db, "dynamic_range_db": dynamic_range_db}
        changed: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        self.probe = replace(self.probe, **changed)

    def picture(self, frame_index: int) -> np.ndarray:
        """The sector's box alone, (box.height, box.width) uint8, 0 outside the sector."""
        level = self._filter.damped(smoothed(self.level_db(frame_index)))
        level += self.probe.knobs_db()[:, None]
        polar = to_grey(level, self.gain_db, self.probe.dynamic_range_db, self._filter.curve)
        wide = cv2.resize(polar, (2 * self.probe.beams, self.probe.ranges), interpolation=cv2.INTER_CUBIC)
        return self.console.picture(np.asarray(wide))

    def level_db(self, frame_index: int) -> np.ndarray:
        """Level of the envelope in dB before gain, (ranges, beams) float32."""
        rng = np.random.default_rng([self.seed, 108, frame_index])
        t_s = frame_index / self.fps
        field = self._tissue_field(self.heart.state(t_s))
        field += self._clutter_field(t_s)
        image = self._point_spread.apply(field) * self._lattice_gain
        image += self._noise.draw(rng) * self._noise_amplitude
        return power_db(image, self._averaged_power)

    def echoes_db(self, state: HeartState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Material places (ranges, beams, 3) at the grid's nodes, mean echo and gain of the way there, both in dB."""
        grid = self.grid
        material = self.heart.material_position(grid.tissue_points, state)
        sample = self.tissue.sample(material, grid.directions, grid.step_mm, state)
        return material, sample.level_db, grid.transmission_db(sample.attenuation_db_per_mm)

    def window_gain_db(self) -> np.ndarray:
        """Gain of what does not depend on the pose: the patient's window and tissue, (ranges, beams) float32."""
        probe, p = self.probe, self.heart.parameters
        # Transmitted at half the frequency that is received; gain over depth is set for the usual frequency.
        usual = _TGC_DB_PER_CM_MHZ * ProbeSettings.frequency_mhz
        excess = 1.5 * (p.attenuation_db_per_cm_mhz * probe.frequency_mhz - usual)
        depth_cm = (probe.range_mm() / 10)[:, None]
        return np.asarray(self.degradations.gain_db(probe) - excess * depth_cm, np.float32)

    def ground_truth(self, frame_index: int) -> GroundTruth:
        """What is truly there at the present pose, on the pixels of the sector's box."""
        return ground_truth(self, frame_index)

    def _prepare_signals(self) -> None:
        rng = np.random.default_rng([self.seed, 107])
        probe, window = self.probe, self.degradations
        self._lattice = ScattererLattice(rng, self.grid.plane)
        self._gain = amplitude(self.window_gain_db())
        # Compounding averages noise and clutter, not tissue: that share of their power comes without speckle.
        lively = np.float32(np.sqrt(1 - AVERAGED_SHARE))
        clutter, noise = amplitude(window.clutter_db(probe)), amplitude(window.noise_level_db(probe))[:, None]
        self._averaged_power = AVERAGED_SHARE * (clutter**2 + noise**2) + np.float32(1e-9)
        self._filter = ImageFilter(self.seed, probe.median_grey)
        # Signals are as fine as the frequency in use makes them.
        fine = replace(probe, axial_mm=probe.pulse_mm, lateral_rad=probe.beam_rad)
        self._point_spread = PointSpread(fine)
        self._noise = NoiseBank(fine, rng)
        self._lattice_gain = self._measured_lattice_gain()
        clutter, self._noise_amplitude = lively * clutter / self._lattice_gain, lively * noise
        self._clutter = [white_field(rng, probe.ranges, probe.beams) * clutter for _ in range(2)]

    def _measured_lattice_gain(self) -> np.ndarray:
        """Factor per range that brings speckle to mean power 1: close beams share scatterers, which adds up."""
        power = np.zeros(self.probe.ranges)
        for number in range(6):
            aside = self.grid.points + np.float32(31.7 * number) * (self.grid.plane.normal + self.grid.plane.lateral)
            field = self._lattice.read(self.grid.spread_exactly(self._lattice.coordinates(aside)))
            power += (np.abs(self._point_spread.apply(field)) ** 2).mean(axis=1) / 6
        smooth = cv2.GaussianBlur(power.reshape(-1, 1), (1, 0), sigmaX=1, sigmaY=10)
        return np.asarray(1 / np.sqrt(smooth), np.float32)

    def _tissue_field(self, state: HeartState) -> np.ndarray:
        grid = self.grid
        material, level_db, transmission_db = self.echoes_db(state)
        travel_mm = np.einsum("ijk,jk->ij", grid.tissue_points - material, grid.directions)
        field = self._lattice.read(grid.spread_exactly(self._lattice.coordinates(material)))
        strength = cv2.exp(grid.spread(level_db + transmission_db, smooth=True) * np.float32(_NEPER_PER_DB))
        turn = grid.spread(travel_mm) * np.float32(-self.probe.wave_number_rad_per_mm)
        return np.asarray(field * rotated(strength * self._gain, turn))

    def _clutter_field(self, t_s: float) -> np.ndarray:
        """Reverberation hardly moves: two still fields are mixed in turn, once per breath."""
        turn = 2 * np.pi * t_s / self.heart.parameters.breath_period_s
        first, second = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        return np.asarray(first * self._clutter[0] + second * self._clutter[1])

    def _automatic_gain(self) -> float:
        """Gain that brings the median of the sector to the wanted grey level, as a sonographer would."""
        end_systole = round(self.heart.end_systole_s() * self.fps)
        levels = np.concatenate([self.level_db(index)[::3, ::3].ravel() for index in (0, end_systole)])
        area = np.broadcast_to(self.probe.range_mm()[::3, None], self._gain[::3, ::3].shape).ravel()
        order = np.argsort(levels)
        share = np.cumsum(np.tile(area, 2)[order])
        median = float(levels[order][np.searchsorted(share, share[-1] / 2)])
        return (self.probe.median_grey / 255 - 1) * self.probe.dynamic_range_db - median
