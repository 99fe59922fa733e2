"""The real window around the real engine and models while things fail: the event loop never waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fake_v4l2 import no_signal_picture
from make_mock_models import write_mock_models
from mocks import MockSource
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from app import bootstrap
from app.engine.pipeline import Engine
from app.ui.main_window import MainWindow
from capture.frame import Frame
from capture.virtual.scanner import VirtualScanner
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import Assessment

GAP_LIMIT_S = 0.2
WAIT_MS = 20_000


class ScreenSource(MockSource):
    """Shows screens of the virtual scanner, or another picture while ``other`` is set."""

    def __init__(self, screens: list[np.ndarray]) -> None:
        super().__init__(fps=30, size=screens[0].shape[:2])
        self.screens = screens
        self.other: np.ndarray | None = None

    def read(self, timeout_s: float) -> Frame | None:
        frame = super().read(timeout_s)
        if frame is None:
            return None
        pixels = self.screens[frame.index % len(self.screens)] if self.other is None else self.other
        return Frame(pixels, frame.index, frame.t_mono_ns, frame.source_id)


class Touchy(RegionalAssessor):
    """Raises what nobody expects when it is told to."""

    raises = False

    def assess(self, frame: Frame) -> Assessment:
        if Touchy.raises:
            Touchy.raises = False
            raise ZeroDivisionError("made up by a test")
        return super().assess(frame)


class Turns:
    """When the event loop turned, and the longest pause between two turns."""

    def __init__(self) -> None:
        self._turns: list[float] = []
        self._timer = QTimer()
        self._timer.timeout.connect(lambda: self._turns.append(time.monotonic()))
        self._timer.start(5)

    def longest_s(self) -> float:
        return max(after - before for before, after in pairwise(self._turns))


@dataclass
class Scene:
    """A window that shows scores of a source."""

    source: ScreenSource
    engine: Engine
    window: MainWindow
    qtbot: QtBot

    def number(self) -> str:
        return self.window.verdict.number.text()

    def has_scores(self) -> bool:
        return self.number().endswith("/8") and self.window.panes.assessed.overlay is not None

    def banner(self) -> str:
        return self.window.banner.text.text()

    def until(self, condition: Callable[[], bool]) -> float:
        """Wait in the event loop; how long it took, s."""
        began = time.monotonic()
        self.qtbot.waitUntil(condition, timeout=WAIT_MS)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def screens() -> list[np.ndarray]:
    scanner = VirtualScanner(width=960, height=720)
    return [scanner.render(index) for index in range(4)]


@pytest.fixture
def scene(qtbot: QtBot, screens: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(bootstrap, "RegionalAssessor", Touchy)
    Touchy.raises = False
    weights = write_mock_models(tmp_path / "weights")
    source = ScreenSource(screens)
    engine = bootstrap.make_engine(source, bootstrap.ModelOptions(weights=weights, provider="cpu"))
    window = MainWindow(engine, lambda spec: MockSource(source_id=spec))
    qtbot.addWidget(window)
    window.show()
    found = Scene(source, engine, window, qtbot)
    with engine:
        found.until(found.has_scores)
        yield found
    window.close()


def set_plugged(source: ScreenSource, fails: bool) -> None:
    source.plugged = not fails


def set_stalled(source: ScreenSource, fails: bool) -> None:
    source.stalled = fails


def set_cable_out(source: ScreenSource, fails: bool) -> None:
    source.other = no_signal_picture(960, 720) if fails else None


FAULTS = {
    "unplugged": (set_plugged, "plug"),
    "stalled": (set_stalled, "check the cable"),
    "cable out": (set_cable_out, "check the video cable"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lost_signal_is_shown_and_the_window_goes_on(scene: Scene, fault: str):
    fail, told = FAULTS[fault]
    turns = Turns()
    fail(scene.source, True)
    hidden_s = scene.until(lambda: not scene.has_scores())
    scene.until(lambda: told in scene.banner())
    scene.qtbot.wait(700)
    assert not scene.has_scores()
    assert scene.window.panes.live.pixels is not None, "the last picture stays"
    fail(scene.source, False)
    back_s = scene.until(scene.has_scores)
    assert hidden_s < 1.0
    assert back_s < 2.0
    assert turns.longest_s() < GAP_LIMIT_S


def test_another_resolution(scene: Scene):
    turns = Turns()
    scene.source.other = np.ascontiguousarray(scene.source.screens[0][40:, 60:])

    def is_there() -> bool:
        shown = scene.engine.shown()
        return shown is not None and shown.frame.pixels.shape[:2] == (680, 900) and scene.has_scores()

    assert scene.until(is_there) < 2.0
    assert turns.longest_s() < GAP_LIMIT_S


def test_a_worker_that_raises(scene: Scene):
    turns = Turns()
    Touchy.raises = True
    scene.until(lambda: any(worker.restarts for worker in scene.engine.state.get().workers))
    assert scene.until(scene.has_scores) < 2.0
    assert turns.longest_s() < GAP_LIMIT_S
