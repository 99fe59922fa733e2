"""Saliency maps of what an engine shows: once a second, of the newest picture, never in the way of the assessment."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hearts import heart, heart_frame, no_heart
from mocks import ManualClock, MockAssessor, MockSource, wait_until

from app.engine.pipeline import Engine
from app.engine.saliency import EVERY_S, LOOK_EVERY_S, OLDEST_S, SaliencyKeeper
from app.engine.state import Assessed, SignalState
from app.engine.worker import Supervisor
from capture.errors import ModelError
from capture.frame import Frame
from capture.geometry import Rect, Sector
from models.runtime.contract import Assessment, FrameStamp
from models.runtime.frame_saliency import SaliencyMap

NAME = "sonogauge-saliency"


def map_of(frame: Frame, assessment: Assessment) -> SaliencyMap:
    stamp = FrameStamp(frame.index, frame.t_mono_ns)
    return SaliencyMap(np.ones((7, 7), np.float32), Rect(0, 0, 7, 7), assessment.sector, frame.source_id, stamp)


class Maker:
    """Notes the frames that it was asked for; ``before`` may wait or raise."""

    def __init__(self, before: Callable[[Frame], None] | None = None) -> None:
        self.before = before
        self.asked: list[int] = []
        self.priorities: set[int] = set()
        self.closed = 0

    def map_of(self, frame: Frame, assessment: Assessment) -> SaliencyMap:
        self.asked.append(frame.index)
        if sys.platform == "linux":
            self.priorities.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        if self.before is not None:
            self.before(frame)
        return map_of(frame, assessment)

    def close(self) -> None:
        self.closed += 1


class Bench:
    """A keeper without a thread, in front of a screen that a test sets."""

    def __init__(self, make: Callable[[], Maker] | None = None) -> None:
        self.clock = ManualClock()
        self.shown: Assessed | None = None
        self.is_held = False
        self.news = 0
        self.keeper = SaliencyKeeper(
            make or Maker,
            lambda: (self.shown, self.is_held),
            Supervisor(),
            lambda: round(self.clock() * 1e9),
            self._changed,
        )
        self.keeper._state = replace(self.keeper._state, is_on=True)

    def show(self, index: int, judge: Callable[[Frame], Assessment] = heart) -> Assessed:
        frame = heart_frame(index, 1e3 * self.clock())
        self.shown = Assessed(frame, judge(frame), frame.t_mono_ns)
        return self.shown

    def map_shown(self) -> SaliencyMap | None:
        return self.keeper.state(self.shown).map

    def _changed(self) -> None:
        self.news += 1


def test_once_a_second_and_of_the_newest_picture():
    bench, maker = Bench(), Maker()
    for index in range(91):  # 3 s of 30 frames a second
        bench.show(index)
        bench.keeper.step(maker)
        bench.clock.pass_time(1 / 30)
    assert len(maker.asked) == 4
    assert np.diff(maker.asked) == pytest.approx(30 * EVERY_S, abs=1)
    assert bench.news == 4


def test_it_says_how_long_nothing_is_due():
    bench, maker = Bench(), Maker()
    assert bench.keeper.step(maker) == LOOK_EVERY_S, "nothing is shown yet"
    bench.show(0)
    assert bench.keeper.step(maker) == 0
    assert bench.keeper.step(maker) == LOOK_EVERY_S, "the same picture"
    bench.clock.pass_time(0.4)
    bench.show(1)
    assert bench.keeper.step(maker) == pytest.approx(EVERY_S - 0.4)


def test_a_slow_map_takes_half_of_a_core_at_most():
    bench = Bench()
    maker = Maker(lambda _: bench.clock.pass_time(0.8))
    bench.show(0)
    bench.keeper.step(maker)
    bench.show(1)
    assert bench.keeper.step(maker) == pytest.approx(0.8)


def test_a_held_picture_is_mapped_at_once_and_has_its_own_map_alone():
    bench, maker = Bench(), Maker()
    bench.show(0)
    bench.keeper.step(maker)
    bench.clock.pass_time(0.2)
    bench.show(1)
    assert bench.map_shown() is not None, "a live picture bears the map of one a moment ago"
    bench.is_held = True
    assert bench.map_shown() is None
    bench.keeper.step(maker)
    assert maker.asked == [0, 1]
    assert bench.map_shown().of.index == 1


@pytest.mark.parametrize("gone", ["refused", "another picture", "old", "another source", "another sector"])
def test_a_map_goes_with_its_picture(gone: str):
    bench, maker = Bench(), Maker()
    bench.show(0)
    bench.keeper.step(maker)
    bench.clock.pass_time(OLDEST_S + 0.1 if gone == "old" else 0.1)
    if gone == "refused":
        bench.keeper.clear(bench.show(1, no_heart).frame.t_mono_ns)
        bench.clock.pass_time(0.1)
    elif gone == "another picture":
        bench.keeper.clear(round(bench.clock() * 1e9) - 1)
    bench.show(2)
    if gone == "another source":
        bench.shown = replace(bench.shown, assessment=replace(bench.shown.assessment, source_id="mock:1"))
    elif gone == "another sector":
        moved = Sector(300.0, 10.0, 10.0, 450.0, -0.6, 0.6)
        bench.shown = replace(bench.shown, assessment=replace(bench.shown.assessment, sector=moved))
    assert bench.map_shown() is None
    assert bench.keeper.state(bench.shown).is_on


def test_a_held_picture_keeps_its_map_while_the_source_is_gone():
    bench, maker = Bench(), Maker()
    bench.show(0)
    bench.is_held = True
    bench.keeper.step(maker)
    bench.clock.pass_time(60)
    bench.keeper.clear(round(bench.clock() * 1e9))
    assert bench.map_shown() is not None


def test_a_refused_picture_is_not_mapped():
    bench, maker = Bench(), Maker()
    bench.show(0, no_heart)
    assert bench.keeper.step(maker) == LOOK_EVERY_S
    assert maker.asked == []


def test_a_picture_that_went_while_it_was_mapped_leaves_no_map():
    bench = Bench()
    maker = Maker(lambda frame: bench.keeper.clear(frame.t_mono_ns))
    bench.show(0)
    bench.keeper.step(maker)
    assert maker.asked == [0]
    assert bench.map_shown() is None


def test_a_failure_is_a_reason_until_the_next_map():
    bench = Bench()

    def fail(frame: Frame) -> None:
        if frame.index == 0:
            raise ModelError("score@1 gave NaN: reinstall it")

    maker = Maker(fail)
    bench.show(0)
    bench.keeper.step(maker)
    state = bench.keeper.state(bench.shown)
    assert (state.map, state.reason) == (None, "score@1 gave NaN: reinstall it")
    bench.clock.pass_time(EVERY_S)
    bench.show(1)
    bench.keeper.step(maker)
    state = bench.keeper.state(bench.shown)
    assert (state.map is None, state.reason) == (False, "")


# -- with threads -----------------------------------------------------------------------------------------------------


def threads() -> int:
    return sum(thread.name == NAME for thread in threading.enumerate())


def test_off_there_is_no_thread_and_nothing_is_opened():
    opened: list[Maker] = []
    with Engine(MockSource(), MockAssessor, make_saliency=lambda: opened.append(Maker())) as engine:
        wait_until(lambda: engine.results.generation > 10)
        assert (threads(), opened, engine.saliency(engine.shown()).is_on) == (0, [], False)


def test_on_and_off_again():
    maker = Maker()
    with Engine(MockSource(), MockAssessor, make_saliency=lambda: maker) as engine:
        engine.show_saliency(True)
        wait_until(lambda: engine.saliency(engine.shown()).map is not None)
        assert threads() == 1
        assert maker.priorities <= {19}
        engine.show_saliency(False)
        assert not engine.saliency(engine.shown()).is_on
        assert engine.saliency(engine.shown()).map is None
        wait_until(lambda: maker.closed == 1 and threads() == 0)
        engine.show_saliency(True)
        wait_until(lambda: engine.saliency(engine.shown()).map is not None)
    assert maker.closed == 2
    assert threads() == 0
    engine.show_saliency(True)
    assert threads() == 0, "a stopped engine starts nothing"


def test_the_assessment_goes_on_while_a_map_hangs():
    hangs = threading.Event()
    maker = Maker(lambda _: hangs.wait(20))
    with Engine(MockSource(), MockAssessor, make_saliency=lambda: maker) as engine:
        engine.show_saliency(True)
        wait_until(lambda: bool(maker.asked))
        before = engine.results.generation
        wait_until(lambda: engine.results.generation > before + 50)
        assert len(maker.asked) == 1, "frames that came meanwhile are not kept for later"
        hangs.set()
    assert maker.closed == 1


def test_a_model_that_cannot_be_opened_is_told_and_the_picture_goes_on():
    def fail() -> Maker:
        raise ModelError("no model 'score' in manifest.json: reinstall the weights")

    with Engine(MockSource(), MockAssessor, make_saliency=fail) as engine:
        engine.show_saliency(True)
        wait_until(lambda: "no model 'score'" in engine.saliency(engine.shown()).reason)
        wait_until(lambda: threads() == 0)
        before = engine.results.generation
        wait_until(lambda: engine.results.generation > before + 10)
    assert "no score model" in _switched_on(Engine(None, MockAssessor)).saliency(None).reason


def _switched_on(engine: Engine) -> Engine:
    engine.show_saliency(True)
    return engine


def test_a_thread_that_fails_is_restarted(caplog: pytest.LogCaptureFixture):
    def fail(frame: Frame) -> None:
        if len(maker.asked) == 1:
            raise RuntimeError("broken")

    maker = Maker(fail)
    with Engine(MockSource(), MockAssessor, make_saliency=lambda: maker) as engine:
        engine.show_saliency(True)
        wait_until(lambda: engine.saliency(engine.shown()).map is not None)
        wait_until(lambda: ("saliency", 1) in {(w.name, w.restarts) for w in engine.state.get().workers})
    assert "worker saliency failed" in caplog.text
    assert maker.closed == 2


def test_a_stalled_source_another_exam_and_another_source_take_the_map_away():
    source = MockSource()
    with Engine(source, MockAssessor, make_saliency=Maker) as engine:

        def has_map() -> bool:
            return engine.saliency(engine.shown()).map is not None

        engine.show_saliency(True)
        wait_until(has_map)
        source.stalled = True
        wait_until(lambda: engine.state.get().signal is SignalState.STALLED)
        assert not has_map()
        source.stalled = False
        wait_until(has_map)
        engine.new_exam()
        assert not has_map()
        wait_until(has_map)
        engine.switch(MockSource(source_id="mock:1"))
        assert not has_map()
        wait_until(has_map)


def test_a_still_is_mapped_as_it_stands():
    maker = Maker()
    with Engine(MockSource(count=1, is_live=False), MockAssessor, make_saliency=lambda: maker) as engine:
        engine.wait_over(20)
        engine.show_saliency(True)
        wait_until(lambda: engine.saliency(engine.shown()).map is not None)
        engine.freeze(True)
        assert engine.saliency(engine.shown()).map is not None
        engine.freeze(False)
        assert engine.saliency(engine.shown()).map is not None
    assert maker.asked == [0]
