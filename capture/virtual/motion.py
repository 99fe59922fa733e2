"""Tissue motion in beam space: which material each sample of the polar image shows at one instant."""

from __future__ import annotations

import cv2
import numpy as np

from capture.virtual.heart import Heart, HeartState
from capture.virtual.probe import ProbeSettings

_COARSE = (72, 56)  # motion is smooth: nodes along the beam and across the beams
_MARGIN = 0.10  # material beyond the sector that motion may bring into it, as a share


class BeamMotion:
    """Backward motion maps from a coarse grid of nodes.

    Attributes
    ----------
    material_shape : (ranges, beams) of the material field, larger than the picture by a margin
    """

    def __init__(self, heart: Heart, probe: ProbeSettings) -> None:
        self._heart, self._probe = heart, probe
        self._side = round(_MARGIN * probe.beams)
        self.material_shape = (round(probe.ranges * (1 + _MARGIN)), probe.beams + 2 * self._side)
        self._node_range, self._node_angle = self._nodes()
        self._node_x = self._node_range * np.sin(self._node_angle)
        self._node_z = self._node_range * np.cos(self._node_angle)
        columns = np.arange(probe.beams, dtype=np.float32) + np.float32(self._side)
        self._column = np.broadcast_to(columns, (probe.ranges, probe.beams))
        rows = np.arange(probe.ranges, dtype=np.float32)[:, None]
        self._row = np.broadcast_to(rows, (probe.ranges, probe.beams))

    def material_places(self) -> tuple[np.ndarray, np.ndarray]:
        """x and z in mm of every sample of the material field at end-diastole, ``material_shape`` float64."""
        p = self._probe
        radius = p.face_mm + np.arange(self.material_shape[0])[:, None] * p.range_step_mm
        angle = -p.half_angle + (np.arange(self.material_shape[1]) - self._side)[None, :] * p.beam_step_rad
        return radius * np.sin(angle), radius * np.cos(angle)

    def maps(self, state: HeartState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Column and row in the material field, and how far (mm) the material has moved away from the probe.

        Each (ranges, beams) float32.
        """
        x0, z0 = self._heart.material_position(self._node_x, self._node_z, state)
        step = self._probe.range_step_mm
        rows = (np.hypot(x0, z0) - self._node_range) / step
        columns = (np.arctan2(x0, np.maximum(z0, 1e-6)) - self._node_angle) / self._probe.beam_step_rad
        size = (self._probe.beams, self._probe.ranges)
        row = np.asarray(cv2.resize(rows.astype(np.float32), size, interpolation=cv2.INTER_CUBIC))
        column = np.asarray(cv2.resize(columns.astype(np.float32), size, interpolation=cv2.INTER_CUBIC))
        return column + self._column, row + self._row, row * np.float32(-step)

    def _nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """Ranges and angles of the nodes, at the places that ``cv2.resize`` takes them to stand for."""
        p = self._probe
        row = (np.arange(_COARSE[0]) + 0.5) * (p.ranges / _COARSE[0]) - 0.5
        column = (np.arange(_COARSE[1]) + 0.5) * (p.beams / _COARSE[1]) - 0.5
        radius = p.face_mm + row[:, None] * p.range_step_mm
        angle = -p.half_angle + column[None, :] * p.beam_step_rad
        return np.broadcast_to(radius, _COARSE).copy(), np.broadcast_to(angle, _COARSE).copy()
