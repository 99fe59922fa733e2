"""A virtual exam written down as assessments: heart cycles of known quality, noise, lost and refused frames.

Nothing here is shared with the code under test but the records themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.runtime.contract import (
    REGION_NAMES,
    VIEWS,
    Assessment,
    RegionAssessment,
    Verdict,
    label_of,
)

SOURCE, SIZE = "mock:0", (480, 640)
ED_AREA_PX2 = 30_000.0


@dataclass(frozen=True)
class TrueCycle:
    """One scripted cycle: times in s from the exam's beginning, true quality, and true score per region, (8,)."""

    start_s: float
    end_s: float
    systole_s: float
    quality: float
    scores: np.ndarray
    view: str


def outline(area: float, centre: tuple[float, float] = (320.0, 200.0)) -> np.ndarray:
    """An ellipse of a given area in px^2, (60, 2) float32."""
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    half = np.sqrt(area / (1.8 * 30 * np.sin(2 * np.pi / 60)))
    shape = np.column_stack([centre[0] + half * np.cos(turn), centre[1] + 1.8 * half * np.sin(turn)])
    return shape.astype(np.float32)


def area_at(cycle: TrueCycle, t_s: float, ejected: float = 0.4) -> float:
    """Area of the left ventricle: fast ejection, filling in two steps with a pause between, as in life."""
    t, length = t_s - cycle.start_s, cycle.end_s - cycle.start_s
    early = cycle.systole_s + 0.3 * (length - cycle.systole_s)
    times = [0.0, cycle.systole_s, early, 0.8 * length, length]
    levels = [1.0, 1.0 - ejected, 1.0 - 0.25 * ejected, 1.0 - 0.2 * ejected, 1.0]
    place = int(np.clip(np.searchsorted(times, t, side="right") - 1, 0, 3))
    share = (t - times[place]) / (times[place + 1] - times[place])
    smooth = (1 - np.cos(np.pi * np.clip(share, 0, 1))) / 2
    return ED_AREA_PX2 * (levels[place] + smooth * (levels[place + 1] - levels[place]))


def assessment(
    index: int,
    t_s: float,
    view: str | None,
    area: float | None,
    scores: np.ndarray | list[float],
    source_id: str = SOURCE,
) -> Assessment:
    """One judged frame; ``nan`` scores are regions out of the sector, an area of None leaves the contour out."""
    regions = tuple(
        RegionAssessment(name, None, None, 0, 0.9)
        if np.isnan(score)
        else RegionAssessment(name, float(score), float(score), label_of(score))
        for name, score in zip(REGION_NAMES, scores, strict=True)
    )
    contours = {} if area is None else {"LV": (outline(area),)}
    t_ns = round((100 + t_s) * 1e9)
    return Assessment(
        index, t_ns, source_id, SIZE, Verdict.OK, view=view, view_p=0.9, contours=contours, regions=regions
    )


def refusal(index: int, t_s: float, source_id: str = SOURCE) -> Assessment:
    """One frame that could not be judged."""
    return Assessment(index, round((100 + t_s) * 1e9), source_id, SIZE, Verdict.CANNOT_JUDGE, reason="no heart found")


class ScriptedExam:
    """Some cycles per view, seen at an uneven rate.

    True qualities are at least 0.15 apart (people do not tell less on a scale of 1 to 5) and in any order. The walls of
    a patient differ from each other, always in the same way.

    Parameters
    ----------
    per_view : whole cycles of each view
    same_for : how many cycles in a row have the same quality, as while a probe is held
    noise : standard deviation of one frame's score

    Attributes
    ----------
    cycles : all whole cycles, in order
    frames : the assessments, raw, in order of time
    """

    def __init__(self, seed: int, per_view: int = 6, same_for: int = 1, fps: float = 30.0, noise: float = 0.4) -> None:
        self._rng = np.random.default_rng(seed)
        walls = self._rng.normal(0, 0.35, 8)
        self._walls = walls - walls.mean()
        self._qualities = iter(np.repeat(self._rng.permutation(np.arange(1.4, 4.8, 0.15)), same_for))
        self._noise = noise
        self._error = np.zeros(8)
        self.cycles: list[TrueCycle] = []
        self.frames: list[Assessment] = []
        self._index, t_s = 0, 0.0
        for view in VIEWS:
            t_s = self._visit(view, t_s, per_view, fps)

    def truth_at(self, frame: Assessment) -> TrueCycle | None:
        """The cycle that a frame shows, None at the ends of a visit."""
        t_s = frame.t_mono_ns / 1e9 - 100
        return next((cycle for cycle in self.cycles if cycle.start_s <= t_s < cycle.end_s), None)

    def _visit(self, view: str, t_s: float, count: int, fps: float) -> float:
        """One view: a cycle that was running already, the whole ones, one that is broken off."""
        rate_s = self._rng.uniform(0.6, 1.1)
        running = self._cycle(t_s - 0.55 * rate_s, rate_s, view)
        whole: list[TrueCycle] = []
        start_s = running.end_s
        for _ in range(count):
            cycle = self._cycle(start_s, rate_s * self._rng.uniform(0.93, 1.07), view)
            whole.append(cycle)
            start_s = cycle.end_s
        broken_off = self._cycle(start_s, rate_s, view)
        end_s = start_s + 0.75 * rate_s
        self._film([running, *whole, broken_off], t_s, end_s, fps)
        self.cycles += whole
        return end_s + 0.6

    def _cycle(self, start_s: float, length_s: float, view: str) -> TrueCycle:
        quality = float(next(self._qualities))
        scores = np.clip(quality + self._walls, 1, 5)
        return TrueCycle(start_s, start_s + length_s, 0.33 * length_s**0.5, quality, scores, view)

    def _film(self, cycles: list[TrueCycle], t_s: float, end_s: float, fps: float) -> None:
        refused = 0
        while t_s < end_s:
            cycle = next(c for c in cycles if t_s < c.end_s)
            refused = refused - 1 if refused else int(self._rng.integers(1, 4)) * (self._rng.random() < 0.01)
            if self._rng.random() > 0.06:  # else the frame is lost
                self.frames.append(refusal(self._index, t_s) if refused else self._seen(cycle, t_s))
            self._index += 1
            t_s += self._rng.uniform(0.7, 1.3) / fps

    def _seen(self, cycle: TrueCycle, t_s: float) -> Assessment:
        """One frame: area within 3 %, now and then far off; scores whose errors last for a while (r = .33)."""
        self._error = 0.33 * self._error + 0.944 * self._rng.normal(0, self._noise, 8)
        area = area_at(cycle, t_s) * self._rng.normal(1, 0.03) * (0.6 if self._rng.random() < 0.01 else 1)
        return assessment(self._index, t_s, cycle.view, area, np.clip(cycle.scores + self._error, 1, 5))
