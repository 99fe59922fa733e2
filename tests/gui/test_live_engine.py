"""The window and the bench view around the real engine, with mock sources and models."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gui_bench import Gaps, HeartAssessor, heart_source
from hearts import heart, heart_frame
from mocks import MockSource
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.engine.channels import Snapshot
from app.engine.pipeline import Engine
from app.engine.state import Assessed, EngineState, SignalState
from app.ui.bench_view import OffscreenPanes, run_offscreen
from app.ui.live.bridge import EngineBridge
from app.ui.main_window import MainWindow
from app.ui.run import run_window, v4l2_choices
from capture.errors import CaptureError
from capture.frame import Frame, SourceInfo

GAP_LIMIT_S = 0.2


class SlowFailure(MockSource):
    """Hangs in ``open``, then fails, as a driver does."""

    def open(self) -> SourceInfo:
        time.sleep(0.6)  # a native call that does not return; the point is who waits for it
        raise CaptureError("v4l2:/dev/video9 is in use: close the other program")


@pytest.fixture
def plain_look(qapp: QApplication) -> Iterator[None]:
    """Undo the theme that ``run_window`` gives to the application of all tests."""
    palette, font, style = qapp.palette(), qapp.font(), qapp.styleSheet()
    yield
    qapp.setStyleSheet(style)
    qapp.setPalette(palette)
    qapp.setFont(font)


def make_window(qtbot: QtBot, engine: Engine) -> MainWindow:
    window = MainWindow(engine, lambda spec: SlowFailure(source_id=spec))
    qtbot.addWidget(window)
    window.show()
    return window


def test_frames_and_results_reach_both_panes(qtbot: QtBot):
    engine = Engine(heart_source(fps=50), HeartAssessor)
    window = make_window(qtbot, engine)
    with engine:
        qtbot.waitUntil(lambda: window.verdict.number.text() == "6/8", timeout=5000)
        qtbot.waitUntil(lambda: len(engine.timing.capture_to_paint_ms) > 5, timeout=5000)
        qtbot.waitUntil(lambda: window.hud.figures["provider"].text() == "CPU INT8", timeout=5000)
        window.freeze()
        held = window.panes.live.pixels
        count = len(engine.timing.capture_to_paint_ms)
        qtbot.wait(150)
        assert window.panes.live.pixels is held
        assert len(engine.timing.capture_to_paint_ms) <= count + 1
    window.close()


def test_the_event_loop_goes_on_while_a_source_fails(qtbot: QtBot):
    engine = Engine(heart_source(fps=30), HeartAssessor)
    window = make_window(qtbot, engine)
    with engine:
        qtbot.waitUntil(lambda: engine.state.get().signal is SignalState.OK, timeout=5000)
        gaps = Gaps()
        window.open_source("v4l2:/dev/video9")
        qtbot.waitUntil(lambda: "close the other program" in window.banner.text.text(), timeout=5000)
        assert gaps.stop() < GAP_LIMIT_S
        assert window.banner.choose.isVisible()
    window.close()


def test_cable_out_hides_the_scores_and_the_banner_says_so(qtbot: QtBot):
    source = heart_source(fps=50)
    engine = Engine(source, HeartAssessor)
    window = make_window(qtbot, engine)
    with engine:
        qtbot.waitUntil(lambda: window.verdict.number.text() == "6/8", timeout=5000)
        gaps = Gaps()
        source.stalled = True
        qtbot.waitUntil(lambda: window.verdict.number.text() == "–", timeout=2000)
        assert window.panes.assessed.overlay is None
        source.stalled = False
        qtbot.waitUntil(lambda: window.verdict.number.text() == "6/8", timeout=2000)
        assert gaps.stop() < GAP_LIMIT_S
    window.close()


def test_news_from_many_threads_are_answered_in_the_window_thread(qtbot: QtBot):
    engine = Engine(None, HeartAssessor)
    view = OffscreenPanes(engine)
    answered: set[int] = set()
    pull = view.pull
    view._bridge.news.connect(lambda: answered.add(threading.get_ident()))
    ring = engine.on_news
    assert ring is not None
    threads = [threading.Thread(target=lambda: [ring() for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    qtbot.waitUntil(lambda: bool(answered))
    assert answered == {threading.get_ident()}
    pull()
    view.close()
    assert engine.on_news is None
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    ring()  # a worker that was on its way when the window went
    engine.stop()


def test_bench_view_paints_every_result_of_a_file(qtbot: QtBot):
    source = heart_source(fps=30, count=20, is_live=False)
    engine = Engine(source, HeartAssessor)
    engine.start(models_first=True)
    began = time.monotonic()
    run_offscreen(engine, 20.0)
    engine.stop()
    assert time.monotonic() - began < 10
    summary = engine.summary()
    assert summary["frames_captured"] == 20
    assert len(engine.timing.capture_to_paint_ms) >= 0.5 * summary["frames_assessed"]  # a busy machine joins paints
    assert summary["capture_to_paint_ms"]["p50"] > 0


def test_bench_view_stops_after_its_time(qtbot: QtBot):
    engine = Engine(heart_source(fps=30), HeartAssessor)
    with engine:
        began = time.monotonic()
        run_offscreen(engine, 0.5)
        assert 0.45 < time.monotonic() - began < 3
    assert OffscreenPanes(Engine(None, HeartAssessor)).panes.size().toTuple() == (1920, 1080)


@pytest.mark.usefixtures("plain_look")
def test_run_window_from_start_to_end(qtbot: QtBot, tmp_path: Path):
    engine = Engine(heart_source(fps=30), HeartAssessor)
    settings, picture = tmp_path / "settings.toml", tmp_path / "window.png"
    settings.write_text('[overlay]\npalette = "rainbow"\n')
    before = signal.getsignal(signal.SIGINT)
    assert run_window(engine, settings_path=settings, seconds=1.0, screenshot=picture, view="A4C") == 0
    image = QImage(str(picture))
    assert image.width() >= 640
    assert 'palette = "safe"' in settings.read_text()
    assert engine.state.get().signal is SignalState.STOPPED
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("plain_look")
def test_ctrl_c_closes_the_window(qtbot: QtBot, tmp_path: Path):
    engine = Engine(None, HeartAssessor)
    QTimer.singleShot(300, lambda: os.kill(os.getpid(), signal.SIGINT))
    began = time.monotonic()
    assert run_window(engine, settings_path=tmp_path / "settings.toml", seconds=20) == 0
    assert time.monotonic() - began < 10


def test_a_picture_that_cannot_be_written_is_told(
    qtbot: QtBot, tmp_path: Path, caplog: pytest.LogCaptureFixture, plain_look: None
):
    with caplog.at_level(logging.ERROR):
        engine = Engine(None, HeartAssessor)
        run_window(engine, settings_path=tmp_path / "s.toml", seconds=0.2, screenshot=tmp_path / "no" / "a.png")
    assert "cannot be written" in caplog.text


def test_devices_of_this_machine_can_be_listed():
    assert all(choice.spec.startswith("v4l2:") for choice in v4l2_choices())


class Shown:
    """An engine that shows what it is told to."""

    def __init__(self) -> None:
        self.on_news: Callable[[], None] | None = None
        self.state = Snapshot("state", EngineState())
        self.frame, self.result, self.is_frozen = heart_frame(0), None, False

    def shown(self) -> Assessed | None:
        return self.result

    def shown_frame(self) -> Frame | None:
        return self.frame


def test_a_result_is_painted_at_once_and_a_new_frame_after_a_pause(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.ui.live.bridge.PAUSE_MS", 300)
    engine, news = Shown(), []
    bridge = EngineBridge(engine)
    bridge.news.connect(lambda: news.append(time.monotonic()))
    started = time.monotonic()
    engine.on_news()
    qtbot.waitUntil(lambda: len(news) == 1, timeout=5000)
    assert news[0] - started >= 0.29
    engine.result = Assessed(engine.frame, heart(engine.frame), 0)
    started = time.monotonic()
    engine.on_news()
    qtbot.waitUntil(lambda: len(news) == 2, timeout=5000)
    assert news[1] - started < 0.29
    bridge.close()
