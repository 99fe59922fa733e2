"""What the assess worker does: build the models, and turn the newest frame into a result, failing closed."""

from __future__ import annotations

import gc
import logging
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from app.engine.channels import Latest
from app.engine.exam import Exam
from app.engine.gate_keeping import GateKeeper
from app.engine.keeping_step import StepKeeper
from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from app.engine.state import Assessed
from app.engine.timing import EngineTiming
from app.engine.worker import Worker
from calibration.cluster_map import ClusterMap
from calibration.freeze import FROZEN_SENTENCE, FreezeWatch
from capture.errors import ModelError, SonogaugeError
from capture.frame import Frame, SourceInfo
from models.runtime.contract import Assessment, Assessor, ModelInfo, cannot_judge, refused
from models.runtime.gate_plane import GatePlane

log = logging.getLogger(__name__)

SignalCheck = Callable[[Frame], str]
"""Sentence when the frame is a card's "no signal" picture, empty when it shows a scanner."""

WAIT_S = 0.5
"""Longest wait for a frame between two heartbeats."""


class StreamWatch:
    """Says when the frames come from another stream: other source, other size, or opened again."""

    def __init__(self) -> None:
        self._first_generation = 0
        self._seen: tuple[str, int, int] | None = None
        self._seen_generation = 0
        self.info: SourceInfo | None = None

    def opened(self, generation: int, info: SourceInfo) -> None:
        """Frames after this generation belong to a new opening; called by the capture worker before the first."""
        self.info = info
        self._first_generation = generation + 1

    def is_new(self, frame: Frame, generation: int) -> bool:
        """Whether this frame begins another stream than the previous one; called for each frame in order."""
        key = (frame.source_id, frame.height, frame.width)
        reopened = self._seen_generation < self._first_generation <= generation
        new = self._seen is not None and (key != self._seen or reopened)
        self._seen, self._seen_generation = key, generation
        return new


