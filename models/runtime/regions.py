"""Division of the myocardium into eight regions (appendix A of the regional quality paper).

Lengths are measured in isotropic units, walls are cut by arc length, the annulus circles have a radius of 2 mm, and a
label map that cannot be divided is reported with its cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.runtime.contract import REGION_NAMES, STRUCTURE_VALUES
from models.runtime.landmarks import FailureReason, Landmarks, RegionFailure, clean_labels, find_landmarks
from models.runtime.outline import smooth_outlines

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
    wall_map = _wall_map(labels == STRUCTURE_VALUES["MYO"], landmarks)
    radius = ANNULUS_RADIUS_MM if spacing_known else _ANNULUS_SHARE_OF_LENGTH * landmarks.length
    centres = landmarks.annulus_left, landmarks.annulus_right
    circles = [_circle_mask(labels.shape, centre, radius, unit_xy) for centre in centres]
    inside = sector_mask.astype(np.uint8)
    share = (*_wall_shares(wall_map, inside), *(_circle_share(circle, inside) for circle in circles))
    outlines = [smooth_outlines((wall_map == value).view(np.uint8) & inside) for value in range(1, _WALLS + 1)]
    for centre, circle, outside in zip(centres, circles, share[_WALLS:], strict=True):
        outlines.append(_circle_outlines(centre, radius, unit_xy, circle, inside, outside))
    return RegionDivision(
        labels=labels,
        wall_map=wall_map,
        annulus_masks=(circles[0], circles[1]),
        outside_share=share,
        polygons=tuple(outlines),
        landmarks=landmarks,
        annulus_radius=radius,
        spacing_assumed=not spacing_known,
    )


def _wall_map(wall: np.ndarray, marks: Landmarks) -> np.ndarray:
    """Six regions that tile the myocardium, (H, W) uint8."""
    regions = np.zeros(wall.shape, np.uint8)
    for value, polygon in enumerate(_wall_polygons(marks), start=1):
        cv2.fillPoly(regions, [np.rint(polygon * (1 << _SHIFT)).astype(np.int32)], value, shift=_SHIFT)
    regions[~wall] = 0
    regions = _spread(regions, wall, marks)
    sizes = _counts(regions)
    smallest = int(sizes.argmin())
    if sizes[smallest] < _SMALLEST_REGION_SHARE * sizes.sum():
        raise RegionFailure(FailureReason.IMPLAUSIBLE, f"region {REGION_NAMES[smallest]} vanishes")
    return regions


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


def _spread(regions: np.ndarray, wall: np.ndarray, marks: Landmarks) -> np.ndarray:
    """Give wall pixels that no outline holds to the nearest region."""
    missing = wall & (regions == 0)
    for _ in range(_FILL_STEPS):
        if not missing.any():
            return regions
        np.copyto(regions, cv2.dilate(regions, _CROSS), where=missing)
        missing = wall & (regions == 0)
    y, x = np.nonzero(missing)
    edges = np.searchsorted(marks.inner_index, np.arange(len(marks.endocardium)), side="right")
    offset = np.column_stack([x, y])[:, None] - marks.endocardium[None]
    regions[y, x] = edges[(offset**2).sum(axis=2).argmin(axis=1)] + 1
    return regions


def _circle_mask(shape: tuple[int, ...], centre: np.ndarray, radius: float, unit_xy: tuple[float, float]) -> np.ndarray:
    """Circle in units, an oval in pixels: (H, W) bool, at least the centre pixel."""
    mask = np.zeros(shape, bool)
    reach = np.ceil(radius / np.asarray(unit_xy)).astype(int) + 1
    column, row = np.clip(np.rint(centre).astype(int), 0, np.array(shape[::-1]) - 1)
    x = np.arange(max(column - reach[0], 0), min(column + reach[0] + 1, shape[1]))
    y = np.arange(max(row - reach[1], 0), min(row + reach[1] + 1, shape[0]))
    across, down = ((x - centre[0]) * unit_xy[0]) ** 2, ((y - centre[1]) * unit_xy[1]) ** 2
    mask[y[0] : y[-1] + 1, x[0] : x[-1] + 1] = down[:, None] + across[None, :] <= radius**2
    mask[row, column] = True
    return mask


def _counts(wall_map: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Pixels of each wall region, (6,)."""
    counts = cv2.calcHist([wall_map], [0], mask, [_WALLS + 1], [0, _WALLS + 1])
    return np.asarray(counts).reshape(-1)[1:]


def _wall_shares(wall_map: np.ndarray, inside: np.ndarray) -> tuple[float, ...]:
    return tuple(float(share) for share in 1 - _counts(wall_map, inside) / np.maximum(_counts(wall_map), 1))


def _circle_share(circle: np.ndarray, inside: np.ndarray) -> float:
    return 1 - cv2.countNonZero(circle.view(np.uint8) & inside) / cv2.countNonZero(circle.view(np.uint8))


def _circle_outlines(
    centre: np.ndarray,
    radius: float,
    unit_xy: tuple[float, float],
    circle: np.ndarray,
    inside: np.ndarray,
    outside_share: float,
) -> tuple[np.ndarray, ...]:
    if outside_share > 0:
        return smooth_outlines(circle.view(np.uint8) & inside, smallest_area=1.0)
    offsets = np.column_stack([np.cos(_CIRCLE) / unit_xy[0], np.sin(_CIRCLE) / unit_xy[1]]) * radius
    return ((centre + offsets).astype(np.float32),)
