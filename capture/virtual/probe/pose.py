"""Where the virtual probe stands and how it is held, and the poses of the standard views."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan, atan2, cos, degrees, radians, sin
from typing import TYPE_CHECKING

import numpy as np

from capture.errors import CaptureError
from capture.virtual.body.windows import HEADWARD, RIB_SPACING_MM, Window, window
from capture.virtual.probe.plane import ImagePlane

if TYPE_CHECKING:
    from capture.virtual.body.heart import Heart

_GAP_MM = 8.0  # how far between two ribs a probe slides without their shadows
PRESS_MM = 6.0  # how far full pressure brings the probe towards the heart
VIEWS = ("A4C", "A2C", "ALAX", "A5C", "PLAX", "PSAX_BASE", "PSAX_MID", "PSAX_APEX", "SUBCOSTAL")
_BOUNDS = {
    "slide_x_mm": (-60.0, 60.0),
    "slide_y_mm": (-60.0, 60.0),
    "rotation_deg": (-180.0, 180.0),
    "rock_deg": (-45.0, 45.0),
    "tilt_deg": (-60.0, 60.0),
    "pressure": (0.0, 1.0),
}


@dataclass(frozen=True)
class ProbePose:
    """A probe on the skin.

    Attributes
    ----------
    window : ``apical``, ``parasternal`` or ``subcostal``
    slide_x_mm, slide_y_mm : along the skin from the window's standard place, along its lateral and its elevation
        direction, -60..60
    rotation_deg : about the probe's axis; apical 0 is A4C, 60 A2C, 120 ALAX; -180..180
    rock_deg : turn within the image plane, positive to the right of the picture, -45..45
    tilt_deg : turn out of the image plane, -60..60
    pressure : 0 hardly touching to 1 pressed

    Raises
    ------
    CaptureError
        For an unknown window or a value out of bounds.
    """

    window: str = "apical"
    slide_x_mm: float = 0.0
    slide_y_mm: float = 0.0
    rotation_deg: float = 0.0
    rock_deg: float = 0.0
    tilt_deg: float = 0.0
    pressure: float = 0.4

    def __post_init__(self) -> None:
        window(self.window)
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise CaptureError(f"The probe's {name} of {value:g} is not possible. Choose {low:g} to {high:g}.")

    @property
    def press_mm(self) -> float:
        """How deep the probe's face presses the skin in."""
        return PRESS_MM * self.pressure

    def plane(self) -> ImagePlane:
        """The image plane in the body."""
        stand = window(self.window)
        lateral, elevation = _turned(stand.lateral, stand.elevation, self.rotation_deg)
        axial, _ = _turned(stand.axial, elevation, self.tilt_deg)
        axial, lateral = _turned(axial, lateral, self.rock_deg)
        origin = stand.origin + self.slide_x_mm * stand.lateral + self.slide_y_mm * stand.elevation
        origin = origin + self.press_mm * stand.axial
        return ImagePlane(*(np.asarray(v, np.float32) for v in (origin, lateral, axial)))


