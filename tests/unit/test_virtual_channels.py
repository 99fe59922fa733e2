"""The channel simulation: its screen, its linear split, its noise, and its agreement with SIMUS."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import simus_reference as simus

from capture.errors import CaptureError
from capture.virtual.acoustics.channels import ChannelEcho, ChannelSimulator, coherence_factor, deposit
from capture.virtual.acoustics.chest_wall import HALF_LENGTH_MM, STEP_MM, Block, ChestWall
from capture.virtual.acoustics.phased_array import BeamGrid, PhasedArray
from capture.virtual.acoustics.receive_chain import SectorRaster, TimeGain, attenuation_db, lateral_gain_db
from capture.virtual.acoustics.signals import white_field

GRID = BeamGrid()


def simulated(wall: ChestWall | None = None, seed: int = 1, shift_mm: float = 0.0, **levels: float) -> ChannelEcho:
    rng = np.random.default_rng(seed)
    field = white_field(rng, GRID.ranges, 256)
    return ChannelSimulator(GRID, wall, shift_mm).simulate(field, rng, **levels)


def noise_alone(**levels: float) -> ChannelEcho:
    empty = np.zeros((GRID.ranges, 256), np.complex64)
    return ChannelSimulator(GRID).simulate(empty, np.random.default_rng(3), **levels)


@pytest.mark.parametrize("kind", ["noise_db", "clutter_db"])
def test_noise_alone_is_as_coherent_as_independent_elements(kind):
    echo = noise_alone(**{kind: -6.0})
    full_aperture = GRID.range_mm() > 40
    assert echo.coherence[full_aperture].mean() == pytest.approx(1 / np.sqrt(64), rel=0.02)
    assert (np.abs(echo.total) ** 2).mean() == pytest.approx(10**-0.6, rel=0.04)


def test_speckle_at_the_focus_is_as_coherent_as_theory_says():
    """The theorem of van Cittert and Zernike gives 2/3 for powers, so about its root for magnitudes."""
    focus = np.abs(GRID.range_mm() - GRID.array.focus_mm) < 6
    ahead = np.abs(GRID.sine()) < 0.4
    assert simulated().coherence[focus][:, ahead].mean() == pytest.approx(0.80, abs=0.03)


def test_a_lone_point_at_the_focus_is_wholly_coherent():
    field = np.zeros((GRID.ranges, 256), np.complex64)
    row = int(np.argmin(np.abs(GRID.range_mm() - GRID.array.focus_mm)))
    field[row, 128] = 1
    echo = ChannelSimulator(GRID).simulate(field, np.random.default_rng(0))
    assert coherence_factor(echo.total, echo.magnitude, 0)[row, GRID.beams // 2] > 0.995


def test_nothing_leaks_without_a_screen_and_parts_add_up_with_one():
    clean, aberrated = simulated(), simulated(ChestWall(2, 60.0, 3.0))
    assert np.abs(clean.leakage).max() < 1e-4
    tissue = aberrated.ideal + aberrated.leakage
    np.testing.assert_allclose(tissue, aberrated.total, atol=1e-4)
    assert (np.abs(aberrated.leakage) ** 2).mean() > 0.1 * (np.abs(aberrated.ideal) ** 2).mean()


def test_delays_cost_coherence_and_strehl_but_no_energy():
    clean, aberrated = simulated(), simulated(ChestWall(2, 60.0, 3.0))
    assert aberrated.coherence.mean() < 0.85 * clean.coherence.mean()
    assert aberrated.strehl.mean() < 0.5
    np.testing.assert_allclose(aberrated.transmission, 1, atol=1e-4)


def test_a_rib_shadows_what_lies_behind_it_and_its_shadow_slides_with_the_probe():
    rib = ChestWall(1, 0.0, distance_mm=20.0, blocks=(Block(8.0, 18.0, loss_db=25.0),))
    deep = int(np.searchsorted(GRID.range_mm(), 110.0))
    x = GRID.range_mm()[deep] * GRID.sine()
    loss = 1 - simulated(rib).transmission[deep]
    centre = (loss * x).sum() / loss.sum()
    assert loss.max() > 0.8
    # Seen from the middle of the array, 13 mm aside at a depth of 20 mm.
    assert np.interp(np.sin(np.arctan2(13, 20)), GRID.sine(), loss) > 0.6
    assert loss[x < -40].max() < 0.02
    slid = 1 - simulated(rib, shift_mm=6.0).transmission[deep]
    assert (slid * x).sum() / slid.sum() < centre - 10


def test_a_shadow_has_a_penumbra_that_narrows_the_farther_the_rib_stands_from_the_array():
    def rise(distance_mm: float) -> float:
        edge = ChestWall(1, 0.0, distance_mm=distance_mm, blocks=(Block(0.0, 120.0, 0.5, 40.0),))
        half = np.sqrt(simulated(edge).transmission[200])
        return float(((half > 0.1) & (half < 0.9)).sum())

    assert rise(10) > 1.5 * rise(20) > 2.0 * rise(40)


def test_points_in_front_of_the_screen_are_reached_freely():
    wall = ChestWall(1, 60.0, distance_mm=25.0, blocks=(Block(-120.0, 120.0, loss_db=30.0),))
    np.testing.assert_allclose(simulated(wall).transmission[GRID.range_mm() < 20], 1, atol=1e-6)


def test_the_screens_delays_have_the_stated_spread_and_correlation_length():
    correlation = np.zeros(161)
    for seed in range(12):
        delay = ChestWall(seed, 30.0, 4.0).delay_ns()
        assert delay.std() == pytest.approx(30.0, rel=1e-6)
        correlation += [np.mean(delay[: delay.size - k] * delay[k:]) for k in range(161)]
    half = np.argmax(correlation < correlation[0] / 2) * STEP_MM
    assert 2 * half == pytest.approx(4.0, rel=0.12)


def test_a_random_wall_is_the_same_for_the_same_seed():
    assert ChestWall.random(7) == ChestWall.random(7)
    assert ChestWall.random(7) != ChestWall.random(8)
    walls = [ChestWall.random(seed) for seed in range(300)]
    assert all(0 <= wall.delay_rms_ns <= 80 and 2 <= wall.delay_length_mm <= 6 for wall in walls)
    assert 0.2 < np.mean([not wall.blocks for wall in walls]) < 0.5
    assert all(abs(b.start_mm) <= HALF_LENGTH_MM for wall in walls for b in wall.blocks)


def test_the_same_seed_gives_the_same_bytes():
    first, second = (simulated(ChestWall.random(4), noise_db=-20.0, clutter_db=-25.0) for _ in range(2))
    for name in ("total", "ideal", "leakage", "coherence", "strehl"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_a_field_of_the_wrong_shape_is_refused():
    with pytest.raises(CaptureError, match="sample it anew"):
        ChannelSimulator(GRID).simulate(np.zeros((100, 256), np.complex64), np.random.default_rng(0))


def phantom(seed: int, line_step: int) -> ChannelEcho:
    """Discs of random echo behind a random chest wall, with noise and haze."""
    rng = np.random.default_rng([seed, 9])
    grid = replace(GRID, line_step=line_step)
    x, z = grid.position_mm()
    level = np.zeros(x.shape, np.float32)
    for _ in range(5):
        x_mm, z_mm, radius_mm = rng.uniform([-50, 25, 8], [50, 130, 25])
        level[np.hypot(x - x_mm, z - z_mm) < radius_mm] = rng.uniform(-30, 6)
    field = white_field(rng, grid.ranges, 256) * 10 ** (level / 20)
    disturbance = rng.uniform(-35, -15, 2)
    simulator = ChannelSimulator(grid, ChestWall.random(seed))
    return simulator.simulate(field, rng, disturbance[0] + 0.1 * (grid.range_mm()[:, None] - 150), disturbance[1])


@pytest.mark.parametrize("seed", range(10))
def test_interpolated_lines_agree_with_transmitting_on_every_beam(seed):
    whole, fast = phantom(seed, 1), phantom(seed, 2)
    coherence = np.corrcoef(_smoothed(whole.coherence).ravel(), _smoothed(fast.coherence).ravel())[0, 1]
    envelope = np.corrcoef(np.abs(whole.ideal).ravel(), np.abs(fast.ideal).ravel())[0, 1]
    assert coherence > 0.98
    assert np.corrcoef(whole.coherence.ravel(), fast.coherence.ravel())[0, 1] > 0.9
    assert envelope > 0.99
    assert np.abs(fast.transmission - whole.transmission).mean() < 0.002
    assert 0 <= fast.transmission.min() <= fast.transmission.max() <= whole.transmission.max() + 1e-6
    assert fast.coherence.mean() == pytest.approx(whole.coherence.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"line_step": 3}, "choose 1 or 2"),
        ({"half_angle": 1.3}, "narrow the sector"),
        ({"first_mm": 0.0}, "no grid"),
        ({"last_mm": 1.0}, "no grid"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_with_advice(changes, advice):
    with pytest.raises(CaptureError, match=advice):
        replace(GRID, **changes)


def test_time_gain_makes_up_for_attenuation_and_sliders_add_to_it():
    left = attenuation_db(GRID, 0.5) - TimeGain(0.5).gain_db(GRID)
    assert np.abs(left).max() < 1e-2
    raised = TimeGain(0.5, (0, 0, 0, 6, 0, 0, 0, 0)).gain_db(GRID) - TimeGain(0.5).gain_db(GRID)
    assert raised.max() == pytest.approx(6, abs=0.3)
    assert raised[:60].max() == raised[-60:].max() == 0
    with pytest.raises(CaptureError, match="8 sliders"):
        TimeGain(0.5, (1.0,))
    assert lateral_gain_db(GRID, (-3.0, 0.0, 5.0))[0, [0, -1]] == pytest.approx([-3, 5], abs=0.2)


@pytest.mark.parametrize("size", [(256, 256), (370, 511)])
def test_scan_conversion_puts_samples_where_they_belong(size):
    raster = SectorRaster(GRID, *size)
    x, z = GRID.position_mm(whole=False)
    top_mm = GRID.first_mm * np.cos(GRID.half_angle)
    found_z, found_x = raster.convert(z), raster.convert(x)
    rows, columns = np.nonzero(raster.inside)
    # The outermost beams stand up to a step within the sector's edge, and the maps have a fixed point of 1/32.
    inner = np.abs(found_x[rows, columns] / np.maximum(found_z[rows, columns], 1)) < 0.75
    rows, columns = rows[inner], columns[inner]
    np.testing.assert_allclose(found_z[rows, columns], top_mm + (rows + 0.5) * raster.mm_per_pixel[0], atol=0.25)
    half_mm = GRID.last_mm * np.sin(GRID.half_angle)
    np.testing.assert_allclose(found_x[rows, columns], (columns + 0.5) * raster.mm_per_pixel[1] - half_mm, atol=0.25)
    assert (raster.convert(z, outside=-1)[~raster.inside] == -1).all()


class StoredScreen(ChestWall):
    """The reference's screen, which lies on the array."""

    def response(self, frequency_mhz: float) -> np.ndarray:
        place = np.linspace(-HALF_LENGTH_MM, HALF_LENGTH_MM, 2 * round(HALF_LENGTH_MM / STEP_MM) + 1)
        delay_ns = np.interp(place, simus.element_mm(), simus.screen_delay_ns())
        return np.exp(-2j * np.pi * frequency_mhz * 1e-3 * delay_ns).astype(np.complex64)


