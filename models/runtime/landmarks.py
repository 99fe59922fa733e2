"""Landmarks of the left ventricle in a label map: annulus points, apex, and the cuts of the walls.

Follows appendix A of the regional quality paper, steps 1 to 4, in isotropic units rather than in squashed pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from models.runtime.contract import STRUCTURE_VALUES
from models.runtime.outline import arc_length, binary, fill, largest_part, mask_of, outer_contour, smooth_open

_LV, _MYO, _LA, _AO = (STRUCTURE_VALUES[name] for name in ("LV", "MYO", "LA", "AO"))
_SMALLEST_LV_PX = 250
_SMALLEST_MYO_PX = 250
_LARGEST_LV_SHARE = 0.5
_LARGEST_HOLE_SHARE = 0.15  # of the endocardial border without myocardium behind it
_LARGEST_BASE_SHARE = 0.40  # of the ventricle's outline that may be open
_SMALLEST_BASE_SHARE = 0.06
_APEX_TOLERANCE = 0.005
_OUTWARD_COSINE = 0.85  # within about 30 degrees of straight across the wall
_BASE_REACH_PX = (2, 5)  # the second is tried when a film of wall closes the base
_MARGIN_PX = 6  # around the heart: more than the furthest reach
_NEXT = np.ones((3, 3), np.uint8)


class FailureReason(StrEnum):
    """Why a label map cannot be divided, as one plain sentence."""

    NO_LV = "no left ventricle found"
    NO_MYO = "no myocardium found"
    BROKEN_MYO = "the myocardium is broken"
    NO_BASE = "the base of the left ventricle was not found"
    IMPLAUSIBLE = "the outline of the left ventricle is not plausible"


class RegionFailure(Exception):
    """A label map cannot be divided into regions. An answer about the picture, not a fault of the program."""

    def __init__(self, reason: FailureReason, detail: str = "") -> None:
        super().__init__(f"{reason} ({detail})" if detail else str(reason))
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Borders and points of one left ventricle, all (x, y) in pixels of the label map, from image left to right.

    Attributes
    ----------
    endocardium : (K, 2) float64, border of lumen and myocardium from the left to the right annulus point
    epicardium : (M, 2) float64, outer border of the myocardium between the same ends
    cuts_inner : (5, 2), where the left wall, the apex and the right wall are cut on the endocardium
    cuts_outer : (5, 2), closest points to them on the epicardium
    inner_index, outer_index : (5,), their places in the two borders
    annulus_left, annulus_right, apex : (2,)
    length : from the middle of the annulus to the apex, in units
    """

    endocardium: np.ndarray
    epicardium: np.ndarray
    cuts_inner: np.ndarray
    cuts_outer: np.ndarray
    inner_index: np.ndarray
    outer_index: np.ndarray
    annulus_left: np.ndarray
    annulus_right: np.ndarray
    apex: np.ndarray
    length: float


def clean_labels(label_map: np.ndarray) -> np.ndarray:
    """Keep the largest part of each structure and fill its holes.

    Parameters
    ----------
    label_map : (H, W) uint8, values of ``STRUCTURE_VALUES``

    Returns
    -------
    (H, W) uint8. Gaps between lumen and wall become wall; wall apart from the ventricle is dropped.
    """
    cleaned = np.zeros(label_map.shape, np.uint8)
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(label_map))
    if not width:
        return cleaned
    part, canvas = (picture[y : y + height, x : x + width] for picture in (label_map, cleaned))
    for value in (_AO, _LA):  # the later one stays where two overlap
        fill(canvas, largest_part(mask_of(part, value)), value)
    cavity = largest_part(mask_of(part, _LV))
    if cavity is not None:
        heart = mask_of(part, _MYO)
        fill(heart, cavity, 1)
        fill(canvas, largest_part(heart), _MYO)
        fill(canvas, cavity, _LV)
    return cleaned


def find_landmarks(cleaned: np.ndarray, unit_xy: tuple[float, float]) -> Landmarks:
    """Landmarks of a cleaned label map.

    Parameters
    ----------
    cleaned : (H, W) uint8, from ``clean_labels``
    unit_xy : size of a pixel (x, y) in mm, or in any unit that has the right ratio

    Raises
    ------
    RegionFailure
        With the cause.
    """
    unit = np.asarray(unit_xy, dtype=np.float64)
    origin, part = around_heart(cleaned)
    cavity, wall = mask_of(part, _LV), mask_of(part, _MYO)
    _check_areas(cavity, wall, cleaned.size)
    path = _endocardium(cavity, wall, binary(part >= _LA))  # LA and AO open the base
    outer = smooth_open(_epicardium(cavity | wall, path))[::-1] + origin  # OpenCV's outlines begin on the right
    path = smooth_open(path)[::-1] + origin
    length = arc_length(path, unit)
    apex_position = _apex_position(path, length, unit)
    if _first_end_is_right(path, length, apex_position, unit):
        path, outer = path[::-1], outer[::-1]
        length = arc_length(path, unit)
        apex_position = _apex_position(path, length, unit)
    return _with_cuts(path, length, outer, apex_position, unit)


