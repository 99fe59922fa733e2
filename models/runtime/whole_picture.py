"""What is known of a picture as a whole, each from a network of its own that need not see every live frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class FrameStamp:
    """Which frame a part of an assessment is of: its index, and its capture time in monotonic ns."""

    index: int
    t_mono_ns: int


@dataclass(frozen=True)
class ClusterAssessment:
    """Where a frame stands among the global quality clusters (US2QNet paper).

    Attributes
    ----------
    name : of its cluster, such as ``A-``, ``A``, ``A+``
    rank : of its cluster, 0 the worst
    shares : probability of each cluster, the worst first, sum 1
    names : of the clusters in the same order
    place : (x, y) on the map of clusters, no unit
    severity : how far the picture is degraded, 0 (as good as the best reference) to 1
    level : 1 (worst) to 5 (best), the finer scale beside the clusters
    latent : (D,) float32, the network's features of the frame, by which a site's map is fitted; None when not kept
    of : the frame that this is of, on a live stream maybe an earlier one than the assessment's; None when unknown
    """

    name: str
    rank: int
    shares: tuple[float, ...]
    names: tuple[str, ...]
    place: tuple[float, float]
    severity: float
    level: int
    latent: np.ndarray | None = field(default=None, repr=False, compare=False)
    of: FrameStamp | None = field(default=None, compare=False)

    @property
    def p(self) -> float:
        """Probability of the frame's own cluster, 0..1."""
        return self.shares[self.rank]


@dataclass(frozen=True)
class ScoreAssessment:
    """How good the picture looks as a whole.

    Attributes
    ----------
    value : 0 (as bad as the worst known) to 100 (nothing degrades it)
    of : the frame that this is of, on a live stream maybe an earlier one than the assessment's; None when unknown
    """

    value: float
    of: FrameStamp | None = field(default=None, compare=False)


@dataclass(frozen=True)
class GateAssessment:
    """Whether the frame is like anything that the models know (artifact gate).

    Attributes
    ----------
    log_density : natural logarithm of the density at its place
    threshold : log density below which a frame is not known: the scanner profile's, else the released one
    is_known : whether the frame lies above
    hint : nearest known type of artifact, in plain words; None for a known frame
    reason : the whole sentence for a frame that is not known, else empty
    place : (x, y) on the gate's plane, no unit; known frames lie around 0 with spread 1
    of : the frame that this is of, on a live stream maybe an earlier one than the assessment's; None when unknown
    """

    log_density: float
    threshold: float
    is_known: bool
    hint: str | None
    reason: str
    place: tuple[float, float]
    of: FrameStamp | None = field(default=None, compare=False)
