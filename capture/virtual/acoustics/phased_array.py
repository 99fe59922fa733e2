"""The phased array of the channel simulation and the polar grid on which it sees: range by sine of the angle.

One grating period, wavelength / pitch in sin(angle), is cut into 256 samples. The far field of element ``i`` is then
bin ``i`` of a discrete Fourier transform over the samples, and a beam of 64 elements is four samples wide.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from capture.errors import CaptureError
from capture.virtual.probe.settings import SPEED_OF_SOUND_MM_PER_US

GRID_SAMPLES = 256


@dataclass(frozen=True)
class PhasedArray:
    """A flat array of equal elements that transmits focused beams and receives with dynamic focus.

    Attributes
    ----------
    elements : how many
    frequency_mhz : centre frequency
    pitch_mm, width_mm : distance of neighbouring elements, and how wide each is
    focus_mm : range of the transmit focus
    pulse_mm : full width at half maximum of the echo's envelope along range
    receive_f_number : range over receive aperture; the aperture opens with range until all elements are in use
    """

    elements: int = 64
    frequency_mhz: float = 2.72
    pitch_mm: float = 0.3
    width_mm: float = 0.27
    focus_mm: float = 75.0
    pulse_mm: float = 0.8
    receive_f_number: float = 1.5

    @property
    def wavelength_mm(self) -> float:
        """Wavelength at the centre frequency."""
        return SPEED_OF_SOUND_MM_PER_US / self.frequency_mhz

    @property
    def wave_number(self) -> float:
        """Phase per mm of a one-way path, rad/mm."""
        return 2 * np.pi / self.wavelength_mm

    @property
    def aperture_mm(self) -> float:
        """Length of the whole array."""
        return self.elements * self.pitch_mm

    @property
    def sine_step(self) -> float:
        """Distance of grid samples in sin(angle)."""
        return self.wavelength_mm / self.pitch_mm / GRID_SAMPLES

    def element_mm(self) -> np.ndarray:
        """Positions of the elements along the array, (elements,) float64, 0 in the middle."""
        return (np.arange(self.elements) - (self.elements - 1) / 2) * self.pitch_mm

    def grid_sine(self) -> np.ndarray:
        """Sines of the grid's angles, (256,) float64; sample 128 looks straight ahead."""
        return (np.arange(GRID_SAMPLES) - GRID_SAMPLES // 2) * self.sine_step

    def directivity(self, sine: np.ndarray) -> np.ndarray:
        """One-way amplitude of one element over the sine of the angle (soft baffle), float64; 1 straight ahead."""
        cosine = np.sqrt(np.clip(1 - np.square(sine), 0, None))
        return np.asarray(np.sinc(self.width_mm / self.wavelength_mm * np.asarray(sine)) * cosine)

    def receiving(self, range_mm: float) -> slice:
        """Which elements receive from a range: as many in the middle as the f-number allows, never below four."""
        wanted = range_mm / self.receive_f_number / self.pitch_mm
        half = int(np.clip(round(wanted / 2), 2, self.elements // 2))
        return slice(self.elements // 2 - half, self.elements // 2 + half)


@dataclass(frozen=True)
class BeamGrid:
    """Samples of a sector: equally spaced ranges, and beams on the samples of the array's grid.

    Attributes
    ----------
    array : whose grid it is
    first_mm, last_mm : range of the first and of the last sample
    half_angle : the sector's half opening angle, radians; the outermost beams reach it or stand less than a step within
    ranges : samples of a beam
    line_step : a line is transmitted on each beam (1), or on every second one (2) and those between are interpolated,
        which is faster and leaves the coherence of noise 3 % too low
    """

    array: PhasedArray = field(default_factory=PhasedArray)
    first_mm: float = 2.0
    last_mm: float = 150.0
    half_angle: float = float(np.radians(40.0))
    ranges: int = 256
    line_step: int = 1

    def __post_init__(self) -> None:
        if self.line_step not in {1, 2}:
            raise CaptureError(f"Lines on every {self.line_step}th beam leave gaps: choose 1 or 2.")
        widest = (GRID_SAMPLES // 2 - 1) * self.array.sine_step
        if not 0 < np.sin(self.half_angle) < min(1.0, widest):
            limit = np.degrees(np.arcsin(min(1.0, widest)))
            raise CaptureError(
                f"A sector of +-{np.degrees(self.half_angle):.0f} degrees does not fit between the array's grating "
                f"lobes (+-{limit:.0f} degrees): narrow the sector, lower the frequency or shrink the pitch."
            )
        if not 0 < self.first_mm < self.last_mm or self.ranges < 2:
            raise CaptureError(
                f"{self.ranges} ranges from {self.first_mm} to {self.last_mm} mm are no grid: give at least two ranges "
                "and a last one that lies beyond a positive first one."
            )

    @property
    def range_step_mm(self) -> float:
        """Distance of neighbouring samples of a beam."""
        return (self.last_mm - self.first_mm) / (self.ranges - 1)

    @property
    def beams(self) -> int:
        """How many beams there are, an odd number."""
        return 2 * int(np.sin(self.half_angle) / self.array.sine_step) + 1

    @property
    def columns(self) -> slice:
        """The beams' places among the 256 samples of a scatterer field."""
        return slice(GRID_SAMPLES // 2 - self.beams // 2, GRID_SAMPLES // 2 + self.beams // 2 + 1)

    def range_mm(self) -> np.ndarray:
        """Range of each sample, (ranges,) float64."""
        return np.linspace(self.first_mm, self.last_mm, self.ranges)

    def sine(self) -> np.ndarray:
        """Sine of each beam's angle, (beams,) float64."""
        return self.array.grid_sine()[self.columns]

    def line_sine(self) -> np.ndarray:
        """Sine of each transmitted line's angle, (lines,) float64."""
        return self.sine()[:: self.line_step]

    def position_mm(self, whole: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Where the samples lie in the image plane: x to the right and z away from the probe.

        Parameters
        ----------
        whole : all 256 columns of a scatterer field instead of the beams alone

        Returns
        -------
        x and z in mm, each (ranges, 256) or (ranges, beams) float32; columns beyond +-90 degrees have z = 0
        """
        sine = self.array.grid_sine() if whole else self.sine()
        ranges = self.range_mm()[:, None]
        cosine = np.sqrt(np.clip(1 - sine**2, 0, None))
        return (ranges * sine).astype(np.float32), (ranges * cosine).astype(np.float32)