def around_heart(cleaned: np.ndarray) -> tuple[tuple[int, int], np.ndarray]:
    """The part of a cleaned label map that holds ventricle and myocardium: its first pixel (x, y), and a view of it.

    Everything but the atrium's and the aorta's far ends lies in there, so that looking at less costs less.
    """
    x, y, width, height = cv2.boundingRect(cv2.inRange(cleaned, _LV, _MYO))  # type: ignore[call-overload]
    left, top = max(x - _MARGIN_PX, 0), max(y - _MARGIN_PX, 0)
    return (left, top), cleaned[top : y + height + _MARGIN_PX, left : x + width + _MARGIN_PX]


def _check_areas(cavity: np.ndarray, wall: np.ndarray, picture_px: int) -> None:
    cavity_px, wall_px = cv2.countNonZero(cavity), cv2.countNonZero(wall)
    if cavity_px < _SMALLEST_LV_PX:
        raise RegionFailure(FailureReason.NO_LV, f"{cavity_px} pixels")
    if cavity_px > _LARGEST_LV_SHARE * picture_px:
        raise RegionFailure(FailureReason.IMPLAUSIBLE, "it fills most of the picture")
    if wall_px < _SMALLEST_MYO_PX:
        raise RegionFailure(FailureReason.NO_MYO, f"{wall_px} pixels")


def _endocardium(cavity: np.ndarray, wall: np.ndarray, base: np.ndarray) -> np.ndarray:
    """The part of the lumen's outline that myocardium covers, (K, 2), in the contour's own direction."""
    contour = outer_contour(cavity)
    x, y = contour.T
    behind = cv2.dilate(wall, _NEXT)[y, x] > 0
    for reach in _BASE_REACH_PX:
        at_base = cv2.dilate(base, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))[y, x] > 0
        covered = behind & ~at_base
        gaps = _cyclic_runs(~covered)
        start, stop = _longest_between(_base_gaps(gaps, at_base), len(contour)) if gaps else (0, len(contour))
        if stop - start < (1 - _SMALLEST_BASE_SHARE) * len(contour):
            break
    if not gaps:
        raise RegionFailure(FailureReason.NO_BASE, "myocardium all around the left ventricle")
    index = np.arange(start, stop) % len(contour)
    _check_path(covered[index], len(contour))
    return contour[index]


def _cyclic_runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Runs of True around a ring as (start, length)."""
    if flags.all():
        return [(0, len(flags))]
    before, after = np.append(flags[-1], flags[:-1]), np.append(flags[1:], flags[0])
    starts, ends = np.flatnonzero(flags & ~before), np.flatnonzero(flags & ~after)
    if len(starts) and ends[0] < starts[0]:
        ends = np.roll(ends, -1)
    return [(int(start), int((end - start) % len(flags)) + 1) for start, end in zip(starts, ends, strict=True)]


def _base_gaps(gaps: list[tuple[int, int]], at_base: np.ndarray) -> list[tuple[int, int]]:
    """The gaps that open to atrium or aorta; without any, the longest gap."""
    around = len(at_base)
    touching = [gap for gap in gaps if at_base[np.arange(gap[0], gap[0] + gap[1]) % around].any()]
    return touching or [max(gaps, key=lambda gap: gap[1])]


def _longest_between(gaps: list[tuple[int, int]], around: int) -> tuple[int, int]:
    """Longest stretch of the ring between neighbouring gaps as (start, stop); stop may lie past the ring's end."""
    stretches = []
    for index, (start, length) in enumerate(gaps):
        following = gaps[(index + 1) % len(gaps)][0]
        first = start + length
        stretches.append((first, first + (following - first) % around))
    return max(stretches, key=lambda stretch: stretch[1] - stretch[0])


def _check_path(covered: np.ndarray, around: int) -> None:
    if len(covered) < (1 - _LARGEST_BASE_SHARE) * around:
        raise RegionFailure(FailureReason.BROKEN_MYO, f"it covers {len(covered) / around:.0%} of the ventricle")
    holes = 1 - float(covered.mean())
    if holes > _LARGEST_HOLE_SHARE:
        raise RegionFailure(FailureReason.BROKEN_MYO, f"{holes:.0%} of the inner border has no myocardium")


