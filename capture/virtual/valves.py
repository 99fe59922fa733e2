"""Mitral and tricuspid leaflets: thin bright lines that swing between closed and open."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.virtual.heart import Heart, HeartState
from capture.virtual.probe import ProbeSettings

_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Leaflet:
    """One leaflet: its hinge, the hinge it faces as (s, rho) at end-diastole, length as a share of their distance."""

    hinge: tuple[float, float]
    facing: tuple[float, float]
    share: float
    closed_rad: float
    open_rad: float


def leaflets(heart: Heart, seed: int) -> tuple[Leaflet, ...]:
    """The four leaflets of a four-chamber view; length and opening differ a little between patients."""
    rng = np.random.default_rng([seed, 109])
    share, wide = rng.uniform(0.85, 1.1, 4), rng.uniform(0.75, 1.1, 4)
    one = np.ones(1)
    ring = float(heart.cavity_half_width(one, one > 0)[0])
    wall = ring + heart.parameters.septum
    right = wall + heart.parameters.right_width * 0.95
    septal, lateral = (1.0, -ring), (1.0, ring)
    inner, outer = (0.94, -wall), (0.94, -right)
    return (
        Leaflet(septal, lateral, 0.64 * share[0], 0.10, 1.0 * wide[0]),
        Leaflet(lateral, septal, 0.42 * share[1], 0.15, 1.3 * wide[1]),
        Leaflet(inner, outer, 0.42 * share[2], 0.13, 1.15 * wide[2]),
        Leaflet(outer, inner, 0.60 * share[3], 0.10, 1.0 * wide[3]),
    )


class ValveBrush:
    """Draws leaflets into beam space."""

    def __init__(self, heart: Heart, probe: ProbeSettings, seed: int = 1) -> None:
        self._heart, self._probe = heart, probe
        self._leaflets = leaflets(heart, seed)
        self._canvas = np.zeros((probe.ranges, probe.beams), np.uint8)

    def draw(self, state: HeartState) -> np.ndarray:
        """Share of each sample that a leaflet fills, (ranges, beams) uint8, 255 full; valid until the next call."""
        self._canvas[:] = 0
        for leaflet in self._leaflets:
            points = np.rint(self.beam_points(leaflet, state) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
            cv2.polylines(self._canvas, [points.reshape(-1, 1, 2)], False, 255, 3, cv2.LINE_AA, _SUBPIXEL_BITS)
        return self._canvas

    def beam_points(self, leaflet: Leaflet, state: HeartState) -> np.ndarray:
        """The leaflet's line as (beam, range) sample positions, (K, 2) float64."""
        line = self.plane_points(leaflet, state)
        radius, angle = np.hypot(line[:, 0], line[:, 1]), np.arctan2(line[:, 0], line[:, 1])
        beam = (angle + self._probe.half_angle) / self._probe.beam_step_rad
        return np.column_stack([beam, (radius - self._probe.face_mm) / self._probe.range_step_mm])

    def plane_points(self, leaflet: Leaflet, state: HeartState) -> np.ndarray:
        """The leaflet's line in mm, (K, 2) (x, z), from hinge to tip; it bellies towards the atrium when closed."""
        hinge = self._heart.current_position(*leaflet.hinge, state)
        chord = self._heart.current_position(*leaflet.facing, state) - hinge
        apical = np.array([chord[1], -chord[0]]) * np.sign(chord[0])
        angle = leaflet.closed_rad + (leaflet.open_rad - leaflet.closed_rad) * state.opening
        along = np.linspace(0, 1, 9)[:, None]
        bow = (0.10 - 0.14 * state.opening) * along * (1 - along) * 4 * leaflet.share
        tip = leaflet.share * (np.cos(angle) * chord + np.sin(angle) * apical)
        aside = np.sin(angle) * chord - np.cos(angle) * apical
        return np.asarray(hinge + along * tip - bow * aside * np.sign(angle))
