"""Causal smoothing of a picture's 0-100 score over time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from models.runtime.contract import ScoreAssessment


@dataclass(frozen=True)
class PictureScoreSmoothing:
    """How much is smoothed.

    Attributes
    ----------
    time_constant_s : of the exponential weights; 0 switches the smoothing off
    max_gap_s : frames without a score for longer than this begin anew
    """

    time_constant_s: float = 0.5
    max_gap_s: float = 0.5

    def __post_init__(self) -> None:
        if min(self.time_constant_s, self.max_gap_s) < 0:
            raise ValueError(f"smoothing of scores needs times >= 0, got {self}")


class PictureScoreSmoother:
    """Turns scores of single frames into a mean over time, in order of time. Not thread-safe."""

    def __init__(self, settings: PictureScoreSmoothing | None = None) -> None:
        self.settings = settings or PictureScoreSmoothing()
        self._last: ScoreAssessment | None = None
        self._seen_s = -math.inf

    def smooth(self, score: ScoreAssessment, t_s: float) -> ScoreAssessment:
        """The mean score at a time, in seconds of the stream."""
        before, tau = self.held(t_s), self.settings.time_constant_s
        if before is not None and tau > 0:
            weight = 1 - math.exp(-(t_s - self._seen_s) / tau)
            score = replace(score, value=before.value + weight * (score.value - before.value))
        self._last, self._seen_s = score, t_s
        return score

    def held(self, t_s: float) -> ScoreAssessment | None:
        """The score as it stands, for a frame that was left out; None when the last one is too long ago."""
        return self._last if 0 <= t_s - self._seen_s <= self.settings.max_gap_s else None
