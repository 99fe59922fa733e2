"""Gathers the engine's state from its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.engine.assessing import AssessLoop
from app.engine.capturing import CaptureLoop
from app.engine.channels import Latest
from app.engine.presentation import result_age_ms
from app.engine.state import Assessed, EngineState, SignalState, SourceStatus, judge_signal, unique_text
from app.engine.timing import RECENT_VALUES, EngineTiming, ProcessUsage
from app.engine.worker import Supervisor, WorkerState
from capture.frame import Frame

_STAYS_AFTER_STOP = frozenset(
    {SignalState.LOST, SignalState.STALLED, SignalState.NO_SIGNAL, SignalState.FAILED, SignalState.ENDED}
)
_KEEP_UP_FRAMES = 90
_BUDGET_FPS = 30.0  # the rate that the frame budget is made for
"""Frames before the engine judges whether the machine keeps up: the first ones warm caches."""


@dataclass
class Reporter:
    """Reads the parts of an engine, changes none; the fields are those parts."""

    frames: Latest[Frame]
    results: Latest[Assessed]
    assess: AssessLoop
    supervisor: Supervisor
    timing: EngineTiming
    clock_ns: Callable[[], int]
    stall_after_s: float
    keep_up_share: float

    def __post_init__(self) -> None:
        self._usage = ProcessUsage()

    def state(self, capture: CaptureLoop | None, abandoned: int) -> EngineState:
        """The state now."""
        now_ns = self.clock_ns()
        signal, sentence = self.signal(capture)
        newest, assessed = self.frames.newest(), self.results.newest()
        timing = self.timing
        fps_captured, fps_assessed = timing.captured.per_second(now_ns), timing.assessed.per_second(now_ns)
        models = self.assess.models
        return EngineState(
            signal=signal,
            sentence=sentence,
            source=capture.info if capture else None,
            workers=self.supervisor.statuses(),
            fps_captured=fps_captured,
            fps_assessed=fps_assessed,
            capture_age_ms=None if newest is None else max(now_ns - newest.t_mono_ns, 0) / 1e6,
            result_age_ms=None if assessed is None else result_age_ms(assessed, newest),
            assess_ms=timing.assess_ms.percentiles(RECENT_VALUES),
            capture_to_paint_ms=timing.capture_to_paint_ms.percentiles(RECENT_VALUES),
            ages_ms=timing.largest_ages_ms(RECENT_VALUES),
            stages_ms=timing.stage_percentiles(RECENT_VALUES),
            frames_captured=self.frames.generation,
            frames_assessed=self.assess.finished,
            drops=self._drops(),
            source_drops=capture.source_drops if capture else 0,
            models=models,
            cluster_map=self.assess.cluster_map,
            gate_plane=self.assess.gate_plane,
            missing=self.assess.missing,
            provider=unique_text([info.provider for info in models]),
            precision=unique_text([info.precision for info in models]),
            models_ready=self.assess.ready.is_set(),
            usage=self._usage.now(),
            abandoned=abandoned,
            exam=self.assess.exam.state(),
            banners=self._banners(capture, signal, sentence, fps_captured, fps_assessed),
        )

    def signal(self, capture: CaptureLoop | None) -> tuple[SignalState, str]:
        """Signal state and sentence now."""
        if capture is None:
            status = SourceStatus()
            return status.phase, status.sentence
        return judge_signal(capture.status, capture.is_live, capture.idle_s, self.assess.no_signal, self.stall_after_s)

    def _drops(self) -> dict[str, int]:
        drops = self.frames.drops()
        if self.frames.is_closed:  # a frame whose assessment never returned is lost as well
            drops["assess"] += self.assess.reader.taken - self.assess.finished
        return drops

    def _banners(
        self, capture: CaptureLoop | None, signal: SignalState, sentence: str, captured: float, assessed: float
    ) -> tuple[str, ...]:
        found = [sentence] if signal not in (SignalState.OK, SignalState.ENDED) else []
        found.append(self.assess.model_fault)
        bad = (WorkerState.FAILED, WorkerState.DEGRADED)
        found += [f"{w.name}: {w.reason}" for w in self.supervisor.statuses() if w.state in bad]
        warm = self.timing.captured.count > _KEEP_UP_FRAMES and self.assess.finished > 0
        wanted = min(captured, _BUDGET_FPS)  # a faster source is assessed as far as it goes, which is no fault
        if warm and signal is SignalState.OK and assessed < self.keep_up_share * wanted:
            found.append(
                f"this machine assesses {assessed:.0f} of {captured:.0f} frames per second: close other programs"
            )
        info = capture.info if capture else None
        found += info.notes if info else ()
        return tuple(text for text in found if text)


def signal_after_stop(signal: SignalState) -> SignalState:
    """What the signal is called when the engine was stopped: a fault stays visible."""
    return signal if signal in _STAYS_AFTER_STOP else SignalState.STOPPED
