"""One random geometry for a picture, its labels and its maps."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.regional.layers import INPUT_SIZE
from models.runtime.dense import MAP_SIZE

MIRRORED_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Warp:
    """An affine map of the square grid; ``matrix`` (2, 3) takes source pixels to target pixels."""

    matrix: np.ndarray

    @property
    def is_mirrored(self) -> bool:
        """Whether left and right change places."""
        return bool(np.linalg.det(self.matrix[:, :2]) < 0)

    def image(self, image: np.ndarray) -> np.ndarray:
        """(256, 256) uint8 by linear interpolation, 0 outside."""
        return np.asarray(cv2.warpAffine(image, self.matrix, (INPUT_SIZE, INPUT_SIZE), flags=cv2.INTER_LINEAR))

    def label(self, label: np.ndarray) -> np.ndarray:
        """(256, 256) uint8 by nearest neighbour, 0 outside."""
        return np.asarray(cv2.warpAffine(label, self.matrix, (INPUT_SIZE, INPUT_SIZE), flags=cv2.INTER_NEAREST))

    def maps(self, maps: np.ndarray) -> np.ndarray:
        """(K, 64, 64) float32 by linear interpolation, 0 outside."""
        scale = INPUT_SIZE / MAP_SIZE
        turn, corner = self.matrix[:, :2], np.full(2, (scale - 1) / 2)
        moved = np.column_stack([turn, (turn @ corner + self.matrix[:, 2] - corner) / scale])
        return np.stack([cv2.warpAffine(m, moved, (MAP_SIZE, MAP_SIZE), flags=cv2.INTER_LINEAR) for m in maps])


def random_warp(random: np.random.Generator, strength: float = 1.0) -> Warp:
    """Rotation, scale, shear, shift and mirror; ``strength`` 0..1 scales it all."""
    angle = np.deg2rad(random.uniform(-18, 18)) * strength
    scale = np.exp(strength * (random.uniform(-0.22, 0.22, 2) * 0.4 + random.uniform(-0.2, 0.2)))
    shear = random.uniform(-0.08, 0.08) * strength
    mirror = -1.0 if random.random() < MIRRORED_SHARE * strength else 1.0
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = rotation @ np.array([[mirror * scale[0], shear], [0.0, scale[1]]])
    centre = np.full(2, (INPUT_SIZE - 1) / 2)
    shift = centre + strength * random.uniform(-0.07, 0.07, 2) * INPUT_SIZE - turn @ centre
    return Warp(np.column_stack([turn, shift]))


SLIGHT_SHARE, SLIGHT_MIRRORED, SLIGHT_SHIFT_PX = 0.7, 0.3, 12
MODERATE = 0.6  # strength of the others


def mostly_slight_warp(random: np.random.Generator) -> Warp:
    """Mostly a mirror and a shift by whole pixels, which leave texture as it is; else ``random_warp``, less strong.

    Scale and interpolation change how sharp and how coarse a picture is, which is what a rating of quality goes by.
    """
    if random.random() >= SLIGHT_SHARE:
        return random_warp(random, MODERATE)
    x, y = random.integers(-SLIGHT_SHIFT_PX, SLIGHT_SHIFT_PX + 1, 2)
    mirrored = random.random() < SLIGHT_MIRRORED
    return Warp(np.array([[-1.0, 0.0, INPUT_SIZE - 1 + x] if mirrored else [1.0, 0.0, x], [0.0, 1.0, y]]))
