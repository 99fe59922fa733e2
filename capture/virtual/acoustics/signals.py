"""Signals in beam space: scatterers, point spread function, noise, envelope and grey levels.

Complex fields are (ranges, beams) complex64 at baseband. Fully developed speckle of level 0 dB has mean power 1.
"""

from __future__ import annotations

import cv2
import numpy as np

from capture.virtual.probe.settings import ProbeSettings

_SIGMA_PER_FWHM = 1 / 2.3548
# Power to dB: 10 log10(x) = 10 / ln(10) * ln(x).
_DB_PER_NEPER = 10 / np.log(10)
CURVE_STEPS = 16  # of a grey map per grey level: fine, so that a rounding error is not raised with the contrast


def white_field(rng: np.random.Generator, ranges: int, beams: int) -> np.ndarray:
    """Independent complex scatterers of mean power 1, (ranges, beams) complex64."""
    parts = rng.standard_normal((ranges, beams, 2), dtype=np.float32) * np.float32(np.sqrt(0.5))
    return np.ascontiguousarray(parts).view(np.complex64)[..., 0]


def amplitude(level_db: np.ndarray) -> np.ndarray:
    """Amplitude of a level in dB, float32."""
    return np.asarray(10 ** (np.asarray(level_db) / 20), dtype=np.float32)


class PointSpread:
    """Point spread function: Gaussian pulse along the beam, beam width that grows away from the focus.

    The output keeps mean power 1 at every range for white input of mean power 1.
    """

    def __init__(self, probe: ProbeSettings) -> None:
        self._axial = _kernel(probe.axial_mm * _SIGMA_PER_FWHM / probe.range_step_mm)
        narrow = probe.lateral_rad * _SIGMA_PER_FWHM / probe.beam_step_rad
        self._narrow = _kernel(narrow)
        # Close to the face the beams overlap almost wholly; beyond the focus they widen slowly.
        self._extra = _kernel(3.5 * narrow), _kernel(1.5 * narrow)
        blur = np.clip(np.abs(probe.range_mm() - probe.focus_mm) / probe.focus_mm, 0, 1) ** 1.5
        self._near_end = int(np.searchsorted(probe.range_mm(), 0.75 * probe.focus_mm))
        self._far_start = int(np.searchsorted(probe.range_mm(), 1.35 * probe.focus_mm))
        self._blur = blur[:, None].astype(np.float32)
        self._normal = np.ones((probe.ranges, 1), np.float32)
        self._normal = self._measure(probe)

    def apply(self, field: np.ndarray) -> np.ndarray:
        """Convolve ``field`` (ranges, beams) complex64; same shape and type."""
        parts = _as_parts(field)
        sharp = cv2.sepFilter2D(parts, -1, self._narrow, self._axial, borderType=cv2.BORDER_REFLECT)
        image = np.ascontiguousarray(sharp).view(np.complex64)[..., 0]
        for rows, kernel in zip((slice(0, self._near_end), slice(self._far_start, None)), self._extra, strict=True):
            wide = cv2.sepFilter2D(sharp[rows], -1, kernel, np.ones(1, np.float32), borderType=cv2.BORDER_REFLECT)
            wide_field = np.ascontiguousarray(wide).view(np.complex64)[..., 0]
            image[rows] += self._blur[rows] * (wide_field - image[rows])
        image *= self._normal
        return image

    def _measure(self, probe: ProbeSettings) -> np.ndarray:
        """Factor per range that brings speckle back to mean power 1, measured on white fields."""
        rng = np.random.default_rng(5)
        power = np.zeros(probe.ranges)
        for _ in range(6):
            power += (np.abs(self.apply(white_field(rng, probe.ranges, probe.beams))) ** 2).mean(axis=1) / 6
        smooth = cv2.GaussianBlur(power.reshape(-1, 1), (1, 0), sigmaX=1, sigmaY=6)
        return np.asarray(1 / np.sqrt(smooth), dtype=np.float32)


class NoiseBank:
    """Electronic noise: independent from frame to frame, cut from a few stored fields at random places."""

    def __init__(self, probe: ProbeSettings, rng: np.random.Generator, fields: int = 3, margin: int = 96) -> None:
        self._shape = (probe.ranges, probe.beams)
        self._margin = margin
        axial = _kernel(probe.axial_mm * _SIGMA_PER_FWHM / probe.range_step_mm)
        self._fields = [self._field(rng, axial) for _ in range(fields)]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Noise of mean power 1, (ranges, beams) complex64; a view, not to be written to."""
        which = int(rng.integers(len(self._fields)))
        row, column = rng.integers(0, self._margin, 2)
        return self._fields[which][row : row + self._shape[0], column : column + self._shape[1]]

    def _field(self, rng: np.random.Generator, axial: np.ndarray) -> np.ndarray:
        white = white_field(rng, self._shape[0] + self._margin, self._shape[1] + self._margin)
        # Beams are transmitted more sparsely than the picture is sampled: neighbours share some noise.
        parts = cv2.sepFilter2D(_as_parts(white), -1, _kernel(1.2), axial)
        field = np.ascontiguousarray(parts).view(np.complex64)[..., 0]
        return np.asarray(field / np.sqrt((np.abs(field) ** 2).mean()), dtype=np.complex64)


def power_db(field: np.ndarray, averaged_power: np.ndarray | float = 1e-9) -> np.ndarray:
    """Level of the envelope in dB, (ranges, beams) float32.

    ``averaged_power`` is power without speckle, such as the part of noise and clutter that compounding has averaged.
    """
    parts = _as_parts(field)
    power = np.einsum("ijk,ijk->ij", parts, parts) + np.asarray(averaged_power, np.float32)
    return np.asarray(cv2.log(power)) * np.float32(_DB_PER_NEPER)


def smoothed(level_db: np.ndarray) -> np.ndarray:
    """What a scanner's image filter does to speckle: a slight blur of the compressed picture; same shape."""
    return np.asarray(cv2.GaussianBlur(level_db, (3, 5), sigmaX=0.7, sigmaY=1.0))


def to_grey(
    level_db: np.ndarray, gain_db: float, dynamic_range_db: float, curve: np.ndarray | None = None
) -> np.ndarray:
    """Grey levels: 0 dB after gain is white, ``dynamic_range_db`` below is black; uint8.

    ``curve`` is a grey map, (255 * CURVE_STEPS + 1,) uint8: the grey level for each ``CURVE_STEPS``-th of one.
    """
    steps = 1 if curve is None else CURVE_STEPS
    scale = 255 * steps / dynamic_range_db
    grey = level_db * np.float32(scale) + np.float32((gain_db + dynamic_range_db) * scale)
    np.clip(grey, 0, 255 * steps, out=grey)
    return np.asarray(grey.astype(np.uint8) if curve is None else curve.take(grey.astype(np.uint16)))


def rotated(amplitude_map: np.ndarray, phase_rad: np.ndarray) -> np.ndarray:
    """``amplitude_map * exp(i phase_rad)``, complex64."""
    real, imaginary = cv2.polarToCart(amplitude_map, phase_rad)
    return np.ascontiguousarray(cv2.merge([real, imaginary])).view(np.complex64)[..., 0]


def _as_parts(field: np.ndarray) -> np.ndarray:
    """View complex64 (R, B) as float32 (R, B, 2)."""
    return np.ascontiguousarray(field).view(np.float32).reshape(*field.shape, 2)


def _kernel(sigma: float) -> np.ndarray:
    half = max(1, int(np.ceil(2.8 * sigma)))
    taps = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    return np.asarray(taps / taps.sum(), dtype=np.float32)
