"""The channel simulation: what every element of a phased array receives, and the beams and the coherence it gives.

Linear model of one range: element ``i`` hears, while a beam looks along ``b``,
``s_i(b) = c_i(b) sum_d f(b + d) t(b, d) exp(j k x_i d)`` with scatterers ``f``, transmitted field ``t``, screen ``c``
and ``d`` in sin(angle). The beam is the mean over the elements. Noise and haze are added per element after time gain.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from capture.errors import CaptureError
from capture.virtual.acoustics.beam_kernels import SUPPORT, BandKernels, band_kernels
from capture.virtual.acoustics.channel_noise import haze_bank, noise_bank
from capture.virtual.acoustics.chest_wall import ChestWall
from capture.virtual.acoustics.line_interpolation import interpolated, midway
from capture.virtual.acoustics.phased_array import GRID_SAMPLES, BeamGrid

_SIGMA_PER_FWHM = 1 / 2.3548
# Smoothing of numerator and denominator of the coherence factor, in samples.
COHERENCE_SIGMA = 1.5


@dataclass(frozen=True)
class ChannelEcho:
    """Beams of one frame and what they are made of, all (ranges, beams).

    Attributes
    ----------
    total : complex64, the beam: tissue, noise and haze; speckle of level 0 dB without a screen has mean power 1
    ideal : complex64, tissue as an undisturbed beam sees it, scaled to what arrives in phase (g * h0)
    leakage : complex64, the rest of the tissue's echo: what defocus and side lobes bring from elsewhere
    magnitude : float32, sum over the elements of the magnitude of what each adds to ``total``
    coherence : float32, 0..1, coherence factor of the channels, numerator and denominator smoothed by 1.5 samples
    transmission : float32, two-way amplitude through the screen, 1 without one
    strehl : float32, 0..1, Strehl ratio of the two-way beam
    noise_power, clutter_power : float32, mean power in the beam
    """

    total: np.ndarray
    ideal: np.ndarray
    leakage: np.ndarray
    magnitude: np.ndarray
    coherence: np.ndarray
    transmission: np.ndarray
    strehl: np.ndarray
    noise_power: np.ndarray
    clutter_power: np.ndarray


class ChannelSimulator:
    """A phased array behind a chest wall.

    Parameters
    ----------
    grid : array, ranges and beams
    wall : the screen, or none
    shift_mm : how far the array has slid along the skin from where the wall's 0 lies
    """

    def __init__(self, grid: BeamGrid, wall: ChestWall | None = None, shift_mm: float = 0.0) -> None:
        self.grid = grid
        self._bands = band_kernels(grid, wall, shift_mm)
        self._pulse_samples = grid.array.pulse_mm / grid.range_step_mm
        self._directivity = (grid.array.directivity(grid.array.grid_sine()) ** 2).astype(np.float32)

    def simulate(
        self,
        field: np.ndarray,
        rng: np.random.Generator,
        noise_db: np.ndarray | float = -np.inf,
        clutter_db: np.ndarray | float = -np.inf,
    ) -> ChannelEcho:
        """Beams of a scatterer field.

        Parameters
        ----------
        field : (ranges, 256) complex64, scatterers after attenuation and time gain; white of mean power 1 is 0 dB
        rng : cuts noise and haze out of their banks
        noise_db : mean power of electronic noise in the beam after time gain; scalar, (ranges, 1) or (ranges, beams)
        clutter_db : the same of haze and near-field clutter

        Raises
        ------
        CaptureError : the field does not have the grid's shape
        """
        expected = (self.grid.ranges, GRID_SAMPLES)
        if field.shape != expected:
            raise CaptureError(f"The scatterer field is {field.shape}, but the grid needs {expected}: sample it anew.")
        shape = (self.grid.ranges, self.grid.beams)
        noise, clutter = (np.broadcast_to(_amplitude(level), shape) for level in (noise_db, clutter_db))
        heard = self._pulsed(field)
        lines = _Lines((shape[0], self.grid.line_sine().size))
        step = self.grid.line_step
        for band in self._bands:
            self._receive(lines, band, heard, (noise[band.rows, ::step], clutter[band.rows, ::step]), rng)
        tissue, ideal, total, magnitude = (interpolated(plane, shape[1]) for plane in lines.planes())
        return ChannelEcho(
            total,
            ideal,
            leakage=tissue - ideal,
            magnitude=magnitude,
            coherence=coherence_factor(total, magnitude),
            transmission=self._along_range("transmission"),
            strehl=self._along_range("strehl"),
            noise_power=noise**2,
            clutter_power=clutter**2,
        )

    def _pulsed(self, field: np.ndarray) -> np.ndarray:
        """Scatterers seen by single elements and with the pulse's length, padded by half a kernel on each side."""
        weighted = np.ascontiguousarray(field * self._directivity)
        parts = weighted.view(np.float32).reshape(field.shape[0], -1)
        smooth = cv2.sepFilter2D(
            parts, -1, np.ones(1, np.float32), pulse(self._pulse_samples), borderType=cv2.BORDER_REFLECT
        )
        return np.pad(smooth.view(np.complex64), ((0, 0), (SUPPORT // 2, SUPPORT // 2)))

    def _receive(
        self,
        lines: _Lines,
        band: BandKernels,
        heard: np.ndarray,
        levels: tuple[np.ndarray, np.ndarray],
        rng: np.random.Generator,
    ) -> None:
        """Fill the rows of one band."""
        columns = slice(self.grid.columns.start, self.grid.columns.stop, self.grid.line_step)
        windows = sliding_window_view(heard[band.rows], SUPPORT, axis=1)[:, columns]  # (rows, lines, 64)
        sent = (windows * band.transmit).reshape(-1, SUPPORT)
        channels = (sent @ band.steer).reshape(*windows.shape[:2], -1)  # (rows, lines, elements)
        channels *= band.receive
        lines.ideal[band.rows] = _sum(windows * band.ideal)
        lines.tissue[band.rows] = _sum(channels)
        self._disturb(channels, band, levels, rng)
        lines.total[band.rows] = _sum(channels)
        lines.magnitude[band.rows] = np.abs(channels) @ np.ones(channels.shape[2], np.float32)

    def _disturb(
        self,
        channels: np.ndarray,
        band: BandKernels,
        levels: tuple[np.ndarray, np.ndarray],
        rng: np.random.Generator,
    ) -> None:
        """Add noise and haze to the channels (rows, lines, elements) of one band."""
        elements = self.grid.array.elements
        for bank, level in zip((noise_bank, haze_bank), levels, strict=True):
            if not level.any():
                continue
            stored = bank(channels.shape[1], elements, round(self._pulse_samples, 1), self.grid.line_step)
            drawn = stored.draw(rng, channels.shape[0], channels.shape[1], band.elements)
            # Each element carries the beam's power divided by the number of elements, since they add up in power.
            channels += drawn * (level / np.float32(np.sqrt(channels.shape[2])))[..., None]

    def _along_range(self, name: str) -> np.ndarray:
        """A value per band and beam repeated over the ranges of its band, (ranges, beams) float32."""
        counts = [band.rows.stop - band.rows.start for band in self._bands]
        per_band = midway(np.stack([getattr(band, name) for band in self._bands]), self.grid.beams)
        return np.repeat(per_band, counts, axis=0)


class _Lines:
    """The planes that the bands fill, (ranges, lines)."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.tissue, self.ideal, self.total = (np.empty(shape, np.complex64) for _ in range(3))
        self.magnitude = np.empty(shape, np.float32)

    def planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.tissue, self.ideal, self.total, self.magnitude


def coherence_factor(total: np.ndarray, magnitude: np.ndarray, sigma: float = COHERENCE_SIGMA) -> np.ndarray:
    """Coherence factor |sum of channels| / sum of |channel|, as in the regional quality paper (section 2.3.2).

    Numerator and denominator are each smoothed before they are divided, as a scanner's image filter does.

    Parameters
    ----------
    total : complex sum over the channels, any 2-d shape
    magnitude : sum of the channels' magnitudes, float32, same shape
    sigma : of the Gaussian filter in samples; 0 for none

    Returns
    -------
    float32, 0..1; channels of noise alone give 1 / sqrt(channels), 0 where there is no signal
    """
    above, below = np.abs(total), magnitude
    if sigma > 0:
        above, below = (cv2.GaussianBlur(plane, (0, 0), sigma) for plane in (above, below))
    return np.asarray(np.minimum(above / np.maximum(below, np.float32(1e-20)), 1), dtype=np.float32)


def pulse(full_width: float) -> np.ndarray:
    """Gaussian pulse of a full width in samples, float32, an odd number of taps of total power 1."""
    sigma = full_width * _SIGMA_PER_FWHM
    half = max(1, int(np.ceil(3.5 * sigma)))
    taps = np.exp(-0.5 * (np.arange(-half, half + 1) / max(sigma, 1e-3)) ** 2)
    return np.asarray(taps / np.sqrt((taps**2).sum()), dtype=np.float32)


def deposit(grid: BeamGrid, range_mm: np.ndarray, sine: np.ndarray, amplitude: np.ndarray) -> np.ndarray:
    """Point scatterers on the grid: linear shares for the four samples around each, with the phase of its range.

    Parameters
    ----------
    grid : ranges of the field
    range_mm, sine, amplitude : (N,) float, where the scatterers are and how strong; those outside are left out

    Returns
    -------
    (ranges, 256) complex64, what ``ChannelSimulator.simulate`` takes
    """
    row = (range_mm - grid.first_mm) / grid.range_step_mm
    column = sine / grid.array.sine_step + GRID_SAMPLES // 2
    inside = (row >= 0) & (row < grid.ranges - 1) & (column >= 0) & (column < GRID_SAMPLES - 1)
    row, column = row[inside], column[inside]
    weight = (amplitude * np.exp(-2j * grid.array.wave_number * range_mm))[inside]
    top, left = row.astype(np.int64), column.astype(np.int64)
    down, right = row - top, column - left
    field = np.zeros(grid.ranges * GRID_SAMPLES, np.complex128)
    for over, below in ((0, 1 - down), (1, down)):
        for aside, share in ((0, 1 - right), (1, right)):
            place = (top + over) * GRID_SAMPLES + left + aside
            parts = [np.bincount(place, (w * below * share), field.size) for w in (weight.real, weight.imag)]
            field += parts[0] + 1j * parts[1]
    return np.asarray(field.reshape(grid.ranges, GRID_SAMPLES), dtype=np.complex64)


def _amplitude(level_db: np.ndarray | float) -> np.ndarray:
    return np.asarray(10 ** (np.asarray(level_db, dtype=np.float32) / 20), dtype=np.float32)


def _sum(terms: np.ndarray) -> np.ndarray:
    """Sum over the last axis; a product with ones is several times faster than ``sum`` on complex64."""
    return np.asarray(terms @ np.ones(terms.shape[-1], terms.dtype))
