"""What the window tests need: an engine without threads, and a window around it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from hearts import heart, heart_frame
from mocks import MockAssessor, MockSource
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.engine.channels import Snapshot
from app.engine.saliency import SaliencyState
from app.engine.state import Assessed, EngineState, SignalState
from app.engine.timing import EngineTiming
from app.ui.widgets.plane import PlaneWidget
from capture.errors import CaptureError
from capture.frame import Frame
from capture.source import FrameSource
from models.runtime.contract import Assessment


class StillEngine:
    """Shows what a test gives it, and notes what the window asks for."""

    def __init__(self) -> None:
        self.on_news: Callable[[], None] | None = None
        self.timing = EngineTiming()
        self.state: Snapshot[EngineState] = Snapshot(
            "state", EngineState(signal=SignalState.OK, sentence=""), self._tell
        )
        self.frame: Frame | None = None
        self.result: Assessed | None = None
        self.views: list[str | None] = []
        self.sources: list[FrameSource] = []
        self.exams = 0
        self.salient = SaliencyState()
        self._held: tuple[Frame | None, Assessed | None] | None = None

    @property
    def is_frozen(self) -> bool:
        return self._held is not None

    def shown(self) -> Assessed | None:
        return self._held[1] if self._held else self.result

    def shown_frame(self) -> Frame | None:
        return self._held[0] if self._held else self.frame

    def freeze(self, frozen: bool) -> None:
        self._held = (self.frame, self.result) if frozen else None
        self._tell()

    def set_view(self, view: str | None) -> None:
        self.views.append(view)

    def show_saliency(self, on: bool) -> None:
        self.salient = SaliencyState(on)

    def saliency(self, assessed: Assessed | None) -> SaliencyState:
        return self.salient

    def new_exam(self) -> None:
        self.exams += 1

    def switch(self, source: FrameSource) -> None:
        self.sources.append(source)

    def give(self, frame: Frame, assessment: Assessment | None = None) -> None:
        """A new frame, with its assessment when there is one."""
        self.frame = frame
        if assessment is not None:
            self.result = Assessed(frame, assessment, frame.t_mono_ns)
        self._tell()

    def change(self, **changes: object) -> None:
        """Publish another state."""
        self.state.set(replace(self.state.get(), **changes))

    def _tell(self) -> None:
        if self.on_news is not None:
            self.on_news()


class HeartAssessor(MockAssessor):
    """Finds the made-up heart in every frame."""

    def assess(self, frame: Frame) -> Assessment:
        super().assess(frame)
        return heart(frame)


class Gaps:
    """Longest pause between two turns of the event loop."""

    def __init__(self) -> None:
        self._turns: list[float] = []
        self._timer = QTimer()
        self._timer.timeout.connect(lambda: self._turns.append(time.monotonic()))
        self._timer.start(5)

    def stop(self) -> float:
        self._timer.stop()
        return max(after - before for before, after in pairwise(self._turns))


def heart_source(**options: object) -> MockSource:
    return MockSource(size=heart_frame().pixels.shape, **options)  # type: ignore[arg-type]


@dataclass
class Shelf:
    """Makes "sources" from specs; refuses those that contain ``bad``."""

    asked: list[str] = field(default_factory=list)

    def __call__(self, spec: str) -> FrameSource:
        self.asked.append(spec)
        if "bad" in spec:
            raise CaptureError(f"{spec} cannot be opened: choose another source")
        return object()  # type: ignore[return-value]  # the still engine only keeps it


def wait_for_pause(widget: PlaneWidget) -> None:
    """Until a plane that is seen has drawn what it was told; a hidden one draws it when it is looked at."""
    for _ in range(500):
        if not (widget.isVisible() and widget._stale):
            return
        QTest.qWait(10)
    raise AssertionError("nothing was drawn within 5 s")


def look(widget: QWidget) -> np.ndarray:
    """What a widget shows, (H, W, 3) uint8 RGB."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()
