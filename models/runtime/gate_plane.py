"""What a window draws of an artifact gate: its reference points, its density, and the threshold in use."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.cluster_map import ClusterMap
from models.runtime.density_grid import DensityGrid


@dataclass(frozen=True, eq=False)
class GatePlane:
    """The plane on which ``GateAssessment.place`` lies.

    Attributes
    ----------
    references : points of known frames (the first name) and of types of artifacts
    density : natural logarithm of the density over the plane
    tau : log density below which a frame is not known
    """

    references: ClusterMap
    density: DensityGrid
    tau: float
