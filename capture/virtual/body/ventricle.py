"""Shape of the left ventricle at end-diastole: cavity and wall as functions of place along the axis and azimuth.

A truncated, prolate body: s runs from the cavity's tip (0) to the mitral annulus (1), the azimuth phi around the axis;
cosine and sine of phi are passed, never phi. Profiles along s are read from fine tables, which is what makes a live
frame cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from capture.virtual.body.heart import HeartParameters

_S_FIRST, _S_LAST, _STEPS = -1.5, 3.5, 1 << 15


def bullet(s: np.ndarray) -> np.ndarray:
    """Width profile of a ventricle from tip (0) to annulus (1), at most about 0.9."""
    inside = np.clip(s, 0, 1)
    return np.asarray((1 - (1 - inside) ** 2.3) ** 0.55 * (1 - 0.20 * inside**4))


class Table:
    """A function of s on a fine grid."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values.astype(np.float32)

    def __call__(self, index: np.ndarray) -> np.ndarray:
        """Values at the places of ``table_index``."""
        return self._values.take(index)


TABLE_S = np.linspace(_S_FIRST, _S_LAST, _STEPS)


def table_index(s: np.ndarray) -> np.ndarray:
    """Where s stands in every table, int32; beyond the ends the last value counts."""
    scale = (_STEPS - 1) / (_S_LAST - _S_FIRST)
    place = s * np.float32(scale) + np.float32(0.5 - _S_FIRST * scale)
    return np.asarray(np.clip(place, 0, _STEPS - 1), np.int32)


def squareness(radius: np.ndarray, step_mm: float) -> np.ndarray:
    """Factor from a distance across the axis to the distance from a surface of revolution, by its slope; 0..1."""
    slope = np.gradient(radius, step_mm)
    return np.asarray(1 / np.sqrt(1 + np.minimum(slope * slope, 25.0)))


class VentricleShape:
    """Half widths of cavity and ventricle in mm, and the distances from their surfaces."""

    def __init__(self, parameters: HeartParameters) -> None:
        p = self._p = parameters
        cap_mm = 0.95 * p.lateral
        from_tip = np.clip((TABLE_S * p.length + cap_mm) / (p.length + cap_mm), 0, 1)
        inside = np.clip(TABLE_S, 0, 1)
        step_mm = float(TABLE_S[1] - TABLE_S[0]) * p.length
        inner, outer = (p.radius * bullet(t) * (1 + p.waist * np.sin(2 * np.pi * t)) for t in (inside, from_tip))
        wall = (1 - (1 - from_tip) ** 5) ** 0.6 * (1.02 - 0.16 * from_tip**4)
        wall = wall * (1 + p.uneven * np.sin(9.0 * from_tip + p.uneven_phase))
        self._inner, self._outer, self._wall = Table(inner), Table(outer), Table(wall)
        self._bulge_in, self._bulge_out = (Table(0.2 * t * (1 - t)) for t in (inside, from_tip))
        self._square_in = Table(squareness(inner, step_mm))
        self._square_out = Table(squareness(outer + p.lateral * wall, step_mm))
        self._bend = Table(p.bend * np.sin(np.pi * inside))

    def bend(self, index: np.ndarray) -> np.ndarray:
        """Sideways bow of the long axis in mm."""
        return self._bend(index)

    def inner(self, index: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
        """Half width of the cavity at table places and azimuths, mm."""
        return np.asarray(self._inner(index) * self._side(self._bulge_in(index), cosine, sine))

    def outer(self, index: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
        """Half width of the ventricle with its wall, mm; 0 beyond the apex cap."""
        side = self._side(self._bulge_out(index), cosine, sine)
        return np.asarray(self._outer(index) * side + self.thickness(cosine, sine) * self._wall(index))

    def thickness(self, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
        """Wall thickness at mid level, mm: thickest in the septum, thin at anterior and inferolateral places."""
        p = self._p
        mean, half = (p.septum + p.lateral) / 2, (p.lateral - p.septum) / 2
        return np.asarray(mean + half * cosine - 0.35 * sine * (1 + 0.5 * cosine))

    def distances(self, s: np.ndarray, rho: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, ...]:
        """Signed distances (mm, negative inside) from the cavity's and the ventricle's surface, open at the base."""
        index = table_index(s)
        inner = (rho - self.inner(index, cosine, sine)) * self._square_in(index)
        outer = (rho - self.outer(index, cosine, sine)) * self._square_out(index)
        above = s * np.float32(-self._p.length)
        return np.maximum(inner, above), np.maximum(outer, above - np.float32(0.95 * self._p.lateral))

    def _side(self, bulge: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
        """The free wall bulges a little more than the septum; the cross-section is slightly oval."""
        lateral = 0.5 + 0.5 * cosine
        oval = 1 - np.float32(self._p.oval) * sine * sine
        return np.asarray((np.float32(0.94) + lateral * (np.float32(0.06) + bulge)) * oval)
