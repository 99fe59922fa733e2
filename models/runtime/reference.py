"""Deterministic heart-like frames, on which two precisions of a model are compared."""

from __future__ import annotations

import cv2
import numpy as np

from models.runtime.fuzzy_filter import SIDE, FuzzyFilter
from models.runtime.manifest import TensorSpec

MODEL_SIZE = 256
_SEED = 20240801


def reference_batches(count: int = 3) -> list[np.ndarray]:
    """Frames in the networks' input format.

    Returns
    -------
    ``count`` arrays (1, 1, 256, 256) float32 in 0..255: a sector with speckle, a bright wall and dark cavities,
    each of another size. The same on every machine.
    """
    rng = np.random.default_rng(_SEED)
    return [_frame(rng, 0.85 + 0.15 * index)[np.newaxis, np.newaxis] for index in range(count)]


def reference_for(spec: TensorSpec) -> list[np.ndarray]:
    """The same frames as a network eats them, by its input: the cluster networks, of side 224, eat filtered squares.

    A generator eats no picture but numbers (N, F): standard normal ones.
    """
    if len(spec.shape) == 2:
        return [np.random.default_rng(_SEED).standard_normal((1, spec.shape[1] or 1)).astype(np.float32)]
    batches = reference_batches()
    if spec.shape[-1] != SIDE:
        return batches
    fuzzy = FuzzyFilter()
    small = [cv2.resize(batch[0, 0], (SIDE, SIDE), interpolation=cv2.INTER_AREA) for batch in batches]
    return [fuzzy.preprocess(np.asarray(square, np.uint8))[np.newaxis, np.newaxis] for square in small]


def _frame(rng: np.random.Generator, size: float) -> np.ndarray:
    y, x = np.mgrid[0:MODEL_SIZE, 0:MODEL_SIZE].astype(np.float32)
    level = np.full((MODEL_SIZE, MODEL_SIZE), 70, np.float32)
    level[_ellipse(x, y, 128, 110, 52 * size, 88 * size) & (y < 190)] = 125  # myocardium
    level[_ellipse(x, y, 128, 118, 32 * size, 70 * size) & (y < 186)] = 18  # left ventricle
    level[_ellipse(x, y, 128, 222, 36 * size, 30)] = 22  # left atrium
    speckle = rng.rayleigh(0.8, level.shape).astype(np.float32)
    in_sector = (np.abs(np.arctan2(x - 128, y + 1)) < 0.68) & (np.hypot(x - 128, y) < 250)
    return np.asarray(np.clip(np.floor(level * speckle), 0, 255) * in_sector)


def _ellipse(x: np.ndarray, y: np.ndarray, cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    return np.asarray(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1)
