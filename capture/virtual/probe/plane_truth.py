"""What an image plane really shows of a heart: the view, its angles, foreshortening and the names of the walls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from capture.virtual.body.chambers import Chambers
from capture.virtual.body.heart import Heart, HeartState
from capture.virtual.body.wall_motion import wall_at
from capture.virtual.probe.plane import ImagePlane
from capture.virtual.probe.pose import VIEWS, ProbePose, standard_pose

_STEP_MM = 1.5
_DEGREES_PER_MM = 1.5  # one mm beside a standard plane counts as much as this turn
_OTHER_DEG = 35.0  # farther than this from every standard plane it is no view


@dataclass(frozen=True)
class PlaneTruth:
    """One image plane in one heart.

    Attributes
    ----------
    view : the standard view that is nearest, None when none is near
    angle_deg : between the plane and that view's, 0..90; NaN without a view
    offset_mm : distance of the middle of the ventricle's long axis in that view from the plane
    rotation_deg : azimuth of what is on the right of the picture around the long axis, 0..360
    axis_angle_deg : between plane and long axis, 0 for a true long-axis plane, 90 across
    foreshortening : share of the true length of the left ventricle that the plane's visible cavity misses, 0..1;
        1 when it misses the cavity
    apex_offset_mm : distance of the plane from the true apex of the cavity
    left_wall, right_wall : walls on either side of the picture in a long-axis plane, None across
    """

    view: str | None
    angle_deg: float
    offset_mm: float
    rotation_deg: float
    axis_angle_deg: float
    foreshortening: float
    apex_offset_mm: float
    left_wall: str | None
    right_wall: str | None


def plane_truth(heart: Heart, chambers: Chambers, pose: ProbePose, state: HeartState) -> PlaneTruth:
    """Truth of a pose at one instant."""
    plane = pose.plane()
    view, angle, offset = nearest_view(heart, plane)
    across, front, along = heart.axes
    rotation = float(np.degrees(np.arctan2(plane.lateral @ front, plane.lateral @ across))) % 360
    axis_angle = float(np.degrees(np.arcsin(np.clip(abs(plane.normal @ along), 0, 1))))
    long_axis = axis_angle < 40 and abs(float(plane.lateral @ along)) < 0.8
    walls = (wall_at(rotation + 180), wall_at(rotation)) if long_axis else (None, None)
    apex = heart.apex + np.asarray(state.breath_mm, np.float32)
    _, _, beside = plane.image_position(apex)
    missed = _foreshortening(heart, chambers, plane, state)
    return PlaneTruth(view, angle, offset, rotation, axis_angle, missed, abs(float(beside)), *walls)


def nearest_view(heart: Heart, plane: ImagePlane) -> tuple[str | None, float, float]:
    """The standard view whose plane is nearest, the angle to it (degrees) and the distance (mm) at mid ventricle."""
    best: tuple[str | None, float, float] = (None, float("nan"), float("nan"))
    smallest = _OTHER_DEG
    for view, standard in _standard_planes(heart).items():
        centre = _centre(heart, view)
        angle = np.degrees(np.arccos(np.clip(abs(plane.normal @ standard.normal), 0, 1)))
        offset = abs(float((centre - plane.origin) @ plane.normal))
        # The same plane from another window is another view, and so is a mirrored one.
        turned = plane.lateral @ standard.lateral < 0.3 or plane.axial @ standard.axial < 0.3
        cost = float(angle) + _DEGREES_PER_MM * offset
        if not turned and cost < smallest:
            best, smallest = (view, float(angle), offset), cost
    return best


@lru_cache(maxsize=8)
def _standard_planes(heart: Heart) -> dict[str, ImagePlane]:
    return {view: standard_pose(view, heart).plane() for view in VIEWS}


def _centre(heart: Heart, view: str) -> np.ndarray:
    """A place that the view's standard plane passes and that tells it from its neighbours."""
    if view == "A5C":
        return np.asarray(heart.root_centre + 6 * heart.root_axis)
    share = {"PSAX_BASE": 1.12, "PSAX_APEX": 0.22}.get(view, 0.55)
    return heart.body(0.0, 0.0, share * heart.parameters.length)


def _foreshortening(heart: Heart, chambers: Chambers, plane: ImagePlane, state: HeartState) -> float:
    """From where the cavity in the plane begins, seen from the base: the tip's place along the axis."""
    x, z, _ = plane.image_position(heart.body(0.0, 0.0, 0.5 * heart.parameters.length))
    reach = 0.9 * heart.parameters.length
    steps = np.arange(-reach, reach, _STEP_MM, dtype=np.float32)
    points = plane.points(*np.meshgrid(x + steps, z + steps))
    distances = chambers.at(heart.material_position(points, state))
    inside = distances.lv < 0
    return float(np.clip(distances.places.s[inside].min(), 0, 1)) if inside.any() else 1.0
