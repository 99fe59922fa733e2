"""What the material of the four-chamber plane is and how strongly it scatters, at end-diastole."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.virtual.heart import Heart

BACKGROUND, LV, MYO, LA = 0, 1, 2, 3

BLOOD_DB = -27.0
_PITCH_MM = 0.5
_X_MM = (-150.0, 150.0)
_Z_MM = (-8.0, 200.0)


@dataclass(frozen=True)
class Chambers:
    """Membership of places in the structures of the plane; bool arrays of one shape, disjoint."""

    lv: np.ndarray
    myo: np.ndarray
    la: np.ndarray
    rv: np.ndarray
    ra: np.ndarray
    thin_wall: np.ndarray

    @property
    def blood(self) -> np.ndarray:
        """Any cavity."""
        return np.asarray(self.lv | self.la | self.rv | self.ra)

    @property
    def heart(self) -> np.ndarray:
        """Cavities and walls."""
        return np.asarray(self.blood | self.myo | self.thin_wall)


def chambers(heart: Heart, x: np.ndarray, z: np.ndarray, rough_mm: np.ndarray | float = 0.0) -> Chambers:
    """Structures at end-diastolic places (mm); ``rough_mm`` moves the walls of the cavities inwards."""
    s, rho = heart.axis_position(x, z)
    lateral, away = rho > 0, np.abs(rho)
    inner = heart.cavity_half_width(s, lateral)
    outer = heart.outer_half_width(s, lateral)
    cap = (s <= 0) & (away < outer)
    in_ventricle = (s > 0) & (s < 1)
    lv = in_ventricle & (away < inner - rough_mm)
    myo = (in_ventricle & (away < outer) & ~lv) | cap
    left = _left_atrium_half_width(heart, s)
    la = (s >= 1) & (away < left - 0.5 * rough_mm)
    rv, right_wall = _right_ventricle(heart, s, away, outer, rough_mm, lateral)
    ra, septum = _right_atrium(heart, s, away, left, rough_mm, lateral)
    thin = (s >= 1) & (away < left + 3.0) & (left > 0) & ~la
    thin = (thin | right_wall | septum) & ~(lv | myo | la | rv | ra)
    return Chambers(lv, myo, la, rv, ra, thin)


def _left_atrium_half_width(heart: Heart, s: np.ndarray) -> np.ndarray:
    p = heart.parameters
    q = (s - 1) * p.length / p.atrium_length
    round_part = p.atrium_radius * np.sqrt(np.maximum(1 - np.abs((q - 0.42) / 0.58) ** 2.4, 0))
    annulus = heart.cavity_half_width(np.ones_like(s), np.ones(s.shape, bool))
    blend = np.clip(q / 0.25, 0, 1)
    return np.where((q >= 0) & (q <= 1), annulus * (1 - blend) + round_part * blend, 0.0)


def _right_ventricle(
    heart: Heart, s: np.ndarray, away: np.ndarray, outer: np.ndarray, rough_mm: np.ndarray | float, lateral: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    width = heart.parameters.right_width * np.clip((s - 0.2) / 0.7, 0, 1) ** 0.6
    column = (s > 0.2) & (s < 0.95) & ~lateral & (away >= outer)
    cavity = column & (away < outer + width - 1.2 * rough_mm)
    wall = (s > 0.12) & (s < 0.95) & ~lateral & (away >= outer) & (away < outer + width + 4.5) & ~cavity
    return cavity, wall


def _right_atrium(
    heart: Heart, s: np.ndarray, away: np.ndarray, left: np.ndarray, rough_mm: np.ndarray | float, lateral: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Right atrium and what lies between it and the left one."""
    p = heart.parameters
    q = (s - 0.95) * p.length / (1.02 * p.atrium_length)
    bulge = np.sqrt(np.maximum(1 - np.abs((q - 0.45) / 0.55) ** 2.4, 0)) * ((q >= 0) & (q <= 1))
    middle = 0.95 * p.atrium_radius + 3.5 + 0.95 * p.atrium_radius
    medial = np.maximum(
        np.where(s < 1, heart.cavity_half_width(s, lateral) + p.septum * 0.9, left) + 3.5, middle * 0.45
    )
    far = middle + 0.95 * p.atrium_radius * bulge
    cavity = ~lateral & (bulge > 0.25) & (away > medial) & (away < far - 0.5 * rough_mm)
    between = ~lateral & (q > 0) & (q < 1) & (away < far + 2.5) & ~cavity & (bulge > 0)
    return cavity, between