def _turned(first: np.ndarray, second: np.ndarray, angle_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """``first`` turned towards ``second`` by an angle, and ``second`` with it."""
    c, s = cos(radians(angle_deg)), sin(radians(angle_deg))
    return c * first + s * second, c * second - s * first


def pose_of_plane(
    name: str, point: np.ndarray, normal: np.ndarray, right: np.ndarray, target: np.ndarray | None = None
) -> ProbePose:
    """The pose whose plane passes through ``point`` with ``normal``, beam towards ``target``.

    Parameters
    ----------
    name : of the window
    point, normal : (3,) of the plane, body frame
    right : (3,) what shall be on the right of the picture
    target : (3,) place in the plane that the central beam passes; None leaves the beam as upright as the plane allows
    """
    stand = window(name)
    rotation = atan2(-float(stand.lateral @ normal), float(stand.elevation @ normal))
    lateral, elevation = _turned(stand.lateral, stand.elevation, degrees(rotation))
    if lateral @ right < 0:
        lateral, elevation, rotation = -lateral, -elevation, rotation - np.sign(rotation or 1.0) * np.pi
    tilt = atan(-float(stand.axial @ normal) / float(elevation @ normal))
    origin = stand.origin + PRESS_MM * ProbePose.pressure * stand.axial
    aside = float((point - origin) @ normal) / float(elevation @ normal)
    rock = 0.0
    if target is not None:
        axial, _ = _turned(stand.axial, elevation, degrees(tilt))
        away = target - origin - aside * elevation
        rock = atan2(float(away @ lateral), float(away @ axial))
    slide_x, slide_y = float(aside * elevation @ stand.lateral), float(aside * elevation @ stand.elevation)
    return ProbePose(name, slide_x, slide_y, degrees(rotation), degrees(rock), degrees(tilt))


def standard_pose(view: str, heart: Heart) -> ProbePose:
    """The pose that shows a view of this patient's heart as it should be: long axes pass through the apex.

    Raises
    ------
    CaptureError
        For a view that is none of ``VIEWS``.
    """
    if view not in VIEWS:
        raise CaptureError(f"The virtual scanner has no view {view!r}. Choose one of {', '.join(VIEWS)}.")
    if view in _APICAL_DEG:
        return _long_axis("apical", heart, _APICAL_DEG[view], None)
    if view == "A5C":
        return _five_chamber(heart)
    if view in _PSAX_S:
        return _short_axis(heart, _PSAX_S[view])
    if view == "PLAX":
        return _long_axis("parasternal", heart, 120.0, heart.body(0.0, 0.0, 0.80 * heart.parameters.length))
    return _long_axis("subcostal", heart, 28.0, heart.body(0.0, 0.0, 0.72 * heart.parameters.length))


_APICAL_DEG = {"A4C": 0.0, "A2C": 60.0, "ALAX": 120.0}
_PSAX_S = {"PSAX_BASE": 1.12, "PSAX_MID": 0.55, "PSAX_APEX": 0.22}


def _long_axis(name: str, heart: Heart, azimuth_deg: float, target: np.ndarray | None) -> ProbePose:
    """A plane through the long axis whose right (apical window) or far side has an azimuth."""
    across, front, along = heart.axes
    away = cos(radians(azimuth_deg)) * across + sin(radians(azimuth_deg)) * front
    normal = np.cross(along, away)
    right = {"apical": away, "parasternal": along, "subcostal": -along}[name]
    return pose_of_plane(name, heart.apex, normal, right, target)


def _five_chamber(heart: Heart) -> ProbePose:
    """From A4C the beam tilts to the front until it passes the outflow tract and the aortic valve."""
    stand: Window = window("apical")
    four = _long_axis("apical", heart, 0.0, None)
    plane = four.plane()
    root = heart.root_centre + 6.0 * heart.root_axis
    normal = np.cross(plane.lateral, np.asarray(root - plane.origin, np.float64))
    return pose_of_plane("apical", plane.origin, normal / np.linalg.norm(normal), stand.lateral, None)


def _short_axis(heart: Heart, s: float) -> ProbePose:
    """Across the long axis: from the nearest gap between ribs, tilted towards the level where that does not suffice."""
    centre = heart.body(0.0, 0.0, s * heart.parameters.length)
    across, front, along = heart.axes
    right = cos(radians(30)) * across + sin(radians(30)) * front
    square = pose_of_plane("parasternal", centre, along, right, centre)
    stand = window("parasternal")
    gap = RIB_SPACING_MM / float(HEADWARD @ stand.lateral)
    nearest = gap * round(square.slide_x_mm / gap)
    slide = nearest + float(np.clip(square.slide_x_mm - nearest, -_GAP_MM, _GAP_MM))
    start = stand.origin + slide * stand.lateral + square.slide_y_mm * stand.elevation + square.press_mm * stand.axial
    normal = np.cross(centre - start, right)
    return pose_of_plane("parasternal", centre, normal / np.linalg.norm(normal), right, centre)
