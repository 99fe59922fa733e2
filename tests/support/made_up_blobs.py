"""Round clouds of points with known classes."""

from __future__ import annotations

import numpy as np


def made_up_blobs(
    classes: int = 3, each: int = 40, dimensions: int = 6, apart: float = 8.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Shuffled points (N, D) float32 and their classes (N,) int64; deviation 1, centres ``apart`` on own axes."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(classes), each))
    centres = apart * np.eye(classes, dimensions)
    return (centres[truth] + rng.normal(size=(len(truth), dimensions))).astype(np.float32), truth