def label_map(heart: Heart, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Labels at end-diastolic places (mm), uint8: 0 background, 1 LV, 2 MYO, 3 LA."""
    parts = chambers(heart, x, z)
    labels = np.zeros(x.shape, np.uint8)
    labels[parts.la], labels[parts.myo], labels[parts.lv] = LA, MYO, LV
    return labels


class TissueMap:
    """Echo strength of the plane at end-diastole on a grid of 0.5 mm, in dB against the septum's mean."""

    def __init__(self, heart: Heart, seed: int) -> None:
        self._heart = heart
        self._rng = np.random.default_rng([seed, 103])
        x, z = np.arange(*_X_MM, _PITCH_MM), np.arange(*_Z_MM, _PITCH_MM)
        self._x, self._z = np.meshgrid(x.astype(np.float32), z.astype(np.float32))
        self.level_db = self._compose()

    def sample(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Level in dB at places (mm), float32, same shape."""
        column = ((x - _X_MM[0]) / _PITCH_MM).astype(np.float32)
        row = ((z - _Z_MM[0]) / _PITCH_MM).astype(np.float32)
        return np.asarray(cv2.remap(self.level_db, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def _texture(self, along_mm: float, down_mm: float) -> np.ndarray:
        """Smooth Gaussian field of unit variance with correlation lengths in x and z."""
        noise = self._rng.standard_normal(self._x.shape).astype(np.float32)
        field = cv2.GaussianBlur(noise, (0, 0), sigmaX=along_mm / _PITCH_MM, sigmaY=down_mm / _PITCH_MM)
        return np.asarray(field / field.std())

    def _compose(self) -> np.ndarray:
        s, rho = self._heart.axis_position(self._x, self._z)
        rough = 1.1 * self._texture(1.3, 2.2) + 0.5 + 0.4 * (rho > 0)
        parts = chambers(self._heart, self._x, self._z, np.maximum(rough, 0))
        level = self._outside(parts.heart)
        level = np.where(parts.thin_wall, -3.0 + 3.0 * self._texture(2, 2), level)
        level = np.where(parts.myo, self._myocardium(s, rho), level)
        level = np.where(parts.blood, BLOOD_DB + self._texture(6, 8), level)
        level = np.maximum(level, self._papillary_and_rings())
        return np.asarray(cv2.GaussianBlur(level.astype(np.float32), (0, 0), 0.8))

    def _myocardium(self, s: np.ndarray, rho: np.ndarray) -> np.ndarray:
        """Fibres along the beam scatter less: free wall and apex are weaker than the septum; bright border layers."""
        texture = 3.2 * self._texture(1.4, 3.0) + 2.0 * self._texture(5, 9)
        free_wall = np.where(rho > 0, -2.5, 0.5)
        apical = -3.0 * np.exp(-np.maximum(s, 0) / 0.18)
        basal = 2.5 * np.clip((s - 0.7) / 0.3, 0, 1)
        return np.asarray(texture + free_wall + apical + basal)

    def _outside(self, heart: np.ndarray) -> np.ndarray:
        """Chest wall, pericardium, then tissue that fades away from the heart, with strands across the beam."""
        distance = cv2.distanceTransform((~heart).astype(np.uint8), cv2.DIST_L2, 5) * _PITCH_MM
        facing = self._facing(distance)
        deep = np.clip((self._z - 30) / 40, 0, 1)
        drop, near = self._rng.uniform(9, 20), self._rng.uniform(-12, -7)
        fade = near * (1 - deep) - 6.0 * deep + 3.0 * self._texture(5, 3)
        fade = fade - drop * (1 - np.exp(-distance / 28.0)) * deep
        fade = fade + 3.5 * self._texture(16, 12) * deep
        ring = (3 + 14 * facing * deep) * np.exp(-0.5 * ((distance - 2.2) / 2.0) ** 2)
        behind = 8.0 * facing * deep * np.exp(-distance / 11.0)
        return np.asarray(fade + ring + behind + self._strands(deep))

    def _facing(self, distance: np.ndarray) -> np.ndarray:
        """How squarely the beam meets the heart's outer border, 0..1."""
        smooth = cv2.GaussianBlur(distance.astype(np.float32), (0, 0), 5)
        gx, gz = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
        radius = np.hypot(self._x, self._z) + 1e-3
        cosine = (gx * self._x + gz * self._z) / (radius * (np.hypot(gx, gz) + 1e-3))
        return np.asarray(0.3 + 0.7 * np.clip(cosine, 0, 1) ** 2)

    def _strands(self, deep: np.ndarray) -> np.ndarray:
        """Bright arcs at constant range, as fasciae and bone give them."""
        radius, angle = np.hypot(self._x, self._z), np.arctan2(self._x, np.maximum(self._z, 1e-3))
        strands = np.zeros_like(radius)
        for _ in range(int(self._rng.integers(6, 12))):
            centre, tilt = self._rng.uniform(60, 160), self._rng.uniform(-12, 12)
            place, width = self._rng.uniform(-0.6, 0.6), self._rng.uniform(0.06, 0.22)
            depth = (radius - centre - tilt * angle) / self._rng.uniform(1.0, 3.0)
            strands += self._rng.uniform(3, 10) * np.exp(-0.5 * (depth**2 + ((angle - place) / width) ** 2))
        return np.asarray(strands * deep)

    def _papillary_and_rings(self) -> np.ndarray:
        """Papillary muscle, the crux where septa and valves meet, and the lateral annulus."""
        heart = self._heart
        one = np.ones(1)
        ring = float(heart.cavity_half_width(one, one > 0)[0])
        wide = float(heart.cavity_half_width(0.5 * one, one > 0)[0])
        level = np.full(self._x.shape, -60.0)
        spots = (
            (0.99, -ring - 3.5, 5.0, 5.0, 9.0),
            (1.0, ring + 4.0, 5.5, 5.0, 8.5),
            (self._rng.uniform(0.42, 0.6), wide - 3.5, 2.6, 9.0, -4.0),
        )
        for s, rho, half_width, half_length, peak in spots:
            x, z = heart.plane_position(np.array([s]), np.array([rho]))
            blob = ((self._x - x[0]) / half_width) ** 2 + ((self._z - z[0]) / half_length) ** 2
            level = np.maximum(level, peak - 7 * blob)
        return np.asarray(level + 2.0 * self._texture(1.5, 1.5))
