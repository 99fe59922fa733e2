"""Resampling of a sector image between screen pixels and beam space."""

from __future__ import annotations

import cv2
import numpy as np

from capture.geometry import Sector, SectorShape

FAR_HEIGHTS = 1000.0  # apex of a linear probe above the picture: its edges stray by 0.1 % of the width


class PolarGrid:
    """Fixed maps between an (H, W) image and its (ranges, beams) form.

    Beams are equally spaced in angle over the sector, ranges equally spaced from the nearest to the deepest.
    """

    def __init__(self, sector: Sector, height: int, width: int, beams: int = 192, ranges: int = 256) -> None:
        angle = np.linspace(sector.angle_left, sector.angle_right, beams, dtype=np.float32)[None, :]
        radius = np.linspace(sector.radius_min_px, sector.radius_max_px, ranges, dtype=np.float32)[:, None]
        self._x = (sector.apex_x + radius * np.sin(angle)).astype(np.float32)
        self._y = (sector.apex_y + radius * np.cos(angle)).astype(np.float32)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        pixel_radius, pixel_angle = sector.polar(x, y)
        span = sector.angle_right - sector.angle_left
        self._position = np.clip((pixel_angle - sector.angle_left) / span, 0, 1).astype(np.float32)
        self._beam = (self._position * (beams - 1)).astype(np.float32)
        depth = (pixel_radius - sector.radius_min_px) / (sector.radius_max_px - sector.radius_min_px)
        self._range = (np.clip(depth, 0, 1) * (ranges - 1)).astype(np.float32)

    def to_polar(self, image: np.ndarray) -> np.ndarray:
        """(H, W) -> (ranges, beams), linear interpolation."""
        return np.asarray(cv2.remap(image, self._x, self._y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT))

    def to_image(self, beams: np.ndarray) -> np.ndarray:
        """(ranges, beams) -> (H, W), linear interpolation; pixels outside the sector take the nearest beam."""
        return np.asarray(cv2.remap(beams, self._beam, self._range, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def beam_position(self) -> np.ndarray:
        """Position of each pixel across the sector, 0 at the left edge beam, 1 at the right, (H, W) float32."""
        return self._position


def beams_of(shape: SectorShape) -> Sector:
    """The beams of a field; those of a linear probe are nearly parallel, from an apex far above."""
    if isinstance(shape, Sector):
        return shape
    height, width = shape.bottom - shape.top + 1, shape.right - shape.left + 1
    away = FAR_HEIGHTS * height
    half = float(np.arctan2(width / 2, away))
    apex = (shape.left + shape.right) / 2, shape.top - 0.5 - away
    return Sector(*apex, away, away + height, -half, half)
