"""How the virtual probe images: field of view, sampling, frequency and the settings of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.errors import CaptureError

SPEED_OF_SOUND_MM_PER_US = 1.54
TGC_SLIDERS = 8
_USUAL_MHZ = 3.2  # frequency for which ``axial_mm`` and ``lateral_rad`` are given
_BOUNDS = {
    "depth_mm": (40.0, 300.0),
    "focus_mm": (10.0, 250.0),
    "frequency_mhz": (1.0, 8.0),
    "dynamic_range_db": (20.0, 90.0),
    "gain_offset_db": (-40.0, 40.0),
}


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
    axial_mm : full width at half maximum of the pulse at 3.2 MHz; ``pulse_mm`` is the one in use
    lateral_rad : full width at half maximum of the beam at its focus at 3.2 MHz; ``beam_rad`` is the one in use
    focus_mm : transmit focus
    dynamic_range_db : span of the grey scale
    median_grey : grey level that automatic gain gives to the median of the sector
    gain_offset_db : gain knob against what automatic gain has chosen
    tgc_db : the eight sliders of time gain compensation, from the probe to full depth

    Raises
    ------
    CaptureError
        For a value out of bounds.
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
    gain_offset_db: float = 0.0
    tgc_db: tuple[float, ...] = (0.0,) * TGC_SLIDERS

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise CaptureError(f"The scanner's {name} of {value:g} is not possible. Choose {low:g} to {high:g}.")
        if len(self.tgc_db) != TGC_SLIDERS or not all(-30 <= slider <= 30 for slider in self.tgc_db):
            raise CaptureError(
                f"Time gain compensation takes {TGC_SLIDERS} sliders of -30 to 30 dB, not {self.tgc_db}."
            )

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
    def pulse_mm(self) -> float:
        """Full width at half maximum of the pulse; the same number of cycles at any frequency."""
        return self.axial_mm * _USUAL_MHZ / self.frequency_mhz

    @property
    def beam_rad(self) -> float:
        """Full width at half maximum of the beam at its focus; the same aperture at any frequency."""
        return self.lateral_rad * _USUAL_MHZ / self.frequency_mhz

    def knobs_db(self) -> np.ndarray:
        """Gain knob and time gain compensation at each range, (ranges,) float32."""
        sliders = np.interp(np.linspace(0, TGC_SLIDERS - 1, self.ranges), np.arange(TGC_SLIDERS), self.tgc_db)
        return np.asarray(sliders + self.gain_offset_db, np.float32)

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
