"""How long each stage takes, how many frames pass, and what the process uses.

Recording costs well under 20 us and memory is bounded: each series keeps its newest values in a ring, and percentiles
are exact over what is kept.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import psutil  # type: ignore[import-untyped]

KEPT_VALUES = 36_000
"""Values kept per series: 10 minutes at 60 fps, 288 kB."""

RECENT_VALUES = 300
"""Values behind the live figures: 10 s at 30 fps."""


@dataclass(frozen=True)
class Percentiles:
    """Median and tails of a series, in the unit of its values (ms here)."""

    p50: float
    p95: float
    p99: float

    def as_dict(self) -> dict[str, float]:
        """Plain dictionary, rounded to 1 us when in ms."""
        return {"p50": round(self.p50, 3), "p95": round(self.p95, 3), "p99": round(self.p99, 3)}


def percentiles(values: np.ndarray) -> Percentiles | None:
    """Linear-interpolation percentiles of (N,) floats; None when empty.

    The same figures as ``numpy.percentile``, an order of magnitude faster on short series.
    """
    if values.size == 0:
        return None
    ordered = np.sort(values)

    def at(fraction: float) -> float:
        place = fraction * (ordered.size - 1)
        low = int(place)
        high = min(low + 1, ordered.size - 1)
        return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))

    return Percentiles(at(0.50), at(0.95), at(0.99))


class Series:
    """The newest ``capacity`` values of one quantity; one thread adds, any thread asks."""

    def __init__(self, capacity: int = KEPT_VALUES) -> None:
        self._ring = np.zeros(capacity)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, self._ring.size)

    def add(self, value: float) -> None:
        """Append one value."""
        self._ring[self._count % self._ring.size] = value
        self._count += 1

    def values(self, newest: int | None = None) -> np.ndarray:
        """Copy of the newest values, (N,) float64, oldest first; all that are kept by default."""
        count, size = self._count, self._ring.size
        n = min(count, size, size if newest is None else newest)
        return self._ring[np.arange(count - n, count) % size]

    def largest(self, newest: int | None = None) -> float | None:
        """The largest of the newest values; None when there are none."""
        values = self.values(newest)
        return float(values.max()) if values.size else None

    def percentiles(self, newest: int | None = None) -> Percentiles | None:
        """Percentiles of the newest values; None when there are none."""
        return percentiles(self.values(newest))


class Rate:
    """Events per second over a sliding window, and over all time."""

    def __init__(self, window_s: float = 2.0) -> None:
        self._window_ns = int(window_s * 1e9)
        self._recent: deque[int] = deque(maxlen=512)
        self.count = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    def add(self, now_ns: int) -> None:
        """Record one event."""
        self.first_ns = now_ns if self.first_ns is None else self.first_ns
        self.last_ns = now_ns
        self.count += 1
        self._recent.append(now_ns)

    def per_second(self, now_ns: int) -> float:
        """Rate over the window; 0 when fewer than two events lie in it."""
        recent = [t for t in list(self._recent) if now_ns - t <= self._window_ns]
        return (len(recent) - 1) * 1e9 / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0

    @property
    def overall_per_second(self) -> float:
        """Rate between the first and the last event; 0 with fewer than two."""
        if self.first_ns is None or self.last_ns is None or self.last_ns <= self.first_ns:
            return 0.0
        return (self.count - 1) * 1e9 / (self.last_ns - self.first_ns)


@dataclass(frozen=True)
class Usage:
    """What the process uses: resident memory in MB (1e6 bytes), CPU in percent of one core, threads."""

    rss_mb: float
    cpu_percent: float
    threads: int


class ProcessUsage:
    """Asks the operating system about this process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._process.cpu_percent(None)  # the first answer is always 0

    def now(self) -> Usage:
        """Usage; CPU since the previous call."""
        with self._process.oneshot():
            rss = self._process.memory_info().rss / 1e6
            return Usage(round(rss, 1), self._process.cpu_percent(None), self._process.num_threads())


