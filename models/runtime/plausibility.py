"""Whether a segmentation can be a left ventricle: its parts, its shape, its place, and how fast it moves.

A network outlines something in any picture. What no heart shows is refused here with a plain sentence, so that no score
rests on it. The limits have a margin to what was measured on 1600 expert outlines (CAMUS, training part) and on 682
drawn hearts of the virtual scanner's apical views that can be divided:

===================================== ============== ============== =============
figure                                CAMUS          virtual        limits
===================================== ============== ============== =============
LV pixels apart from its largest part 0              0              .. 0.15
MYO pixels apart from the ventricle   0              0              .. 0.25
LV, share of the sector               0.022 .. 0.431 0.027 .. 0.432 0.015 .. 0.5
LV, share of it outside the sector    0 .. 0.03      0 .. 0.33      .. 0.5
area of MYO / area of LV              0.47 .. 6.65   0.37 .. 7.03   0.3 .. 8.0
LV length / mean width                1.28 .. 4.93   0.84 .. 4.33   0.75 .. 5.5
LV area / area of its convex hull     0.78 .. 0.99   0.69 .. 0.99   0.74 ..
apex above the base, in LV lengths    0.73 .. 1.00   0.84 .. 1.00   0.5 ..
LA, AO below the LV, in LV lengths    0.45 .. 1.18   0.49 .. 1.14   0.25 ..
===================================== ============== ============== =============

That the myocardium encloses the ventricle except at the base is seen to by ``regions.divide``, which refuses the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from models.runtime.contract import STRUCTURE_VALUES
from models.runtime.outline import largest_part, mask_of
from models.runtime.regions import RegionDivision

_LV, _MYO, _LA, _AO = (STRUCTURE_VALUES[name] for name in ("LV", "MYO", "LA", "AO"))


class ImplausibleReason(StrEnum):
    """Why a segmentation is refused, as one plain sentence."""

    PARTS = "the left ventricle falls into several parts"
    UPSIDE_DOWN = "the heart seems to lie upside down"
    SIZE = "the left ventricle looks far too small or too large"
    OUTSIDE = "most of the left ventricle lies outside the picture"
    SHAPE = "the outlines do not look like a left ventricle"
    JUMP = "the outlines jump from frame to frame"


@dataclass(frozen=True)
class PlausibilityLimits:
    """What is still taken for a heart; the module's text has the figures behind the limits.

    Attributes
    ----------
    largest_lv_apart, largest_myo_apart : shares 0..1
    lv_share : of the sector, (least, most)
    largest_outside : share of the ventricle
    myo_to_lv, length_to_width : (least, most)
    least_solidity : area / area of the convex hull
    least_upright, least_atrium_below : in LV lengths
    jump_iou, jump_shift, jump_area : what may change between two frames however close, as 1 - intersection over union,
        shift of the centre in LV lengths, and logarithm of the area's ratio; half covers noise of the network
    rate_iou, rate_shift, rate_area : per second, what it may change more; about 1.5 times what the fastest part of a
        beat does (area halved or doubled within 0.2 s, centre moved by 10 cm/s)
    """

    largest_lv_apart: float = 0.15
    largest_myo_apart: float = 0.25
    lv_share: tuple[float, float] = (0.015, 0.5)
    largest_outside: float = 0.5
    myo_to_lv: tuple[float, float] = (0.3, 8.0)
    length_to_width: tuple[float, float] = (0.75, 5.5)
    least_solidity: float = 0.74
    least_upright: float = 0.5
    least_atrium_below: float = 0.25
    jump_iou: float = 0.35
    rate_iou: float = 2.5
    jump_shift: float = 0.15
    rate_shift: float = 2.0
    jump_area: float = 0.35
    rate_area: float = 5.0


@dataclass(frozen=True)
class HeartFigures:
    """Figures of one segmentation, named and meant as in ``PlausibilityLimits``; NaN for an atrium that is not seen."""

    lv_apart: float
    myo_apart: float
    lv_share: float
    outside: float
    myo_to_lv: float
    length_to_width: float
    solidity: float
    upright: float
    atrium_below: float


def heart_figures(
    label_map: np.ndarray, division: RegionDivision, inside: np.ndarray, unit_xy: tuple[float, float]
) -> HeartFigures:
    """Measure a segmentation.

    Parameters
    ----------
    label_map : (H, W) uint8 as the network gave it, before any cleaning
    division : of that label map
    inside : (H, W) bool, pixels inside the sector
    unit_xy : size of a pixel (x, y) in any unit that has the right ratio, as given to ``divide``
    """
    cleaned, marks, unit = division.labels, division.landmarks, np.asarray(unit_xy)
    lumen, wall = mask_of(cleaned, _LV), mask_of(cleaned, _MYO)
    lv_px, myo_px = cv2.countNonZero(lumen), cv2.countNonZero(wall)
    within = cv2.countNonZero(lumen & inside)
    length = marks.length
    axis = (marks.apex - (marks.annulus_left + marks.annulus_right) / 2) * unit
    return HeartFigures(
        lv_apart=_share_apart(mask_of(label_map, _LV), lumen),
        myo_apart=_share_apart(mask_of(label_map, _MYO), lumen | wall),
        lv_share=within / max(int(np.count_nonzero(inside)), 1),
        outside=1 - within / lv_px,
        myo_to_lv=myo_px / lv_px,
        length_to_width=length**2 / (lv_px * float(unit.prod())),
        solidity=_solidity(lumen),
        upright=-float(axis[1]) / length,
        atrium_below=(_middle_row(cv2.inRange(cleaned, _LA, _AO)) - _middle_row(lumen)) * unit_xy[1] / length,  # type: ignore[call-overload]
    )


def _share_apart(found: np.ndarray, kept: np.ndarray) -> float:
    """Share of the pixels found that cleaning took away."""
    total = cv2.countNonZero(found)
    return 1 - cv2.countNonZero(found & kept) / total if total else 0.0


def _solidity(lumen: np.ndarray) -> float:
    outline = largest_part(lumen)
    assert outline is not None  # a division has a ventricle
    return cv2.contourArea(outline) / max(cv2.contourArea(cv2.convexHull(outline)), 1.0)


def _middle_row(mask: np.ndarray) -> float:
    """Mean row of a mask's pixels, NaN without any."""
    moments = cv2.moments(mask, binaryImage=True)
    return moments["m01"] / moments["m00"] if moments["m00"] else math.nan


