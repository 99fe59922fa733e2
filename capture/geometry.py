"""Shapes of an ultrasound image on the screen: rectangle, sector (phased or curvilinear probe), linear field.

Pixel coordinates are (x, y), x to the right and y down, (0, 0) the centre of the top left pixel.
Beam angles are in radians from straight down, positive to the right of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rect:
    """Pixel rectangle: columns x..x+width-1, rows y..y+height-1."""

    x: int
    y: int
    width: int
    height: int

    def slices(self) -> tuple[slice, slice]:
        """Row and column slices."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def clipped(self, frame_height: int, frame_width: int) -> Rect:
        """The part that lies inside a frame; width or height 0 when none does."""
        x0, y0 = max(self.x, 0), max(self.y, 0)
        x1, y1 = min(self.x + self.width, frame_width), min(self.y + self.height, frame_height)
        return Rect(x0, y0, max(x1 - x0, 0), max(y1 - y0, 0))


@dataclass(frozen=True)
class Sector:
    """Sector of a phased or curvilinear probe.

    Attributes
    ----------
    apex_x, apex_y : where the edge beams meet, pixels; may lie above the image
    radius_min_px, radius_max_px : nearest and furthest range of the beams from the apex
    angle_left, angle_right : edge beams in radians, ``angle_left < angle_right``
    """

    apex_x: float
    apex_y: float
    radius_min_px: float
    radius_max_px: float
    angle_left: float
    angle_right: float

    def __post_init__(self) -> None:
        if not (0 <= self.radius_min_px < self.radius_max_px and self.angle_left < self.angle_right):
            raise ValueError(f"not a sector: {self}")

    def polar(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Range in pixels and beam angle in radians of pixel positions; shapes that broadcast."""
        dx, dy = np.asarray(x) - self.apex_x, np.asarray(y) - self.apex_y
        return np.hypot(dx, dy), np.arctan2(dx, dy)

    def mask(self, height: int, width: int) -> np.ndarray:
        """Pixels inside, (H, W) bool."""
        y, x = (axis.astype(np.float32) for axis in np.ogrid[0:height, 0:width])
        radius, angle = self.polar(x, y)
        inside = (radius >= self.radius_min_px) & (radius <= self.radius_max_px)
        return np.asarray(inside & (angle >= self.angle_left) & (angle <= self.angle_right))

    def depth_fraction(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """0 at the probe, 1 at the deepest range; clipped."""
        radius, _ = self.polar(x, y)
        return np.clip((radius - self.radius_min_px) / (self.radius_max_px - self.radius_min_px), 0, 1)

    def outline(self, points_per_arc: int = 48) -> np.ndarray:
        """Closed outline, (K, 2) float64 (x, y), clockwise from the left end of the near arc."""
        angles = np.linspace(self.angle_left, self.angle_right, points_per_arc)
        near = self._at(self.radius_min_px, angles)
        far = self._at(self.radius_max_px, angles[::-1])
        return np.vstack([near, far])

    def bounds(self) -> Rect:
        """Smallest pixel rectangle that holds the sector."""
        angles = np.clip([self.angle_left, self.angle_right, 0.0], self.angle_left, self.angle_right)
        points = np.vstack([self._at(self.radius_min_px, angles), self._at(self.radius_max_px, angles)])
        return _bounds(points)

    def moved(self, dx: float, dy: float) -> Sector:
        """The same sector, shifted by pixels."""
        return Sector(
            self.apex_x + dx,
            self.apex_y + dy,
            self.radius_min_px,
            self.radius_max_px,
            self.angle_left,
            self.angle_right,
        )

    def _at(self, radius: float, angles: np.ndarray) -> np.ndarray:
        return np.column_stack([self.apex_x + radius * np.sin(angles), self.apex_y + radius * np.cos(angles)])


@dataclass(frozen=True)
class LinearField:
    """Rectangular field of a linear probe, pixel edges as floats."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (self.left < self.right and self.top < self.bottom):
            raise ValueError(f"not a rectangle: {self}")

    def mask(self, height: int, width: int) -> np.ndarray:
        """Pixels inside, (H, W) bool."""
        y, x = np.ogrid[0:height, 0:width]
        return np.asarray((x >= self.left) & (x <= self.right) & (y >= self.top) & (y <= self.bottom))

    def depth_fraction(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """0 at the probe, 1 at the deepest range; clipped."""
        return np.clip((np.asarray(y) - self.top) / (self.bottom - self.top), 0, 1)

    def outline(self, points_per_arc: int = 2) -> np.ndarray:
        """Closed outline, (4, 2) float64 (x, y), clockwise from the top left."""
        return np.array(
            [[self.left, self.top], [self.right, self.top], [self.right, self.bottom], [self.left, self.bottom]]
        )

    def bounds(self) -> Rect:
        """Smallest pixel rectangle that holds the field."""
        return _bounds(self.outline())

    def moved(self, dx: float, dy: float) -> LinearField:
        """The same field, shifted by pixels."""
        return LinearField(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)


SectorShape = Sector | LinearField


def _bounds(points: np.ndarray) -> Rect:
    low, high = np.floor(points.min(axis=0) + 1e-6), np.ceil(points.max(axis=0) - 1e-6)
    return Rect(int(low[0]), int(low[1]), int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1)
