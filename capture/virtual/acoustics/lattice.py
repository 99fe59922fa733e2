"""Scatterers fixed in the tissue: a periodic three-dimensional lattice that is read at material places.

Whatever plane is imaged and however tissue moves, the same material gives the same echo, so that speckle follows
tissue, and another one when tissue leaves the plane. Across the plane the cells are as thick as a beam.
"""

from __future__ import annotations

import numpy as np

from capture.virtual.probe.plane import ImagePlane

_CELL_MM = (0.40, 1.8, 0.32)  # lateral, elevation, axial in the home plane
_BITS = (7, 5, 8)  # cells of a period, as powers of two
_STAGGER = 64  # steps of a cell's thickness by which neighbours are staggered, so that they do not change all at once


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
        steps = np.array([1 / _CELL_MM[0], _STAGGER / _CELL_MM[1], 1 / _CELL_MM[2]], np.float32)
        self._to_cells = np.ascontiguousarray(directions * steps, np.float32)

    def coordinates(self, material: np.ndarray) -> np.ndarray:
        """Places (..., 3) in mm as lattice coordinates, float32; may be interpolated before ``read``."""
        start = np.array([1 << 10, 1 << 13, 1 << 10], np.float32)  # small: float32 must resolve a cell well
        return material @ self._to_cells + start

    def read(self, coordinates: np.ndarray) -> np.ndarray:
        """Scatterer of the cell at each place (..., 3); complex64 (...)."""
        cell = coordinates.astype(np.int32)
        x, z = cell[..., 0], cell[..., 2]
        y = (cell[..., 1] + ((x * 37 + z * 23) & (_STAGGER - 1))) // _STAGGER
        index = x & ((1 << _BITS[0]) - 1)
        index = (index << _BITS[1]) | (y & ((1 << _BITS[1]) - 1))
        index = (index << _BITS[2]) | (z & ((1 << _BITS[2]) - 1))
        return self._scatterers.take(index)
