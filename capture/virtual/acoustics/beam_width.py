"""The channel simulation's point spread over range, and a fast convolution that takes its widths from it.

``DepthSpread`` serves where pictures must be fast: it has the widths of the beam at each range, but no side lobes, no
screen and no channels, so no coherence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from capture.errors import CaptureError
from capture.virtual.acoustics.channels import ChannelSimulator, pulse
from capture.virtual.acoustics.phased_array import GRID_SAMPLES, BeamGrid
from capture.virtual.probe.settings import ProbeSettings

_SIGMA_PER_FWHM = 1 / 2.3548
# Samples per pulse and beam while widths are measured.
_FINE = 8


@dataclass(frozen=True)
class SpreadWidths:
    """Full widths at half maximum of the echo's envelope of a point straight ahead.

    Attributes
    ----------
    range_mm : (N,) float64, where the points are
    lateral_rad : (N,) float64, across the beams
    axial_mm : (N,) float64, along the beam
    """

    range_mm: np.ndarray
    lateral_rad: np.ndarray
    axial_mm: np.ndarray


def measured_widths(grid: BeamGrid, points: int = 12) -> SpreadWidths:
    """Widths of the channel simulation without a chest wall, at points spread over the grid's ranges."""
    pulse_mm = grid.array.pulse_mm
    ranges = 1 + int(np.ceil((grid.last_mm - grid.first_mm) / (pulse_mm / _FINE)))
    fine = replace(grid, ranges=ranges, half_angle=float(np.arcsin(32 * grid.array.sine_step)))
    rows = np.linspace(4 * _FINE, ranges - 1 - 4 * _FINE, points).astype(int)
    field = np.zeros((ranges, GRID_SAMPLES), np.complex64)
    field[rows, GRID_SAMPLES // 2] = 1
    beams = ChannelSimulator(fine).simulate(field, np.random.default_rng(0)).total
    across = [_full_width(_upsampled(beams[row])) / _FINE * grid.array.sine_step for row in rows]
    middle = np.abs(beams[:, fine.beams // 2])
    along = [_full_width(middle[r - 3 * _FINE : r + 3 * _FINE + 1]) * fine.range_step_mm for r in rows]
    return SpreadWidths(fine.range_mm()[rows], np.array(across), np.array(along))


class DepthSpread:
    """Point spread function of given widths at each range; keeps mean power 1 for white input of mean power 1.

    Parameters
    ----------
    probe : ranges and beams
    widths : from ``measured_widths``; between its ranges they are interpolated, and the axial width is their mean
    """

    def __init__(self, probe: ProbeSettings, widths: SpreadWidths) -> None:
        self._axial = pulse(float(widths.axial_mm.mean()) / probe.range_step_mm)
        sigma = np.interp(probe.range_mm(), widths.range_mm, widths.lateral_rad) * _SIGMA_PER_FWHM / probe.beam_step_rad
        # Beams wrap around in the transform: as many as the widest kernel reaches are added on each side.
        self._pad = int(np.ceil(3 * sigma.max()))
        columns = cv2.getOptimalDFTSize(probe.beams + 2 * self._pad)
        self._extra = columns - probe.beams - self._pad
        transfer = np.exp(-2 * (np.pi * np.fft.fftfreq(columns) * sigma[:, None]) ** 2)
        transfer /= np.sqrt((transfer**2).mean(axis=1, keepdims=True))
        self._transfer = np.repeat(transfer.astype(np.float32), 2, axis=1)

    def apply(self, field: np.ndarray) -> np.ndarray:
        """Convolve ``field`` (ranges, beams) complex64; same shape and type."""
        parts = np.ascontiguousarray(field).view(np.float32)
        along = cv2.sepFilter2D(parts, -1, np.ones(1, np.float32), self._axial, borderType=cv2.BORDER_REFLECT)
        two = along.reshape(*field.shape, 2)
        padded = cv2.copyMakeBorder(two, 0, 0, self._pad, self._extra, cv2.BORDER_REFLECT)
        spectrum = cv2.dft(padded, flags=cv2.DFT_ROWS | cv2.DFT_COMPLEX_OUTPUT)
        spectrum *= self._transfer.reshape(spectrum.shape)
        wide = cv2.dft(spectrum, flags=cv2.DFT_ROWS | cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_COMPLEX_OUTPUT)
        inner = np.ascontiguousarray(wide[:, self._pad : self._pad + field.shape[1]])
        return np.asarray(inner.view(np.complex64)[..., 0])


def _upsampled(beams: np.ndarray) -> np.ndarray:
    """Magnitude of beams on a grid that is finer by ``_FINE``; they are band-limited, so that nothing is guessed."""
    spectrum = np.fft.fftshift(np.fft.fft(beams))
    extra = (_FINE - 1) * beams.size
    fine = np.fft.ifft(np.fft.ifftshift(np.pad(spectrum, (extra // 2, extra - extra // 2))))
    return np.abs(fine)


def _full_width(profile: np.ndarray) -> float:
    """Full width at half of the maximum in samples, between linearly interpolated crossings."""
    level = profile / profile.max() - 0.5
    above = np.flatnonzero(level >= 0)
    first, last = int(above[0]), int(above[-1])
    if first == 0 or last == profile.size - 1:
        raise CaptureError("The profile does not fall to half of its maximum on both sides: measure over more samples.")
    rise = level[first] / (level[first] - level[first - 1])
    fall = level[last] / (level[last] - level[last + 1])
    return float(last - first + rise + fall)
