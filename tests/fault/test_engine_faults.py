"""The engine under faults: the picture goes on, scores fail closed, and every frame is accounted for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mocks import MockAssessor, MockSource, wait_until

from app.engine.capturing import CaptureSettings
from app.engine.engine_settings import EngineSettings
from app.engine.pipeline import Engine
from app.engine.presentation import present
from app.engine.state import SignalState
from app.engine.worker import WorkerState
from capture.errors import CaptureError, ModelError
from capture.frame import Frame, SourceInfo, VideoMode
from models.runtime.contract import Verdict


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    wait_until(lambda: set(threading.enumerate()) <= before, 5)


@contextmanager
def running(source: MockSource | None, assessor: MockAssessor | None = None, **known: Any) -> Iterator[Engine]:
    engine = Engine(source, lambda: assessor or MockAssessor(), **known)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()
        assert_accounts_add_up(engine)


def assert_accounts_add_up(engine: Engine) -> None:
    summary = engine.summary()
    assert summary["frames_captured"] == summary["frames_assessed"] + summary["drops"]["assess"]
    assert summary["frames_captured"] == engine.frames.generation == engine.timing.captured.count
    json.dumps(summary)


def signal_is(engine: Engine, *wanted: SignalState) -> Callable[[], bool]:
    return lambda: engine.state.get().signal in wanted


def shows_scores(engine: Engine) -> bool:
    state = engine.state.get()
    shown = present(engine.shown(), engine.shown_frame(), state.signal, state.sentence, engine.is_frozen)
    return shown.show_scores


def test_frames_become_results_over_their_own_frame():
    news: list[int] = []
    assessor = MockAssessor()
    engine = Engine(MockSource(), lambda: assessor)
    engine.on_news = lambda: news.append(1)
    with engine:
        wait_until(lambda: engine.results.generation > 20 and signal_is(engine, SignalState.OK)())
        shown = engine.shown()
        assert shown is not None
        assert shown.assessment.frame_index == shown.frame.index
        assert len(assessor.threads) == 1
        wait_until(lambda: engine.state.get().fps_captured > 20)
        state = engine.state.get()
        assert (state.provider, state.precision) == ("CPUExecutionProvider", "int8")
        assert {"wait", "signal", "smooth", "network"} <= set(state.stages_ms)
        assert state.capture_age_ms is not None
    assert len(news) > 40
    assert_accounts_add_up(engine)
    assert engine.state.get().signal is SignalState.STOPPED
    assert engine.shown() is not None
    assert assessor.closed == 1
    engine.stop()


def test_a_slow_assessor_drops_frames_and_never_the_picture():
    with running(MockSource(fps=300), MockAssessor(delay_s=0.05)) as engine:
        wait_until(lambda: engine.frames.generation > 150)
        wait_until(lambda: any("frames per second" in b for b in engine.state.get().banners))
    summary = engine.summary()
    assert summary["drops"]["assess"] > summary["frames_assessed"] > 0
    assert summary["assess_ms"]["p50"] >= 50
    assert summary["capture_to_paint_ms"] is None


def test_a_recording_ends_and_its_last_frame_is_assessed():
    with running(MockSource(count=40, is_live=False)) as engine:
        assert engine.wait_over(10)
        assert engine.state.get().signal is SignalState.ENDED
        shown = engine.shown()
        assert shown is not None
        assert shown.frame.index == 39
        assert shows_scores(engine)
    assert engine.summary()["frames_captured"] == 40
    assert engine.summary()["last_assessment"]["frame"] == 39


def test_a_recording_that_breaks_is_given_up_and_keeps_its_picture():
    source = MockSource(is_live=False)
    with running(source) as engine:
        wait_until(lambda: engine.results.generation > 3)
        source.error = CaptureError("damaged at 3 s: copy the file again")
        wait_until(signal_is(engine, SignalState.FAILED))
        assert engine.wait_over(5)
        assert "copy the file" in engine.state.get().banners[0]
        assert source.opened == 1
        assert engine.shown_frame() is not None
        assert not shows_scores(engine)


def test_a_missing_file_is_over_at_once():
    source = MockSource(is_live=False)
    source.plugged = False
    with running(source) as engine:
        assert engine.wait_over(5)
        assert engine.state.get().signal is SignalState.FAILED
        assert "plug it in" in engine.state.get().banners[0]


def test_models_first_means_no_frame_before_they_are_ready():
    release = threading.Event()

    def slow() -> MockAssessor:
        release.wait(10)
        return MockAssessor()

    source = MockSource(count=5, fps=20, is_live=False)
    engine = Engine(source, slow)
    engine.start(models_first=True)
    assert not engine.wait_ready(0.05)
    assert source.opened == 0
    release.set()
    assert engine.wait_over(10)
    engine.stop()
    assert engine.summary()["frames_assessed"] == 5


def test_the_picture_runs_while_the_models_load():
    release = threading.Event()

    def slow() -> MockAssessor:
        release.wait(10)
        return MockAssessor()

    engine = Engine(MockSource(), slow)
    with engine:
        wait_until(lambda: engine.frames.generation > 10)
        assert not engine.state.get().models_ready
        assert not shows_scores(engine)
        release.set()
        wait_until(lambda: shows_scores(engine))
    assert_accounts_add_up(engine)


def test_unplugged_and_back():
    source = MockSource()
    assessor = MockAssessor()
    with running(source, assessor) as engine:
        wait_until(lambda: shows_scores(engine))
        source.plugged = False
        assert wait_until(lambda: not shows_scores(engine)) < 1.0
        wait_until(signal_is(engine, SignalState.LOST))
        assert "plug" in engine.state.get().sentence
        assert engine.shown_frame() is not None
        source.plugged = True
        assert wait_until(lambda: shows_scores(engine)) < 2.0
        assert source.opened == 2
        assert assessor.forgotten == 1


def test_a_device_that_is_missing_at_first_is_waited_for():
    source = MockSource()
    source.plugged = False
    with running(source) as engine:
        wait_until(signal_is(engine, SignalState.LOST))
        source.plugged = True
        assert wait_until(lambda: shows_scores(engine)) < 2.0


def test_a_stalled_card_hides_scores_and_recovers():
    source = MockSource()
    with running(source) as engine:
        wait_until(lambda: shows_scores(engine))
        source.stalled = True
        assert wait_until(lambda: not shows_scores(engine)) < 1.0
        assert engine.state.get().signal is SignalState.STALLED
        assert "check the cable" in engine.state.get().banners[0]
        source.stalled = False
        assert wait_until(lambda: shows_scores(engine)) < 1.0
        assert source.opened == 1


def test_a_card_that_stays_silent_is_opened_again():
    source = MockSource()
    settings = EngineSettings(CaptureSettings(reopen_every_s=0.02, reopen_after_s=0.2, first_frame_s=0.2))
    with running(source, settings=settings) as engine:
        wait_until(lambda: shows_scores(engine))
        source.stalled = True
        wait_until(lambda: source.opened > 2)
        source.stalled = False
        wait_until(lambda: shows_scores(engine))


def test_cable_out_with_the_card_alive():
    source = MockSource()
    assessor = MockAssessor()

    def check(frame: Frame) -> str:
        return "no signal: check the cable" if frame.pixels[0, 0] == 255 else ""

    with running(source, assessor, signal_check=check) as engine:
        wait_until(lambda: shows_scores(engine))
        source.value = 255
        assert wait_until(lambda: not shows_scores(engine)) < 1.0
        wait_until(signal_is(engine, SignalState.NO_SIGNAL))
        shown = engine.shown()
        assert shown is not None
        assert shown.assessment.verdict is Verdict.CANNOT_JUDGE
        source.value = 80
        assert wait_until(lambda: shows_scores(engine)) < 2.0
        assert assessor.forgotten == 1


def test_a_change_of_resolution_forgets_the_stream():
    source = MockSource()
    assessor = MockAssessor()
    with running(source, assessor) as engine:
        wait_until(lambda: engine.results.generation > 3)
        source.size = (96, 128)
        wait_until(lambda: assessor.forgotten == 1)
        wait_until(lambda: shows_scores(engine))


def test_a_broken_model_shows_its_reason_and_the_picture_goes_on():
    def damaged() -> MockAssessor:
        raise ModelError("segmentation.onnx does not match its hash: reinstall it")

    engine = Engine(MockSource(), damaged)
    with engine:
        wait_until(lambda: engine.results.generation > 5)
        shown = engine.shown()
        assert shown is not None
        assert shown.assessment.verdict is Verdict.CANNOT_JUDGE
        assert "reinstall" in shown.assessment.reason
        wait_until(lambda: any("reinstall" in b for b in engine.state.get().banners))
        assert engine.state.get().models_ready
    assert_accounts_add_up(engine)


@pytest.mark.parametrize("scores", [float("nan"), float("inf"), 0.0, 9.0])
def test_scores_that_are_no_scores_are_refused(scores: float):
    with running(MockSource(), MockAssessor(scores)) as engine:
        wait_until(lambda: engine.results.generation > 3)
        shown = engine.shown()
        assert shown is not None
        assert shown.assessment.verdict is Verdict.CANNOT_JUDGE
        assert "basal_left" in shown.assessment.reason


def test_an_assessor_that_raises_once_is_built_anew():
    built: list[MockAssessor] = []

    def make() -> MockAssessor:
        def fail(frame: Frame) -> None:
            if len(built) == 1 and frame.index > 3:
                raise ValueError("shape mismatch")

        built.append(MockAssessor(before=fail))
        return built[-1]

    engine = Engine(MockSource(), make)
    with engine:
        wait_until(lambda: len(built) == 2 and shows_scores(engine))
        assert built[0].closed == 1
        wait_until(lambda: {w.name: w.restarts for w in engine.state.get().workers}["assess"] == 1)
    assert_accounts_add_up(engine)


def test_an_assessor_that_always_raises_ends_degraded():
    def fail(frame: Frame) -> None:
        raise ValueError("shape mismatch")

    settings = EngineSettings(publish_every_s=0.02)
    with running(MockSource(), MockAssessor(before=fail), settings=settings) as engine:
        wait_until(lambda: any(w.state is WorkerState.DEGRADED for w in engine.state.get().workers))
        seen = engine.frames.generation
        wait_until(lambda: engine.frames.generation > seen + 10)
        assert any("shape mismatch" in b for b in engine.state.get().banners)
        shown = engine.shown()
        assert shown is not None
        assert not shown.assessment.is_judged
    assert engine.summary()["frames_assessed"] == 6


def test_a_source_that_raises_what_it_should_not_is_opened_again():
    source = MockSource()
    with running(source) as engine:
        wait_until(lambda: shows_scores(engine))
        source.error = ZeroDivisionError("driver")
        wait_until(lambda: source.opened == 2)
        wait_until(lambda: shows_scores(engine))


def test_switching_returns_at_once_and_forgets():
    first, second = MockSource(), MockSource(source_id="mock:1")
    assessor = MockAssessor()
    with running(first, assessor) as engine:
        wait_until(lambda: shows_scores(engine))
        start_s = time.monotonic()
        engine.switch(second)
        assert time.monotonic() - start_s < 0.15
        wait_until(lambda: shows_scores(engine) and "mock:1" in (engine.shown_frame() or "").source_id)  # type: ignore[union-attr]
        assert first.closed >= 1
        assert assessor.forgotten == 1
        info = engine.state.get().source
        assert info is not None
        assert info.source_id == "mock:1"


def test_an_engine_without_a_source_waits_for_one():
    with running(None) as engine:
        wait_until(engine.wait_ready(5).__bool__)
        assert engine.state.get().signal is SignalState.NONE
        engine.switch(MockSource())
        wait_until(lambda: shows_scores(engine))


def test_freeze_holds_the_result_with_its_frame():
    with running(MockSource()) as engine:
        wait_until(lambda: shows_scores(engine))
        engine.freeze(True)
        held = engine.shown()
        seen = engine.results.generation
        wait_until(lambda: engine.results.generation > seen + 5)
        assert engine.shown() is held
        assert engine.is_frozen
        engine.freeze(False)
        assert engine.shown() is not held


def test_a_view_reaches_the_assessor_in_its_own_thread():
    assessor = MockAssessor()
    with running(MockSource(), assessor) as engine:
        engine.set_view("A4C")
        wait_until(lambda: assessor.views == ["A4C"])


def test_a_view_chosen_after_the_end_names_the_picture_that_stands():
    with running(MockSource(count=5, is_live=False)) as engine:
        assert engine.wait_over(10)
        engine.set_view("A2C")
        wait_until(lambda: (shown := engine.shown()) is not None and shown.assessment.view == "A2C")
        assert shows_scores(engine)


def test_a_source_may_describe_itself_anew_and_count_its_own_drops():
    source = MockSource()
    with running(source) as engine:
        wait_until(lambda: engine.state.get().source is not None)
        source.info = SourceInfo("mock", "mock:0", VideoMode(720, 576), notes=("the mode changed",))  # type: ignore[attr-defined]
        source.dropped = 3  # type: ignore[attr-defined]
        wait_until(lambda: "the mode changed" in engine.state.get().banners)
    summary = engine.summary()
    assert (summary["mode"], summary["source_drops"]) == ("720x576", 3)
    assert sum(summary["drops"].values()) == summary["frames_captured"] - summary["frames_assessed"]


def test_an_assessor_that_hangs_is_left_behind_and_its_frame_counted():
    release = threading.Event()

    def hang(frame: Frame) -> None:
        if frame.index > 5:
            release.wait(30)

    settings = EngineSettings(stuck_after_s=0.2, stop_timeout_s=0.2)
    with running(MockSource(), MockAssessor(before=hang), settings=settings) as engine:
        wait_until(lambda: any("no sign of life" in b for b in engine.state.get().banners))
        wait_until(lambda: not shows_scores(engine))
    assert engine.state.get().abandoned == 1
    release.set()


def test_painting_is_measured():
    with running(MockSource()) as engine:
        wait_until(lambda: engine.results.generation > 3)
        shown = engine.shown()
        assert shown is not None
        engine.timing.painted(shown.frame.t_mono_ns, shown.frame.t_mono_ns + 40_000_000)
    assert engine.summary()["capture_to_paint_ms"] == {"p50": 40.0, "p95": 40.0, "p99": 40.0}


def test_the_number_of_threads_stays_through_faults():
    source = MockSource()
    with running(source) as engine:
        wait_until(lambda: shows_scores(engine))
        before = threading.active_count()
        for _ in range(3):
            source.error = ValueError("worker that raises")
            wait_until(lambda: source.error is None)
            wait_until(lambda: shows_scores(engine))
        assert threading.active_count() <= before
