"""Scanner screens: the sector is exactly where the truth says, and the video range is kept."""

from __future__ import annotations

import numpy as np
import pytest

from capture.geometry import Rect
from capture.virtual.screen.console import SCREEN_SIZES, Console, random_parameters, random_screen, random_screen_frames
from capture.virtual.screen.ecg import ecg_mv


def test_random_screens_repeat_and_differ() -> None:
    first, sector = random_screen(3)
    again, same = random_screen(3)
    other, _ = random_screen(4)
    assert np.array_equal(first, again)
    assert sector == same
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_random_parameters_cover_the_range() -> None:
    drawn = [random_parameters(seed) for seed in range(200)]
    degrees = [np.degrees(p.sector.angle_right - p.sector.angle_left) for p in drawn]
    assert {(p.width, p.height) for p in drawn} == set(SCREEN_SIZES)
    assert 50 <= min(degrees) < 55
    assert 90 < max(degrees) <= 95
    assert any(p.sector.radius_min_px > 0.2 * p.sector.radius_max_px for p in drawn)
    assert {p.limited_range for p in drawn} == {True, False}
    for p in drawn:
        box = p.sector.bounds()
        assert box.clipped(p.height, p.width) == box


@pytest.mark.parametrize("seed", range(6))
def test_sector_truth_matches_drawn_pixels(seed: int) -> None:
    p = random_parameters(seed)
    console = Console(p, 64, 48)
    dark = console.compose(console.picture(np.zeros((64, 48), np.uint8)), 0.0)
    bright = console.compose(console.picture(np.full((64, 48), 255, np.uint8)), 0.0)
    changed = (dark != bright).any(axis=2)
    truth = p.sector.mask(p.height, p.width)
    if p.ecg_box is not None:
        rows, columns = _grown(p.ecg_box)
        changed[rows, columns] = truth[rows, columns] = False
    assert np.array_equal(changed, truth)


def _grown(box: Rect) -> tuple[slice, slice]:
    return Rect(box.x - 2, box.y - 2, box.width + 4, box.height + 4).slices()


def test_limited_range_stays_within_16_and_235() -> None:
    seed = next(s for s in range(50) if random_parameters(s).limited_range)
    pixels, _ = random_screen(seed)
    assert pixels.min() >= 16
    assert pixels.max() <= 235


def test_frames_move_while_the_sector_stands_still() -> None:
    frames, _ = random_screen_frames(2, 3)
    assert not np.array_equal(frames[0], frames[1])
    assert frames[0].shape == frames[2].shape


def test_ecg_peaks_once_per_beat() -> None:
    t_s = np.arange(0, 4.0, 0.002)
    curve = ecg_mv(t_s, 0.8)
    peaks = (curve[1:-1] > 0.8) & (curve[1:-1] >= curve[:-2]) & (curve[1:-1] > curve[2:])
    assert peaks.sum() == 4
    assert np.allclose(curve, ecg_mv(t_s + 1.6, 0.8))
