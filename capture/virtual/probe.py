"""How the virtual probe images: field of view, sampling, frequency and the settings of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPEED_OF_SOUND_MM_PER_US = 1.54


@dataclass(frozen=True)
class ProbeSettings:
    """A phased array and the knobs beside it.

    Attributes
    ----------
    depth_mm : from the probe's face to the deepest sample
    face_mm : distance of the probe's face from the sector's apex, from where all ranges count
    half_angle : half of the opening angle, radians
    ranges, beams : samples of the polar image
    frequency_mhz : centre frequency of what is received (second harmonic)
    axial_mm : full width at half maximum of the pulse
    lateral_rad : full width at half maximum of the beam at its focus
    focus_mm : transmit focus
    dynamic_range_db : span of the grey scale
    median_grey : grey level that automatic gain gives to the median of the sector
    """

    depth_mm: float = 150.0
    face_mm: float = 2.0
    half_angle: float = float(np.radians(38.0))
    ranges: int = 512
    beams: int = 256
    frequency_mhz: float = 3.2
    axial_mm: float = 0.95
    lateral_rad: float = 0.026
    focus_mm: float = 75.0
    dynamic_range_db: float = 50.0
    median_grey: float = 72.0

    @classmethod
    def random(cls, seed: int, reach_mm: float = 145.0) -> ProbeSettings:
        """Settings that a sonographer might choose to see as far as ``reach_mm``; same arguments, same settings."""
        r = np.random.default_rng([seed, 102])
        return cls(
            depth_mm=float(reach_mm * r.uniform(0.97, 1.1)),
            half_angle=float(np.radians(r.uniform(36, 43))),
            axial_mm=float(r.uniform(0.75, 1.1)),
            lateral_rad=float(r.uniform(0.025, 0.036)),
            dynamic_range_db=float(r.uniform(43, 54)),
            median_grey=float(r.uniform(58, 90)),
        )

    @property
    def range_step_mm(self) -> float:
        """Distance of neighbouring samples of a beam."""
        return self.depth_mm / (self.ranges - 1)

    @property
    def beam_step_rad(self) -> float:
        """Angle between neighbouring beams."""
        return 2 * self.half_angle / (self.beams - 1)

    @property
    def wave_number_rad_per_mm(self) -> float:
        """Phase per mm of range for the way there and back."""
        return float(4 * np.pi * self.frequency_mhz / SPEED_OF_SOUND_MM_PER_US)

    def range_mm(self) -> np.ndarray:
        """Range of each sample, (ranges,) float64."""
        return np.linspace(self.face_mm, self.face_mm + self.depth_mm, self.ranges)

    def angle_rad(self) -> np.ndarray:
        """Angle of each beam, (beams,) float64."""
        return np.linspace(-self.half_angle, self.half_angle, self.beams)
