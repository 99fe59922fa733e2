"""Heart valves as thin surfaces in three dimensions: their distance in any plane, open or closed."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np

from capture.virtual.body.heart import ROOT_DEG, Heart, HeartState

_HALF_THICKNESS_MM = 0.9
_REACH_MM = 32.0  # no leaflet is farther from the base


class RingValve:
    """Leaflets that hang from a ring and meet at its middle: in each half plane through the axis a line.

    Parameters
    ----------
    centre : (3,) middle of the ring, body frame, mm
    axis : (3,) unit vector along which blood flows, the way the valve opens
    front : (3,) unit vector across ``axis`` from which azimuths count
    radius_mm : of the ring
    front_mm : from the middle to the flat part of the ring at the front, where an anterior leaflet hangs
    closed_rad, open_rad : angle of the leaflets against the ring's plane
    commissures : how many places between leaflets stay closer to the ring
    """

    def __init__(
        self,
        centre: np.ndarray,
        axis: np.ndarray,
        front: np.ndarray,
        radius_mm: float,
        front_mm: float,
        closed_rad: float,
        open_rad: float,
        commissures: int,
    ) -> None:
        self._centre, self._axis = centre.astype(np.float32), axis.astype(np.float32)
        self._front = front.astype(np.float32)
        self._side = np.cross(axis, front).astype(np.float32)
        self._radius, self._front_mm = radius_mm, front_mm
        self._closed_rad, self._open_rad = closed_rad, open_rad
        self._commissures = commissures

    def add_distance(self, material: np.ndarray, opening: float, nearest: np.ndarray) -> None:
        """Lower ``nearest`` (N,) to the distance in mm of ``material`` (N, 3) from this valve's leaflets, in place."""
        away = material - self._centre
        height = away @ self._axis
        close = np.flatnonzero(
            (np.abs(height) < self._radius * 1.3) & (np.abs(away @ self._front) < self._radius * 1.3)
        )
        if len(close):
            nearest[close] = np.minimum(nearest[close], self._distance(away[close], height[close], opening))

    def _distance(self, away: np.ndarray, height: np.ndarray, opening: float) -> np.ndarray:
        x, y = away @ self._front, away @ self._side
        rho = np.sqrt(x * x + y * y) + np.float32(1e-6)
        towards_front = np.maximum(x / rho, 0)
        hinge = np.float32(self._radius) - np.float32(self._radius - self._front_mm) * towards_front**3
        opened = np.float32(opening) * self._share(x / rho, y / rho)
        angle = np.float32(self._closed_rad) + np.float32(self._open_rad - self._closed_rad) * opened
        length = hinge * np.float32(0.99 / cos(self._closed_rad))
        along_in, along_up = np.cos(angle), np.sin(angle)
        # Place on the leaflet in its half plane; closed, it bellies back.
        inward = hinge - rho
        belly = np.float32(0.09 - 0.16 * opening)
        share = np.clip((inward * along_in + height * along_up) / length, 0, 1)
        bow = belly * length * 4 * share * (1 - share)
        line_in, line_up = share * length * along_in + bow * along_up, share * length * along_up - bow * along_in
        return np.asarray(np.hypot(inward - line_in, height - line_up), np.float32)

    def _share(self, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
        """How far a leaflet opens at an azimuth: less at the commissures."""
        if self._commissures == 2:
            return np.asarray(1 - 0.55 * sine * sine)
        return np.asarray(np.float32(0.85) + 0.15 * cosine * (4 * cosine * cosine - 3))  # cos 3 phi


def mitral_middle(heart: Heart) -> tuple[np.ndarray, float]:
    """Middle of the mitral ring in the body frame, and from there to its flat front at the aortic root, mm."""
    p = heart.parameters
    across, front, along = heart.axes
    towards = cos(radians(ROOT_DEG)) * across + sin(radians(ROOT_DEG)) * front
    root = float((heart.root_centre - heart.apex) @ towards)
    edge = root - p.root_radius - 0.5
    base = 0.72 * p.radius
    middle = (edge - base) / 2
    return heart.apex + np.float32(p.length) * along + np.float32(0.7 * middle) * towards, edge - 0.7 * middle


class Valves:
    """Mitral, tricuspid and aortic valve of one heart; lengths and opening differ a little between patients."""

    def __init__(self, heart: Heart, seed: int) -> None:
        rng = np.random.default_rng([seed, 109])
        p = heart.parameters
        across, front, along = heart.axes
        towards = cos(radians(ROOT_DEG)) * across + sin(radians(ROOT_DEG)) * front
        middle, edge = mitral_middle(heart)
        ring = 0.80 * p.radius
        self._mitral = RingValve(middle, -along, towards, ring, edge, rng.uniform(0.16, 0.36), rng.uniform(1.1, 1.3), 2)
        right = heart.body(-(1.55 * p.radius + p.septum), -2.0, 0.95 * p.length)
        ring = 0.52 * p.right_width
        self._tricuspid = RingValve(
            right, -along, across, ring, ring, rng.uniform(0.14, 0.3), rng.uniform(1.0, 1.25), 3
        )
        root_front = towards - (towards @ heart.root_axis) * heart.root_axis
        root_front = root_front / np.linalg.norm(root_front)
        start, ring = heart.root_centre + 3 * heart.root_axis, 0.97 * p.root_radius
        self._aortic = RingValve(start, heart.root_axis, root_front, ring, ring, 0.35, 1.35, 3)

    def closeness(self, material: np.ndarray, beyond_base_mm: np.ndarray, state: HeartState) -> np.ndarray:
        """Share of each place (..., 3) that a leaflet fills, 0..1, float32.

        ``beyond_base_mm`` (...) is how far the place lies from the ventricle's base, along the axis.
        """
        filled = np.zeros(beyond_base_mm.shape, np.float32)
        near = np.abs(beyond_base_mm) < _REACH_MM
        if near.any():
            places = material[near]
            nearest = np.full(len(places), 50, np.float32)
            self._mitral.add_distance(places, state.opening, nearest)
            self._tricuspid.add_distance(places, state.opening, nearest)
            self._aortic.add_distance(places, state.aortic_opening, nearest)
            filled[near] = np.clip(np.float32(_HALF_THICKNESS_MM + 0.6) - nearest, 0, 1)
        return filled
