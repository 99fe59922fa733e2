"""Causal smoothing of the eight region scores over time, and labels that do not flicker.

A region's raw score varies from frame to frame, so each frame shows the exponentially weighted mean of what has been
seen so far (never of what follows), weighted by time and not by frame count, so that dropped frames change nothing.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field, replace

from app.engine.cluster_smoothing import ClusterSmoother, ClusterSmoothingSettings
from app.engine.score_smoothing import PictureScoreSmoother, PictureScoreSmoothing
from models.runtime.contract import Assessment, RegionAssessment, label_of

_OUTSIDE_SHARE = 0.5  # more of a region outside the sector: not judged in that frame


@dataclass(frozen=True)
class SmoothingSettings:
    """How much is smoothed.

    Attributes
    ----------
    time_constant_s : of the exponential weights; 0 switches the smoothing of scores off
    margin : how far past a border between labels a score must lie before the label follows, in score units
    min_change_s : shortest time between two changes of a region's label
    max_gap_s : a pause between frames longer than this begins anew
    max_refusal_s : "cannot judge" for longer than this begins anew, a region that is not judged too
    outside_margin : how far past one half the share outside the sector, averaged as the scores are, must lie before a
        region is hidden or shown again, so that a wall at the sector's edge does not come and go with each beat; one
        that is twice as far past it is hidden at once
    advice_s : another sentence is shown when more than half of the frames of this time gave it
    clusters : of the quality cluster
    scores : of the picture's 0-100 score
    """

    time_constant_s: float = 0.4
    margin: float = 0.15
    min_change_s: float = 0.5
    max_gap_s: float = 1.0
    max_refusal_s: float = 0.5
    outside_margin: float = 0.1
    advice_s: float = 1.0
    clusters: ClusterSmoothingSettings = field(default_factory=ClusterSmoothingSettings)
    scores: PictureScoreSmoothing = field(default_factory=PictureScoreSmoothing)

    def __post_init__(self) -> None:
        if min(self.time_constant_s, self.margin, self.min_change_s) < 0 or self.margin >= 0.5:
            raise ValueError(f"smoothing needs times >= 0 and a margin in 0..0.5, got {self}")


class ScoreMean:
    """Exponentially weighted mean in time, unbiased from its first value on."""

    def __init__(self, time_constant_s: float) -> None:
        self._time_constant_s = time_constant_s
        self._sum = 0.0
        self._weight = 0.0
        self._last_s = -math.inf

    def add(self, value: float, t_s: float) -> float:
        """Take a value at a time, return the mean so far."""
        known = self._weight > 0 and self._time_constant_s > 0
        keep = math.exp(-(t_s - self._last_s) / self._time_constant_s) if known else 0.0
        self._sum = self._sum * keep + value
        self._weight = self._weight * keep + 1.0
        self._last_s = t_s
        return self._sum / self._weight


class SteadyLabel:
    """A label that follows a score with a margin and not too often; hiding is immediate, showing again is not."""

    def __init__(self, settings: SmoothingSettings) -> None:
        self._settings = settings
        self._label: int | None = None
        self._changed_s = -math.inf
        self._fresh = True

    def follow(self, score: float, t_s: float) -> int | None:
        """Label 1..5 for a score; None or 0 while a region that was hidden a moment ago stays hidden."""
        if self._fresh:
            return self._set(label_of(score), t_s)
        if t_s - self._changed_s < self._settings.min_change_s:
            return self._label
        hidden = self._label is None or self._label == 0
        if hidden or self._is_past_border(score):
            return self._set(label_of(score), t_s)
        return self._label

    @property
    def current(self) -> int | None:
        """The label as it stands; 0 or None while the region is hidden."""
        return self._label

    def hide(self, label: int | None, t_s: float) -> int | None:
        """The region is not judged (None) or out of the sector (0)."""
        return label if label == self._label and not self._fresh else self._set(label, t_s)

    def _is_past_border(self, score: float) -> bool:
        assert self._label is not None
        return abs(score - self._label) > 0.5 + self._settings.margin

    def _set(self, label: int | None, t_s: float) -> int | None:
        if label != self._label or self._fresh:
            self._label, self._changed_s, self._fresh = label, t_s, False
        return label


class SteadyText:
    """A sentence that changes once most frames of some time say another: one frame's opinion is not worth a look."""

    def __init__(self, over_s: float) -> None:
        self._over_s = over_s
        self._texts: deque[tuple[float, str]] = deque()
        self._shown: str | None = None

    def follow(self, text: str, t_s: float) -> str:
        """Take a frame's sentence at a time, return the one to show."""
        self._texts.append((t_s, text))
        while t_s - self._texts[0][0] > self._over_s:
            self._texts.popleft()
        common, count = Counter(text for _, text in self._texts).most_common(1)[0]
        if self._shown is None or 2 * count > len(self._texts):
            self._shown = common
        return self._shown


