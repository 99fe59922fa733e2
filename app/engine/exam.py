"""What is collected over an exam: the best heart cycle of the last minute, and the bull's-eye."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.engine.best_cycle import BestCycleKeeper, Cycle
from app.engine.bulls_eye import BullsEye, BullsEyeState
from models.runtime.contract import Assessment


@dataclass(frozen=True)
class ExamState:
    """An exam at one moment.

    Attributes
    ----------
    bulls_eye : every segment as seen so far
    best_cycle, best_by_view : best cycle of the last minute, of any view and of each
    t_mono_ns : capture time of the newest frame that was taken in, None before the first
    """

    bulls_eye: BullsEyeState = field(default_factory=BullsEyeState)
    best_cycle: Cycle | None = None
    best_by_view: Mapping[str, Cycle] = field(default_factory=dict)
    t_mono_ns: int | None = None

    def age_s(self, cycle: Cycle) -> float:
        """How long ago a cycle ended, in seconds, seen from the newest frame."""
        return 0.0 if self.t_mono_ns is None else max(self.t_mono_ns - cycle.t_next_ed_ns, 0) / 1e9


class Exam:
    """Fed by the assess worker, reset and read by others.

    An exam may go over several sources (the clips of one patient, a card that was plugged in again): only ``reset``
    ends it. Cycles are those of one source, since they are found by its frame numbers.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cycles, self._bulls_eye = BestCycleKeeper(), BullsEye()
        self._t_mono_ns: int | None = None

    def note(self, assessment: Assessment) -> None:
        """Take a smoothed assessment, judged or not."""
        with self._lock:
            self._cycles.note(assessment)
            self._bulls_eye.note(assessment)
            self._t_mono_ns = assessment.t_mono_ns

    def begin_stream(self) -> None:
        """Frames are counted anew from here on."""
        with self._lock:
            self._cycles.reset()

    def reset(self) -> None:
        """Begin a new exam."""
        with self._lock:
            self._cycles.reset()
            self._bulls_eye.reset()

    def state(self) -> ExamState:
        """The exam now."""
        with self._lock:
            return ExamState(self._bulls_eye.state(), self._cycles.best(), self._cycles.best_by_view(), self._t_mono_ns)
