"""The chest wall as one screen in front of the array: it delays sound, and ribs and lung hold it back.

Defocus, side lobes and shadows with their penumbra all come out of the beams that pass this screen; none is painted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from capture.virtual.acoustics.phased_array import PhasedArray

# Places along the skin at which the screen is known.
STEP_MM = 0.1
HALF_LENGTH_MM = 120.0
_POINTS = 2 * round(HALF_LENGTH_MM / STEP_MM) + 1
_SIGMA_PER_FWHM = 1 / 2.3548


@dataclass(frozen=True)
class Block:
    """Something that holds sound back between two places along the skin: a rib, or lung from a place on.

    Attributes
    ----------
    start_mm, end_mm : where it begins and ends
    edge_mm : over which length its edges rise from 10 to 90 %
    loss_db : how much weaker sound is that passes it once
    """

    start_mm: float
    end_mm: float
    edge_mm: float = 1.5
    loss_db: float = 20.0


@dataclass(frozen=True)
class ChestWall:
    """A screen; the same values are the same screen.

    Attributes
    ----------
    seed : chooses the shape of delays and of transmission
    delay_rms_ns : spread of one-way delays, 0 to 80; measured chest walls: 21 +- 8
    delay_length_mm : full width at half maximum of the delays' autocorrelation, 2 to 6
    level_rms_db : spread of one-way transmission apart from blocks, of the same correlation length
    distance_mm : from the array to the screen
    blocks : ribs and lungs
    """

    seed: int = 1
    delay_rms_ns: float = 20.0
    delay_length_mm: float = 4.0
    level_rms_db: float = 0.0
    distance_mm: float = 12.0
    blocks: tuple[Block, ...] = ()

    @classmethod
    def random(cls, seed: int) -> ChestWall:
        """That of a patient: often a good window, at times ribs or lung in it; same seed, same wall."""
        r = np.random.default_rng([seed, 111])
        blocks = (*_random_ribs(r), *_random_lung(r))
        return cls(
            seed,
            delay_rms_ns=float(min(80.0, r.gamma(2.2, 14.0))),
            delay_length_mm=float(r.uniform(2, 6)),
            level_rms_db=float(r.uniform(0, 2)),
            distance_mm=float(r.uniform(8, 22)),
            blocks=blocks,
        )

    def delay_ns(self) -> np.ndarray:
        """One-way delay along the skin from -120 to 120 mm in steps of 0.1 mm, (2401,) float64."""
        return self.delay_rms_ns * _gaussian_process(self.seed, 112, self.delay_length_mm)

    def level_db(self) -> np.ndarray:
        """One-way transmission at the same places, (2401,) float64; losses of blocks add up."""
        place = np.linspace(-HALF_LENGTH_MM, HALF_LENGTH_MM, _POINTS)
        level = self.level_rms_db * _gaussian_process(self.seed, 113, self.delay_length_mm)
        for block in self.blocks:
            level = level - block.loss_db * _between(place, block)
        return level

    def response(self, frequency_mhz: float) -> np.ndarray:
        """What the screen does to a wave that passes it once: amplitude and phase, (2401,) complex64."""
        phase = -2 * np.pi * frequency_mhz * 1e-3 * self.delay_ns()
        return np.asarray(10 ** (self.level_db() / 20) * np.exp(1j * phase), dtype=np.complex64)

    def seen(self, array: PhasedArray, range_mm: np.ndarray, sine: np.ndarray, shift_mm: float = 0.0) -> np.ndarray:
        """Complex transmission of the straight path from each element to each point.

        Parameters
        ----------
        array : the elements
        range_mm, sine : (P,) and (B,) float: the points; those in front of the screen are reached freely
        shift_mm : how far the array has slid along the skin

        Returns
        -------
        (P, B, elements) complex64
        """
        depth = range_mm[:, None] * np.sqrt(1 - sine**2)
        share = (self.distance_mm / depth).astype(np.float32)[..., None]
        across = (range_mm[:, None] * sine).astype(np.float32)[..., None]
        element = array.element_mm().astype(np.float32)
        crossing = element + (across - element) * share + np.float32(shift_mm)
        place = np.clip((crossing + np.float32(HALF_LENGTH_MM)) * np.float32(1 / STEP_MM), 0, _POINTS - 1)
        found = self.response(array.frequency_mhz)[np.rint(place).astype(np.int32)]
        found[share[..., 0] >= 1] = 1
        return np.asarray(found)


def _gaussian_process(seed: int, purpose: int, fwhm_mm: float) -> np.ndarray:
    """Values along the skin of mean 0, variance 1 and Gaussian autocorrelation of the given full width."""
    white = np.random.default_rng([seed, purpose]).standard_normal(_POINTS)
    # The autocorrelation of white noise after a Gaussian filter is wider than the filter by the root of two.
    sigma = fwhm_mm * _SIGMA_PER_FWHM / np.sqrt(2) / STEP_MM
    frequency = np.fft.rfftfreq(_POINTS)
    smooth = np.fft.irfft(np.fft.rfft(white) * np.exp(-2 * (np.pi * sigma * frequency) ** 2), _POINTS)
    return np.asarray((smooth - smooth.mean()) / smooth.std())


def _between(place: np.ndarray, block: Block) -> np.ndarray:
    """1 within the block, 0 outside, (P,) with soft edges."""
    steepness = 4.4 / block.edge_mm  # a logistic curve rises from 10 to 90 % within 4.4 of its units
    rise = np.clip((place - block.start_mm) * steepness, -60, 60)
    fall = np.clip((block.end_mm - place) * steepness, -60, 60)
    return np.asarray(1 / (1 + np.exp(-rise)) / (1 + np.exp(-fall)))


def _random_ribs(r: np.random.Generator) -> tuple[Block, ...]:
    """Ribs 16-24 mm apart from edge to edge, with the array near the middle between two of them."""
    gap, width, off = r.uniform(16, 24), r.uniform(8, 13), r.normal(0, 3.5)
    loss, edge = float(r.uniform(10, 25)), float(r.uniform(1, 3))
    if r.random() < 0.45:  # the plane runs along the space between two ribs
        return ()
    right = Block(float(off + gap / 2), float(off + gap / 2 + width), edge, loss)
    left = Block(float(off - gap / 2 - width), float(off - gap / 2), edge, loss)
    return (left, right)


def _random_lung(r: np.random.Generator) -> tuple[Block, ...]:
    """Lung from one side, in every third patient."""
    side, start = r.choice([-1.0, 1.0]), r.uniform(3, 16)
    edge, loss = float(r.uniform(2, 6)), float(r.uniform(6, 25))
    if r.random() < 0.65:
        return ()
    return (
        (Block(float(start), HALF_LENGTH_MM, edge, loss),)
        if side > 0
        else (Block(-HALF_LENGTH_MM, float(-start), edge, loss),)
    )
