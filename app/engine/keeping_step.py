"""Keeps the assessment in step with a live source after a stall."""

from __future__ import annotations

LATE = 0.4
"""Of the time between frames: a frame that lay about for longer is late."""

AT_MOST_EVERY_NS = 500_000_000
"""A machine that is always late gains nothing by leaving out more than that."""


class StepKeeper:
    """Says which frames of a live source are better left out for the next one, which is about to come.

    After a stall the newest frame has lain about for up to a frame's time when it is taken. Where an assessment takes
    almost as long as frames are apart, each of the next ones is shown late by that, and is assessed while the window
    paints, which makes it later still. Leaving out one ends it. Not thread-safe.
    """

    def __init__(self) -> None:
        self._last_ns: int | None = None

    def leaves_out(self, delay_ns: int, fps: float, now_ns: int) -> bool:
        """Whether to leave out a frame.

        Parameters
        ----------
        delay_ns : it lay about for
        fps : frames in a second as the source says, 0 when unknown
        now_ns : monotonic
        """
        if fps <= 0 or delay_ns <= LATE * 1e9 / fps:
            return False
        if self._last_ns is not None and now_ns - self._last_ns < AT_MOST_EVERY_NS:
            return False
        self._last_ns = now_ns
        return True
