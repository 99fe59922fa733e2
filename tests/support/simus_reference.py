"""The stored SIMUS reference: its phantoms, how they are drawn from a seed, and how the stored maps are read.

Three phantoms share one set of scatterers: clean, behind a screen of delays, and with noise in the channels.
``build_simus_reference.py`` rebuilds the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).with_name("simus_reference.npz")
KINDS = ("clean", "screen", "noise")
ELEMENTS, PITCH_MM, WIDTH_MM, FREQUENCY_MHZ, BANDWIDTH_PERCENT = 64, 0.3, 0.27, 2.72, 60.0
PERIODS = 2.0  # of the transmitted wave
SPEED_MM_PER_US = 1.54
FOCUS_MM = 60.0
FIRST_MM, STEP_MM, RANGES = 20.0, 0.5, 141
# Every third of the 256 samples of one grating period, as many as stand within +-0.62 in sin(angle).
LINE_STEP, LINES = 3, 57
SCREEN_RMS_NS, SCREEN_LENGTH_MM, SCREEN_SEED = 45.0, 4.0, 3
# Noise of a channel against the mean echo of a channel at the same range, from the first range to the last.
NOISE_DB = (-14.0, 6.0)


@dataclass(frozen=True)
class Scatterers:
    """Point scatterers: range (mm) and sine of the angle, float64 (N,), and their amplitudes."""

    range_mm: np.ndarray
    sine: np.ndarray
    amplitude: np.ndarray


def scatterers(count: int = 10_000, seed: int = 11) -> Scatterers:
    """Evenly spread over the area, with two dark discs and a bright one."""
    rng = np.random.default_rng([seed, 301])
    last = FIRST_MM + STEP_MM * RANGES
    radius = np.sqrt(rng.uniform((FIRST_MM - 3) ** 2, (last + 2) ** 2, count))
    angle = np.radians(rng.uniform(-44, 44, count))
    x, z = radius * np.sin(angle), radius * np.cos(angle)
    level_db = np.zeros(count)
    for x_mm, z_mm, disc_mm, disc_db in ((-12, 45, 8, -20), (15, 68, 10, -14), (-14, 74, 6, 8)):
        level_db[np.hypot(x - x_mm, z - z_mm) < disc_mm] = disc_db
    return Scatterers(radius, np.sin(angle), rng.standard_normal(count) * 10 ** (level_db / 20))


def range_mm() -> np.ndarray:
    """Ranges of the stored maps, (RANGES,)."""
    return FIRST_MM + STEP_MM * np.arange(RANGES)


def line_sine() -> np.ndarray:
    """Sines of the stored lines' angles, (LINES,)."""
    step = SPEED_MM_PER_US / FREQUENCY_MHZ / PITCH_MM / 256
    return (np.arange(LINES) - LINES // 2) * LINE_STEP * step


def element_mm() -> np.ndarray:
    """Positions of the elements, (ELEMENTS,)."""
    return (np.arange(ELEMENTS) - (ELEMENTS - 1) / 2) * PITCH_MM


def screen_delay_ns() -> np.ndarray:
    """One-way delay in front of each element: Gaussian process of Gaussian correlation, (ELEMENTS,)."""
    rng = np.random.default_rng([SCREEN_SEED, 302])
    apart = element_mm()[:, None] - element_mm()[None, :]
    covariance = np.exp(-4 * np.log(2) * (apart / SCREEN_LENGTH_MM) ** 2) + 1e-9 * np.eye(ELEMENTS)
    values = np.linalg.cholesky(covariance) @ rng.standard_normal(ELEMENTS)
    return SCREEN_RMS_NS * (values - values.mean()) / values.std()


def noise_level() -> np.ndarray:
    """Amplitude of the noise against the mean echo of a channel, (RANGES,)."""
    return 10 ** (np.linspace(*NOISE_DB, RANGES) / 20)
