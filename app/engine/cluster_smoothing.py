"""Causal smoothing of the quality cluster over time, and a word that does not flicker."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from models.runtime.contract import ClusterAssessment
from models.runtime.quality_clusters import level_of


@dataclass(frozen=True)
class ClusterSmoothingSettings:
    """How much is smoothed.

    Attributes
    ----------
    time_constant_s : of the exponential weights of shares, place and severity; 0 switches their smoothing off
    margin : by how much another cluster's mean share must exceed that of the one shown before the word changes
    level_margin : how far past a border between levels the mean must lie before the level changes, in levels
    min_change_s : shortest time between two changes of the word, and of the level: at most two a second
    max_gap_s : frames without a cluster for longer than this begin anew
    """

    time_constant_s: float = 0.5
    margin: float = 0.1
    level_margin: float = 0.15
    min_change_s: float = 0.5
    max_gap_s: float = 0.5

    def __post_init__(self) -> None:
        if min(self.time_constant_s, self.margin, self.level_margin, self.min_change_s, self.max_gap_s) < 0:
            raise ValueError(f"smoothing of clusters needs values >= 0, got {self}")


class _Steady:
    """A number that changes when it must, and not too often."""

    def __init__(self, value: int, min_change_s: float) -> None:
        self.value = value
        self._min_change_s = min_change_s
        self._changed_s = -math.inf

    def follow(self, wanted: int, is_clear: bool, t_s: float) -> int:
        if wanted != self.value and is_clear and t_s - self._changed_s >= self._min_change_s:
            self.value, self._changed_s = wanted, t_s
        return self.value


class ClusterSmoother:
    """Turns clusters of single frames into steady ones, in order of time. Not thread-safe.

    ``name`` and ``rank`` of what comes out are those of the steady word, which for moments is not the likeliest;
    shares, place and severity are means over time.
    """

    def __init__(self, settings: ClusterSmoothingSettings | None = None) -> None:
        self.settings = settings or ClusterSmoothingSettings()
        self.reset()

    def reset(self) -> None:
        """Forget everything seen."""
        self._mean: np.ndarray | None = None  # (K + 3,): shares, place, severity
        self._names: tuple[str, ...] = ()
        self._seen_s = -math.inf
        self._last: ClusterAssessment | None = None

    def smooth(self, cluster: ClusterAssessment, t_s: float) -> ClusterAssessment:
        """The steady cluster at a time, in seconds of the stream."""
        values = np.array([*cluster.shares, *cluster.place, cluster.severity])
        step_s = t_s - self._seen_s
        if self._mean is None or cluster.names != self._names or not 0 <= step_s <= self.settings.max_gap_s:
            self._begin(cluster, values)
        else:
            self._mean = self._mean + self._weight(step_s) * (values - self._mean)
        self._seen_s = t_s
        self._last = self._shown(cluster, t_s)
        return self._last

    def held(self, t_s: float) -> ClusterAssessment | None:
        """The cluster as it stands, for a frame that was left out; None when the last one is too long ago."""
        return self._last if 0 <= t_s - self._seen_s <= self.settings.max_gap_s else None

    def _begin(self, cluster: ClusterAssessment, values: np.ndarray) -> None:
        self._mean, self._names = values, cluster.names
        self._rank = _Steady(cluster.rank, self.settings.min_change_s)
        self._level = _Steady(cluster.level, self.settings.min_change_s)

    def _weight(self, step_s: float) -> float:
        tau = self.settings.time_constant_s
        return 1.0 if tau == 0 else 1 - math.exp(-step_s / tau)

    def _shown(self, cluster: ClusterAssessment, t_s: float) -> ClusterAssessment:
        assert self._mean is not None
        shares, (x, y, severity) = self._mean[:-3], self._mean[-3:]
        likeliest = int(np.argmax(shares))
        is_clear = shares[likeliest] >= shares[self._rank.value] + self.settings.margin
        rank = self._rank.follow(likeliest, bool(is_clear), t_s)
        off = abs(5 - 4 * severity - self._level.value)
        level = self._level.follow(level_of(severity), bool(off > 0.5 + self.settings.level_margin), t_s)
        return replace(
            cluster,
            name=cluster.names[rank],
            rank=rank,
            shares=tuple(shares.tolist()),
            place=(float(x), float(y)),
            severity=float(severity),
            level=level,
        )
