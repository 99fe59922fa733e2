"""Functions whose float32 results are the same on every machine: worked out in float64, then rounded.

In float32 the last bit of an exponential, a sine or a sum of products depends on the processor. Scatterers and textures
are read at the nearest cell, where a last bit can choose another one: all that decides such a place comes from here,
or from single additions, products and roots, which are the same everywhere.
"""

from __future__ import annotations

import numpy as np


def exponential(x: np.ndarray) -> np.ndarray:
    """e to the power ``x``, float32, same shape."""
    return np.asarray(np.exp(x, dtype=np.float64), np.float32)


def cosine_and_sine(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of angles in radians, float32, same shape."""
    return np.cos(x, dtype=np.float64).astype(np.float32), np.sin(x, dtype=np.float64).astype(np.float32)


def product(vectors: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """``vectors @ directions`` of vectors (..., 3) with one direction (3,) or the columns of a (3, K); float32."""
    return np.asarray(np.asarray(vectors, np.float64) @ np.asarray(directions, np.float64), np.float32)


def length(vectors: np.ndarray) -> np.ndarray:
    """Length of vectors (..., 3), float32 (...)."""
    x, y, z = (np.asarray(vectors[..., axis], np.float32) for axis in range(3))
    return np.asarray(np.sqrt(x * x + y * y + z * z))
