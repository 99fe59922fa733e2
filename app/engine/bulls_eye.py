"""What an exam has shown of each segment of the left ventricle, as the views are visited.

18 segments: six walls by three levels; each apical view shows two walls. The 17-segment model of the American Heart
Association has four apical segments and a cap: there the apical septum is the mean of the inferoseptal and anteroseptal
wall, the lateral one of the anterolateral and inferolateral wall, and the cap the mean of all six apical ones; what was
not seen yet is left out of a mean. No view of ours scores the cap by itself: it is an estimate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, median

from models.runtime.contract import WALLS, Assessment

LEVELS = ("basal", "mid", "apical")
SEGMENT_WALLS = ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral")
"""Counter-clockwise on the bull's-eye, the anterior wall on top."""

SEGMENTS_18 = tuple(f"{level} {wall}" for level in LEVELS for wall in SEGMENT_WALLS)
APICAL_17 = {
    "apical anterior": ("anterior",),
    "apical septal": ("inferoseptal", "anteroseptal"),
    "apical inferior": ("inferior",),
    "apical lateral": ("anterolateral", "inferolateral"),
    "apex": SEGMENT_WALLS,
}
"""Apical segment of the 17 -> walls whose apical segments it is the mean of."""

SEGMENTS_17 = SEGMENTS_18[:12] + tuple(APICAL_17)


@dataclass(frozen=True)
class SegmentQuality:
    """Scores 1..5 of one segment: the best that was held for a while, and the last one held. None: not seen yet."""

    best: float | None = None
    last: float | None = None


Segments = Mapping[str, SegmentQuality]


@dataclass(frozen=True)
class BullsEyeState:
    """All 18 segments by name, in the order of ``SEGMENTS_18``."""

    segments: Segments = field(default_factory=lambda: dict.fromkeys(SEGMENTS_18, SegmentQuality()))

    @property
    def seen(self) -> int:
        """How many of the 18 segments have a score."""
        return sum(quality.best is not None for quality in self.segments.values())

    def of(self, count: int) -> Segments:
        """The 18 segments, or the 17 with the apical ones averaged.

        Raises
        ------
        ValueError
            Another number of segments.
        """
        if count not in (17, 18):
            raise ValueError(f"a bull's-eye has 17 or 18 segments, not {count}")
        if count == 18:
            return self.segments
        return {name: self.segments[name] for name in SEGMENTS_18[:12]} | {
            name: _mean(self.segments[f"apical {wall}"] for wall in walls) for name, walls in APICAL_17.items()
        }


def _mean(parts: Iterable[SegmentQuality]) -> SegmentQuality:
    parts = list(parts)
    best = [part.best for part in parts if part.best is not None]
    last = [part.last for part in parts if part.last is not None]
    return SegmentQuality(fmean(best) if best else None, fmean(last) if last else None)


def segment_of(view: str, region: str) -> str | None:
    """Segment of a wall region in a view; None for the annulus, and in a view that is not apical."""
    level, side = region.rsplit("_", 1)
    if view not in WALLS or level not in LEVELS:
        return None
    return f"{level} {WALLS[view][0 if side == 'left' else 1]}"


class _Held:
    """Median of one segment's newest scores, once they cover the time that counts as held."""

    MIN_SCORES = 3
    MIN_SHARE = 0.8
    """The scores must span this part of the time: frames do not arrive exactly at its ends."""

    def __init__(self, hold_ns: int) -> None:
        self._hold_ns = hold_ns
        self._scores: deque[tuple[int, float]] = deque()
        self.quality = SegmentQuality()

    def add(self, t_ns: int, score: float) -> None:
        scores = self._scores
        if scores and t_ns < scores[-1][0]:
            scores.clear()
        scores.append((t_ns, score))
        while t_ns - scores[0][0] > self._hold_ns:
            scores.popleft()
        if len(scores) >= self.MIN_SCORES and t_ns - scores[0][0] >= self.MIN_SHARE * self._hold_ns:
            last = median(score for _, score in scores)
            best = self.quality.best
            self.quality = SegmentQuality(last if best is None else max(best, last), last)


class BullsEye:
    """Collects the segments of one exam from smoothed assessments, until ``reset``. Not thread-safe.

    Parameters
    ----------
    hold_s : a segment's score counts as the median over this time, so that one lucky frame does not
    """

    def __init__(self, hold_s: float = 0.5) -> None:
        self._hold_ns = round(hold_s * 1e9)
        self.reset()

    def reset(self) -> None:
        """Begin a new exam."""
        self._held = {name: _Held(self._hold_ns) for name in SEGMENTS_18}

    def note(self, assessment: Assessment) -> None:
        """Take one assessment; one that was not judged, or whose view is not known, adds nothing."""
        if not assessment.is_judged or assessment.view is None:
            return
        for region in assessment.regions:
            segment = segment_of(assessment.view, region.name)
            if segment is not None and region.score is not None and region.label:
                self._held[segment].add(assessment.t_mono_ns, region.score)

    def state(self) -> BullsEyeState:
        """All segments now."""
        return BullsEyeState({name: held.quality for name, held in self._held.items()})
