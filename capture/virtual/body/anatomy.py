"""What the material of a body place is and how strongly it scatters, at end-diastole, in three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import cos, radians, sin

import numpy as np

from capture.virtual.body.chambers import Chambers, Distances
from capture.virtual.body.heart import Heart, HeartState
from capture.virtual.body.surroundings import Outside, along_beam
from capture.virtual.body.textures import Texture
from capture.virtual.body.valves import Valves

BACKGROUND, LV, MYO, LA, AO = 0, 1, 2, 3, 4


class Kind(IntEnum):
    """What a place belongs to; the first ones are the labels."""

    SOFT_TISSUE = 0
    LEFT_VENTRICLE = 1
    MYOCARDIUM = 2
    LEFT_ATRIUM = 3
    AORTA = 4
    RIGHT_VENTRICLE = 5
    RIGHT_ATRIUM = 6
    THIN_WALL = 7
    LIVER = 8
    LUNG = 9
    RIB = 10
    CHEST_WALL = 11


BLOOD_DB = -27.0
_LEAFLET_DB = 5.0
_APEX_FADES_DB = 12.0  # towards the cavity, where the apex is a mesh of trabeculae
_FIBRE_DB = 7.0  # how much weaker muscle is where its fibres run along the beam


@dataclass(frozen=True, eq=False)
class TissueSample:
    """Echoes at places of a polar picture, (ranges, beams) float32.

    Attributes
    ----------
    level_db : mean echo against the septum's
    attenuation_db_per_mm : what one mm of depth costs, there and back, above soft tissue
    """

    level_db: np.ndarray
    attenuation_db_per_mm: np.ndarray


def label_map(chambers: Chambers, material: np.ndarray) -> np.ndarray:
    """Labels at end-diastolic places (..., 3) mm, uint8: 0 background, 1 LV, 2 MYO, 3 LA, 4 AO."""
    return labels_of(chambers.at(material))


def labels_of(distances: Distances) -> np.ndarray:
    """Labels from the chambers' distances, uint8."""
    labels = np.zeros(distances.lv.shape, np.uint8)
    labels[distances.la < 0] = LA
    labels[distances.lv_outer < 0] = MYO
    labels[distances.lv < 0] = LV
    labels[(distances.ao < 0) & (distances.lv >= 0)] = AO
    return labels


