"""A loop of the virtual scanner that is rendered beforehand and replayed as a live source, for benchmarks.

The still parts of the screen are stored once and the pictures in grey, about 1 MB per frame at 1920x1080; ECG and clock
are drawn at replay, so that a replayed frame equals a rendered one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from capture.errors import CaptureError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.virtual.options import ScannerOptions
from capture.virtual.scene import Scene
from capture.virtual.screen.console import Console

Progress = Callable[[float], None]

_LEAD = 0.5
"""Of a frame's time: so long before it is due a frame is composed, when the one before has mostly been dealt with."""


@dataclass(frozen=True)
class Loop:
    """A rendered loop: ``pictures`` (frames, box height, box width) uint8 for ``console``."""

    console: Console
    pictures: np.ndarray
    fps: float

    def screen(self, index: int) -> np.ndarray:
        """Complete screen of frame ``index`` of the endless loop, fresh (H, W, 3) BGR uint8."""
        place = index % len(self.pictures)
        return self.console.compose(self.pictures[place], place / self.fps)


def render_loop(scene: Scene, seconds: float, progress: Progress | None = None) -> Loop:
    """Render about ``seconds``, rounded to whole periods of the scene so that the heart does not jump.

    ``progress`` is called with the share that is done, 0..1.
    """
    period_s = scene.period_s
    count = max(2, round(max(1, round(seconds / period_s)) * period_s * scene.fps))
    box = scene.console.converter.box
    pictures = np.empty((count, box.height, box.width), np.uint8)
    for index in range(count):
        pictures[index] = scene.picture(index)
        if progress is not None:
            progress((index + 1) / count)
    pictures.setflags(write=False)
    return Loop(scene.console, pictures, scene.fps)


class ReplaySource:
    """Replays ``seconds`` of the virtual scanner in real time, again and again.

    Parameters
    ----------
    options : the scanner; None for the usual one
    seconds : wanted length of the loop
    clock : monotonic time in s, for tests
    wait : waits for at most some seconds, for tests; by default a wait that ``close`` cuts short

    A frame's time is when it was due. It is composed before that, while ``read`` waits, so that the cost of replay is
    not taken for latency. A reader that is late by more than a frame misses frames; ``dropped`` counts them.
    """

    is_live = True

    def __init__(
        self,
        options: ScannerOptions | None = None,
        seconds: float = 10.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self.options = options or ScannerOptions()
        self.fps = self.options.fps
        self.seconds = seconds
        self.dropped = 0
        self._clock = clock
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._loop: Loop | None = None
        self._info: SourceInfo | None = None
        self._start_s: float | None = None
        self._next = 0
        self._composed: tuple[int, np.ndarray] | None = None

    @property
    def source_id(self) -> str:
        """``replay:`` and all options."""
        return f"replay:{self.options},seconds={self.seconds:g}"

    @property
    def loop_frames(self) -> int:
        """Frames of the loop; 0 before ``prepare``."""
        return 0 if self._loop is None else len(self._loop.pictures)

    def prepare(self, progress: Progress | None = None) -> None:
        """Render the loop in this thread; does nothing when that was done. ``progress`` gets the share done, 0..1.

        Raises
        ------
        CaptureError
            For a view or size that the scanner does not know.
        """
        if self._loop is not None:
            return
        scanner, mode = (
            self.options.make_scene(),
            VideoMode(self.options.width, self.options.height, self.fps, "BGR3"),
        )
        self._info = SourceInfo(
            name=f"Replay of the virtual scanner, patient {self.options.seed}",
            source_id=self.source_id,
            granted=mode,
            requested=mode,
            spacing_mm=scanner.spacing_mm,
            sector=scanner.sector,
            view=self.options.shown_view,
        )
        self._loop = render_loop(scanner, self.seconds, progress)

    def open(self) -> SourceInfo:
        """Prepare if that was not done, and start the clock: the first frame is due now.

        Raises
        ------
        CaptureError
            It is open already, or see ``prepare``.
        """
        if self._start_s is not None:
            raise CaptureError(f"{self.source_id} is open already. Close it before opening it again.")
        self.prepare()
        assert self._info is not None
        self._closing.clear()
        self._next, self._composed = 0, None
        self._start_s = self._clock()
        return self._info

    def read(self, timeout_s: float) -> Frame | None:
        """The frame that is due next, or None when that is later than in ``timeout_s`` seconds.

        Raises
        ------
        CaptureError
            The source is not open.
        """
        start_s, loop = self._start_s, self._loop
        if start_s is None or loop is None:
            raise CaptureError(f"{self.source_id} is not open. Open it before reading.")
        deadline_s = self._clock() + timeout_s
        self._skip_overdue(start_s)
        index = self._next
        due_s = start_s + index / self.fps
        self._wait_until(min(due_s - _LEAD / self.fps, deadline_s))
        pixels = self._compose(loop, index)
        self._wait_until(min(due_s, deadline_s))
        if self._closing.is_set() or self._clock() < due_s:
            return None
        self._next, self._composed = index + 1, None
        return Frame(pixels, index, round(due_s * 1e9), self.source_id)

    def close(self) -> None:
        """Stop replaying and wake a waiting ``read``; the loop stays in memory for the next ``open``."""
        self._closing.set()
        self._start_s = None

    def _wait_until(self, time_s: float) -> None:
        """Or until the source is closed."""
        while (left_s := time_s - self._clock()) > 0 and not self._closing.is_set():
            self._wait(left_s)

    def _skip_overdue(self, start_s: float) -> None:
        """Leave out frames whose successors are due already."""
        newest = int((self._clock() - start_s) * self.fps)
        if newest > self._next:
            self.dropped += newest - self._next
            self._next = newest

    def _compose(self, loop: Loop, index: int) -> np.ndarray:
        if self._composed is None or self._composed[0] != index:
            self._composed = index, loop.screen(index)
        return self._composed[1]
