"""Overlap of label maps."""

from __future__ import annotations

import numpy as np


def dice_per_class(predicted: np.ndarray, truth: np.ndarray, classes: int) -> list[float]:
    """Dice of the classes 1..classes-1 of two (H, W) integer label maps; NaN where a class is in neither map."""
    scores = []
    for value in range(1, classes):
        a, b = predicted == value, truth == value
        total = int(a.sum()) + int(b.sum())
        scores.append(2.0 * int((a & b).sum()) / total if total else float("nan"))
    return scores
