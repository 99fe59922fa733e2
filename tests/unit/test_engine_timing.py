"""Exact percentiles, bounded memory, cheap records."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.timing import EngineTiming, ProcessUsage, Rate, Series, Usage, UsageHistory, percentiles
from tests.support.stopwatch import cpu_ms


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_percentiles_are_those_of_numpy(values: list[float]):
    found = percentiles(np.array(values))
    assert found is not None
    assert [found.p50, found.p95, found.p99] == pytest.approx(np.percentile(values, [50, 95, 99]).tolist())


def test_no_values_no_percentiles():
    assert percentiles(np.zeros(0)) is None
    assert Series().percentiles() is None


@given(st.integers(0, 40), st.integers(1, 10), st.integers(0, 12))
def test_a_series_keeps_the_newest(count: int, capacity: int, newest: int):
    series = Series(capacity)
    for value in range(count):
        series.add(value)
    kept = list(range(count))[-capacity:]
    assert series.values().tolist() == kept
    assert len(series) == len(kept)
    assert series.values(newest).tolist() == (kept[-newest:] if newest else [])


def test_rates_over_the_window_and_over_all():
    rate = Rate(window_s=1.0)
    for i in range(91):
        rate.add(i * 33_333_333)
    assert rate.per_second(rate.last_ns or 0) == pytest.approx(30, rel=1e-3)
    assert rate.overall_per_second == pytest.approx(30, rel=1e-3)
    assert rate.per_second(10_000_000_000) == 0.0
    assert Rate().per_second(5) == Rate().overall_per_second == 0.0


def test_records_cost_far_less_than_a_frame():
    timing = EngineTiming()
    stages = {f"stage {i}": 1.5 for i in range(10)}

    def a_thousand_frames() -> None:
        for i in range(1000):
            timing.stages(stages)
            timing.painted(0, i)
            timing.captured.add(i)

    assert cpu_ms(a_thousand_frames, turns=3) / 12_000 < 0.02


def test_stages_and_painting_are_kept_apart():
    timing = EngineTiming()
    timing.stages({"network": 3.0, "sector": 1.0})
    timing.stages({"network": 5.0})
    timing.painted(1_000_000, 41_000_000)
    assert timing.stage_percentiles()["network"].p50 == 4.0
    assert timing.stage_percentiles()["sector"].as_dict() == {"p50": 1.0, "p95": 1.0, "p99": 1.0}
    assert timing.capture_to_paint_ms.values().tolist() == [40.0]


def test_usage_of_this_process():
    usage = ProcessUsage().now()
    assert usage.rss_mb > 10
    assert usage.threads >= 1


def test_memory_growth_counts_after_the_first_minute_and_threads_after_the_start():
    history = UsageHistory()
    for second in range(61):
        assert history.rss_growth_mb is None
        history.add(Usage(100.0 + second, 0.0, 30 if second < 3 else 12), 500.0 + second)
    assert (history.threads_min, history.threads_max) == (12, 12)
    assert history.rss_growth_mb == 0.0
    history.add(Usage(167.5, 0.0, 13), 561.0)
    history.add(Usage(150.0, 0.0, 11), 562.0)
    assert history.rss_growth_mb == 7.5
    assert (history.threads_min, history.threads_max) == (11, 13)


def test_usage_is_sampled_once_a_second():
    history = UsageHistory(start_up_s=0.0)
    history.add(Usage(100.0, 0.0, 12), 5.0)
    history.add(Usage(100.0, 0.0, 99), 5.9)
    assert history.threads_max == 12
    history.add(Usage(100.0, 0.0, 14), 6.0)
    assert history.threads_max == 14
