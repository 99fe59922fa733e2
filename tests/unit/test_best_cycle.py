"""Heart cycles from the area of the left ventricle, and the best one of the last minute."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scripted_exam import ScriptedExam, TrueCycle, area_at, assessment, outline, refusal

from app.engine.area_curve import AreaCurve, Phase, outline_area
from app.engine.best_cycle import BestCycleKeeper, Cycle
from models.runtime.contract import Assessment

LENGTH_S, SYSTOLE_S = 0.9, 0.3


def beats(
    qualities: Iterable[float], fps: float = 30.0, start_s: float = 0.0, length_s: float = LENGTH_S, view: str = "A4C"
) -> list[Assessment]:
    """Cycles one after another without noise; their index counts from the time."""
    frames = []
    for number, quality in enumerate(qualities):
        begin_s = start_s + number * length_s
        cycle = TrueCycle(begin_s, begin_s + length_s, SYSTOLE_S, quality, np.full(8, quality), view)
        for t_s in np.arange(begin_s, begin_s + length_s - 1e-9, 1 / fps):
            frames.append(assessment(round(t_s * 1000), t_s, view, area_at(cycle, t_s), cycle.scores))
    return frames


def kept(frames: Iterable[Assessment]) -> BestCycleKeeper:
    keeper = BestCycleKeeper()
    for frame in frames:
        keeper.note(frame)
    return keeper


def span_s(cycle: Cycle | None) -> tuple[float, float]:
    assert cycle is not None
    return cycle.t_ed_ns / 1e9 - 100, cycle.t_next_ed_ns / 1e9 - 100


def test_the_area_of_an_outline():
    square = np.array([[1e4, 1e4], [1e4 + 10, 1e4], [1e4 + 10, 1e4 + 20], [1e4, 1e4 + 20]], np.float32)
    assert outline_area((square, square[:2])) == pytest.approx(200)
    assert outline_area((square, square[::-1])) == pytest.approx(400)
    assert outline_area(()) == 0
    assert outline_area((outline(30_000.0),)) == pytest.approx(30_000, rel=1e-3)


@pytest.mark.parametrize(("fps", "length_s"), [(15.0, 0.9), (30.0, 0.9), (60.0, 0.9), (30.0, 0.45), (30.0, 1.6)])
def test_turning_points_of_many_rates(fps: float, length_s: float):
    curve, turns = AreaCurve(), []
    for frame in beats([4.0] * 6, fps, length_s=length_s):
        turns += curve.add(frame.t_mono_ns, outline_area(frame.contours["LV"]))
    phases = [turn.phase for turn in turns]
    assert phases[:2] == [Phase.ED, Phase.ES]
    assert all(a is not b for a, b in pairwise(phases))
    assert [turn.is_sure for turn in turns] == [False] + [True] * (len(turns) - 1)
    largest = [turn.t_ns / 1e9 - 100 for turn in turns[1:] if turn.phase is Phase.ED]
    assert largest == pytest.approx([length_s * beat for beat in range(1, len(largest) + 1)], abs=0.09)
    assert len(largest) >= 4


def test_the_best_cycle_is_kept_with_its_frames():
    best = kept(beats([3, 3, 2, 4.5, 3, 3, 3])).best()
    assert span_s(best) == pytest.approx((2.7, 3.6), abs=0.07)
    assert best is not None
    assert best.t_es_ns / 1e9 - 100 == pytest.approx(3.0, abs=0.07)
    assert (best.ed_index, best.next_ed_index) == tuple(round(1000 * t) for t in span_s(best))
    assert best.rating == pytest.approx(4.5, abs=0.15)
    assert best.view == "A4C"
    assert best.frames == pytest.approx(27, abs=2)


def test_one_missing_wall_counts_more_than_a_little_less_everywhere():
    good, gap = beats([4.0] * 7), beats([4.4] * 7)
    gap = [
        replace(f, regions=(replace(f.regions[0], score_raw=None, score=None, label=0), *f.regions[1:])) for f in gap
    ]
    rated = [kept(frames).best() for frames in (good, gap)]
    assert rated[0] is not None
    assert rated[1] is not None
    assert rated[0].rating > rated[1].rating + 0.2


def test_a_cycle_is_remembered_for_a_minute():
    keeper = kept(beats([3, 3, 4.5, *[3] * 60]))
    assert span_s(keeper.best())[0] == pytest.approx(1.8, abs=0.07)
    for frame in beats([3] * 10, start_s=63 * LENGTH_S):
        keeper.note(frame)
    best = keeper.best()
    assert best is not None
    assert best.rating == pytest.approx(3, abs=0.01)
    keeper.note(refusal(0, 200.0))
    assert keeper.best() is None


def test_each_view_has_a_best_cycle_of_its_own():
    keeper = kept(beats([4] * 5) + beats([2] * 5, start_s=4.5, view="A2C"))
    by_view = keeper.best_by_view()
    assert {view: round(cycle.rating, 1) for view, cycle in by_view.items()} == {"A4C": 4.0, "A2C": 2.0}
    assert keeper.best() == by_view["A4C"]
    assert keeper.best("ALAX") is None


def test_no_heart_beat_no_cycle():
    noise = np.random.default_rng(1).normal(1, 0.03, 900)
    still = [assessment(i, i / 30, "A4C", 30_000 * noise[i], np.full(8, 4.0)) for i in range(900)]
    assert kept(still).best() is None
    assert kept(assessment(i, i / 30, "A4C", None, np.full(8, 4.0)) for i in range(90)).best() is None
    assert kept(refusal(i, i / 30) for i in range(90)).best() is None
    assert kept(beats([4.0] * 8, fps=4.0)).best() is None


@pytest.mark.parametrize("refused", [False, True])
def test_a_gap_breaks_the_cycle_that_it_falls_into(refused: bool):
    frames = []
    for frame in beats([3, 3, 3, 5, 3, 3, 3]):
        if not 2.9 < frame.t_mono_ns / 1e9 - 100 < 3.3:
            frames.append(frame)
        elif refused:
            frames.append(refusal(frame.frame_index, frame.t_mono_ns / 1e9 - 100))
    best = kept(frames).best()
    assert best is not None
    assert best.rating == pytest.approx(3, abs=0.3)


def test_a_cycle_that_was_refused_in_good_part_is_not_rated():
    frames = [
        refusal(f.frame_index, f.t_mono_ns / 1e9 - 100) if 2.7 < f.t_mono_ns / 1e9 - 100 < 3.6 and i % 2 else f
        for i, f in enumerate(beats([3, 3, 3, 5, 3, 3, 3]))
    ]
    best = kept(frames).best()
    assert best is not None
    assert best.rating == pytest.approx(3, abs=0.3)


def test_another_source_or_a_step_back_forgets_everything():
    frames = beats([4] * 5)
    for other in (replace(frames[0], source_id="mock:1", t_mono_ns=10**12), frames[10], replace(frames[-1])):
        keeper = kept(frames)
        assert keeper.best() is not None
        keeper.note(other)
        assert keeper.best() is None


def test_a_recording_that_begins_again_keeps_what_was_found():
    frames = beats([3, 5, 3, 3, 3])
    again = beats([3, 3, 3, 3], start_s=4.1)
    timed = [replace(f, t_media_s=f.t_mono_ns / 1e9 - 100) for f in frames]
    timed += [replace(f, t_media_s=f.t_mono_ns / 1e9 - 104.1) for f in again if f.t_mono_ns > frames[-1].t_mono_ns]
    cycles = kept(timed)
    assert cycles.best() is not None
    assert span_s(cycles.best()) == pytest.approx((0.9, 1.8), abs=0.07)


def test_memory_is_bounded():
    keeper = kept(beats([4] * 300, fps=20))
    assert len(keeper._cycles) <= 60 / LENGTH_S + 2
    assert len(keeper._seen) <= 20 * 4.5
    assert len(keeper._curve._raw) <= 20
    flat = BestCycleKeeper()
    for i in range(4000):
        flat.note(assessment(i, i / 60, "A4C", 30_000.0, np.full(8, 4.0)))
    assert len(flat._seen) <= 60 * 4.5


def test_the_same_frames_give_the_same_cycle():
    frames = ScriptedExam(3, 3).frames
    assert kept(frames).best() == kept(frames).best()


def test_the_cycle_of_highest_true_quality_is_kept_in_at_least_90_percent_of_50_exams():
    hits, found, whole = 0, 0, 0
    for seed in range(50):
        exam = ScriptedExam(seed, per_view=5)
        keeper = kept(exam.frames)
        begin_s, end_s = span_s(keeper.best())
        best = max(exam.cycles, key=lambda cycle: cycle.quality)
        hits += abs(begin_s - best.start_s) < 0.15 and abs(end_s - best.end_s) < 0.15
        found, whole = found + len(keeper._cycles), whole + len(exam.cycles)
    assert hits >= 45
    assert found > 0.95 * whole
