"""Labelled samples for training: channels of a phased array behind a chest wall look at a beating heart.

Anatomy comes from the three-dimensional heart of the virtual scanner, signals from the channel simulation, so that
picture, labels, coherence and true quality belong together exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import radians, sin

import cv2
import numpy as np

from capture.errors import CaptureError
from capture.virtual.acoustics.beam_grid import undeformed
from capture.virtual.acoustics.beam_kernels import SUPPORT
from capture.virtual.acoustics.channels import ChannelEcho, ChannelSimulator
from capture.virtual.acoustics.chest_wall import ChestWall
from capture.virtual.acoustics.image_filter import ImageFilter
from capture.virtual.acoustics.phased_array import GRID_SAMPLES, BeamGrid, PhasedArray
from capture.virtual.acoustics.quality import CAUSES, Display, TrueQuality, true_quality
from capture.virtual.acoustics.receive_chain import (
    SectorRaster,
    TimeGain,
    added_db,
    attenuation_db,
    haze_db,
    lateral_gain_db,
    near_field_clutter_db,
)
from capture.virtual.acoustics.signals import amplitude, power_db, to_grey, white_field
from capture.virtual.body.anatomy import Tissue
from capture.virtual.body.heart import Heart
from capture.virtual.generator.draw import (
    PATIENT_SAMPLES,
    VIEW_SHARES,
    PatientDraw,
    SampleDraw,
    draw_patient,
    draw_sample,
)
from capture.virtual.generator.truth import SIZE, LabelledSample, as_experts, shown_view, visible_labels
from capture.virtual.probe.plane_truth import plane_truth
from capture.virtual.probe.pose import VIEWS, ProbePose, standard_pose
from capture.virtual.scanner import view_reach_mm

_ATTEMPTS = 40
_NODES = (160, 96)
_PENUMBRA_NODES = 2.2
_WIDEST_SINE = 0.97
_STRIDE, _CELLS = 4, np.ones((3, 3), np.uint8)


class SampleMaker:
    """Makes the samples of one data set; sample i depends on the seed and i alone.

    Parameters
    ----------
    seed : of the data set
    shares : how often each view is drawn
    """

    def __init__(self, seed: int, shares: Mapping[str, float] = VIEW_SHARES) -> None:
        self._seed, self._shares = seed, dict(shares)
        self._patient: _Patient | None = None

    def make(self, index: int, beat: float | None = None) -> LabelledSample:
        """Sample ``index``.

        Parameters
        ----------
        beat : share of the beat since the R peak in place of the drawn one: the same exposure of another moment

        Raises
        ------
        CaptureError
            For views that do not exist.
        """
        number = index // PATIENT_SAMPLES
        if self._patient is None or self._patient.number != number:
            self._patient = _Patient.drawn(self._seed, number)
        patient = self._patient
        draw = draw_sample(self._seed, index, self._shares, patient.draw)
        if beat is not None:
            draw = replace(draw, beat=beat)
        return _Exposure(draw, patient.heart, patient.tissue).sample()


@dataclass(frozen=True, eq=False)
class _Patient:
    """What takes time to set up for a patient."""

    number: int
    draw: PatientDraw
    heart: Heart
    tissue: Tissue

    @classmethod
    def drawn(cls, seed: int, number: int) -> _Patient:
        """Patient ``number``: the first draw whose heart every standard view reaches."""
        for attempt in range(_ATTEMPTS):
            draw = draw_patient(seed, number, attempt)
            heart = Heart(draw.heart)
            if _within_reach(heart):
                return cls(number, draw, heart, Tissue(heart, draw.seed))
        raise CaptureError(
            f"No heart of patient {number} of seed {seed} lies within the probe's reach: use another seed."
        )


def _within_reach(heart: Heart) -> bool:
    try:
        for view in VIEWS:
            standard_pose(view, heart)
    except CaptureError:
        return False
    return True


class _Exposure:
    """One sample in the making."""

    def __init__(self, draw: SampleDraw, heart: Heart, tissue: Tissue) -> None:
        self._draw, self._heart, self._tissue = draw, heart, tissue
        self._rng = np.random.default_rng([draw.rng_seed, 204])
        self._pose = pose_of(draw, heart)
        self._plane = self._pose.plane()
        self._state = heart.state(draw.beat * heart.period_s)
        self._grid = grid_of(draw, view_reach_mm(draw.view, draw.patient.heart) * draw.depth_share)
        self._raster = SectorRaster(self._grid, SIZE, SIZE)

    def sample(self) -> LabelledSample:
        draw, grid = self._draw, self._grid
        level_db, way_db = self._anatomy()
        made_up_db = TimeGain(draw.compensated_db_cm_mhz, draw.sliders_db).gain_db(grid)
        lost_db = attenuation_db(grid, draw.attenuation_db_cm_mhz) - made_up_db + self._unevenness_db()
        field = white_field(self._rng, grid.ranges, GRID_SAMPLES) * amplitude(level_db + way_db - lost_db)
        noise_db = draw.noise_db + made_up_db - made_up_db[-1]
        simulator = ChannelSimulator(grid, _wall(draw), draw.wall_shift_mm)
        echo = simulator.simulate(field, self._rng, noise_db, self._clutter_db())
        level = self._compounded_db(echo)
        display = Display(self._gain_db(level), draw.dynamic_range_db)
        curve = ImageFilter(draw.filter_seed, draw.median_grey).curve if draw.grey_map else None
        grey = to_grey(self._damped(level), display.gain_db, display.dynamic_range_db, curve)
        passed = echo.transmission * amplitude(way_db)[:, grid.columns]
        quality = true_quality(replace(echo, transmission=passed), display, lost_db[:, grid.columns])
        return self._labelled(grey, echo.coherence, quality, display.gain_db)

    def _labelled(
        self, grey: np.ndarray, coherence: np.ndarray, quality: TrueQuality, gain_db: float
    ) -> LabelledSample:
        raster, heart = self._raster, self._heart
        height_mm, width_mm = raster.mm_per_pixel
        plane = plane_truth(heart, self._tissue.chambers, self._pose, self._state)
        labels = self._labels()
        view = shown_view(plane, labels)
        return LabelledSample(
            image=raster.convert(grey),
            labels=as_experts(labels, view),
            inside=raster.inside,
            coherence=raster.convert(coherence),
            rating=raster.convert(quality.rating()),
            severity={cause: raster.convert(quality.severity[cause]) for cause in CAUSES},
            spacing_mm=(width_mm, height_mm),
            view=view,
            plane=plane,
            draw=self._draw,
            grid=self._grid,
            pose=self._pose,
            state=self._state,
            volume_ml=heart.volume_ml(self._draw.beat * heart.period_s),
            gain_db=gain_db,
        )

    def _anatomy(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean echo, and gain of the way through ribs and lung; (ranges, 256) float32 in dB."""
        grid = self._grid
        reach = min(_WIDEST_SINE, float(grid.sine()[-1]) + SUPPORT // 2 * grid.array.sine_step)
        half = min(int(reach / grid.array.sine_step), GRID_SAMPLES // 2 - 1)
        columns = slice(GRID_SAMPLES // 2 - half, GRID_SAMPLES // 2 + half + 1)
        # ``cv2.resize`` takes nodes to stand at the middles of equal shares.
        row = (np.arange(_NODES[0]) + 0.5) * (grid.ranges / _NODES[0]) - 0.5
        column = (np.arange(_NODES[1]) + 0.5) * ((2 * half + 1) / _NODES[1]) - 0.5 - half
        radius = (grid.first_mm + row * grid.range_step_mm)[:, None]
        sine = column * grid.array.sine_step
        cosine = np.sqrt(1 - sine**2)
        places = undeformed(self._plane.points(radius * sine, radius * cosine), self._pose)
        directions = np.outer(sine, self._plane.lateral) + np.outer(cosine, self._plane.axial)
        step_mm = float(radius[1, 0] - radius[0, 0])
        material = self._heart.material_position(places, self._state)
        tissue = self._tissue.sample(material, directions.astype(np.float32), step_mm, self._state)
        way_db = _way_db(tissue.attenuation_db_per_mm, step_mm)
        return _spread(tissue.level_db, grid.ranges, columns), _spread(way_db, grid.ranges, columns)

    def _unevenness_db(self) -> np.ndarray:
        """What edge beams and slow changes of the chest wall lose, (ranges, 256) float32."""
        draw, grid = self._draw, self._grid
        coarse = self._rng.standard_normal((5, 9)).astype(np.float32) * np.float32(draw.patch_db)
        slow = cv2.resize(coarse, (GRID_SAMPLES, grid.ranges), interpolation=cv2.INTER_CUBIC)
        edge = np.abs(grid.array.grid_sine() / np.sin(grid.half_angle))
        return np.asarray(slow + draw.edge_loss_db * np.minimum(edge, 1.2) ** 3, np.float32)

    def _clutter_db(self) -> np.ndarray:
        """Reverberation near the probe and haze, (ranges, beams) float32."""
        draw, grid = self._draw, self._grid
        near = near_field_clutter_db(grid, draw.near_clutter_db, draw.near_clutter_mm)
        ranges = grid.range_mm()[:, None]
        rings = draw.ringing_db * np.cos(ranges * (2 * np.pi / draw.ringing_mm)) * np.exp(ranges * (-1 / 12))
        return added_db(near + rings, haze_db(grid, self._rng, draw.haze_db, draw.haze_spread_db, draw.haze_grain_mm))

    def _compounded_db(self, echo: ChannelEcho) -> np.ndarray:
        """Level of the picture before gain; compounding has averaged a share of noise and clutter, not tissue."""
        share = np.float32(self._draw.averaged)
        tissue = echo.ideal + echo.leakage
        lively = tissue + (echo.total - tissue) * np.sqrt(1 - share)
        level = power_db(lively, share * (echo.noise_power + echo.clutter_power) + np.float32(1e-9))
        return np.asarray(level + lateral_gain_db(self._grid, self._draw.lateral_db))

    def _damped(self, level: np.ndarray) -> np.ndarray:
        """Levels after the scanner's image filter: a slight blur, and speckle drawn towards the local mean."""
        blurred = cv2.GaussianBlur(level, (0, 0), self._draw.smooth_px)
        mean = cv2.GaussianBlur(level, (0, 0), sigmaX=1.8, sigmaY=2.4)
        return np.asarray(cv2.addWeighted(blurred, self._draw.kept_speckle, mean, 1 - self._draw.kept_speckle, 0))

    def _gain_db(self, level: np.ndarray) -> float:
        """Gain that gives the median of the sector the wanted grey level, with the user's error."""
        draw = self._draw
        shown = level[::3, ::3].ravel()
        area = np.repeat(self._grid.range_mm()[::3], level[::3, ::3].shape[1])
        order = np.argsort(shown, kind="stable")
        share = np.cumsum(area[order])
        median = float(shown[order][np.searchsorted(share, share[-1] / 2)])
        return (draw.median_grey / 255 - 1) * draw.dynamic_range_db - median + draw.gain_error_db

    def _labels(self) -> np.ndarray:
        """Exact labels of the pixels, (256, 256) uint8.

        One of 4 x 4 pixels is worked out first, then all near which these are not the same: only slivers thinner
        than four pixels, between structures that merely graze the plane, may be missed.
        """
        middles = np.arange(SIZE // _STRIDE) * _STRIDE + _STRIDE // 2
        coarse = self._labels_at(*np.meshgrid(middles, middles))
        same = cv2.erode(coarse, _CELLS) == cv2.dilate(coarse, _CELLS)
        labels, unclear = (np.kron(cells, np.ones((_STRIDE, _STRIDE), cells.dtype)) for cells in (coarse, ~same))
        rows, columns = np.nonzero(unclear)
        labels[rows, columns] = self._labels_at(columns, rows)
        return labels

    def _labels_at(self, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Labels of pixels of any shape, uint8."""
        height_mm, width_mm = self._raster.mm_per_pixel
        top_mm = self._grid.first_mm * np.cos(self._grid.half_angle)
        z = np.float32(top_mm) + (rows.astype(np.float32) + 0.5) * np.float32(height_mm)
        x = (columns.astype(np.float32) + np.float32(0.5 - SIZE / 2)) * np.float32(width_mm)
        places = undeformed(self._plane.points(x, z), self._pose)
        return visible_labels(self._tissue.chambers, self._heart.material_position(places, self._state))


def pose_of(draw: SampleDraw, heart: Heart) -> ProbePose:
    """Where the probe stands: the standard pose of the view, and the error."""
    best, error = standard_pose(draw.view, heart), draw.pose_error
    return replace(
        best,
        slide_x_mm=float(np.clip(best.slide_x_mm + error.slide_x_mm, -60, 60)),
        slide_y_mm=float(np.clip(best.slide_y_mm + error.slide_y_mm, -60, 60)),
        rotation_deg=(best.rotation_deg + error.rotation_deg + 180) % 360 - 180,
        rock_deg=float(np.clip(best.rock_deg + error.rock_deg, -45, 45)),
        tilt_deg=float(np.clip(best.tilt_deg + error.tilt_deg, -60, 60)),
        pressure=error.pressure,
    )


def grid_of(draw: SampleDraw, last_mm: float) -> BeamGrid:
    """Array and grid: as many beams and samples per pulse as the scanner has, over the drawn sector."""
    half_angle = radians(draw.half_angle_deg)
    usual = PhasedArray(frequency_mhz=draw.frequency_mhz, focus_mm=draw.focus_mm)
    # The outermost beam stands a little within the sector's edge.
    pitch_mm = usual.wavelength_mm * (draw.scanner.half_beams + 0.3) / sin(half_angle) / GRID_SAMPLES
    ranges = SIZE
    pulse_mm = draw.scanner.pulse_samples * (last_mm - draw.first_mm) / (ranges - 1)
    array = replace(usual, pitch_mm=pitch_mm, width_mm=0.9 * pitch_mm, pulse_mm=pulse_mm)
    return BeamGrid(array, draw.first_mm, last_mm, half_angle, ranges, line_step=2)


def _wall(draw: SampleDraw) -> ChestWall:
    wall = replace(ChestWall.random(draw.wall_seed), delay_rms_ns=draw.wall_delay_ns)
    return wall if draw.wall_blocks else replace(wall, blocks=())


def _way_db(attenuation_db_per_mm: np.ndarray, step_mm: float) -> np.ndarray:
    """Gain of the way to each node and back; the aperture sees around an obstacle's edge."""
    lost = np.cumsum(attenuation_db_per_mm, axis=0, dtype=np.float32) * np.float32(-step_mm)
    passed = cv2.GaussianBlur(
        amplitude(lost), (0, 0), sigmaX=_PENUMBRA_NODES, sigmaY=0.5, borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(20 * np.log10(np.maximum(passed, np.float32(1e-3))), np.float32)


def _spread(nodes: np.ndarray, ranges: int, columns: slice) -> np.ndarray:
    """Node values on the columns of a scatterer field, continued beyond them; (ranges, 256) float32."""
    inner = cv2.resize(nodes, (columns.stop - columns.start, ranges), interpolation=cv2.INTER_CUBIC)
    return np.pad(inner, ((0, 0), (columns.start, GRID_SAMPLES - columns.stop)), mode="edge")
