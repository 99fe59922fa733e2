"""Signals that differ from element to element: electronic noise, and haze of reverberation that has lost its order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_ROWS, _MARGIN = 64, 32
_SIGMA_PER_FWHM = 1 / 2.3548
# Noise is new with each transmit; the picture is sampled a little more finely than transmits are spaced.
_NOISE_BEAM_SIGMA = 0.6
# Haze is made of echoes: across beams it has the grain of speckle (full width 3.2 samples at half maximum).
_HAZE_BEAM_SIGMA = 1.0


class ChannelBank:
    """Stored channel fields of mean power 1, independent from element to element, cut at random places.

    Parameters
    ----------
    seed : chooses the fields
    lines, elements : the largest cut
    row_sigma, line_sigma : Gaussian filter along range and across lines, in samples
    """

    def __init__(self, seed: int, lines: int, elements: int, row_sigma: float, line_sigma: float) -> None:
        rng = np.random.default_rng([seed, 121])
        size = (_ROWS, lines + _MARGIN, elements)
        white = rng.standard_normal((*size, 2), dtype=np.float32).view(np.complex64)[..., 0]
        across = np.matmul(_circulant(size[1], line_sigma), white)
        along = _circulant(_ROWS, row_sigma) @ across.reshape(_ROWS, -1)
        power = np.mean(along.real**2 + along.imag**2)
        self._field = np.asarray(along.reshape(size) / np.sqrt(power), dtype=np.complex64)

    def draw(self, rng: np.random.Generator, rows: int, lines: int, elements: slice) -> np.ndarray:
        """(rows, lines, elements) complex64, at most 64 rows; a view, not to be written to."""
        row = int(rng.integers(0, _ROWS - rows + 1))
        line = int(rng.integers(0, self._field.shape[1] - lines + 1))
        return self._field[row : row + rows, line : line + lines, elements]


@lru_cache(maxsize=4)
def noise_bank(lines: int, elements: int, pulse_samples: float, line_step: int) -> ChannelBank:
    """Electronic noise; the pulse's full width at half maximum stands for the receiver's filter."""
    return ChannelBank(1, lines, elements, pulse_samples * _SIGMA_PER_FWHM, _NOISE_BEAM_SIGMA / line_step)


@lru_cache(maxsize=4)
def haze_bank(lines: int, elements: int, pulse_samples: float, line_step: int) -> ChannelBank:
    """Clutter and haze, grained like speckle."""
    return ChannelBank(2, lines, elements, pulse_samples * _SIGMA_PER_FWHM, _HAZE_BEAM_SIGMA / line_step)


def _circulant(size: int, sigma: float) -> np.ndarray:
    """Gaussian filter of ``size`` samples in a ring as a matrix, float32."""
    apart = np.arange(size)
    apart = np.minimum(apart, size - apart)
    taps = np.exp(-0.5 * (apart / max(sigma, 1e-3)) ** 2)
    return np.asarray(np.stack([np.roll(taps, k) for k in range(size)]), dtype=np.float32)