class AssessLoop:
    """Assesses the newest frame, again and again, in the worker's thread.

    A frame that was taken always ends as a result, if only as a refusal, so that frames captured are frames assessed
    plus drops, exactly.
    """

    def __init__(
        self,
        frames: Latest[Frame],
        results: Latest[Assessed],
        make_assessor: Callable[[], Assessor],
        smoother: Smoother,
        readiness: ReadinessJudge,
        exam: Exam,
        signal_check: SignalCheck | None,
        timing: EngineTiming,
        clock_ns: Callable[[], int],
        on_change: Callable[[], None],
    ) -> None:
        self.reader = frames.reader("assess")
        self.stream = StreamWatch()
        self.ready = threading.Event()
        self.models: tuple[ModelInfo, ...] = ()
        self.cluster_map: ClusterMap | None = None
        self.gate_plane: GatePlane | None = None
        self.missing: Mapping[str, str] = {}
        self.model_error: SonogaugeError | None = None
        self.no_signal = ""
        self.finished = 0
        self._results = results
        self._make_assessor = make_assessor
        self._assessor: Assessor | None = None
        self._described: SourceInfo | None = None
        self._smoother = smoother
        self._readiness = readiness
        self.exam = exam
        self._signal_check = signal_check
        self._freeze, self._gate, self._step = FreezeWatch(), GateKeeper(), StepKeeper()
        self._timing = timing
        self._clock_ns = clock_ns
        self._on_change = on_change
        self._view: tuple[str | None] | None = None

    @property
    def model_fault(self) -> str:
        """Why the models cannot be used, empty when they can."""
        return "" if self.model_error is None else str(self.model_error)

    def set_view(self, view: str | None) -> None:
        """Fix the view from the next frame on; any thread."""
        self._view = (view,)

    def run(self, worker: Worker) -> None:
        """Body of the assess worker; a restart builds the models anew."""
        try:
            self._load()
            while not worker.stopping:
                worker.beat()
                frame = self.reader.next(WAIT_S)
                if frame is None:
                    self._name_anew()
                elif self._is_late():
                    self.reader.leave_out()
                else:
                    self._assess(frame)
        finally:
            self._release()

    def _is_late(self) -> bool:
        """Whether the frame that was taken is better left out for the next one."""
        info = self.stream.info
        if info is None or not info.is_live:
            return False
        return self._step.leaves_out(self.reader.delay_ns, info.granted.fps, self._clock_ns())

    def _load(self) -> None:
        """Build the assessor; one that cannot be trusted is a reason shown with every frame, not a restart."""
        self._begin_anew()
        self._described = None
        try:
            assessor = self._make_assessor()
        except SonogaugeError as error:
            log.error("models are not usable: %s", error)
            self.model_error = error
        else:
            self._assessor, self.model_error = assessor, None
            self._tell_models(assessor)
        finally:
            _spare_the_collector()
            self.ready.set()
            self._on_change()

    def _tell_models(self, assessor: Assessor) -> None:
        """Models and maps may follow the source's exam."""
        self.models, self.missing = assessor.models, assessor.missing
        self.cluster_map, self.gate_plane = assessor.cluster_map, assessor.gate_plane

    def _release(self) -> None:
        if self._assessor is not None:
            self._assessor.close()
            self._assessor = None

    def _assess(self, frame: Frame) -> None:
        start_ns = self._clock_ns()
        try:
            assessment = self._judge(frame, start_ns)
        except SonogaugeError as error:
            self._finish(frame, cannot_judge(frame, str(error)), start_ns)
        except Exception as error:
            sentence = f"the assessment failed ({type(error).__name__}) and is being restarted"
            self._finish(frame, cannot_judge(frame, sentence), start_ns)
            raise
        else:
            self._finish(frame, assessment, start_ns)

    def _judge(self, frame: Frame, start_ns: int) -> Assessment:
        no_signal = self._signal_check(frame) if self._signal_check else ""
        signal_ns = self._clock_ns()
        self._prepare(frame, came_back=bool(self.no_signal) and not no_signal)
        self._note_signal(no_signal)
        if no_signal:
            return self._steady(cannot_judge(frame, no_signal))
        if self._assessor is None:
            raise ModelError(self.model_fault)
        found = require_finite(self._assessor.assess(frame), frame)
        raw = self._gate.keep(self._refuse_frozen(found, frame))
        assess_ns = self._clock_ns()
        smooth = self._steady(raw)
        stages = {
            **raw.stages_ms,
            "wait": max(start_ns - frame.t_mono_ns, 0) / 1e6,
            "signal": (signal_ns - start_ns) / 1e6,
            "smooth": (self._clock_ns() - assess_ns) / 1e6,
        }
        return replace(smooth, stages_ms=stages)

    def _refuse_frozen(self, assessment: Assessment, frame: Frame) -> Assessment:
        """A live scanner that stands still is not judged: its picture says nothing about the probe's place now."""
        info = self.stream.info
        if info is None or not info.is_live or assessment.sector is None:
            return assessment
        if not self._freeze.update(frame, assessment.sector):
            return assessment
        return replace(refused(assessment, FROZEN_SENTENCE), gate=None, gate_reason=FROZEN_SENTENCE)

    def _prepare(self, frame: Frame, came_back: bool) -> None:
        """Forget a stream that is over, apply a view that was asked for."""
        is_new = self.stream.is_new(frame, self.reader.cursor)
        if is_new:
            self.exam.begin_stream()
        if is_new or came_back:
            self._begin_anew()
            self._freeze.reset()
            if self._assessor is not None:
                self._assessor.forget_stream()
        info = self.stream.info
        if info is not None and info is not self._described and self._assessor is not None:
            self._assessor.use_source(info)
            self._described = info
            self._tell_models(self._assessor)
        wanted, self._view = self._view, None
        if wanted is not None and self._assessor is not None:
            self._assessor.set_view(wanted[0])
            self._begin_anew()

    def _steady(self, raw: Assessment) -> Assessment:
        """One frame's assessment smoothed over time, with what can be measured."""
        return self._readiness.fill(self._smoother.smooth(raw))

    def _begin_anew(self) -> None:
        self._smoother.reset()
        self._gate.reset()
        self._readiness.reset()

    def _name_anew(self) -> None:
        """Apply a view that was asked for to a result whose stream is over or paused."""
        wanted, newest = self._view, self._results.newest()
        if wanted is None or newest is None or self._assessor is None:
            return
        self._view = None
        self._assessor.set_view(wanted[0])
        self._results.put(replace(newest, assessment=replace(newest.assessment, view=wanted[0])))

    def _note_signal(self, no_signal: str) -> None:
        if no_signal != self.no_signal:
            self.no_signal = no_signal
            self._on_change()

    def _finish(self, frame: Frame, assessment: Assessment, start_ns: int) -> None:
        self.exam.note(assessment)
        now_ns = self._clock_ns()
        self._timing.assess_ms.add((now_ns - start_ns) / 1e6)
        self._timing.stages(assessment.stages_ms)
        self._timing.ages(assessment.ages_ms)
        self._timing.assessed.add(now_ns)
        self.finished += 1
        self._results.put(Assessed(frame, assessment, now_ns))


def _spare_the_collector() -> None:
    """Take all that the program consists of from the garbage collector, once: it costs 45 ms each time it looks."""
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def require_finite(assessment: Assessment, frame: Frame) -> Assessment:
    """The assessment, or a refusal when a score is not a number from 1 to 5."""
    for region in assessment.regions:
        raw = region.score_raw
        if raw is not None and not (math.isfinite(raw) and 0.999 <= raw <= 5.001):
            return cannot_judge(
                frame, f"the model gave no usable score for {region.name}: run 'sonogauge models verify'"
            )
    return assessment