def _epicardium(heart: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Outline of lumen and wall between the ends of ``path``, the way round that the wall lies, (M, 2)."""
    contour = outer_contour(heart)
    first, last = (int(((contour - end) ** 2).sum(axis=1).argmin()) for end in (path[0], path[-1]))
    count = (last - first) % len(contour) + 1  # both contours run the same way round
    if count < len(contour) // 3:
        raise RegionFailure(FailureReason.IMPLAUSIBLE, "outer and inner border do not match")
    return contour[np.arange(first, first + count) % len(contour)]


def _apex_position(path: np.ndarray, length: np.ndarray, unit: np.ndarray) -> float:
    """Arc length at which the path is furthest from both of its ends.

    The mean over near-ties keeps the apex of a blunt ventricle from jumping between frames.
    """
    scaled = path * unit
    distance = np.hypot(*(scaled - scaled[0]).T) + np.hypot(*(scaled - scaled[-1]).T)
    near_best = distance >= distance.max() * (1 - _APEX_TOLERANCE)
    return float(length[near_best].mean())


def _first_end_is_right(path: np.ndarray, length: np.ndarray, apex_position: float, unit: np.ndarray) -> bool:
    """Whether the path starts on the right of the image, seen across the ventricle's axis."""
    first, last = path[0] * unit, path[-1] * unit
    axis = _at(path, length, apex_position) * unit - (first + last) / 2
    right = np.array([-axis[1], axis[0]]) * (1 if axis[1] < 0 else -1)  # an apex at the bottom keeps image sides
    return bool((first - last) @ right > 0)


def _at(path: np.ndarray, length: np.ndarray, position: float | np.ndarray) -> np.ndarray:
    """Points of a path at given arc lengths, (..., 2)."""
    return np.stack([np.interp(position, length, path[:, 0]), np.interp(position, length, path[:, 1])], axis=-1)


def _with_cuts(
    path: np.ndarray, length: np.ndarray, outer: np.ndarray, apex_position: float, unit: np.ndarray
) -> Landmarks:
    right = length[-1] - apex_position
    thirds = np.array([1 / 3, 2 / 3])
    positions = np.concatenate(
        [apex_position * thirds, [apex_position], apex_position + right * thirds]
    )  # both walls in three parts of equal length
    inner = _at(path, length, positions)
    outer_index = _closest_outward(inner, _outward(path, length, positions, unit), outer, unit)
    middle = (path[0] + path[-1]) / 2
    axis_length = float(np.hypot(*((inner[2] - middle) * unit)))
    _check_shape(path, apex_position, length[-1], axis_length, unit)
    return Landmarks(
        endocardium=path,
        epicardium=outer,
        cuts_inner=inner,
        cuts_outer=outer[outer_index],
        inner_index=np.searchsorted(length, positions),
        outer_index=outer_index,
        annulus_left=path[0],
        annulus_right=path[-1],
        apex=inner[2],
        length=axis_length,
    )


def _outward(path: np.ndarray, length: np.ndarray, positions: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Unit vectors out of the lumen at given arc lengths, in units, (5, 2). The path runs left, apex, right.

    At the apex it is the ventricle's axis, since the border turns there.
    """
    reach = 0.04 * length[-1]
    tangent = (_at(path, length, positions + reach) - _at(path, length, positions - reach)) * unit
    normal = np.column_stack([tangent[:, 1], -tangent[:, 0]])
    axis = (_at(path, length, positions[2]) - (path[0] + path[-1]) / 2) * unit
    if normal[2] @ axis < 0:
        normal = -normal
    normal[2] = axis
    return np.asarray(normal / np.maximum(np.hypot(*normal.T), 1e-9)[:, None])


def _closest_outward(points: np.ndarray, normals: np.ndarray, outer: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Place in ``outer`` of the closest point on the far side of the wall, (5,), in rising order.

    Looking only outward keeps a cut of a thick basal wall from ending at the wall's own base.
    """
    across, down = ((outer[:, axis] - points[:, axis, None]) * unit[axis] for axis in (0, 1))  # each (5, M)
    distance = np.hypot(across, down)
    forward = across * normals[:, 0, None] + down * normals[:, 1, None]
    is_outward = forward >= _OUTWARD_COSINE * distance
    hidden = ~is_outward & is_outward.any(axis=1, keepdims=True)
    nearest = np.where(hidden, np.inf, distance).argmin(axis=1)
    return np.asarray(np.maximum.accumulate(nearest))


def _check_shape(path: np.ndarray, apex_position: float, total: float, axis_length: float, unit: np.ndarray) -> None:
    base_width = float(np.hypot(*((path[-1] - path[0]) * unit)))
    shorter_wall = min(apex_position, total - apex_position)
    if axis_length < 0.7 * base_width:
        raise RegionFailure(FailureReason.IMPLAUSIBLE, "shorter than wide")
    if shorter_wall < 0.25 * total:
        raise RegionFailure(FailureReason.IMPLAUSIBLE, "one wall is far shorter than the other")
