"""A made-up plane of an artifact gate, and what the gate says of frames on it."""

from __future__ import annotations

import numpy as np

from calibration.cluster_map import ClusterMap, centroids_of
from models.runtime.contract import GateAssessment
from models.runtime.density_grid import DensityGrid
from models.runtime.gate_plane import GatePlane

TAU = -4.0
KINDS = ("known", "noise", "empty screen")
MIDDLES = np.array([[0.0, 0.0], [6.0, 1.0], [-5.0, -3.0]])
PEAK = (1.0, -0.5)
"""Where the density is highest: off the middle, so that no axis can be taken for the other."""


def some_plane(names: tuple[str, ...] = KINDS, count: int = 90, tau: float = TAU) -> GatePlane:
    """Known frames around 0, each kind of artifact around a place of its own; the density is elliptic."""
    random, kinds = np.random.default_rng(0), np.arange(count) % len(names)
    turns = 2 * np.pi * np.arange(len(names)) / len(names)
    middles = MIDDLES if names == KINDS else 6 * np.stack([np.cos(turns), np.sin(turns)], axis=1) * (turns[:, None] > 0)
    points = (middles[kinds] + random.normal(0, 0.4, (count, 2))).astype(np.float32)
    axis = DensityGrid.axis(8.0)
    density = -0.5 * ((axis[None, :] - PEAK[0]) ** 2 + 4 * (axis[:, None] - PEAK[1]) ** 2)
    return GatePlane(ClusterMap(points, kinds, centroids_of(points, kinds), names, {}), DensityGrid(8.0, density), tau)


def gate_says(place: tuple[float, float] = (0.0, 0.0), hint: str | None = None) -> GateAssessment:
    """A known frame, or with a hint one that is not."""
    if hint is None:
        return GateAssessment(-1.25, TAU, True, None, "", place)
    reason = f"cannot judge: unlike anything known (looks like {hint})"
    return GateAssessment(-9.82, TAU, False, hint, reason, place)
