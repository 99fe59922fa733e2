"""Fit of the rectangle of a linear probe to evidence."""

from __future__ import annotations

import numpy as np

from capture.geometry import LinearField


def fit_rectangle(weight: np.ndarray) -> LinearField | None:
    """Upright rectangle of largest sum, by turns over rows and columns; None when nothing is picture.

    Parameters
    ----------
    weight : (h, w) float32, positive for picture, negative for background

    Returns
    -------
    In pixels of ``weight``, from the centre of the first to the centre of the last row and column inside.
    """
    top, bottom, left, right = 0, weight.shape[0], 0, weight.shape[1]
    for _ in range(4):
        top, bottom, _ = largest_run(weight[:, left:right].sum(axis=1))
        left, right, gain = largest_run(weight[top:bottom].sum(axis=0))
        if gain <= 0:
            return None
    if right - left < 8 or bottom - top < 8:
        return None
    return LinearField(float(left), float(top), float(right - 1), float(bottom - 1))


def largest_run(values: np.ndarray) -> tuple[int, int, float]:
    """Run [first, last) of largest sum, the shortest of equals, and its sum; (K,) any real dtype."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    lowest = np.minimum.accumulate(total)
    last = int(np.argmax(total - lowest))
    first = int(np.flatnonzero(total[: last + 1] == lowest[last])[-1])
    return first, last, float(total[last] - lowest[last])
