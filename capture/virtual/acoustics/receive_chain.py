"""From echoes to a picture: attenuation on the way, gain over range and across beams, grey levels on pixels.

Levels are in dB; 0 dB is speckle of mean power 1. All of them are added to the scatterers' level before the channels
are simulated, except for the lateral gain, which works on the beams.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.errors import CaptureError
from capture.virtual.acoustics.phased_array import BeamGrid
from capture.virtual.acoustics.signals import power_db, to_grey

SLIDERS = 8


@dataclass(frozen=True)
class TimeGain:
    """Time gain compensation.

    Attributes
    ----------
    compensated_db_cm_mhz : attenuation that the scanner makes up for, per cm of one-way path and MHz
    sliders_db : gain of eight sliders, the first next to the probe; each stands in the middle of its eighth of depth
    """

    compensated_db_cm_mhz: float = 0.5
    sliders_db: tuple[float, ...] = (0.0,) * SLIDERS

    def __post_init__(self) -> None:
        if len(self.sliders_db) != SLIDERS:
            raise CaptureError(
                f"Time gain has {SLIDERS} sliders, but {len(self.sliders_db)} values came: give one each."
            )

    def gain_db(self, grid: BeamGrid) -> np.ndarray:
        """Gain at each range, (ranges, 1) float32."""
        ranges = grid.range_mm()
        middles = grid.first_mm + (np.arange(SLIDERS) + 0.5) / SLIDERS * (grid.last_mm - grid.first_mm)
        made_up = 2 * self.compensated_db_cm_mhz * grid.array.frequency_mhz * ranges / 10
        return np.asarray(made_up + np.interp(ranges, middles, self.sliders_db), dtype=np.float32)[:, None]


def attenuation_db(grid: BeamGrid, coefficient_db_cm_mhz: np.ndarray | float) -> np.ndarray:
    """Two-way loss from the probe to each sample.

    Parameters
    ----------
    coefficient_db_cm_mhz : per cm of one-way path and MHz; one value, or a map (ranges, columns) of what lies where

    Returns
    -------
    float32, (ranges, 1) for one value, else (ranges, columns); grows with range
    """
    per_mm = np.atleast_2d(np.asarray(coefficient_db_cm_mhz, dtype=np.float32)) * (2 * grid.array.frequency_mhz / 10)
    per_mm = np.broadcast_to(per_mm, (grid.ranges, per_mm.shape[1]))
    steps = np.full((grid.ranges, 1), grid.range_step_mm, np.float32)
    steps[0] = grid.first_mm
    return np.asarray(np.cumsum(per_mm * steps, axis=0, dtype=np.float32))


def near_field_clutter_db(grid: BeamGrid, level_db: float, length_mm: float) -> np.ndarray:
    """Reverberation at the probe's face: ``level_db`` at range 0, falling to 1/e of its amplitude in ``length_mm``.

    Returns
    -------
    (ranges, 1) float32
    """
    return np.asarray(level_db - 20 / np.log(10) / length_mm * grid.range_mm(), dtype=np.float32)[:, None]


def haze_db(grid: BeamGrid, rng: np.random.Generator, level_db: float, spread_db: float, grain_mm: float) -> np.ndarray:
    """Haze of patches: mean level, their spread and their size (standard deviation of the smoothing at mid range).

    Returns
    -------
    (ranges, beams) float32
    """
    middle_mm = (grid.first_mm + grid.last_mm) / 2
    sigma = grain_mm / (middle_mm * grid.array.sine_step), grain_mm / grid.range_step_mm
    white = rng.standard_normal((grid.ranges, grid.beams), dtype=np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])
    return np.asarray(level_db + spread_db * (smooth - smooth.mean()) / smooth.std(), dtype=np.float32)


def added_db(*levels_db: np.ndarray | float) -> np.ndarray:
    """Level of independent signals together: their powers add up; float32, broadcast shape."""
    power = sum(np.exp2(np.asarray(level, dtype=np.float32) * np.float32(0.1 / np.log10(2))) for level in levels_db)
    return np.asarray(10 * np.log10(np.maximum(power, np.float32(1e-30))), dtype=np.float32)


def lateral_gain_db(grid: BeamGrid, sliders_db: tuple[float, ...]) -> np.ndarray:
    """Gain across the sector from sliders that stand at equal angles from left to right, (1, beams) float32."""
    stands = np.linspace(-grid.half_angle, grid.half_angle, len(sliders_db))
    return np.asarray(np.interp(np.arcsin(grid.sine()), stands, sliders_db), dtype=np.float32)[None]


def grey_levels(
    beams: np.ndarray, gain_db: float, dynamic_range_db: float, lateral_db: np.ndarray | float = 0.0
) -> np.ndarray:
    """Envelope and logarithmic compression of complex beams (ranges, beams); uint8 of the same shape."""
    return to_grey(power_db(beams) + lateral_db, gain_db, dynamic_range_db)


class SectorRaster:
    """Scan conversion of the grid's sector into a tight rectangle of any size; the rectangle may be squashed.

    Parameters
    ----------
    grid : the sector
    height, width : of the picture in pixels

    Attributes
    ----------
    inside : (height, width) bool, the sector
    mm_per_pixel : height and width of a pixel
    """

    def __init__(self, grid: BeamGrid, height: int = 256, width: int = 256) -> None:
        half_mm = grid.last_mm * np.sin(grid.half_angle)
        top_mm = grid.first_mm * np.cos(grid.half_angle)
        self.mm_per_pixel = (grid.last_mm - top_mm) / height, 2 * half_mm / width
        z = top_mm + (np.arange(height, dtype=np.float32)[:, None] + 0.5) * self.mm_per_pixel[0]
        x = (np.arange(width, dtype=np.float32) + 0.5) * self.mm_per_pixel[1] - half_mm
        radius, sine = np.hypot(x, z), x / np.hypot(x, z)
        near, far = radius >= grid.first_mm, radius <= grid.last_mm
        self.inside: np.ndarray = near & far & (np.abs(sine) <= np.sin(grid.half_angle))
        row = ((radius - grid.first_mm) / grid.range_step_mm).astype(np.float32)
        column = (sine / grid.array.sine_step + grid.beams // 2).astype(np.float32)
        self._map_xy, self._map_fraction = cv2.convertMaps(column, row, cv2.CV_16SC2)

    def convert(self, polar: np.ndarray, outside: float = 0) -> np.ndarray:
        """Resample a map (ranges, beams) uint8 or float32 linearly; (height, width) of the same type."""
        picture = cv2.remap(polar, self._map_xy, self._map_fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        picture[~self.inside] = outside
        return np.asarray(picture)
