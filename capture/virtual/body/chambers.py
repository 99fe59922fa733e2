"""The chambers of the heart at end-diastole as signed distances in mm, negative inside.

Distances are approximate: radial gaps corrected by the surface's slope. They are what labels, borders and echoes are
made of, and cheap enough for every live frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from capture.virtual.body.heart import ROOT_DEG, Heart
from capture.virtual.body.motion import AxisPlaces, right_share
from capture.virtual.body.reproducible import length, product
from capture.virtual.body.ventricle import TABLE_S, Table, squareness, table_index

RIGHT_WALL_MM, ATRIAL_WALL_MM, ROOT_WALL_MM = 4.0, 2.6, 2.4
_ROOT_LENGTH_MM = 75.0


@dataclass(frozen=True, eq=False)
class Distances:
    """Signed distances (mm, negative inside) from the surfaces of the chambers, arrays of one shape.

    Attributes
    ----------
    places : around the long axis
    lv, lv_outer : cavity of the left ventricle and its wall's outer surface, both open at the base
    la, rv, ra, ao, descending : cavities; ``ao`` is aorta with outflow tract
    walls : outer surface of everything that belongs to the heart
    """

    places: AxisPlaces
    lv: np.ndarray
    lv_outer: np.ndarray
    la: np.ndarray
    rv: np.ndarray
    ra: np.ndarray
    ao: np.ndarray
    descending: np.ndarray
    walls: np.ndarray

    @property
    def blood(self) -> np.ndarray:
        """Distance from the nearest cavity."""
        below = np.minimum(self.lv, self.la)
        for other in (self.rv, self.ra, self.ao, self.descending):
            below = np.minimum(below, other)
        return np.asarray(below)


class Chambers:
    """Geometry of one heart's chambers."""

    def __init__(self, heart: Heart) -> None:
        self.heart = heart
        p = heart.parameters
        q = (TABLE_S - 1) * p.length / p.atrium_length
        step_mm = float(TABLE_S[1] - TABLE_S[0]) * p.length
        left = np.sqrt(np.maximum(1 - np.abs((np.clip(q, 0, 1) - 0.42) / 0.58) ** 2.4, 0))
        self._atrium = Table(p.atrium_radius * left)
        self._atrium_square = Table(squareness(p.atrium_radius * left, step_mm))
        self._blend = Table(np.clip(q / 0.25, 0, 1))
        right = (TABLE_S - 0.95) * p.length / (1.02 * p.atrium_length)
        bulge = np.sqrt(np.maximum(1 - np.abs((np.clip(right, -0.1, 1) - 0.45) / 0.55) ** 2.4, 0))
        self._right_atrium = Table(0.98 * p.atrium_radius * bulge)
        self._right_square = Table(squareness(0.98 * p.atrium_radius * bulge, step_mm))
        self._right_width = Table(p.right_width * np.clip((TABLE_S - 0.2) / 0.7, 0, 1) ** 0.6)
        t_mm = np.array([-1.5 * p.length, -6.0, 2.0, 11.0, 22.0, 32.0])
        radii = np.array([0.95, 0.95, 1.0, 1.3, 1.15, 1.25]) * p.root_radius
        self._root = Table(np.interp(TABLE_S * p.length, t_mm, radii))

    def at(self, material: np.ndarray) -> Distances:
        """Distances at end-diastolic body places (..., 3) float32."""
        heart, p = self.heart, self.heart.parameters
        places = heart.axis_places(material)
        index = table_index(places.s)
        lv, lv_outer = heart.shape.distances(places.s, places.rho, places.cosine, places.sine)
        base = (places.s - 1) * np.float32(p.length)
        lv, lv_outer = np.maximum(lv, base), np.maximum(lv_outer, base)
        ao = self._root_distance(material)
        la = np.maximum(self._left_atrium(places, index, base), np.float32(ROOT_WALL_MM) - ao)
        rv = np.maximum(self._right_ventricle(places, index, lv_outer, ao), np.float32(ROOT_WALL_MM) - ao)
        ra = self._right_atrium_distance(places, index)
        ra = np.maximum(np.maximum(ra, np.float32(3.2) - la), np.float32(3.0) - ao)
        ra = np.maximum(ra, np.float32(3.5) - np.maximum(lv_outer, 0) - np.maximum(base, 0))
        descending = self._descending(material)
        walls = np.minimum(lv_outer, rv - np.float32(RIGHT_WALL_MM))
        walls = np.minimum(walls, np.minimum(la, ra) - np.float32(ATRIAL_WALL_MM))
        walls = np.minimum(walls, ao - np.float32(ROOT_WALL_MM))
        return Distances(places, lv, lv_outer, la, rv, ra, ao, descending, walls)

    def _left_atrium(self, places: AxisPlaces, index: np.ndarray, base: np.ndarray) -> np.ndarray:
        """It opens into the ventricle, then rounds out behind the root: its middle lies to the inferolateral side."""
        p, shape = self.heart.parameters, self.heart.shape
        blend = self._blend(index)
        aside = blend * np.float32(4.0)
        away = radians(ROOT_DEG)
        u = places.rho * places.cosine + aside * np.float32(cos(away))
        v = places.rho * places.sine + aside * np.float32(sin(away))
        annulus = shape.inner(table_index(np.ones_like(places.s)), places.cosine, places.sine)
        width = annulus + blend * (self._atrium(index) - annulus)
        side = (np.sqrt(u * u + v * v) - width) * self._atrium_square(index)
        return np.asarray(np.maximum(np.maximum(side, -2.5 - base), base - np.float32(p.atrium_length)))

    def _right_ventricle(
        self, places: AxisPlaces, index: np.ndarray, lv_outer: np.ndarray, ao: np.ndarray
    ) -> np.ndarray:
        """A crescent around the septum, and the outflow tract around the front of the aortic root."""
        p = self.heart.parameters
        share = right_share(places.cosine, places.sine)
        width = self._right_width(index) * share
        ends = np.maximum(0.2 - places.s, places.s - 0.95) * np.float32(p.length)
        thin = np.maximum(np.float32(0.35) - share, 0) * 30
        beyond = np.maximum(lv_outer, 0)
        crescent = np.maximum(np.maximum(0.3 - beyond, beyond - width), ends) + thin
        forward = places.rho * (places.cosine * np.float32(-0.64) + places.sine * np.float32(0.77))
        tract = np.maximum(ao - np.float32(0.62 * p.right_width), np.float32(ROOT_WALL_MM) + 0.5 - ao)
        tract = np.maximum(tract, np.float32(0.62 * p.radius + p.root_radius) - forward)
        tract = np.maximum(tract, np.maximum(0.85 - places.s, places.s - 1.45) * np.float32(p.length))
        return np.asarray(np.minimum(crescent, np.maximum(tract, 0.3 - lv_outer)))

    def _right_atrium_distance(self, places: AxisPlaces, index: np.ndarray) -> np.ndarray:
        p = self.heart.parameters
        u = places.rho * places.cosine + np.float32(1.9 * p.atrium_radius + 3.5)
        v = places.rho * places.sine + 3
        width = self._right_atrium(index)
        side = (np.sqrt(u * u + v * v) - width) * self._right_square(index)
        ends = np.maximum(0.94 - places.s, places.s - (0.95 + 1.02 * p.atrium_length / p.length))
        return np.asarray(np.maximum(side, ends * np.float32(p.length)))

    def _root_distance(self, material: np.ndarray) -> np.ndarray:
        """Outflow tract, sinuses and ascending aorta: a tube that bulges at the sinuses."""
        heart = self.heart
        away = material - heart.root_centre
        along = product(away, heart.root_axis)
        across = away - along[..., None] * heart.root_axis
        rho = length(across)
        radius = self._root(table_index(along * np.float32(1 / heart.parameters.length)))
        return np.asarray(np.maximum(rho - radius, np.maximum(-4 - along, along - np.float32(_ROOT_LENGTH_MM))))

    def _descending(self, material: np.ndarray) -> np.ndarray:
        """Descending aorta, a tube behind the left atrium."""
        heart, p = self.heart, self.heart.parameters
        across, front, along = heart.axes
        behind = cos(radians(292)) * across + sin(radians(292)) * front
        centre = heart.apex + (p.length + 12) * along + (p.atrium_radius + 19) * behind
        way = cos(radians(33)) * across + sin(radians(33)) * front + 0.45 * along
        way = way / length(way)
        away = material - centre.astype(np.float32)
        across_way = away - product(away, way)[..., None] * way
        return np.asarray(length(across_way) - np.float32(p.root_radius + 0.5))
