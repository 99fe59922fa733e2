"""The nodes of a polar picture at which anatomy and motion are worked out, and the way from there to every sample."""

from __future__ import annotations

import cv2
import numpy as np

from capture.virtual.body.reproducible import exponential, product
from capture.virtual.body.windows import window
from capture.virtual.probe.plane import ImagePlane
from capture.virtual.probe.pose import ProbePose
from capture.virtual.probe.settings import ProbeSettings

_NODES = (170, 86)  # along the beam and across the beams
_PENUMBRA_NODES = 2.2


class BeamGrid:
    """Nodes of one pose.

    Attributes
    ----------
    plane : of the pose
    points : (ranges, beams, 3) float32 body places of the nodes, mm
    directions : (beams, 3) float32 unit vectors of the beams
    step_mm : of range between nodes
    """

    def __init__(self, probe: ProbeSettings, pose: ProbePose, nodes: tuple[int, int] = _NODES) -> None:
        self._probe, self._pose = probe, pose
        self.plane: ImagePlane = pose.plane()
        radius, angle = node_places(probe, nodes)
        self.points = self.plane.points(radius[:, None] * np.sin(angle), radius[:, None] * np.cos(angle))
        across, away = np.sin(angle)[:, None], np.cos(angle)[:, None]
        self.directions = np.asarray(across * self.plane.lateral + away * self.plane.axial, np.float32)
        self.step_mm = float(radius[1] - radius[0])
        self.tissue_points = undeformed(self.points, pose)
        # A probe that hardly touches loses the edge beams.
        lost = max(0.0, 1 - pose.pressure / 0.25) * 14.0
        self._contact_db = (-lost * (0.15 + np.abs(angle / probe.half_angle) ** 1.5)).astype(np.float32)

    def transmission_db(self, attenuation_db_per_mm: np.ndarray) -> np.ndarray:
        """Gain of the way to each node and back, (ranges, beams) float32, from what each mm costs.

        The aperture sees around an obstacle's edge: neighbouring beams share their losses.
        """
        lost = np.cumsum(attenuation_db_per_mm, axis=0, dtype=np.float32) * np.float32(-self.step_mm)
        passed = np.asarray(cv2.exp(lost * np.float32(np.log(10) / 20)))
        passed = cv2.GaussianBlur(passed, (0, 0), sigmaX=_PENUMBRA_NODES, sigmaY=0.5, borderType=cv2.BORDER_REPLICATE)
        return (
            np.asarray(cv2.log(np.maximum(passed, np.float32(1e-3)))) * np.float32(20 / np.log(10)) + self._contact_db
        )

    def spread(self, values: np.ndarray, smooth: bool = False) -> np.ndarray:
        """Node values (ranges, beams) or (ranges, beams, K) at every sample of the probe, float32."""
        how = cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR
        size = (self._probe.beams, self._probe.ranges)
        return np.asarray(cv2.resize(np.ascontiguousarray(values, np.float32), size, interpolation=how))

    def spread_exactly(self, values: np.ndarray) -> np.ndarray:
        """Node values (ranges, beams, K) uint16 at every sample of the probe, uint16, the same on every machine."""
        size = (self._probe.beams, self._probe.ranges)
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR_EXACT))


def node_places(probe: ProbeSettings, nodes: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Ranges (mm) and angles (rad) of nodes, at the places that ``cv2.resize`` takes them to stand for."""
    row = (np.arange(nodes[0]) + 0.5) * (probe.ranges / nodes[0]) - 0.5
    column = (np.arange(nodes[1]) + 0.5) * (probe.beams / nodes[1]) - 0.5
    return probe.face_mm + row * probe.range_step_mm, -probe.half_angle + column * probe.beam_step_rad


def undeformed(points: np.ndarray, pose: ProbePose) -> np.ndarray:
    """Where body places (..., 3) would be without the probe's pressure, which squeezes the tissue near it; float32."""
    stand = window(pose.window)
    depth = np.maximum(product(points - pose.plane().origin, stand.axial), 0)
    pressed = np.float32(pose.press_mm) * exponential(depth * np.float32(-1 / 20))
    return np.asarray(points - pressed[..., None] * stand.axial)
