"""Measures a recording for whoever watches it: phase, time, size, rate, room on the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.engine.channels import Snapshot
from app.session.disk_guard import DiskGuard, DiskState
from app.session.recorder_state import RecorderPhase, RecorderState
from app.session.session_writer import SessionWriter

RATE_OVER_S = 30.0
"""The rate is of so many seconds: long enough to stand still, short enough to follow another picture."""


class RecorderMeter:
    """Keeps a recorder's state up to date. Used by the recorder's thread.

    Parameters
    ----------
    state : to publish in
    clock_ns : monotonic nanoseconds
    dropped : tells how many frames came and are not in the video

    Attributes
    ----------
    guard, writer : what is measured; None until it is there
    began_ns : when the recording began
    """

    def __init__(self, state: Snapshot[RecorderState], clock_ns: Callable[[], int], dropped: Callable[[], int]) -> None:
        self.guard: DiskGuard | None = None
        self.writer: SessionWriter | None = None
        self.began_ns = 0
        self._state, self._clock_ns, self._dropped = state, clock_ns, dropped
        self._sizes: deque[tuple[int, int]] = deque()

    def enter(self, phase: RecorderPhase, sentence: str = "") -> None:
        """Begin a phase."""
        self.set(phase=phase, sentence=sentence)
        if self.guard is not None:
            self.publish(self.guard.state)

    def publish(self, disk: DiskState) -> None:
        """Publish what is measured now; nothing before the first segment can be written."""
        if self.writer is None:
            return
        now_ns = self._clock_ns()
        elapsed_s = max((now_ns - self.began_ns) / 1e9, 0.0)
        rate = self._rate(now_ns, self.writer.bytes_ever)
        is_over = self._state.get().phase in (RecorderPhase.SEALING, RecorderPhase.DONE, RecorderPhase.FAILED)
        self.set(
            elapsed_s=self._state.get().elapsed_s if is_over else elapsed_s,
            frames=self.writer.acknowledged,
            dropped=self._dropped(),
            bytes_written=self.writer.bytes_written,
            bytes_per_s=self._state.get().bytes_per_s if is_over else rate,
            disk=disk,
            minutes_left=disk.minutes_left(rate),
        )

    def clip_ended(self, session_id: str, is_kept: bool) -> None:
        """A clip was kept, or its pictures were gone."""
        self.set(clips=(*self._state.get().clips, (session_id, is_kept)))

    def _rate(self, now_ns: int, size: int) -> float:
        """Bytes per second of the last ``RATE_OVER_S``; 0 in the first second."""
        self._sizes.append((now_ns, size))
        while now_ns - self._sizes[0][0] > RATE_OVER_S * 1e9:
            self._sizes.popleft()
        seconds = (now_ns - self._sizes[0][0]) / 1e9
        return (size - self._sizes[0][1]) / seconds if seconds > 1 else 0.0

    def set(self, **changes: Any) -> None:
        """Replace fields of the state."""
        self._state.set(replace(self._state.get(), **changes))
