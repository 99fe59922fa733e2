"""What each line does to the scatterers beside it: transmit, receive and two-way kernels, with and without the screen.

The kernels change along range only through the transmit's defocus and the place where paths cross the screen, so that
they are computed for bands of neighbouring ranges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from capture.virtual.acoustics.chest_wall import ChestWall
from capture.virtual.acoustics.phased_array import BeamGrid
from capture.virtual.acoustics.signals import rotated

# Scatterers up to 32 samples beside a beam count: eight times the distance of its first zero.
SUPPORT = 64
_MOST_ROWS = 8
# By how much the transmit's phase at the edge of the aperture may change within a band, radians.
_MOST_PHASE = 1.0
# Nearer points lie inside the array's own near zone, where a beam has no pattern of its own.
_NEAREST_MM = 10.0


@dataclass(frozen=True)
class BandKernels:
    """Kernels of the beams for some ranges; every kernel runs over 64 samples, the beam standing at sample 32.

    Attributes
    ----------
    rows : the ranges
    elements : which elements receive
    transmit : (lines, 64) complex64, field of the transmitted beam behind the screen; scaled so that without a screen
        speckle of level 0 dB has mean power 1 in the beam
    receive : (lines, elements) complex64, what the screen does to each receiving element, over their number
    steer : (64, elements) complex64, an element's phase over the samples
    ideal : (lines, 64) complex64, two-way kernel without the screen, scaled to what the screen lets through in phase
    transmission : (lines,) float32, two-way amplitude through the screen, phases left out; 1 without a screen
    strehl : (lines,) float32, peak of the two-way beam's power against the one without delays, 0..1
    """

    rows: slice
    elements: slice
    transmit: np.ndarray
    receive: np.ndarray
    steer: np.ndarray
    ideal: np.ndarray
    transmission: np.ndarray
    strehl: np.ndarray


def band_kernels(grid: BeamGrid, wall: ChestWall | None, shift_mm: float = 0.0) -> list[BandKernels]:
    """Kernels of every band of a grid, from the first range to the last.

    Parameters
    ----------
    grid : ranges and beams
    wall : the screen in front of the array, or none
    shift_mm : how far the array has slid along the skin
    """
    rows = _bands(grid)
    middle_mm = np.array([grid.range_mm()[r].mean() for r in rows])
    design = _design(grid, tuple(middle_mm.tolist()))
    free = np.ones_like(design.law)
    seen = free if wall is None else wall.seen(grid.array, middle_mm, grid.line_sine(), shift_mm)
    sent = (design.law * seen) @ design.steer.T * design.scale  # (P, B, 64)
    whole = np.abs(seen).mean(axis=2)  # (P, B)
    return [_band(design, k, r, seen[k], sent[k], whole[k]) for k, r in enumerate(rows)]


@dataclass(frozen=True)
class _Design:
    """What the array does without a screen, for P ranges and B beams.

    ``law`` (P, B, elements): the transmit's phases; ``steer`` (64, elements); ``elements``: who receives, per range;
    ``two_way`` (P, B, 64): kernel of power 1; ``scale`` (P, B, 1): what brought it there.
    """

    law: np.ndarray
    steer: np.ndarray
    elements: list[slice]
    two_way: np.ndarray
    scale: np.ndarray


@lru_cache(maxsize=4)
def _design(grid: BeamGrid, range_mm: tuple[float, ...]) -> _Design:
    law, steer = _transmit_law(grid, np.array(range_mm)), _steering(grid)
    elements = [grid.array.receiving(mm) for mm in range_mm]
    received = np.stack([steer[:, e].mean(axis=1) for e in elements])[:, None]
    two_way = (law @ steer.T) * received
    scale = 1 / np.sqrt(_power(two_way))[..., None]
    return _Design(law, steer, elements, two_way * scale, scale)


def _band(design: _Design, k: int, rows: slice, seen: np.ndarray, sent: np.ndarray, whole: np.ndarray) -> BandKernels:
    """One band; ``seen`` (B, elements), ``sent`` (B, 64), ``whole`` (B,) mean amplitude over the whole aperture."""
    elements = design.elements[k]
    steer = np.ascontiguousarray(design.steer[:, elements])
    receive = seen[:, elements] * np.float32(1 / steer.shape[1])
    heard = receive @ steer.T  # (B, 64)
    design_kernel = design.two_way[k]
    share = _sum(sent * heard * design_kernel.conj())[:, None]
    amplitude = np.abs(receive).sum(axis=1)
    focused = np.abs(heard).max(axis=1) / amplitude
    return BandKernels(
        rows,
        elements,
        transmit=sent,
        receive=receive,
        steer=steer,
        ideal=share * design_kernel,
        transmission=amplitude * whole,
        strehl=np.minimum(focused**4, 1),
    )


def _bands(grid: BeamGrid) -> list[slice]:
    """Neighbouring ranges over which the transmit's curvature hardly changes."""
    ranges = grid.range_mm()
    edge_phase = grid.array.wave_number * (grid.array.aperture_mm / 2) ** 2 / 2 / np.maximum(ranges, _NEAREST_MM)
    rows, start = [], 0
    for row in range(1, grid.ranges + 1):
        full = row == grid.ranges or row - start == _MOST_ROWS
        if full or edge_phase[start] - edge_phase[row] > _MOST_PHASE:
            rows.append(slice(start, row))
            start = row
    return rows


def _transmit_law(grid: BeamGrid, range_mm: np.ndarray) -> np.ndarray:
    """Phase error of each element's wave on the beam's axis away from the focus, (P, B, elements) complex64."""
    array = grid.array
    x, sine = array.element_mm().astype(np.float32), grid.line_sine().astype(np.float32)[:, None]

    def excess(radius: np.ndarray) -> np.ndarray:
        """Path to a point on a beam's axis beyond its range and its steering, (P, B, elements) float32."""
        square = x * x - 2 * radius * (x * sine)
        # sqrt(r^2 + q) - r, written so that float32 keeps its digits
        return np.asarray(square / (np.sqrt(radius * radius + square) + radius) + x * sine)

    points = np.maximum(range_mm, _NEAREST_MM).astype(np.float32)[:, None, None]
    phase = excess(points) - excess(np.array(array.focus_mm, np.float32))
    phase *= np.float32(-array.wave_number)
    return turned(np.ones_like(phase), phase)


def _steering(grid: BeamGrid) -> np.ndarray:
    """Phase of each element for a scatterer beside the beam, (64, elements) complex64."""
    away = (np.arange(SUPPORT) - SUPPORT // 2) * grid.array.sine_step
    phase = grid.array.wave_number * np.outer(away, grid.array.element_mm())
    return np.asarray(np.exp(1j * phase), dtype=np.complex64)


def turned(amplitude: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """``amplitude * exp(j phase)`` of float32 arrays of any equal shape, complex64."""
    flat = amplitude.reshape(amplitude.shape[0], -1), phase.reshape(phase.shape[0], -1)
    return rotated(*flat).reshape(phase.shape)


def _power(kernel: np.ndarray) -> np.ndarray:
    return np.asarray((kernel.real**2 + kernel.imag**2).sum(axis=-1))


def _sum(terms: np.ndarray) -> np.ndarray:
    """Sum over the last axis; a product with ones is several times faster than ``sum`` on complex64."""
    return np.asarray(terms @ np.ones(terms.shape[-1], terms.dtype))
