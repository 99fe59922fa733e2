"""A cheap picture for random screens: speckle in beam space with chambers, shadows and noise, no anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class PhantomLevels:
    """How bright and how disturbed a phantom picture is.

    Attributes
    ----------
    seed : chooses speckle, chambers and shadows
    gain_grey : mean grey level of tissue, 25 (dim) to 150 (bright)
    spread_grey : grey levels per unit of log amplitude
    noise_grey : grey level of noise in black regions
    chambers, shadows : how many
    """

    seed: int
    gain_grey: float
    spread_grey: float
    noise_grey: float
    chambers: int
    shadows: int
    ranges: int = 384
    beams: int = 192

    @classmethod
    def random(cls, seed: int) -> PhantomLevels:
        """Random levels; same seed, same levels."""
        rng = np.random.default_rng([seed, 22])
        return cls(
            seed,
            gain_grey=float(rng.uniform(30, 150)),
            spread_grey=float(rng.uniform(18, 40)),
            noise_grey=float(rng.uniform(4, 16)),
            chambers=int(rng.integers(1, 6)),
            shadows=int(rng.integers(0, 3)),
        )


def phantom_polar(levels: PhantomLevels, frame_index: int) -> np.ndarray:
    """Polar picture (ranges, beams) uint8; tissue drifts slowly and noise is new in each frame."""
    rng = np.random.default_rng([levels.seed, 33])
    noise_rng = np.random.default_rng([levels.seed, 44, frame_index])
    echo = _envelope(rng, levels, frame_index)
    tissue = levels.gain_grey + levels.spread_grey * np.log(echo + 1e-3) + _structure(rng, levels, frame_index)
    noise = levels.noise_grey * _envelope(noise_rng, levels, 0) * np.linspace(0.5, 1.5, levels.ranges)[:, None]
    grey: np.ndarray = np.clip(np.maximum(tissue, 0) + noise, 0, 255).astype(np.uint8)
    return grey


def _envelope(rng: np.random.Generator, levels: PhantomLevels, shift: int) -> np.ndarray:
    """Rayleigh envelope of mean power 1 with the width of a point spread function."""
    parts = rng.standard_normal((2, levels.ranges, levels.beams)).astype(np.float32)
    blurred = [cv2.GaussianBlur(part, (9, 7), sigmaX=1.7, sigmaY=1.1) for part in parts]
    power = blurred[0] ** 2 + blurred[1] ** 2
    return np.asarray(np.roll(np.sqrt(power / power.mean()), shift, axis=0))


def _structure(rng: np.random.Generator, levels: PhantomLevels, frame_index: int) -> np.ndarray:
    """Grey level added to mean tissue: slow variation, dark chambers, shadows, bright near field."""
    size = (levels.ranges, levels.beams)
    slow = cv2.GaussianBlur(rng.standard_normal(size).astype(np.float32), (0, 0), sigmaX=14, sigmaY=26)
    offset = 18 * slow / slow.std() - rng.uniform(0, 40) * np.linspace(0, 1, size[0])[:, None] ** 2
    for _ in range(levels.chambers):
        offset -= _chamber(rng, size, frame_index)
    for _ in range(levels.shadows):
        offset -= _shadow(rng, size)
    near = np.exp(-np.arange(size[0])[:, None] / (0.08 * size[0]))
    return np.asarray(offset + rng.uniform(0, 60) * near)


def _chamber(rng: np.random.Generator, size: tuple[int, int], frame_index: int) -> np.ndarray:
    row, column = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    centre = rng.uniform(0.25, 0.85) * size[0], rng.uniform(0.15, 0.85) * size[1]
    beat = 1 + 0.12 * np.sin(0.2 * frame_index)
    axes = rng.uniform(0.08, 0.2) * size[0] * beat, rng.uniform(0.08, 0.2) * size[1] * beat
    distance = np.hypot((row - centre[0]) / axes[0], (column - centre[1]) / axes[1])
    return np.asarray(rng.uniform(30, 90) / (1 + np.exp((distance - 1) * 12)))


def _shadow(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A few beams lose brightness below some depth, at times at the very edge of the sector."""
    column, row = np.arange(size[1]), np.arange(size[0])
    centre, width = (
        rng.choice([rng.uniform(0, 0.1), rng.uniform(0.1, 0.95)]) * size[1],
        rng.uniform(0.02, 0.08) * size[1],
    )
    across = np.exp(-0.5 * ((column - centre) / width) ** 2)
    below = 1 / (1 + np.exp(-(row - rng.uniform(0.05, 0.4) * size[0]) / 10))
    return np.asarray(rng.uniform(20, 80) * below[:, None] * across[None, :])
