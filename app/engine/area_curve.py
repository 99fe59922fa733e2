"""End-diastole and end-systole from the area of the left ventricle, as the frames come.

The curve is smoothed by a trimmed mean over time (a single bad outline then moves nothing), and a turning point counts
once the curve has come back from it by a good part of its own swing: noise on a plateau is not a beat. Both look back
only, so a turning point is known some tenths of a second late.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class CurveSettings:
    """How the curve is read.

    Attributes
    ----------
    half_width_s : half of the time over which areas are averaged
    trimmed_share : of the areas in that time, left out at each end
    swing_share : how far the curve must come back from a turning point, as a share of its swing of late
    min_swing : the same as a share of the area itself: a smaller one is no heart beat
    memory_s : what counts as of late
    """

    half_width_s: float = 0.1
    trimmed_share: float = 0.25
    swing_share: float = 0.3
    min_swing: float = 0.05
    memory_s: float = 2.0


class Phase(Enum):
    """Turning points of the area."""

    ED = "largest"
    ES = "smallest"


class Turn(NamedTuple):
    """A turning point.

    ``t_ns`` is the time of a frame, ``area`` the smoothed area there. ``is_sure``: the curve was seen to go towards it;
    at its beginning the largest area may lie before the first frame.
    """

    phase: Phase
    t_ns: int
    area: float
    is_sure: bool


class _Point(NamedTuple):
    t_ns: int
    area: float


class AreaCurve:
    """Finds the turning points of one unbroken curve. Not thread-safe; bounded by time, whatever the frame rate."""

    def __init__(self, settings: CurveSettings | None = None) -> None:
        self.settings = settings or CurveSettings()
        self._half_ns = round(self.settings.half_width_s * 1e9)
        self._memory_ns = round(self.settings.memory_s * 1e9)
        self._raw: deque[_Point] = deque()
        self._pending: deque[int] = deque()
        self._smooth: deque[_Point] = deque()
        self._seeking: Phase | None = None
        self._largest = self._smallest = _Point(0, 0.0)
        self._turned = False

    def add(self, t_ns: int, area: float) -> list[Turn]:
        """Take the next area (any unit) at its time; the turning points that are certain now, in order."""
        self._raw.append(_Point(t_ns, area))
        self._pending.append(t_ns)
        turns = []
        while self._pending and t_ns - self._pending[0] >= self._half_ns:
            turn = self._follow(self._averaged(self._pending.popleft()))
            if turn is not None:
                turns.append(turn)
        return turns

    def _averaged(self, t_ns: int) -> _Point:
        """Trimmed mean around a time; drops what no later time needs."""
        while self._raw[0].t_ns < t_ns - self._half_ns:
            self._raw.popleft()
        areas = sorted(point.area for point in self._raw if point.t_ns <= t_ns + self._half_ns)
        trimmed = int(len(areas) * self.settings.trimmed_share)
        kept = areas[trimmed : len(areas) - trimmed]
        return _Point(t_ns, math.fsum(kept) / len(kept))

    def _follow(self, point: _Point) -> Turn | None:
        self._smooth.append(point)
        while point.t_ns - self._smooth[0].t_ns > self._memory_ns:
            self._smooth.popleft()
        if len(self._smooth) == 1:
            self._largest = self._smallest = point
        self._largest = max(self._largest, point, key=_area)
        self._smallest = min(self._smallest, point, key=_area)
        swing = self._least_swing()
        if self._seeking is not Phase.ES and point.area < self._largest.area - swing:
            return self._turn(Phase.ED, self._largest, point)
        if self._seeking is not Phase.ED and point.area > self._smallest.area + swing:
            return self._turn(Phase.ES, self._smallest, point)
        return None

    def _least_swing(self) -> float:
        areas = [point.area for point in self._smooth]
        largest, smallest = max(areas), min(areas)
        return max(self.settings.swing_share * (largest - smallest), self.settings.min_swing * largest)

    def _turn(self, phase: Phase, at: _Point, now: _Point) -> Turn:
        turn = Turn(phase, at.t_ns, at.area, self._turned)
        self._seeking = Phase.ES if phase is Phase.ED else Phase.ED
        self._largest = self._smallest = now
        self._turned = True
        return turn


def _area(point: _Point) -> float:
    return point.area


def outline_area(outlines: tuple[np.ndarray, ...]) -> float:
    """Area inside closed outlines, each (K, 2) (x, y), in their unit squared; 0 without any."""
    return float(sum(_polygon_area(np.asarray(points, np.float64)) for points in outlines if len(points) >= 3))


def _polygon_area(points: np.ndarray) -> float:
    """Shoelace formula, (K, 2) float64; around the first point, so that a large offset costs no digits."""
    x, y = (points - points[0]).T
    return abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1])) / 2
