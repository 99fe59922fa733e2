"""Physics of the channel simulation: speckle, resolution, attenuation, and quality that falls with each degradation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from capture.virtual.acoustics.beam_width import DepthSpread, measured_widths
from capture.virtual.acoustics.channels import ChannelEcho, ChannelSimulator
from capture.virtual.acoustics.chest_wall import Block, ChestWall
from capture.virtual.acoustics.phased_array import BeamGrid
from capture.virtual.acoustics.quality import CAUSES, Display, TrueQuality, speckle_cnr, speckle_gcnr, true_quality
from capture.virtual.acoustics.receive_chain import TimeGain, attenuation_db
from capture.virtual.acoustics.signals import power_db, white_field
from capture.virtual.probe.settings import ProbeSettings

GRID = BeamGrid()
STRENGTHS = np.linspace(0, 1, 9)
DISPLAY = Display(gain_db=-12.0, dynamic_range_db=55.0)


def echoes(level_db: np.ndarray | float = 0.0, seed: int = 1, wall: ChestWall | None = None, **levels) -> ChannelEcho:
    rng = np.random.default_rng(seed)
    field = white_field(rng, GRID.ranges, 256) * (10 ** (np.asarray(level_db) / 20)).astype(np.float32)
    return ChannelSimulator(GRID, wall).simulate(field, rng, **levels)


@pytest.fixture(scope="module")
def speckle() -> np.ndarray:
    """Envelopes of fully developed speckle, (frames, ranges, beams), away from the near zone, of equal mean power."""
    simulator = ChannelSimulator(GRID)
    rng = np.random.default_rng(4)
    frames = [simulator.simulate(white_field(rng, GRID.ranges, 256), rng).total for _ in range(6)]
    envelope = np.abs(np.stack(frames))[:, GRID.range_mm() > 35]
    directivity = GRID.array.directivity(GRID.sine()) ** 2
    return envelope / directivity


def test_speckle_has_the_contrast_of_a_rayleigh_envelope(speckle):
    assert speckle.mean() / speckle.std() == pytest.approx(1.91, abs=0.05)
    assert (speckle**2).mean() == pytest.approx(1, abs=0.05)


def test_the_envelope_of_speckle_is_rayleigh_distributed(speckle):
    decorrelated = speckle[:, ::5, ::9].ravel()
    scale = np.sqrt((speckle**2).mean() / 2)
    assert decorrelated.size > 3000
    assert stats.kstest(decorrelated, stats.rayleigh(scale=scale).cdf).pvalue > 0.01


def test_resolution_is_that_of_theory():
    """Two equal rectangular apertures make a squared sinc, 0.886 wavelength / aperture wide at half of its height."""
    widths = measured_widths(GRID)
    at_focus = int(np.argmin(np.abs(widths.range_mm - GRID.array.focus_mm)))
    theory_mm = 0.886 * GRID.array.wavelength_mm / GRID.array.aperture_mm * widths.range_mm[at_focus]
    assert widths.lateral_rad[at_focus] * widths.range_mm[at_focus] == pytest.approx(theory_mm, rel=0.15)
    np.testing.assert_allclose(widths.axial_mm[widths.range_mm > 30], GRID.array.pulse_mm, rtol=0.15)
    assert widths.lateral_rad[-1] > 1.1 * widths.lateral_rad[at_focus] < widths.lateral_rad[0]


def test_a_higher_frequency_and_a_longer_array_resolve_more():
    array = GRID.array
    sharper = replace(GRID, array=replace(array, frequency_mhz=3.4, pitch_mm=0.24, width_mm=0.22))
    shorter = replace(GRID, array=replace(array, elements=32))
    width = {name: measured_widths(grid, 5).lateral_rad[2] for name, grid in (("as is", GRID), ("half", shorter))}
    assert width["half"] == pytest.approx(2 * width["as is"], rel=0.2)
    assert sharper.array.aperture_mm < array.aperture_mm
    assert measured_widths(sharper, 5).lateral_rad[2] == pytest.approx(width["as is"], rel=0.15)


@pytest.mark.parametrize("coefficient", [0.3, 0.5, 0.8])
def test_echoes_fall_with_the_attenuation_in_db_per_cm_and_mhz(coefficient):
    level = -attenuation_db(GRID, coefficient)
    power = np.mean([np.abs(echoes(level, seed).total) ** 2 for seed in range(2)], axis=(0, 2))
    used = GRID.range_mm() > 15
    slope_db_mm = np.polyfit(GRID.range_mm()[used], 10 * np.log10(power[used]), 1)[0]
    found = -slope_db_mm * 10 / 2 / GRID.array.frequency_mhz
    assert found == pytest.approx(coefficient, rel=0.05)


def test_attenuation_is_regional():
    """Less is lost behind blood than behind muscle."""
    x, z = GRID.position_mm()
    blood = np.hypot(x, z - 60) < 20
    lost = attenuation_db(GRID, np.where(blood, 0.15, 0.6))
    behind = int(np.searchsorted(GRID.range_mm(), 100.0))
    assert lost[behind, 128 - 60] - lost[behind, 128] == pytest.approx(2 * 4.0 * 2.72 * 0.45, rel=0.05)


def test_the_closed_forms_of_contrast_agree_with_samples():
    rng = np.random.default_rng(2)
    for ratio in (1.0, 2.0, 6.0, 0.1):
        one, other = rng.exponential(1.0, 200_000) * ratio, rng.exponential(1.0, 200_000)
        edges = np.concatenate([[0], np.geomspace(1e-3, 200, 100)])
        overlap = np.minimum(np.histogram(one, edges)[0], np.histogram(other, edges)[0]).sum() / one.size
        assert speckle_gcnr(ratio) == pytest.approx(1 - overlap, abs=0.01)
        first, second = np.sqrt(one), np.sqrt(other)
        cnr = abs(first.mean() - second.mean()) / np.hypot(first.std(), second.std())
        assert speckle_cnr(ratio) == pytest.approx(cnr, abs=0.02)


def noisy(t: float, seed: int) -> ChannelEcho:
    return echoes(phantom_db(), seed, noise_db=-33 + 30 * t)


def cluttered(t: float, seed: int) -> ChannelEcho:
    return echoes(phantom_db(), seed, clutter_db=-33 + 30 * t)


def defocused(t: float, seed: int) -> ChannelEcho:
    return echoes(phantom_db(), seed, ChestWall(6, 80 * t, 4.0), noise_db=-30.0)


def shadowed(t: float, seed: int) -> ChannelEcho:
    """Behind a rib, and some haze shows in its shadow as it does in patients."""
    rib = ChestWall(1, 0.0, distance_mm=15.0, blocks=(Block(-8.0, 8.0, loss_db=15 * t),))
    return echoes(phantom_db(), seed, rib, clutter_db=-20.0)


def phantom_db() -> np.ndarray:
    """A dark disc in tissue, straight ahead at the focus."""
    return np.where(_radius_mm() < 12, -14.0, 0.0)


def _radius_mm(whole: bool = True) -> np.ndarray:
    x, z = GRID.position_mm(whole)
    return np.hypot(x, z - GRID.array.focus_mm)


TISSUE = (_radius_mm(whole=False) > 15) & (_radius_mm(whole=False) < 24)
LESION = _radius_mm(whole=False) < 9
DEGRADED = {"noise": noisy, "clutter": cluttered, "defocus": defocused, "shadow": shadowed}


def _fall(values: list[float]) -> float:
    return float(stats.spearmanr(STRENGTHS, values).statistic)


@pytest.fixture(scope="module", params=list(DEGRADED))
def series(request) -> tuple[str, list[list[ChannelEcho]]]:
    """A degradation and frames of its rising strength, three for each: the same scatterers and draws of noise."""
    degrade = DEGRADED[request.param]
    return request.param, [[degrade(float(t), seed) for seed in (1, 2, 3)] for t in STRENGTHS]


def test_true_quality_falls_and_its_cause_rises_with_each_degradation(series):
    cause, strengths = series
    truths = [true_quality(frames[0], DISPLAY) for frames in strengths]
    assert _fall([float(truth.quality[TISSUE].mean()) for truth in truths]) <= -0.95
    assert _fall([float(truth.gcnr[TISSUE].mean()) for truth in truths]) <= -0.95
    severity = [float(truth.severity[cause][TISSUE].mean()) for truth in truths]
    assert _fall(severity) >= 0.95
    assert severity[0] < 0.05
    assert severity[-1] > 0.3


def test_contrast_of_a_lesion_falls_with_each_degradation(series):
    pictures = [np.stack([np.abs(echo.total) for echo in frames]) for frames in series[1]]
    assert _fall([_cnr(p[:, TISSUE], p[:, LESION]) for p in pictures]) <= -0.95
    assert _fall([_gcnr(p[:, TISSUE], p[:, LESION]) for p in pictures]) <= -0.95


def _cnr(tissue: np.ndarray, lesion: np.ndarray) -> float:
    return float(abs(tissue.mean() - lesion.mean()) / np.hypot(tissue.std(), lesion.std()))


def _gcnr(tissue: np.ndarray, lesion: np.ndarray) -> float:
    edges = np.linspace(-60, 15, 76)
    shares = [np.histogram(20 * np.log10(e + 1e-9), edges)[0] / e.size for e in (tissue, lesion)]
    return float(1 - np.minimum(*shares).sum())


def judged(lost_db: np.ndarray | float = 0.0, display: Display = DISPLAY) -> TrueQuality:
    floor = -35.0 + np.maximum(TimeGain(0.5).gain_db(GRID) - 35, -30)
    return true_quality(echoes(-np.asarray(lost_db), noise_db=floor), display, lost_db)


def test_true_quality_falls_with_attenuation_that_time_gain_does_not_make_up_for():
    deep = GRID.range_mm() > 80
    truths = [judged(attenuation_db(GRID, 0.5 + 0.5 * t) - TimeGain(0.5).gain_db(GRID)) for t in STRENGTHS]
    assert _fall([float(truth.quality[deep].mean()) for truth in truths]) <= -0.95
    assert _fall([float(truth.severity["attenuation"][deep].mean()) for truth in truths]) >= 0.95


@pytest.mark.parametrize(("change_db", "span_db"), [(-45.0, 0.0), (40.0, 0.0), (0.0, -45.0)])
def test_true_quality_falls_with_wrong_gain_and_with_too_small_a_dynamic_range(change_db, span_db):
    displays = [Display(-12.0 + change_db * t, 55.0 + span_db * t) for t in STRENGTHS]
    truths = [judged(display=display) for display in displays]
    assert _fall([float(truth.quality.mean()) for truth in truths]) <= -0.95
    assert _fall([float(truth.severity["gain"].mean()) for truth in truths]) >= 0.95


def test_a_clean_frame_is_excellent_and_pure_noise_is_not_visible():
    good, bad = true_quality(echoes(noise_db=-40.0), DISPLAY), true_quality(echoes(-60.0, noise_db=-5.0), DISPLAY)
    assert good.rating().mean() > 4.5
    assert bad.rating().mean() < 1.2
    assert set(good.severity) == set(CAUSES)
    for plane in (good.quality, good.gcnr, *good.severity.values(), bad.quality, bad.gcnr, *bad.severity.values()):
        assert plane.dtype == np.float32
        assert plane.shape == (GRID.ranges, GRID.beams)
        assert 0 <= plane.min() <= plane.max() <= 1


def test_noise_grows_with_depth_once_time_gain_has_raised_it():
    rng = np.random.default_rng(2)
    silent = np.zeros((GRID.ranges, 256), np.complex64)
    beams = ChannelSimulator(GRID).simulate(silent, rng, noise_db=-60 + TimeGain(0.5).gain_db(GRID)).total
    level = power_db(beams).mean(axis=1)
    expected = 2 * 0.5 * 2.72 * 10
    assert level[-20:].mean() - level[:20].mean() == pytest.approx(expected * 13.65 / 10, abs=1.0)


def test_the_live_spread_has_the_widths_of_the_channels():
    widths, probe = measured_widths(GRID, 24), ProbeSettings()
    spread, rows = DepthSpread(probe, widths), np.arange(100, 500, 50)
    field = np.zeros((probe.ranges, probe.beams), np.complex64)
    field[rows, probe.beams // 2] = 1
    answer = np.abs(spread.apply(field))
    for row in rows:
        expected = np.interp(probe.range_mm()[row], widths.range_mm, widths.lateral_rad)
        assert _full_width(answer[row]) * probe.beam_step_rad == pytest.approx(expected, rel=0.15)
        along = answer[row - 20 : row + 20, probe.beams // 2]
        assert _full_width(along) * probe.range_step_mm == pytest.approx(widths.axial_mm.mean(), rel=0.15)


def test_the_live_spread_keeps_mean_power():
    probe, rng = ProbeSettings(), np.random.default_rng(7)
    spread = DepthSpread(probe, measured_widths(GRID))
    power = np.mean([np.abs(spread.apply(white_field(rng, probe.ranges, probe.beams))) ** 2 for _ in range(3)], axis=0)
    assert power.mean() == pytest.approx(1, abs=0.05)
    assert power[100:].mean(axis=1).std() < 0.25


def _full_width(profile: np.ndarray) -> float:
    """At half of the maximum, between interpolated crossings; samples."""
    fine = np.interp(np.arange(0, profile.size - 1, 0.02), np.arange(profile.size), profile)
    return float((fine > fine.max() / 2).sum() * 0.02)
