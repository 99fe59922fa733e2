"""Rates each heart cycle and remembers the best one of the last minute, by frame index and time, not by pixels.

Rating, 1..5: each region's mean raw score over the cycle's judged frames; the mean of all eight and the mean of the two
weakest count half each. Raw scores, since smoothed ones still hold the cycle before; the weakest, since a wall that
is missing spoils EF and strain however good the others are; two, since the very weakest depends most on chance. The
halves are an engineering choice.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from app.engine.area_curve import AreaCurve, CurveSettings, Phase, Turn, outline_area
from models.runtime.contract import REGION_NAMES, Assessment

WEAKEST = 2
"""How many of the eight regions count as the weak ones."""

LOWEST = 1.0
"""Score of a region that is out of the sector or not judged: not visible."""


@dataclass(frozen=True)
class Cycle:
    """One heart cycle, from end-diastole to the next; the frame of the next one is not part of it.

    Attributes
    ----------
    view : view that it shows, None when unknown
    ed_index, es_index, next_ed_index : frames of the source
    t_ed_ns, t_es_ns, t_next_ed_ns : their capture times, monotonic ns
    rating : 1..5
    frames : how many judged frames the rating rests on
    """

    view: str | None
    ed_index: int
    es_index: int
    next_ed_index: int
    t_ed_ns: int
    t_es_ns: int
    t_next_ed_ns: int
    rating: float
    frames: int


@dataclass(frozen=True)
class BestCycleSettings:
    """What a cycle is, and how long the best one is remembered.

    Attributes
    ----------
    window_s : how long a cycle is remembered
    max_gap_s : a longer time without a measured frame breaks the curve
    shortest_s, longest_s : of a cycle, 200 to 30 beats per minute
    max_ed_change : largest difference between the areas of its two end-diastoles, as a share of the larger one
    min_frames : judged frames of a cycle
    min_judged_share : of the frames that were assessed during it
    """

    window_s: float = 60.0
    max_gap_s: float = 0.25
    shortest_s: float = 0.3
    longest_s: float = 2.0
    max_ed_change: float = 0.3
    min_frames: int = 6
    min_judged_share: float = 0.75
    curve: CurveSettings = field(default_factory=CurveSettings)


class _Seen(NamedTuple):
    """One assessed frame; ``scores`` (8,) float64, None when it was not judged or shows no left ventricle."""

    t_ns: int
    frame_index: int
    scores: np.ndarray | None


class BestCycleKeeper:
    """Takes smoothed or raw assessments in order of time. Not thread-safe.

    Another source, another frame size or a step back in time forgets everything, since frames are then counted anew. A
    change of view, a jump in a recording or a gap begins another curve, and the cycles found so far stay.
    """

    def __init__(self, settings: BestCycleSettings | None = None) -> None:
        self.settings = settings or BestCycleSettings()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._cycles: deque[Cycle] = deque()
        self._stream: tuple[str, tuple[int, int]] | None = None
        self._now_ns: int | None = None
        self._before: Assessment | None = None
        self._begin_curve()

    def best(self, view: str | None = None) -> Cycle | None:
        """Best cycle of the last minute, of one view or of any; the later one of equals."""
        cycles = [cycle for cycle in self._cycles if view is None or cycle.view == view]
        return max(cycles, key=lambda cycle: (cycle.rating, cycle.t_ed_ns), default=None)

    def best_by_view(self) -> Mapping[str, Cycle]:
        """Best cycle of each view that has one."""
        views = dict.fromkeys(cycle.view for cycle in self._cycles)
        return {view: best for view in views if view is not None and (best := self.best(view)) is not None}

    def note(self, assessment: Assessment) -> None:
        """Take one assessment, judged or not."""
        stream, t_ns = (assessment.source_id, assessment.frame_size), assessment.t_mono_ns
        if stream != self._stream or (self._now_ns is not None and t_ns <= self._now_ns):
            self.reset()
        self._stream, self._now_ns = stream, t_ns
        self._forget_old(t_ns)
        area = outline_area(assessment.contours.get("LV", ())) if assessment.is_judged else 0.0
        if area > 0:
            self._measured(assessment, area)
        else:
            self._seen.append(_Seen(t_ns, assessment.frame_index, None))

    def _measured(self, assessment: Assessment, area: float) -> None:
        if self._before is not None and self._is_broken(self._before, assessment):
            self._begin_curve()
        self._before = assessment
        self._seen.append(_Seen(assessment.t_mono_ns, assessment.frame_index, _scores(assessment)))
        for turn in self._curve.add(assessment.t_mono_ns, area):
            self._take(turn, assessment.view)

    def _is_broken(self, before: Assessment, now: Assessment) -> bool:
        jumped = now.t_media_s is not None and before.t_media_s is not None and now.t_media_s <= before.t_media_s
        gap_s = (now.t_mono_ns - before.t_mono_ns) / 1e9
        return jumped or now.view != before.view or gap_s > self.settings.max_gap_s

    def _begin_curve(self) -> None:
        self._curve = AreaCurve(self.settings.curve)
        self._seen: deque[_Seen] = deque()
        self._ed: Turn | None = None
        self._es: Turn | None = None

    def _forget_old(self, now_ns: int) -> None:
        settings = self.settings
        while self._cycles and (now_ns - self._cycles[0].t_next_ed_ns) / 1e9 > settings.window_s:
            self._cycles.popleft()
        reach_s = settings.longest_s + settings.curve.memory_s + settings.curve.half_width_s
        while self._seen and (now_ns - self._seen[0].t_ns) / 1e9 > reach_s:
            self._seen.popleft()

    def _take(self, turn: Turn, view: str | None) -> None:
        if turn.phase is Phase.ES:
            self._es = turn
            return
        if self._ed is not None and self._es is not None:
            cycle = self._rated(self._ed, self._es, turn, view)
            if cycle is not None:
                self._cycles.append(cycle)
        self._ed, self._es = (turn if turn.is_sure else None), None

    def _rated(self, ed: Turn, es: Turn, next_ed: Turn, view: str | None) -> Cycle | None:
        """The cycle with its rating, None when it is no cycle or too little of it was judged."""
        settings, seconds = self.settings, (next_ed.t_ns - ed.t_ns) / 1e9
        seen = [frame for frame in self._seen if ed.t_ns <= frame.t_ns < next_ed.t_ns]
        scores = [frame.scores for frame in seen if frame.scores is not None]
        is_cycle = settings.shortest_s <= seconds <= settings.longest_s
        alike = abs(ed.area - next_ed.area) <= settings.max_ed_change * max(ed.area, next_ed.area)
        enough = len(scores) >= max(settings.min_frames, math.ceil(settings.min_judged_share * len(seen)))
        still_known = self._seen[0].t_ns <= ed.t_ns
        if not (is_cycle and alike and enough and still_known):
            return None
        index = {frame.t_ns: frame.frame_index for frame in self._seen}
        frames = index[ed.t_ns], index[es.t_ns], index[next_ed.t_ns]
        return Cycle(view, *frames, ed.t_ns, es.t_ns, next_ed.t_ns, _rating(np.stack(scores)), len(scores))


def _scores(assessment: Assessment) -> np.ndarray:
    """Raw scores of a judged frame, (8,) float64, ``LOWEST`` where a region has none."""
    raw = {region.name: region.score_raw for region in assessment.regions if region.label != 0}
    return np.array([LOWEST if (score := raw.get(name)) is None else score for name in REGION_NAMES])


def _rating(scores: np.ndarray) -> float:
    """Rating of a cycle from (frames, 8) scores."""
    regions = scores.mean(axis=0)
    return float(regions.mean() + np.sort(regions)[:WEAKEST].mean()) / 2