# Samples of ours between two of the reference, and rows of ours above its first and below its last.
FINER, MARGIN = 2, 8


def like_the_reference(kind: str) -> ChannelEcho:
    """Our simulation of one of the reference's phantoms, at the reference's samples."""
    array = PhasedArray(focus_mm=simus.FOCUS_MM, pulse_mm=0.6, receive_f_number=0.5)
    step, edge = simus.STEP_MM / FINER, simus.LINE_STEP * (simus.LINES // 2)
    first_mm, last_mm = simus.range_mm()[[0, -1]] + np.array([-MARGIN, MARGIN]) * step
    ranges = FINER * (simus.RANGES - 1) + 2 * MARGIN + 1
    grid = BeamGrid(array, first_mm, last_mm, float(np.arcsin((edge + 0.5) * array.sine_step)), ranges)
    np.testing.assert_allclose(grid.sine()[:: simus.LINE_STEP], simus.line_sine(), atol=1e-9)
    points = simus.scatterers()
    field = deposit(grid, points.range_mm, points.sine, points.amplitude)
    simulator = ChannelSimulator(grid, StoredScreen(distance_mm=0.0) if kind == "screen" else None)
    rng = np.random.default_rng(0)
    echo = simulator.simulate(field, rng)
    if kind == "noise":
        echo = simulator.simulate(field, rng, _noise_db(grid, echo))
    return echo


def _noise_db(grid: BeamGrid, clean: ChannelEcho) -> np.ndarray:
    """The reference's noise as a level in the beam, (ranges, 1): it is stated against one channel's mean echo."""
    channel = clean.magnitude.mean(axis=1) / 64 * 2 / np.sqrt(np.pi)
    level = np.interp(grid.range_mm(), simus.range_mm(), simus.noise_level())
    return 20 * np.log10(channel * level * np.sqrt(64))[:, None]


def _kept(plane: np.ndarray) -> np.ndarray:
    return np.asarray(plane[MARGIN : plane.shape[0] - MARGIN : FINER, :: simus.LINE_STEP])


def _smoothed(plane: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(plane.astype(np.float32), (0, 0), 4)


@pytest.mark.parametrize(("kind", "envelope"), [("clean", 0.9), ("screen", 0.8), ("noise", 0.85)])
def test_coherence_agrees_with_simus(kind, envelope):
    stored = np.load(simus.REFERENCE)
    theirs = stored[f"{kind}_coherence"].astype(np.float32)
    echo = like_the_reference(kind)
    total, magnitude = _kept(echo.total), _kept(echo.magnitude)
    ours = coherence_factor(total, magnitude, 0)
    agreement = np.corrcoef(_smoothed(ours).ravel(), _smoothed(theirs).ravel())[0, 1]
    assert agreement >= 0.95
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.03)
    beams = stored[f"{kind}_sum"].astype(np.float32)
    level = [plane / np.sqrt((plane**2).mean(axis=1, keepdims=True)) for plane in (np.abs(total), beams)]
    assert np.corrcoef(level[0].ravel(), level[1].ravel())[0, 1] >= envelope