@dataclass(frozen=True, eq=False)
class _Seen:
    """The ventricle of one frame: (H, W) uint8 0/1, its centre (x, y) in units, length in units, time."""

    lumen: np.ndarray
    centre: np.ndarray
    length: float
    unit_xy: tuple[float, float]
    t_ns: int

    @property
    def area_px(self) -> int:
        return cv2.countNonZero(self.lumen)


class PlausibilityGate:
    """Says of each frame of one stream whether its segmentation can be a heart. Not thread-safe."""

    def __init__(self, limits: PlausibilityLimits | None = None) -> None:
        self.limits = limits or PlausibilityLimits()
        self.reset()

    def reset(self) -> None:
        """Forget the previous frame: another stream, sector or view."""
        self._seen: _Seen | None = None

    def check(
        self,
        label_map: np.ndarray,
        division: RegionDivision,
        inside: np.ndarray,
        unit_xy: tuple[float, float],
        t_ns: int,
    ) -> ImplausibleReason | None:
        """Why the segmentation is not plausible, None when it is.

        Parameters
        ----------
        label_map, division, inside, unit_xy : as for ``heart_figures``
        t_ns : time of the frame in its stream; a step back begins anew

        Only shapes that pass are remembered, and a jump is one: after it the stream goes on at the new place.
        """
        reason = self._shape_reason(heart_figures(label_map, division, inside, unit_xy))
        if reason is not None:
            return reason
        before, self._seen = self._seen, _seen(division, unit_xy, t_ns)
        return ImplausibleReason.JUMP if before and self._is_jump(before, self._seen) else None

    def _shape_reason(self, figures: HeartFigures) -> ImplausibleReason | None:
        """The first reason that applies, what says most first."""
        limits = self.limits
        checks = (
            (ImplausibleReason.PARTS, figures.lv_apart > limits.largest_lv_apart),
            (ImplausibleReason.UPSIDE_DOWN, figures.upright < limits.least_upright),
            (ImplausibleReason.UPSIDE_DOWN, figures.atrium_below < limits.least_atrium_below),
            (ImplausibleReason.OUTSIDE, figures.outside > limits.largest_outside),
            (ImplausibleReason.SIZE, not _within(figures.lv_share, limits.lv_share)),
            (ImplausibleReason.SHAPE, figures.myo_apart > limits.largest_myo_apart),
            (ImplausibleReason.SHAPE, not _within(figures.myo_to_lv, limits.myo_to_lv)),
            (ImplausibleReason.SHAPE, not _within(figures.length_to_width, limits.length_to_width)),
            (ImplausibleReason.SHAPE, figures.solidity < limits.least_solidity),
        )
        return next((reason for reason, applies in checks if applies), None)

    def _is_jump(self, before: _Seen, now: _Seen) -> bool:
        """Whether the ventricle changed faster than a heart can."""
        step_s = (now.t_ns - before.t_ns) / 1e9
        if step_s < 0 or before.lumen.shape != now.lumen.shape or before.unit_xy != now.unit_xy:
            return False
        limits = self.limits
        both, either = cv2.countNonZero(before.lumen & now.lumen), cv2.countNonZero(before.lumen | now.lumen)
        shift = float(np.hypot(*(now.centre - before.centre))) / max(before.length, now.length)
        growth = abs(math.log(now.area_px / before.area_px))
        return (
            1 - both / either > limits.jump_iou + limits.rate_iou * step_s
            or shift > limits.jump_shift + limits.rate_shift * step_s
            or growth > limits.jump_area + limits.rate_area * step_s
        )


def _seen(division: RegionDivision, unit_xy: tuple[float, float], t_ns: int) -> _Seen:
    lumen = mask_of(division.labels, _LV)
    moments = cv2.moments(lumen, binaryImage=True)
    centre = np.array([moments["m10"], moments["m01"]]) / moments["m00"] * unit_xy
    return _Seen(lumen, centre, division.landmarks.length, unit_xy, t_ns)


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def heart_confidence(logits: np.ndarray, labels: np.ndarray, step: int = 4) -> float:
    """Mean probability that the network gives to its own choice inside ventricle and myocardium.

    Low values are a sign of pictures far from the training data; the threshold is the caller's.

    Parameters
    ----------
    logits : (C, H, W) float32
    labels : (H, W) uint8, the strongest class of each pixel, cleaned or not
    step : every ``step``-th pixel of both axes is looked at

    Returns
    -------
    1 / C .. 1; NaN when no such pixel is a heart's.
    """
    heart = (labels[::step, ::step] == _LV) | (labels[::step, ::step] == _MYO)
    seen = logits[:, ::step, ::step][:, heart]  # (C, pixels)
    if not seen.size:
        return math.nan
    share = np.exp(seen - seen.max(axis=0))
    return float((1 / share.sum(axis=0)).mean())
