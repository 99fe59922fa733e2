"""Division of the myocardium into eight regions (appendix A of the regional quality paper).

Lengths are measured in isotropic units, walls are cut by arc length, the annulus circles have a radius of 2 mm, and a
label map that cannot be divided is reported with its cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from models.runtime.contract import REGION_NAMES, STRUCTURE_VALUES
from models.runtime.landmarks import (
    FailureReason,
    Landmarks,
    RegionFailure,
    around_heart,
    clean_labels,
    find_landmarks,
)
from models.runtime.outline import binary, smooth_outlines

__all__ = [
    "ANNULUS_RADIUS_MM",
    "FailureReason",
    "Landmarks",
    "RegionDivision",
    "RegionFailure",
    "clean_labels",
    "divide",
    "find_landmarks",
]

ANNULUS_RADIUS_MM = 2.0
_ANNULUS_SHARE_OF_LENGTH = 0.023  # 2 mm of a typical 87 mm ventricle
_WALLS = 6
_SMALLEST_REGION_SHARE = 0.02  # of the myocardium, per wall region
_FILL_STEPS = 6
_SHIFT = 4  # fillPoly takes points in 1/16 pixel
_CROSS = np.ones((3, 3), np.uint8)
_CIRCLE = np.linspace(0, 2 * np.pi, 24, endpoint=False)


@dataclass(frozen=True, eq=False)
class RegionDivision:
    """Eight regions of one label map, in the order of ``REGION_NAMES``.

    Attributes
    ----------
    labels : (H, W) uint8, the cleaned label map
    wall_map : (H, W) uint8, 1..6 for the six wall regions, 0 elsewhere; they tile the myocardium
    annulus_masks : two (H, W) bool circles, left and right
    outside_share : eight values 0..1, part of each region outside the sector
    polygons : eight tuples of closed outlines of the part inside the sector, each (K, 2) float32 (x, y)
    landmarks : points and borders
    annulus_radius : in units (mm when the spacing is known)
    spacing_assumed : the radius rests on the ventricle's length, not on a known spacing
    """

    labels: np.ndarray
    wall_map: np.ndarray
    annulus_masks: tuple[np.ndarray, np.ndarray]
    outside_share: tuple[float, ...]
    polygons: tuple[tuple[np.ndarray, ...], ...]
    landmarks: Landmarks
    annulus_radius: float
    spacing_assumed: bool

    def mask(self, region: int) -> np.ndarray:
        """One region, (H, W) bool; ``region`` is its place in ``REGION_NAMES``."""
        return np.asarray(self.wall_map == region + 1) if region < _WALLS else self.annulus_masks[region - _WALLS]


def divide(
    label_map: np.ndarray,
    unit_xy: tuple[float, float],
    sector_mask: np.ndarray,
    *,
    spacing_known: bool,
) -> RegionDivision:
    """Divide the myocardium of a label map.

    Parameters
    ----------
    label_map : (H, W) uint8: 0 background, 1 LV, 2 MYO, 3 LA, 4 AO
    unit_xy : size of a pixel (x, y): in mm when ``spacing_known``, else in any unit with the right ratio
    sector_mask : (H, W) bool, pixels inside the sector
    spacing_known : whether ``unit_xy`` is in mm

    Raises
    ------
    RegionFailure
        When there is nothing to divide, with the cause.
    """
    labels = clean_labels(label_map)
    landmarks = find_landmarks(labels, unit_xy)
    inside = binary(np.ascontiguousarray(sector_mask, dtype=bool))
    walls = _divide_wall(labels, landmarks, inside)
    radius = ANNULUS_RADIUS_MM if spacing_known else _ANNULUS_SHARE_OF_LENGTH * landmarks.length
    centres = landmarks.annulus_left, landmarks.annulus_right
    circles = [_circle_mask(labels.shape, centre, radius, unit_xy) for centre in centres]
    circle_shares = [_circle_share(circle, inside) for circle in circles]
    circle_outlines = [
        _circle_outlines(centre, radius, unit_xy, circle, inside, outside)
        for centre, circle, outside in zip(centres, circles, circle_shares, strict=True)
    ]
    return RegionDivision(
        labels=labels,
        wall_map=walls.regions,
        annulus_masks=(circles[0], circles[1]),
        outside_share=(*walls.outside_share, *circle_shares),
        polygons=(*walls.polygons, *circle_outlines),
        landmarks=landmarks,
        annulus_radius=radius,
        spacing_assumed=not spacing_known,
    )


class _Walls(NamedTuple):
    """The six wall regions: map (H, W) uint8, share outside the sector, outlines."""

    regions: np.ndarray
    outside_share: tuple[float, ...]
    polygons: tuple[tuple[np.ndarray, ...], ...]


def _divide_wall(labels: np.ndarray, marks: Landmarks, inside: np.ndarray) -> _Walls:
    """The wall regions, worked out in the part of the picture that holds the heart."""
    origin, part = around_heart(labels)
    here = slice(origin[1], origin[1] + part.shape[0]), slice(origin[0], origin[0] + part.shape[1])
    regions = _wall_map(part == STRUCTURE_VALUES["MYO"], marks, origin)
    seen = regions * inside[here]
    sizes = _counts(regions)
    seen_sizes = sizes if cv2.norm(regions, seen, cv2.NORM_INF) == 0 else _counts(seen)
    smallest = int(sizes.argmin())
    if sizes[smallest] < _SMALLEST_REGION_SHARE * sizes.sum():
        raise RegionFailure(FailureReason.IMPLAUSIBLE, f"region {REGION_NAMES[smallest]} vanishes")
    whole = np.zeros(labels.shape, np.uint8)
    whole[here] = regions
    polygons = tuple(smooth_outlines(binary(seen == value), origin=origin) for value in range(1, _WALLS + 1))
    return _Walls(whole, tuple(float(share) for share in 1 - seen_sizes / sizes), polygons)


def _wall_map(wall: np.ndarray, marks: Landmarks, origin: tuple[int, int]) -> np.ndarray:
    """Six regions that tile the myocardium, (H, W) uint8; ``origin`` is the place of the first pixel, (x, y)."""
    regions = np.zeros(wall.shape, np.uint8)
    for value, polygon in enumerate(_wall_polygons(marks), start=1):
        corners = np.rint((polygon - origin) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(regions, [corners], value, shift=_SHIFT)
    regions *= wall
    return _spread(regions, wall, marks, origin)


def _wall_polygons(marks: Landmarks) -> list[np.ndarray]:
    """Outlines from the left base over the apex to the right base, each (K, 2)."""
    inner = np.concatenate([[0], marks.inner_index, [len(marks.endocardium)]])
    outer = np.concatenate([[0], marks.outer_index, [len(marks.epicardium) - 1]])
    cuts = np.vstack([marks.annulus_left, marks.cuts_inner, marks.annulus_right])
    return [
        np.vstack(
            [
                cuts[part],
                marks.endocardium[inner[part] : inner[part + 1]],
                cuts[part + 1],
                marks.epicardium[outer[part] : outer[part + 1] + 1][::-1],
            ]
        )
        for part in range(_WALLS)
    ]


def _spread(regions: np.ndarray, wall: np.ndarray, marks: Landmarks, origin: tuple[int, int]) -> np.ndarray:
    """Give wall pixels that no outline holds to the nearest region."""
    missing = wall & (regions == 0)
    for _ in range(_FILL_STEPS):
        if not missing.any():
            return regions
        np.copyto(regions, cv2.dilate(regions, _CROSS), where=missing)
        missing = wall & (regions == 0)
    y, x = np.nonzero(missing)
    edges = np.searchsorted(marks.inner_index, np.arange(len(marks.endocardium)), side="right")
    offset = (np.column_stack([x, y]) + origin)[:, None] - marks.endocardium[None]
    regions[y, x] = edges[(offset**2).sum(axis=2).argmin(axis=1)] + 1
    return regions


def _circle_mask(shape: tuple[int, ...], centre: np.ndarray, radius: float, unit_xy: tuple[float, float]) -> np.ndarray:
    """Circle in units, an oval in pixels: (H, W) bool, at least the centre pixel."""
    mask = np.zeros(shape, bool)
    x, first_x = _reached(centre[0], radius / unit_xy[0], shape[1])
    y, first_y = _reached(centre[1], radius / unit_xy[1], shape[0])
    across, down = ((x - centre[0]) * unit_xy[0]) ** 2, ((y - centre[1]) * unit_xy[1]) ** 2
    mask[first_y : first_y + len(y), first_x : first_x + len(x)] = down[:, None] + across <= radius**2
    mask[round(centre[1]), round(centre[0])] = True
    return mask


def _reached(centre: float, reach: float, size: int) -> tuple[np.ndarray, int]:
    """Pixels of one axis that a circle may touch, and the first of them; ``centre`` lies in the picture."""
    first = max(int(centre - reach), 0)
    return np.arange(first, min(int(centre + reach) + 2, size)), first


def _counts(wall_map: np.ndarray) -> np.ndarray:
    """Pixels of each wall region, (6,)."""
    counts = cv2.calcHist([wall_map], [0], None, [_WALLS + 1], [0, _WALLS + 1])
    return np.asarray(counts).reshape(-1)[1:]


def _circle_share(circle: np.ndarray, inside: np.ndarray) -> float:
    return 1 - cv2.countNonZero(binary(circle) & inside) / cv2.countNonZero(binary(circle))


def _circle_outlines(
    centre: np.ndarray,
    radius: float,
    unit_xy: tuple[float, float],
    circle: np.ndarray,
    inside: np.ndarray,
    outside_share: float,
) -> tuple[np.ndarray, ...]:
    if outside_share > 0:
        return smooth_outlines(binary(circle) & inside, smallest_area=1.0)
    offsets = np.column_stack([np.cos(_CIRCLE) / unit_xy[0], np.sin(_CIRCLE) / unit_xy[1]]) * radius
    return ((centre + offsets).astype(np.float32),)