class Tissue:
    """Echo strength of one patient's body.

    Parameters
    ----------
    heart : the patient's
    seed : chooses textures and what surrounds the heart
    """

    def __init__(self, heart: Heart, seed: int) -> None:
        self.chambers = Chambers(heart)
        self._heart = heart
        self._texture = Texture(seed)
        self._outside = Outside(heart.parameters, self._texture, seed)
        self._valves = Valves(heart, seed)
        self._papillary = _papillary_muscles(heart, seed)

    def kinds(self, material: np.ndarray) -> np.ndarray:
        """``Kind`` at end-diastolic places (..., 3) mm, uint8; valves and papillary muscles count as blood."""
        d = self.chambers.at(material)
        around = self._outside.at(material, d)
        layers = (
            (around.depth < self._heart.parameters.chest_wall_mm, Kind.CHEST_WALL),
            (around.liver < 0, Kind.LIVER),
            (around.lung < 0, Kind.LUNG),
            (around.rib < 0, Kind.RIB),
            (d.walls < 0, Kind.THIN_WALL),
            (d.ra < 0, Kind.RIGHT_ATRIUM),
            (d.rv < 0, Kind.RIGHT_VENTRICLE),
            (d.descending < 0, Kind.AORTA),
        )
        kinds = np.full(d.lv.shape, Kind.SOFT_TISSUE, np.uint8)
        for inside, kind in layers:
            kinds[inside] = kind
        labels = labels_of(d)
        return np.asarray(np.where(labels > 0, labels, kinds))

    def sample(self, material: np.ndarray, directions: np.ndarray, step_mm: float, state: HeartState) -> TissueSample:
        """Echoes of the material at the nodes of a polar picture.

        Parameters
        ----------
        material : (ranges, beams, 3) float32, end-diastolic places, mm
        directions : (beams, 3) float32, unit vectors of the beams in the body frame
        step_mm : between neighbouring ranges
        state : opens and closes the valves
        """
        d = self.chambers.at(material)
        around = self._outside.at(material, d)
        wall_texture = self._texture.at(material, (1.3, 1.3, 3.0), 4)
        blood = d.blood + self._roughness(d, self._texture.at(material, (1.2, 1.2, 1.8), 7))
        level = self._outside.level_db(material, d, around, step_mm)
        level = _laid_over(
            level, self._wall_db(d, directions, wall_texture, around.patches + around.slow), np.maximum(d.walls, -blood)
        )
        level = np.maximum(level, self._border_db(d, blood, step_mm))
        level = _laid_over(level, BLOOD_DB + wall_texture, blood)
        level = self._with_fine_parts(level, material, d, state, wall_texture)
        return TissueSample(level.astype(np.float32), self._outside.attenuation_db_per_mm(around))

    def _roughness(self, d: Distances, texture: np.ndarray) -> np.ndarray:
        """Trabeculae stand into the cavities, most of all at apex and free walls and in the right ventricle; mm."""
        apical = np.clip(1 - d.places.s, 0, 1)
        right = np.clip(-d.rv, 0, 1)
        size = 0.45 + 0.5 * apical + 0.3 * d.places.cosine + 0.6 * right
        size = np.where(d.places.s > 1.02, np.float32(0.4), size)
        return np.maximum(size * (texture + np.float32(0.55)), 0)

    def _wall_db(self, d: Distances, directions: np.ndarray, texture: np.ndarray, slow: np.ndarray) -> np.ndarray:
        """Muscle of the left ventricle, and the thin walls of the other chambers."""
        level = 3.2 * texture + 1.6 * slow + self._fibre_db(d, directions)
        s = d.places.s
        level += np.float32(-1.0) - 1.5 * d.places.cosine - 3.0 * np.exp(np.maximum(s, 0) * np.float32(-1 / 0.18))
        level += 2.5 * np.clip((s - 0.7) * np.float32(1 / 0.3), 0, 1)
        level -= (
            np.float32(_APEX_FADES_DB) * (1 - self._wall_depth(d)) * np.exp(np.maximum(s, 0) * np.float32(-1 / 0.10))
        )
        return np.where(d.lv_outer < 0, level, 3.0 * texture - 2.5)

    def _fibre_db(self, d: Distances, directions: np.ndarray) -> np.ndarray:
        """Fibres turn from +60 degrees inside to -60 outside; along the beam they return little (mean removed)."""
        across, front, along = self._heart.axes
        helix = np.float32(radians(60)) * (1 - 2 * self._wall_depth(d))
        round_beam = d.places.cosine * (directions @ front) - d.places.sine * (directions @ across)
        cosine = np.cos(helix) * round_beam + np.sin(helix) * (directions @ along)
        return np.asarray(np.float32(_FIBRE_DB) * (np.float32(0.3) - cosine * cosine))

    def _wall_depth(self, d: Distances) -> np.ndarray:
        """Place in the left ventricle's wall, 0 at the cavity to 1 at the outer surface."""
        return np.asarray(np.clip(d.lv / np.maximum(d.lv - d.lv_outer, 0.5), 0, 1))

    def _border_db(self, d: Distances, blood: np.ndarray, step_mm: float) -> np.ndarray:
        """The endocardium returns most where the beam meets it squarely."""
        squarely = np.clip(np.abs(along_beam(d.blood, step_mm)) - 0.25, 0, 0.75)
        inside = d.walls < 0
        return np.where(inside, -8 + 14 * squarely - 2.2 * (blood - 0.6) ** 2, np.float32(-60))

    def _with_fine_parts(
        self, level: np.ndarray, material: np.ndarray, d: Distances, state: HeartState, texture: np.ndarray
    ) -> np.ndarray:
        """Papillary muscles, the bright rings around the valves, and leaflets."""
        self._add_papillary(level, material, d, texture)
        p = self._heart.parameters
        base = (d.places.s - 1) * np.float32(p.length)
        ring = np.sqrt((d.lv - 3.0) ** 2 * np.float32(0.05) + base * base * np.float32(0.04))
        ring = 8 + 2.0 * texture - 7 * ring * ring
        level = np.maximum(level, np.where(np.minimum(d.blood, 3) > 0.5, ring, np.float32(-60)))
        filled = self._valves.closeness(material, base, state)
        return np.asarray(level + filled * np.maximum(_LEAFLET_DB + 2.0 * texture - level, 0))

    def _add_papillary(self, level: np.ndarray, material: np.ndarray, d: Distances, texture: np.ndarray) -> None:
        near = np.abs(d.lv + 8) < 12
        places, grain = material[near], texture[near]
        upper = level[near]
        for muscle in self._papillary:
            upper = _laid_over(upper, 2.5 * grain - 2.5, muscle.distance(places) - 0.7 * grain)
        level[near] = upper


@dataclass(frozen=True, eq=False)
class _Capsule:
    """A rounded rod from ``start`` to ``end``, (3,) mm, of ``radius_mm``, thinner at its end."""

    start: np.ndarray
    end: np.ndarray
    radius_mm: float

    def distance(self, points: np.ndarray) -> np.ndarray:
        way = self.end - self.start
        away = points - self.start
        share = np.clip((away @ way) * np.float32(1 / float(way @ way)), 0, 1)
        rest = away - share[..., None] * way
        radius = np.float32(self.radius_mm) * (1 - 0.35 * share)
        return np.asarray(np.sqrt(np.einsum("...i,...i->...", rest, rest)) - radius)


def _papillary_muscles(heart: Heart, seed: int) -> tuple[_Capsule, _Capsule]:
    """The anterolateral and the posteromedial one."""
    rng = np.random.default_rng([seed, 111])
    return _papillary(heart, rng.uniform(-2, 22), rng), _papillary(heart, rng.uniform(230, 248), rng)


def _papillary(heart: Heart, azimuth_deg: float, rng: np.random.Generator) -> _Capsule:
    p = heart.parameters
    c, s = cos(radians(azimuth_deg)), sin(radians(azimuth_deg))
    root, tip = rng.uniform(0.30, 0.38), rng.uniform(0.58, 0.68)
    start, end = 0.80 * p.radius, 0.58 * p.radius
    return _Capsule(
        heart.body(start * c, start * s, root * p.length),
        heart.body(end * c, end * s, tip * p.length),
        float(rng.uniform(4.0, 5.5)),
    )


def _laid_over(level: np.ndarray, upper: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """``upper`` where ``distance`` (mm) is negative, with an edge one mm wide."""
    return np.asarray(level + np.clip(0.5 - distance, 0, 1) * (upper - level))
