"""What lies around the heart: chest wall with ribs, lung, liver and the fat between; echoes and attenuation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.virtual.body.chambers import Distances
from capture.virtual.body.heart import HeartParameters
from capture.virtual.body.textures import Texture
from capture.virtual.body.windows import HEADWARD, RIB_SPACING_MM, WINDOWS, azimuth, skin_depth

RIB_DB_PER_MM, LUNG_DB_PER_MM = 3.2, 1.1
_RIB_HALF_MM = 5.5


def along_beam(distance: np.ndarray, step_mm: float) -> np.ndarray:
    """Change of a distance per mm of range (axis 0): the cosine between beam and surface normal, about -1..1."""
    slope = np.empty_like(distance)
    slope[1:-1] = (distance[2:] - distance[:-2]) * np.float32(0.5 / step_mm)
    slope[0], slope[-1] = slope[1], slope[-2]
    return np.asarray(np.clip(slope, -1, 1))


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Signed distances in mm (negative inside), arrays of one shape.

    Attributes
    ----------
    depth : below the skin
    patches, slow : textures of unit variance, smooth over about 5 and over 15 mm
    rib, lung, liver : from those
    """

    depth: np.ndarray
    patches: np.ndarray
    slow: np.ndarray
    rib: np.ndarray
    lung: np.ndarray
    liver: np.ndarray


class Outside:
    """Everything but the heart of one patient.

    Levels are in dB against the septum's mean echo.
    """

    def __init__(self, parameters: HeartParameters, texture: Texture, seed: int) -> None:
        self._p, self._texture = parameters, texture
        rng = np.random.default_rng([seed, 110])
        open_window = parameters.window_quality
        self._drop_db, self._near_db = float(rng.uniform(9, 20)), float(rng.uniform(-12, -7))
        self._lung_edge_mm = float(rng.uniform(20, 26)) + 26 * open_window
        self._lung_gap_mm = float(rng.uniform(3, 6)) + 7 * open_window
        self._liver_edge_mm = float(rng.uniform(38, 50))
        # A gap between two ribs lies below each window; it is off centre where the window is poor.
        rib_offset = (1 - open_window) * float(rng.choice([-7.0, 7.0]))
        self._rib_depth_mm = 0.62 * parameters.chest_wall_mm
        between = [(w.origin + self._rib_depth_mm * w.axial) @ HEADWARD + rib_offset for w in WINDOWS.values()]
        self._rib_start = np.array(between, np.float32)
        self._has_ribs = np.array([w.ribs for w in WINDOWS.values()])
        self._lung_way = azimuth(22)
        self._liver_way = azimuth(214)

    def at(self, material: np.ndarray, heart: Distances) -> Surroundings:
        """Distances at end-diastolic body places (..., 3); ``heart`` holds those of the chambers there."""
        depth, which = skin_depth(material)
        chest = np.float32(self._p.chest_wall_mm)
        rib = self._rib(material, depth, which)
        patches = self._texture.at(material, (5.0, 5.0, 4.5), 2)
        slow = self._texture.at(material, (14.0, 14.0, 11.0), 3)
        beside = np.float32(self._lung_edge_mm) - material @ self._lung_way + 0.10 * depth + 4 * slow
        lung = np.maximum(np.maximum(beside, chest - depth), np.float32(self._lung_gap_mm) - heart.walls)
        below = np.float32(self._liver_edge_mm) - material @ self._liver_way
        liver = np.maximum(np.maximum(below, chest - depth), 5 - heart.walls)
        return Surroundings(depth, patches, slow, rib, lung, liver)

    def _rib(self, material: np.ndarray, depth: np.ndarray, which: np.ndarray) -> np.ndarray:
        place = (material @ HEADWARD - self._rib_start.take(which)) * np.float32(1 / RIB_SPACING_MM)
        from_rib = np.abs(np.abs(place - np.rint(place)) - 0.5) * np.float32(RIB_SPACING_MM)
        rib = np.maximum(from_rib - np.float32(_RIB_HALF_MM), np.abs(depth - np.float32(self._rib_depth_mm)) - 3.5)
        return np.asarray(np.where(self._has_ribs.take(which), rib, np.float32(50)))

    def level_db(self, material: np.ndarray, heart: Distances, around: Surroundings, step_mm: float) -> np.ndarray:
        """Echo level, float32, at nodes of a polar picture whose ranges are ``step_mm`` apart."""
        chest = np.float32(self._p.chest_wall_mm)
        deep = np.clip((around.depth - np.float32(0.8) * chest) * np.float32(1 / 30), 0, 1)
        layered = np.concatenate([material[..., :2], around.depth[..., None]], axis=-1)
        layers = self._texture.at(layered, (9.0, 9.0, 1.3), 1)
        distance = np.maximum(heart.walls, 0)
        level = self._near_db + (1.5 + 2.5 * (1 - deep)) * layers + 2.5 * around.patches
        far = np.float32(6.0 + self._near_db) + np.float32(self._drop_db) * (1 - np.exp(distance * np.float32(-1 / 28)))
        level -= far * deep
        level += 3.5 * deep * around.slow
        level += 9.0 * deep * np.maximum(layers - 1.5, 0)
        level += self._border_db(distance, along_beam(heart.walls, step_mm), deep)
        level = self._liver_db(level, around)
        return self._bone_and_lung_db(level, around, layers, along_beam(around.lung, step_mm))

    def _border_db(self, distance: np.ndarray, facing: np.ndarray, deep: np.ndarray) -> np.ndarray:
        """Pericardium: bright where the beam meets it squarely, most of all behind the heart and above the apex."""
        behind = np.maximum(facing, 0) ** 2
        above = np.minimum(facing, 0) ** 2
        ring = (3 + 16 * behind) * np.exp(-0.5 * ((distance - 2.0) * 0.5) ** 2)
        level = deep * (ring + 10 * behind * np.exp(distance * np.float32(-1 / 12)))
        return np.asarray(level + 9 * above * np.exp(distance * np.float32(-1 / 8)))

    def _liver_db(self, level: np.ndarray, around: Surroundings) -> np.ndarray:
        """Even speckle behind a bright diaphragm."""
        inside = np.clip(0.5 - around.liver, 0, 1)
        level = level + inside * (np.float32(-8.5) - 1.5 * np.maximum(around.patches - 1, 0) - level)
        return np.asarray(np.maximum(level, 2 - 3 * around.liver * around.liver))

    def _bone_and_lung_db(
        self, level: np.ndarray, around: Surroundings, layers: np.ndarray, facing: np.ndarray
    ) -> np.ndarray:
        """The surface of bone and the pleura shine; below them only reverberation comes back."""
        aired = -7 + 1.5 * layers + np.maximum(around.lung, -30) * 0.35
        level = level + np.clip(-around.lung, 0, 1) * (aired - level)
        level = np.maximum(level, 18 * facing * facing - 9 - 4 * (around.lung - 0.5) ** 2)
        bone = 4 + 3 * np.maximum(around.rib, -3)
        return np.asarray(np.maximum(level, np.where(around.rib < 0.5, bone, np.float32(-60))), np.float32)

    def attenuation_db_per_mm(self, around: Surroundings) -> np.ndarray:
        """What a way there and back costs above soft tissue, dB per mm of depth, float32."""
        rib = np.clip(0.5 - around.rib, 0, 1) * np.float32(RIB_DB_PER_MM)
        return np.asarray(rib + np.clip(-0.5 * around.lung, 0, 1) * np.float32(LUNG_DB_PER_MM), np.float32)
