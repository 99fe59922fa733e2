"""A labelled sample and the conventions of its truth: which view a plane shows, and labels as experts draw them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np

from capture.virtual.acoustics.phased_array import BeamGrid
from capture.virtual.body.anatomy import AO, BACKGROUND, LA, LV, MYO, labels_of
from capture.virtual.body.chambers import Chambers
from capture.virtual.body.heart import HeartState
from capture.virtual.body.motion import AxisPlaces
from capture.virtual.generator.draw import APICAL, SampleDraw
from capture.virtual.probe.plane_truth import PlaneTruth
from capture.virtual.probe.pose import ProbePose

SIZE = 256
OTHER_VIEW = "other"
_MOST_ANGLE_DEG, _MOST_BESIDE_MM, _MOST_MISSED = 25.0, 10.0, 0.25  # of a plane that still counts as its view
_LINING_MM = 0.8  # what a network that knows real frames finds the cavity narrower by
_APEX_MM, _APEX_ENDS = 5.0, 0.45  # how far, and up to which share of the long axis
_SHOULDER_MM = 5.7  # how far experts let the wall go on beyond the mitral ring (CAMUS training split: 9 to 11 px)
_ROOT_SHARE = 0.25  # of the atrium: from there on the aortic root makes five chambers


@dataclass(frozen=True, eq=False)
class LabelledSample:
    """One sample; maps are (256, 256), the tight crop of the sector squashed to a square.

    Attributes
    ----------
    image : uint8, 0 outside the sector
    labels : uint8, 0 background, 1 LV, 2 MYO, 3 LA, 4 AO; like those of experts they go on beyond the sector's edges
    inside : bool, the sector
    coherence : float32, 0..1, coherence factor of the channels
    rating : float32, true quality from 1 (not visible) to 5 (excellent); 0 outside the sector
    severity : by cause in ``quality.CAUSES``, float32 0 (none) to 1
    spacing_mm : of a pixel along x and y
    view : ``A4C``, ``A2C``, ``ALAX``, or ``other``: what the plane truly shows
    plane : the plane's angles, foreshortening and walls
    draw : everything that was drawn
    grid : sector and array
    pose, state : of probe and heart
    volume_ml : of the left ventricle
    gain_db : of the display
    """

    image: np.ndarray
    labels: np.ndarray
    inside: np.ndarray
    coherence: np.ndarray
    rating: np.ndarray
    severity: dict[str, np.ndarray]
    spacing_mm: tuple[float, float]
    view: str
    plane: PlaneTruth
    draw: SampleDraw
    grid: BeamGrid
    pose: ProbePose
    state: HeartState
    volume_ml: float
    gain_db: float

    def to_json(self) -> dict[str, object]:
        """Everything but the maps, as plain values; NaN becomes None."""
        plane = {name: _plain(value) for name, value in asdict(self.plane).items()}
        return {
            "index": self.draw.index,
            "view": self.view,
            "spacing_mm": list(self.spacing_mm),
            "foreshortening": self.plane.foreshortening,
            "pressure": self.pose.pressure,
            "sector": {
                "first_mm": self.grid.first_mm,
                "last_mm": self.grid.last_mm,
                "half_angle_deg": float(np.degrees(self.grid.half_angle)),
            },
            "ejected": self.state.ejected,
            "volume_ml": self.volume_ml,
            "gain_db": self.gain_db,
            "plane": plane,
            "pose": asdict(self.pose),
            "draw": asdict(self.draw),
        }


def visible_labels(chambers: Chambers, material: np.ndarray) -> np.ndarray:
    """Labels at end-diastolic places (..., 3) mm, uint8, with the endocardium where its echo begins.

    Trabeculae and the lining return sound, so that experts draw along their inner side, and the apex, a mesh of them
    in the clutter near the probe, farther from it. The base stays where it is, but beside the mitral ring the wall ends
    in a round shoulder beyond it.
    """
    heart = chambers.heart
    apical = np.clip(1 - heart.axis_places(material).s * np.float32(1 / _APEX_ENDS), 0, 1)
    distances = chambers.at(material - np.float32(_APEX_MM) * apical[..., None] * heart.axes[2])
    labels = labels_of(distances)
    base_mm = (distances.places.s - 1) * np.float32(chambers.heart.parameters.length)
    labels[(labels == BACKGROUND) & _in_shoulder(chambers, distances.places, base_mm)] = MYO
    labels[(labels == LV) & (distances.lv > -_LINING_MM) & (distances.lv > base_mm + np.float32(0.01))] = MYO
    return labels


def _in_shoulder(chambers: Chambers, places: AxisPlaces, base_mm: np.ndarray) -> np.ndarray:
    """Whether places lie within the half ellipse that closes the wall beyond the base, bool."""
    inner, outer = chambers.heart.shape.distances(places.s, places.rho, places.cosine, places.sine)
    across = (inner + outer) / np.maximum(inner - outer, np.float32(1))  # -1 at the cavity, 1 at the outer surface
    beyond = base_mm * np.float32(1 / _SHOULDER_MM)
    return np.asarray((base_mm >= 0) & (across * across + beyond * beyond < 1))


def as_experts(labels: np.ndarray, view: str) -> np.ndarray:
    """Labels as experts draw them in A4C and A2C: the atrium closed and convex, whatever of the aortic root the plane
    grazes, and no aorta; other views stay as they are. (H, W) uint8, changed in place."""
    if view not in ("A4C", "A2C"):
        return labels
    labels[labels == AO] = BACKGROUND
    outlines, _ = cv2.findContours((labels == LA).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if outlines:
        closed = cv2.fillConvexPoly(np.zeros_like(labels), cv2.convexHull(max(outlines, key=cv2.contourArea)), 1)
        labels[(closed > 0) & (labels == BACKGROUND)] = LA
    return labels


def shown_view(plane: PlaneTruth, labels: np.ndarray) -> str:
    """The apical view that the plane truly shows, not merely the one that was meant."""
    near = plane.angle_deg <= _MOST_ANGLE_DEG and plane.offset_mm <= _MOST_BESIDE_MM
    if not near or plane.foreshortening > _MOST_MISSED or plane.left_wall is None:
        return OTHER_VIEW
    view = plane.view
    if view in ("A4C", "A5C"):  # what tells them apart is the aortic root
        root = np.count_nonzero(labels == AO) > _ROOT_SHARE * np.count_nonzero(labels == LA)
        view = "A5C" if root else "A4C"
    return view if view in APICAL else OTHER_VIEW


def _plain(value: object) -> object:
    return None if isinstance(value, float) and np.isnan(value) else value
