"""The image plane: where a place on the picture lies in the body.

Body frame (mm): origin at the standard apical place of the probe on the skin, z into the body along the standard apical
beam, x to the right of the picture in A4C (towards the anterolateral wall), y anterior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ImagePlane:
    """A plane with a picture on it.

    Attributes
    ----------
    origin : (3,) float32, the sector's apex in the body frame, mm
    lateral : (3,) float32 unit vector, to the right of the picture
    axial : (3,) float32 unit vector, away from the probe
    """

    origin: np.ndarray
    lateral: np.ndarray
    axial: np.ndarray

    @property
    def normal(self) -> np.ndarray:
        """Unit vector out of the plane, (3,) float32: ``axial`` x ``lateral``."""
        return np.cross(self.axial, self.lateral).astype(np.float32)

    def points(self, x_mm: np.ndarray, z_mm: np.ndarray) -> np.ndarray:
        """Places in the body of image places ``x_mm`` and ``z_mm`` of one shape; (..., 3) float32 in mm."""
        x = np.asarray(x_mm, np.float32)[..., None]
        z = np.asarray(z_mm, np.float32)[..., None]
        return np.asarray(self.origin + x * self.lateral + z * self.axial)

    def image_position(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, z and the distance out of the plane (along ``normal``) of body places (..., 3), each (...) in mm."""
        away = np.asarray(points, np.float32) - self.origin
        return away @ self.lateral, away @ self.axial, away @ self.normal
