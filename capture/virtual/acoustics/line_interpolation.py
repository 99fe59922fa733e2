"""Beams between transmitted lines, made from the lines beside them as a scanner does."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_TAPS = 16


def interpolated(lines: np.ndarray, beams: int) -> np.ndarray:
    """Lines of every second beam brought to all beams.

    A two-way beam's pattern holds no finer detail than two samples of the grid, so that little is lost by
    transmitting on every second one; a windowed sinc of sixteen taps fills in the rest.

    Parameters
    ----------
    lines : (ranges, (beams + 1) / 2), or (ranges, beams), which comes back as it is; float32 or complex64
    beams : an odd number

    Returns
    -------
    (ranges, beams) of the same type; the lines' own values are kept
    """
    if lines.shape[1] == beams:
        return lines
    return np.asarray(lines @ _matrix(beams).astype(lines.dtype))


def midway(lines: np.ndarray, beams: int) -> np.ndarray:
    """The same for what has hard edges, such as a rib's shadow: the mean of the two lines beside a beam."""
    if lines.shape[1] == beams:
        return lines
    filled = np.empty((lines.shape[0], beams), lines.dtype)
    filled[:, ::2] = lines
    filled[:, 1::2] = (lines[:, 1:] + lines[:, :-1]) * lines.dtype.type(0.5)
    return filled


@lru_cache(maxsize=16)
def _matrix(beams: int) -> np.ndarray:
    """What each line adds to each beam, ((beams + 1) / 2, beams) float32; mirrored beyond the outermost lines."""
    count = (beams + 1) // 2
    matrix = np.zeros((count, beams), np.float32)
    matrix[np.arange(count), np.arange(0, beams, 2)] = 1
    away = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps = np.sinc(away) * np.cos(np.pi * away / (_TAPS + 1))
    for offset, tap in zip(range(1 - _TAPS // 2, 1 + _TAPS // 2), taps / taps.sum(), strict=True):
        source = np.abs(np.arange(count - 1) + offset)
        source = np.minimum(source, 2 * (count - 1) - source)
        np.add.at(matrix, (source, np.arange(1, beams, 2)), tap)
    return matrix
