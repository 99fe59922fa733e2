"""Motion of the heart: which material is now at a place, and where material of the ventricle's border is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capture.virtual.body.reproducible import cosine_and_sine, exponential
from capture.virtual.body.ventricle import TABLE_S, Table, table_index
from capture.virtual.body.windows import skin_depth

if TYPE_CHECKING:
    from capture.virtual.body.heart import Heart, HeartState

_RIGHT_TOWARDS_DEG = 168.0  # azimuth of the middle of the right ventricle


@dataclass(frozen=True, eq=False)
class AxisPlaces:
    """Places around the long axis: ``s`` along it (0 tip, 1 base), ``rho`` mm from it, azimuth as cosine and sine."""

    s: np.ndarray
    rho: np.ndarray
    cosine: np.ndarray
    sine: np.ndarray


def right_share(cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """How wide the right ventricle is at an azimuth, 0..1: a crescent around the septum."""
    middle = np.radians(_RIGHT_TOWARDS_DEG)
    towards = cosine * np.float32(np.cos(middle)) + sine * np.float32(np.sin(middle))
    near = np.clip((towards - 0.34) / 0.66, 0, 1)
    return np.asarray(np.sqrt(near * np.sqrt(near)), np.float32)


class HeartMotion:
    """Backward motion of one heart: systole shortens, squeezes and twists it; breathing moves it as a whole."""

    def __init__(self, heart: Heart) -> None:
        self._heart = heart
        p = heart.parameters
        self._reach = p.atrium_length * 1.15 / p.length
        squeezed = np.interp(TABLE_S, [-0.12, 0.0, 0.75, 1.0, 1.25], [0.0, 1.0, 1.0, 0.55, 0.0])
        self._squeezed = Table(squeezed)
        # Seen from the apex it turns counter-clockwise and the base a little clockwise.
        twist = np.interp(TABLE_S, [-0.6, 0.0, 0.7, 1.0, 1.5], [0.0, 1.0, 0.0, -0.4, 0.0])
        self._twist = Table(twist * np.radians(p.torsion_deg))
        self._keeps = Table(((TABLE_S > 0) & (TABLE_S < 1.15)).astype(float))
        self._narrows = Table(0.2 * np.interp(TABLE_S, [0.0, 0.3, 0.9, 1.2], [0, 1, 1, 0]))

    def material_position(self, points: np.ndarray, state: HeartState) -> np.ndarray:
        """End-diastolic place (mm) of the material that is now at ``points`` (..., 3) float32; same shape.

        The wall keeps its volume: what the cavity loses in width the wall gains in thickness.
        """
        points = np.asarray(points, np.float32)
        # The chest wall does not follow breathing and heart: motion sets in below the first centimetres.
        deep = np.clip((skin_depth(points)[0] - np.float32(12)) * np.float32(1 / 18), 0, 1)
        moved = points - deep[..., None] * np.asarray(state.breath_mm, np.float32)
        here = self._heart.axis_places(moved)
        weight = self._weight(here)
        s0 = here.s + (self._unshortened(here.s, state.ejected) - here.s) * weight
        index = table_index(s0)
        turn = self._twist(index) * (weight * np.float32(-state.ejected))
        cosine_turn, sine_turn = cosine_and_sine(turn)
        cosine = here.cosine * cosine_turn - here.sine * sine_turn
        sine = here.sine * cosine_turn + here.cosine * sine_turn
        rho0 = self._unsqueezed(s0, index, here.rho, cosine, sine, state.ejected)
        return self._heart.body_places(AxisPlaces(s0, rho0, cosine, sine))

    def scale(self, index: np.ndarray, strength: np.ndarray | float, ejected: float, squeeze: float) -> np.ndarray:
        """Factor on the cavity's width: full squeeze in the body, less at the annulus, none in the atrium's depth."""
        return np.asarray(1 - np.float32(squeeze * ejected) * self._squeezed(index) * strength)

    def _unshortened(self, s: np.ndarray, ejected: float) -> np.ndarray:
        """The atrial floor stays while the annulus moves towards the apex."""
        epsilon, reach = self._heart.parameters.shortening * ejected, self._reach
        ventricle = np.maximum(s, 0) * np.float32(1 / (1 - epsilon))
        atrium = 1 + (s - np.float32(1 - epsilon)) * np.float32(reach / (reach + epsilon))
        beyond = np.minimum(np.maximum(atrium, s), s + np.float32(epsilon))
        return np.asarray(np.where(s < 1 - epsilon, ventricle + np.minimum(s, 0), beyond))

    def _weight(self, here: AxisPlaces) -> np.ndarray:
        """1 in the heart, fading beyond the free walls of both ventricles."""
        p = self._heart.parameters
        right = right_share(here.cosine, here.sine) * np.clip(here.s, 0.3, 1)
        edge = np.float32(p.radius + p.lateral + 2) + np.float32(p.right_width) * right
        return exponential(np.minimum(edge - here.rho, 0) * np.float32(1 / 13))

    def _unsqueezed(
        self, s0: np.ndarray, index: np.ndarray, rho: np.ndarray, cosine: np.ndarray, sine: np.ndarray, ejected: float
    ) -> np.ndarray:
        p, shape = self._heart.parameters, self._heart.shape
        strength = 1.0 if p.wall_motion.normal else p.wall_motion.at(s0, cosine, sine)
        scale = self.scale(index, strength, ejected, self._heart.squeeze)
        inner0 = shape.inner(index, cosine, sine)
        outer0 = np.maximum(shape.outer(index, cosine, sine), inner0)
        keep = 1 - np.float32(p.shortening * ejected) * self._keeps(index)
        inner = inner0 * scale
        outer = np.sqrt(inner * inner + (outer0 * outer0 - inner0 * inner0) / keep)
        in_wall = np.sqrt(np.maximum(inner0 * inner0 + (rho * rho - inner * inner) * keep, 0))
        beyond = np.maximum(rho - outer, 0)
        # The right ventricle narrows as well; everything fades into still tissue outside.
        width = np.float32(p.right_width)
        fading = exponential(np.minimum(width - beyond, 0) * np.float32(1 / 12))
        right = np.minimum(beyond, width) * fading * np.float32(ejected)
        right *= self._narrows(index) * right_share(cosine, sine)
        outside = rho + (outer0 - outer) * exponential(beyond * np.float32(-1 / 14)) + right
        return np.asarray(np.where(rho <= inner, rho / scale, np.where(rho <= outer, in_wall, outside)), np.float32)