class _Region:
    """State of one region over time."""

    def __init__(self, settings: SmoothingSettings) -> None:
        self._settings = settings
        self._mean = ScoreMean(settings.time_constant_s)
        self._outside = ScoreMean(settings.time_constant_s)
        self._label = SteadyLabel(settings)
        self._judged_s = -math.inf
        self._score = math.nan  # the newest mean

    def step(self, region: RegionAssessment, t_s: float) -> RegionAssessment:
        mean = self._outside.add(region.outside_share, t_s)
        past_half = max(mean, region.outside_share - self._settings.outside_margin) - _OUTSIDE_SHARE
        if region.score_raw is None or region.label == 0:
            at_edge = region.label == 0 and past_half <= self._settings.outside_margin
            if at_edge and self._label.current and t_s - self._judged_s <= self._settings.max_refusal_s:
                return replace(region, score=self._score, label=self._label.current)
            return replace(region, score=None, label=self._label.hide(region.label, t_s))
        if t_s - self._judged_s > self._settings.max_refusal_s:
            self._mean = ScoreMean(self._settings.time_constant_s)
        self._judged_s = t_s
        self._score = self._mean.add(region.score_raw, t_s)
        if self._label.current == 0 and past_half > -self._settings.outside_margin:
            return replace(region, score=None, label=0)
        label = self._label.follow(self._score, t_s)
        return replace(region, score=self._score if label else None, label=label)


class Smoother:
    """Turns assessments of single frames into steady ones, in order of time. Not thread-safe.

    Outlines stay those of the frame; ``score_raw`` stays the network's. It begins anew after ``reset``, another source,
    a step back in time, a pause, or a longer refusal.
    """

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self.settings = settings or SmoothingSettings()
        self.reset()

    def reset(self) -> None:
        """Forget everything seen."""
        self._clusters = ClusterSmoother(self.settings.clusters)
        self._scores = PictureScoreSmoother(self.settings.scores)
        self._source_id: str | None = None
        self._seen_s = -math.inf
        self._reset_regions()

    def _reset_regions(self) -> None:
        self._regions: dict[str, _Region] = {}
        self._advice = SteadyText(self.settings.advice_s)
        self._judged_s = -math.inf

    def smooth(self, assessment: Assessment) -> Assessment:
        """The assessment with cluster and score, ``score`` and ``label`` of each region, and the advice replaced."""
        t_s = stream_time_s(assessment)
        if self._is_another_stream(assessment, t_s):
            self.reset()
        elif self._is_refused_for_long(t_s):
            self._reset_regions()
        self._source_id, self._seen_s = assessment.source_id, t_s
        assessment = self._with_whole(assessment, t_s)
        if not assessment.is_judged:
            return assessment
        self._judged_s = t_s
        regions = tuple(self._region(r.name).step(r, t_s) for r in assessment.regions)
        return replace(assessment, regions=regions, advice=self._advice.follow(assessment.advice, t_s))

    def _with_whole(self, assessment: Assessment, t_s: float) -> Assessment:
        """Cluster and score of the whole picture, also where the regions alone could not be judged."""
        cluster, score = assessment.cluster, assessment.score
        if cluster is not None:
            cluster = self._clusters.smooth(cluster, t_s)
        elif not assessment.cluster_reason:  # not this frame's turn
            cluster = self._clusters.held(t_s)
        if score is not None:
            score = self._scores.smooth(score, t_s)
        elif not assessment.score_reason:
            score = self._scores.held(t_s)
        return replace(assessment, cluster=cluster, score=score)

    def _region(self, name: str) -> _Region:
        return self._regions.setdefault(name, _Region(self.settings))

    def _is_another_stream(self, assessment: Assessment, t_s: float) -> bool:
        other = self._source_id is not None and assessment.source_id != self._source_id
        return other or not 0 <= t_s - self._seen_s <= self.settings.max_gap_s

    def _is_refused_for_long(self, t_s: float) -> bool:
        longest_s = max(self.settings.max_refusal_s, t_s - self._seen_s)
        return bool(self._regions) and t_s - self._judged_s > longest_s


def stream_time_s(assessment: Assessment) -> float:
    """Media time of a recording, whatever its pace; else capture time."""
    return assessment.t_media_s if assessment.t_media_s is not None else assessment.t_mono_ns / 1e9
