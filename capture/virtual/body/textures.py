"""Smooth random textures in three dimensions, periodic, read at material places."""

from __future__ import annotations

import numpy as np

_SIDE = 64
_SIGMA = 2.0  # voxels


class Texture:
    """A Gaussian field of unit variance.

    Parameters
    ----------
    seed : same seed, same field
    """

    def __init__(self, seed: int) -> None:
        noise = np.random.default_rng([seed, 103]).standard_normal((_SIDE,) * 3)
        frequency = np.fft.fftfreq(_SIDE) * (2 * np.pi * _SIGMA)
        decay = np.exp(-0.5 * frequency**2)
        spectrum = (
            np.fft.rfftn(noise) * decay[:, None, None] * decay[None, :, None] * decay[None, None, : _SIDE // 2 + 1]
        )
        field = np.fft.irfftn(spectrum, noise.shape, axes=(0, 1, 2))
        self._field = np.ascontiguousarray((field - field.mean()) / field.std(), np.float32).ravel()

    def at(self, points: np.ndarray, sigma_mm: tuple[float, float, float], which: int = 0) -> np.ndarray:
        """Values at ``points`` (..., 3) mm, float32 (...).

        Parameters
        ----------
        sigma_mm : smoothness along each axis, the Gaussian's standard deviation
        which : textures of different numbers are read in different places
        """
        scale = np.array([_SIGMA / value for value in sigma_mm], np.float32)
        start = np.float32(_SIDE * 8) + np.array([17.3, 5.9, 41.1], np.float32) * np.float32(which)
        voxel = (points * scale + start).astype(np.int32) & (_SIDE - 1)
        return np.asarray(self._field.take((voxel[..., 0] * _SIDE + voxel[..., 1]) * _SIDE + voxel[..., 2]))
