"""Times of the stages of one assessment."""

from __future__ import annotations

import time


class Stopwatch:
    """Times of the stages, in ms; a stage begins where the one before ended."""

    def __init__(self) -> None:
        self.stages_ms: dict[str, float] = {}
        self._start = self._last = time.perf_counter()

    @property
    def elapsed_ms(self) -> float:
        """Since the first stage began."""
        return (time.perf_counter() - self._start) * 1e3

    def beside(self, stage: str, ms: float) -> None:
        """Note work that ran beside the stages: its time is in none of them but the one that waited for its end."""
        self.stages_ms[f"{stage}_beside"] = ms

    def lap(self, stage: str) -> None:
        """End a stage."""
        now = time.perf_counter()
        self.stages_ms[stage] = (now - self._last) * 1e3
        self._last = now
