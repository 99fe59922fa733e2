"""Scatterers fixed in the tissue: a periodic three-dimensional lattice that is read at material places.

Whatever plane is imaged and however tissue moves, the same material gives the same echo, so that speckle follows
tissue, and another one when tissue leaves the plane. Across the plane the cells are as thick as a beam.
"""

from __future__ import annotations

import numpy as np

from capture.virtual.body.reproducible import product
from capture.virtual.probe.plane import ImagePlane

_CELL_MM = (0.40, 1.8, 0.32)  # lateral, elevation, axial in the home plane
_BITS = (7, 5, 8)  # cells of a period, as powers of two
# Neighbours are staggered by steps of a cell's thickness, so that they do not change all at once.
_STAGGER_BITS = 6
_FINE_BITS = (5, 1, 5)  # parts of a cell, and of a step of the thickness, that coordinates tell apart
_MIDDLE = 1 << 15  # coordinate of the body's origin: 16 bits reach 320 mm to all sides of it


class ScattererLattice:
    """Complex scatterers of mean power 1.

    Parameters
    ----------
    rng : draws the scatterers
    home : plane whose directions the cells follow, usually the standard view's
    """

    def __init__(self, rng: np.random.Generator, home: ImagePlane) -> None:
        count = 1 << sum(_BITS)
        parts = rng.standard_normal((count, 2), dtype=np.float32) * np.float32(np.sqrt(0.5))
        self._scatterers = np.ascontiguousarray(parts).view(np.complex64)[:, 0]
        directions = np.stack([home.lateral, home.normal, home.axial], axis=1)  # columns
        steps = np.array([1, 1 << _STAGGER_BITS, 1]) * [1 << bits for bits in _FINE_BITS] / np.array(_CELL_MM)
        self._to_coordinates = directions * steps

    def coordinates(self, material: np.ndarray) -> np.ndarray:
        """Places (..., 3) in mm as lattice coordinates, uint16: whole numbers, so that what is interpolated between
        them (``BeamGrid.spread_exactly``) is the same on every machine."""
        places = product(material, self._to_coordinates) + np.float32(_MIDDLE)
        return np.clip(places, 0, 2 * _MIDDLE - 1).astype(np.uint16)

    def read(self, coordinates: np.ndarray) -> np.ndarray:
        """Scatterer of the cell at each place (..., 3); complex64 (...)."""
        x, y, z = (coordinates[..., i].astype(np.int32) >> bits for i, bits in enumerate(_FINE_BITS))
        y = (y + ((x * 37 + z * 23) & ((1 << _STAGGER_BITS) - 1))) >> _STAGGER_BITS
        index = x & ((1 << _BITS[0]) - 1)
        index = (index << _BITS[1]) | (y & ((1 << _BITS[1]) - 1))
        index = (index << _BITS[2]) | (z & ((1 << _BITS[2]) - 1))
        return self._scatterers.take(index)
