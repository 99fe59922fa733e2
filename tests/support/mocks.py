"""Stand-ins of a few lines for sources, models and clocks, for tests of what lies around them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from capture.errors import CaptureError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.source import EndOfStream, SourceLost
from models.runtime.contract import REGION_NAMES, Assessment, ModelInfo, RegionAssessment, judged, label_of


def make_frame(
    index: int = 0,
    t_mono_ns: int | None = None,
    *,
    source_id: str = "mock:0",
    size: tuple[int, int] = (48, 64),
    t_media_s: float | None = None,
    value: int = 80,
) -> Frame:
    """A frame of one grey value; captured now unless a time is given."""
    t_mono_ns = time.monotonic_ns() if t_mono_ns is None else t_mono_ns
    return Frame(np.full(size, value, np.uint8), index, t_mono_ns, source_id, t_media_s)


def make_assessment(
    frame: Frame,
    scores: list[float | None] | float = 4.0,
    *,
    stages_ms: dict[str, float] | None = None,
    **known: object,
) -> Assessment:
    """An accepted frame with eight regions of the given raw scores."""
    values = scores if isinstance(scores, list) else [scores] * len(REGION_NAMES)
    regions = tuple(
        RegionAssessment(name, score, score, None if score is None or math.isnan(score) else label_of(score))
        for name, score in zip(REGION_NAMES, values, strict=True)
    )
    return judged(frame, regions, stages_ms=stages_ms or {"network": 1.0}, **known)


class MockAssessor:
    """Gives every frame the same scores; ``before`` may wait or raise."""

    def __init__(
        self,
        scores: list[float | None] | float = 4.0,
        before: Callable[[Frame], None] | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self.scores = scores
        self.before = before
        self.delay_s = delay_s
        self.assessed: list[int] = []
        self.forgotten = 0
        self.views: list[str | None] = []
        self.sources: list[SourceInfo] = []
        self.closed = 0
        self.threads: set[int] = set()

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        return (ModelInfo("mock", "mock@int8#0", "CPUExecutionProvider", "int8", 0.0),)

    cluster_map = gate_plane = None
    missing: Mapping[str, str] = MappingProxyType({})

    def assess(self, frame: Frame) -> Assessment:
        self.threads.add(threading.get_ident())
        self.assessed.append(frame.index)
        if self.before is not None:
            self.before(frame)
        if self.delay_s:
            time.sleep(self.delay_s)
        return make_assessment(frame, self.scores)

    def use_source(self, info: SourceInfo) -> None:
        self.sources.append(info)

    def set_view(self, view: str | None) -> None:
        self.views.append(view)

    def forget_stream(self) -> None:
        self.forgotten += 1

    def close(self) -> None:
        self.closed += 1


class MockSource:
    """A source with switches: ``plugged``, ``stalled``, ``size``, ``value`` and ``error`` (raised by the next read)."""

    def __init__(
        self,
        *,
        fps: float = 200.0,
        count: int | None = None,
        is_live: bool = True,
        size: tuple[int, int] = (48, 64),
        source_id: str = "mock:0",
    ) -> None:
        self.fps, self.count, self.size, self.value = fps, count, size, 80
        self.plugged, self.stalled = True, False
        self.error: Exception | None = None
        self.opened = self.closed = self.given = 0
        self._is_live, self._source_id = is_live, source_id
        self._index = 0
        self._is_open = threading.Event()
        self._closing = threading.Event()

    @property
    def source_id(self) -> str:
        return self._source_id

    @property
    def is_live(self) -> bool:
        return self._is_live

    def open(self) -> SourceInfo:
        if not self.plugged:
            raise CaptureError(f"{self._source_id} is not there: plug it in")
        self.opened += 1
        self._index = 0
        self._closing.clear()
        self._is_open.set()
        mode = VideoMode(self.size[1], self.size[0], self.fps, "GREY")
        return SourceInfo("mock", self._source_id, mode, is_live=self._is_live, frame_count=self.count)

    def read(self, timeout_s: float) -> Frame | None:
        if not self._is_open.is_set():
            raise CaptureError("not open")
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if not self.plugged:
            raise SourceLost(f"{self._source_id} was unplugged")
        if self.count is not None and self._index >= self.count:
            raise EndOfStream("over")
        if self.stalled:
            self._closing.wait(min(timeout_s, 0.02))
            return None
        self._closing.wait(1 / self.fps)
        frame = make_frame(
            self._index,
            source_id=self._source_id,
            size=self.size,
            value=self.value,
            t_media_s=None if self._is_live else self._index / self.fps,
        )
        self._index += 1
        self.given += 1
        return frame

    def close(self) -> None:
        self._is_open.clear()
        self._closing.set()
        self.closed += 1


class ManualClock:
    """Monotonic seconds that pass only when told to."""

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds


def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0) -> float:
    """Wait for something that other threads bring about; how long it took, AssertionError when it never came."""
    start_s = time.monotonic()
    pause = threading.Event()
    while not condition():
        if time.monotonic() - start_s > timeout_s:
            raise AssertionError(f"not within {timeout_s} s: {condition}")
        pause.wait(0.005)
    return time.monotonic() - start_s