class UsageHistory:
    """How memory and threads went over a run, from one sample a second; one thread adds, any thread asks.

    Counted from the first sample: threads after ``start_up_s``, memory after ``settled_s``, when caches are filled.
    """

    def __init__(self, start_up_s: float = 3.0, settled_s: float = 60.0, every_s: float = 1.0) -> None:
        self._start_up_s, self._settled_s, self._every_s = start_up_s, settled_s, every_s
        self._first_s: float | None = None
        self._last_s = 0.0
        self._settled_mb: float | None = None
        self._highest_mb = 0.0
        self.threads_min: int | None = None
        self.threads_max: int | None = None

    def add(self, usage: Usage, now_s: float) -> None:
        """Take a sample, unless the last one is younger than a second."""
        if self._first_s is None:
            self._first_s = now_s
        elif now_s - self._last_s < self._every_s:
            return
        self._last_s = now_s
        age_s = now_s - self._first_s
        if age_s >= self._start_up_s:
            self.threads_min = min(self.threads_min or usage.threads, usage.threads)
            self.threads_max = max(self.threads_max or usage.threads, usage.threads)
        if age_s >= self._settled_s:
            self._settled_mb = usage.rss_mb if self._settled_mb is None else self._settled_mb
            self._highest_mb = max(self._highest_mb, usage.rss_mb)

    @property
    def rss_growth_mb(self) -> float | None:
        """Highest resident memory less that at ``settled_s``, MB; None for a shorter run."""
        return None if self._settled_mb is None else round(self._highest_mb - self._settled_mb, 1)


class EngineTiming:
    """All series of one engine. Each method is called by the one thread that does the work it names."""

    def __init__(self) -> None:
        self.captured = Rate()
        self.assessed = Rate()
        self.assess_ms = Series()
        self.capture_to_paint_ms = Series()
        self.usage = UsageHistory()
        self._stages: dict[str, Series] = {}
        self._ages: dict[str, Series] = {}
        self._lock = threading.Lock()

    def painted(self, frame_t_mono_ns: int, now_ns: int) -> None:
        """Record that a frame captured at ``frame_t_mono_ns`` is on the screen, with its assessment, at ``now_ns``."""
        self.capture_to_paint_ms.add((now_ns - frame_t_mono_ns) / 1e6)

    def stages(self, times_ms: Mapping[str, float]) -> None:
        """Record the times of some stages of one frame, in ms."""
        self._add(self._stages, times_ms)

    def ages(self, ages_ms: Mapping[str, float]) -> None:
        """Record how much older than a frame what is shown with it was, in ms by field."""
        self._add(self._ages, ages_ms)

    def stage_percentiles(self, newest: int | None = None) -> dict[str, Percentiles]:
        """Percentiles by stage name."""
        found = {name: series.percentiles(newest) for name, series in self._copy(self._stages)}
        return {name: value for name, value in found.items() if value is not None}

    def age_percentiles(self) -> dict[str, Percentiles]:
        """Percentiles of ages by field."""
        found = {name: series.percentiles() for name, series in self._copy(self._ages)}
        return {name: value for name, value in found.items() if value is not None}

    def largest_ages_ms(self, newest: int | None = None) -> dict[str, float]:
        """The largest of the newest ages by field."""
        found = {name: series.largest(newest) for name, series in self._copy(self._ages)}
        return {name: value for name, value in found.items() if value is not None}

    def _add(self, all_series: dict[str, Series], values: Mapping[str, float]) -> None:
        with self._lock:
            for name, value in values.items():
                series = all_series.get(name)
                if series is None:
                    series = all_series[name] = Series()
                series.add(value)

    def _copy(self, all_series: dict[str, Series]) -> list[tuple[str, Series]]:
        with self._lock:
            return list(all_series.items())
