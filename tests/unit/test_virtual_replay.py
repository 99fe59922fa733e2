"""The replayed loop: equal to direct rendering, paced by its clock, honest about drops. No real waiting."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.source import FrameSource
from capture.virtual.options import ScannerOptions
from capture.virtual.replay import Loop, ReplaySource
from capture.virtual.scanner import VirtualScanner


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture(scope="module")
def prepared() -> ReplaySource:
    source = ReplaySource(ScannerOptions(2, width=640, height=480), seconds=1.0)
    source.prepare()
    return source


def _replay(prepared: ReplaySource) -> tuple[ReplaySource, Clock]:
    """A source of its own on a clock of its own that shares the rendered loop."""
    clock = Clock()
    source = ReplaySource(ScannerOptions(2, width=640, height=480), seconds=1.0, clock=clock, wait=clock.wait)
    source._loop, source._info = prepared._loop, prepared._info
    return source, clock


def test_replay_equals_direct_rendering(prepared: ReplaySource) -> None:
    source, _ = _replay(prepared)
    scanner = VirtualScanner(2, width=640, height=480)
    info = source.open()
    assert isinstance(source, FrameSource)
    assert info.sector == scanner.sector
    assert info.view == "A4C"
    for index in range(3):
        frame = source.read(1.0)
        assert frame is not None
        assert np.array_equal(frame.pixels, scanner.render(index))
    source.close()


def test_loop_is_whole_beats_and_goes_round(prepared: ReplaySource) -> None:
    source, _ = _replay(prepared)
    source.open()
    period_frames = VirtualScanner(2, width=640, height=480).heart.period_s * 30
    assert source.loop_frames / period_frames == pytest.approx(round(source.loop_frames / period_frames), abs=0.03)
    frames = [source.read(1.0) for _ in range(source.loop_frames + 1)]
    assert frames[0] is not None
    assert frames[-1] is not None
    assert np.array_equal(frames[0].pixels, frames[-1].pixels)
    assert frames[-1].index == source.loop_frames


def test_frames_carry_their_due_time(prepared: ReplaySource) -> None:
    source, clock = _replay(prepared)
    source.open()
    times = [frame.t_mono_ns for frame in (source.read(1.0) for _ in range(4)) if frame is not None]
    assert times == [round((100.0 + index / 30) * 1e9) for index in range(4)]
    assert clock.now_s == pytest.approx(100.1)


def test_a_frame_is_composed_half_a_frame_before_it_is_due(prepared: ReplaySource, monkeypatch: pytest.MonkeyPatch):
    source, clock = _replay(prepared)
    composed_s: list[float] = []
    screen = Loop.screen
    monkeypatch.setattr(Loop, "screen", lambda loop, index: composed_s.append(clock.now_s) or screen(loop, index))
    source.open()
    for _ in range(3):
        source.read(1.0)
    assert composed_s == pytest.approx([100.0, 100.0 + 0.5 / 30, 100.0 + 1.5 / 30])


def test_late_reader_misses_frames_and_they_are_counted(prepared: ReplaySource) -> None:
    source, clock = _replay(prepared)
    source.open()
    source.read(1.0)
    clock.now_s += 0.51
    frame = source.read(1.0)
    assert frame is not None
    assert frame.index == 15
    assert source.dropped == 14


def test_nothing_due_gives_none(prepared: ReplaySource) -> None:
    source, _ = _replay(prepared)
    source.open()
    assert source.read(0.01) is not None
    assert source.read(0.01) is None
    assert source.read(0.1) is not None


def test_close_wakes_a_reader_and_can_be_repeated(prepared: ReplaySource) -> None:
    source = ReplaySource(ScannerOptions(2, width=640, height=480), seconds=1.0)
    source._loop, source._info = prepared._loop, prepared._info
    source.fps = 0.01  # the second frame is due in 100 s
    source.open()
    assert source.read(1.0) is not None
    result: list[object] = []
    reader = threading.Thread(target=lambda: result.append(source.read(60.0)))
    reader.start()
    source.close()
    source.close()
    reader.join(5.0)
    assert not reader.is_alive()


def test_not_open_and_twice_open(prepared: ReplaySource) -> None:
    source, _ = _replay(prepared)
    with pytest.raises(CaptureError, match="not open"):
        source.read(0.1)
    source.open()
    with pytest.raises(CaptureError, match="open already"):
        source.open()
    source.close()
    source.open()


def test_progress_is_reported_to_the_end() -> None:
    shares: list[float] = []
    ReplaySource(ScannerOptions(1, width=640, height=480), seconds=0.1).prepare(shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
