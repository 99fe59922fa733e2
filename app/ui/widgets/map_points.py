"""The reference frames behind the map of quality clusters. No Qt: plain arrays, tested alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from calibration.cluster_map import ClusterMap
from capture.errors import DataError


@dataclass(frozen=True, eq=False)
class MapPoints:
    """Where the reference frames lie, and in which cluster.

    Attributes
    ----------
    points : (N, 2) float place of each frame, no unit; the same plane as ``ClusterAssessment.place``
    ranks : (N,) int rank of each frame's cluster, 0 the worst; -1 is in none
    names : words of the clusters, the worst first

    Raises
    ------
    DataError
        When there is no point, the shapes do not fit, a place is not finite, or a rank has no name.
    """

    points: np.ndarray
    ranks: np.ndarray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.points)
        fits = count > 0 and self.points.shape == (count, 2) and self.ranks.shape == (count,)
        if not (fits and np.isfinite(self.points).all()):
            raise DataError(
                f"a map of quality clusters needs finite points (N, 2) and ranks (N,), N > 0; got {self.points.shape} "
                f"and {self.ranks.shape}: fit the map anew"
            )
        if self.ranks.min() < -1 or self.ranks.max() >= len(self.names):
            raise DataError(
                f"a map of quality clusters names {len(self.names)} clusters and has ranks {self.ranks.min()} to "
                f"{self.ranks.max()}: fit the map anew"
            )

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest place, (2,) each; never the same."""
        low, high = self.points.min(axis=0).astype(float), self.points.max(axis=0).astype(float)
        return low, np.maximum(high, low + 1e-6)

    def middle(self, rank: int) -> np.ndarray | None:
        """Where the name of a cluster stands: the middle of its frames, (2,); None without frames."""
        inside = self.points[self.ranks == rank]
        return np.median(inside, axis=0) if len(inside) else None


def points_of(found: ClusterMap) -> MapPoints:
    """The frames of a map whose worst cluster is the first, as a released or refitted one has it."""
    return MapPoints(found.points, found.labels, found.names)
