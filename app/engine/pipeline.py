"""The real-time engine: source -> Latest -> assessor -> Latest -> whoever paints.

No Qt. Windows are told that there is something new by ``on_news`` (called from worker threads, it must return at once)
and then pull ``frames.newest()``, ``shown()`` and ``state.get()``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from app.engine.assessing import AssessLoop, SignalCheck
from app.engine.capture_place import CapturePlace
from app.engine.capturing import CaptureLoop
from app.engine.channels import Latest, Snapshot
from app.engine.engine_settings import EngineSettings
from app.engine.exam import Exam
from app.engine.readiness import ReadinessJudge
from app.engine.recording_tap import RecordingTap
from app.engine.reporting import Reporter, signal_after_stop
from app.engine.saliency import MapMaker, SaliencyKeeper, SaliencyState
from app.engine.sink import Sink
from app.engine.smoothing import Smoother
from app.engine.state import Assessed, EngineState, SignalState
from app.engine.summary import summary_dict
from app.engine.timing import EngineTiming
from app.engine.waiting import is_drained, wait_for
from app.engine.worker import Supervisor, Worker, WorkerState
from capture.errors import SonogaugeError
from capture.frame import Frame, SourceInfo
from capture.source import FrameSource
from models.runtime.contract import Assessor
from models.runtime.cores import Core

log = logging.getLogger(__name__)

_PICTURE_GONE = frozenset({SignalState.STALLED, SignalState.LOST, SignalState.FAILED})


class Engine:
    """Owns the workers, the channels and the models of one live view.

    Parameters
    ----------
    source : first source, None to start without one
    make_assessor : builds the assessor, in the assess worker's thread; the engine closes what it built. Called again
        when that worker is restarted, so it must give a new one each time. A SonogaugeError from it (a damaged model)
        is shown as "cannot judge" with every frame.
    signal_check : gives a sentence for a card's "no signal" picture; None: no such check
    make_saliency : opens what makes saliency maps, in a thread of its own, when they are switched on
    settings : times and limits
    clock_ns : monotonic nanoseconds, the clock of ``Frame.t_mono_ns``
    """

    def __init__(
        self,
        source: FrameSource | None,
        make_assessor: Callable[[], Assessor],
        *,
        signal_check: SignalCheck | None = None,
        make_saliency: Callable[[], MapMaker] | None = None,
        settings: EngineSettings | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.settings = settings or EngineSettings()
        self.on_news: Callable[[], None] | None = None
        self.timing = EngineTiming()
        self.frames: Latest[Frame] = Latest("frames", self._frame_came)
        self.results: Latest[Assessed] = Latest("results", self._result_came)
        self.state: Snapshot[EngineState] = Snapshot("state", EngineState(), self._tell)
        self._clock_ns = clock_ns
        self._poked = threading.Event()
        self._lock = threading.Lock()
        self._frozen: tuple[Assessed | None, Frame | None] | None = None
        self._stopped = False
        self._first_source = source
        self._tap = RecordingTap()
        self._supervisor = Supervisor()
        self._capture = CapturePlace(self._supervisor, self._capture_worker, self.settings.stop_timeout_s)
        self._exam = Exam()
        self._saliency = SaliencyKeeper(
            make_saliency, lambda: (self.shown(), self.is_frozen), self._supervisor, clock_ns, self.poke
        )
        self._assess = AssessLoop(
            self.frames,
            self.results,
            make_assessor,
            Smoother(self.settings.smoothing),
            ReadinessJudge(self.settings.readiness),
            self._exam,
            signal_check,
            self.timing,
            clock_ns,
            self.poke,
        )
        self._assess_worker = self._worker("assess", self._assess.run, self.settings.stuck_after_s, Core.ASSESSMENT)
        self._monitor = Worker("monitor", self._watch, on_change=self._monitor_changed)
        self._reporter = Reporter(
            self.frames,
            self.results,
            self._assess,
            self._supervisor,
            self.timing,
            clock_ns,
            self.settings.stall_after_s,
            self.settings.keep_up_share,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- control; any thread ------------------------------------------------------------------------------------

    def start(self, models_first: bool = False) -> None:
        """Start all workers and return at once. ``models_first``: the source is opened when the models are ready."""
        for worker in (self._assess_worker, self._monitor):
            self._supervisor.add(worker)
            worker.start()
        if self._first_source is not None:
            self._capture_from(self._first_source, models_first)

    def switch(self, source: FrameSource) -> None:
        """Leave the present source for another and return at once; the last picture stays until the first new one."""
        self.freeze(False)
        self._tap.note("source_switched", source=source.source_id)
        self._saliency.clear(self._clock_ns())
        self._capture_from(source, models_first=False)

    def set_view(self, view: str | None) -> None:
        """Fix the view (``A4C``, ``A2C``, ``ALAX``), or None for unknown, from the next frame on.

        A picture that stands, at the end of a recording or in a pause, is named anew.
        """
        self._assess.set_view(view)
        self._tap.view(view)

    def freeze(self, frozen: bool) -> None:
        """Hold what is shown now, or go on. Capture and assessment go on behind it."""
        if frozen != self.is_frozen:
            self._tap.note("freeze", frozen=frozen)
        self._frozen = (self.results.newest(), self.frames.newest()) if frozen else None
        self._saliency.look()
        self._tell()

    def new_exam(self) -> None:
        """Forget the best cycle and the bull's-eye: the next patient begins."""
        self._exam.reset()
        self._tap.note("new_exam")
        self._saliency.clear(self._clock_ns())
        self.poke()

    def show_saliency(self, on: bool) -> None:
        """Make saliency maps of what is shown, or no more; off, as at the start, they cost nothing."""
        with self._lock:
            if not self._stopped:
                self._saliency.switch(on)

    def saliency(self, assessed: Assessed | None) -> SaliencyState:
        """The map to paint over a result on show, or why there is none."""
        return self._saliency.state(assessed)

    def start_recording(self, sink: Sink) -> None:
        """Give every frame, result and event from now on to someone who keeps them, before any viewer gets them."""
        self._tap.open(sink, self._assess.stream.info)

    def stop_recording(self) -> None:
        """Give no more; nothing happens when there is no recording. Returns at once: what was given is still kept."""
        self._tap.close()

    @property
    def is_frozen(self) -> bool:
        """Whether the user holds the picture."""
        return self._frozen is not None

    def shown(self) -> Assessed | None:
        """The result to paint: the held one while frozen, else the newest."""
        frozen = self._frozen
        return self.results.newest() if frozen is None else frozen[0]

    def shown_frame(self) -> Frame | None:
        """The frame for the live pane: the held one while frozen, else the newest."""
        frozen = self._frozen
        return self.frames.newest() if frozen is None else frozen[1]

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the models are loaded or known to be unusable."""
        return self._assess.ready.wait(timeout_s)

    @property
    def model_error(self) -> SonogaugeError | None:
        """Why the models cannot be used; None while they load and when they can."""
        return self._assess.model_error

    def wait_started(self, timeout_s: float) -> bool:
        """Wait for the first picture, or until it is known that there will be none; False when time is over first."""
        return wait_for(self.state, lambda state: state.is_over or self.frames.newest() is not None, timeout_s)

    def wait_over(self, timeout_s: float) -> bool:
        """Wait until the source has ended or failed and its last frame is assessed; False when time is over first."""
        return wait_for(self.state, lambda state: state.is_over and is_drained(state), timeout_s)

    def stop(self) -> None:
        """Stop everything and wait for the threads; twice is fine. The last frame and result stay readable."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        signal, _ = self._reporter.signal(self._capture.loop)
        mapping = self._saliency.stop()
        workers = [w for w in (self._monitor, self._capture.worker, self._assess_worker, mapping) if w is not None]
        for worker in workers:
            worker.request_stop()
        self._poked.set()
        self.frames.close("the engine was stopped")
        for worker in workers:
            self._capture.end(worker)
        self.results.close("the engine was stopped")
        self.stop_recording()
        final = self._gather()
        self.state.set(replace(final, signal=signal_after_stop(signal)))
        self.state.close("the engine was stopped")

    def summary(self) -> dict[str, Any]:
        """Figures of the run so far; call it after ``stop`` for counts that add up exactly."""
        newest = self.results.newest()
        state = self.state.get() if self.state.is_closed else self._gather()
        return summary_dict(state, self.timing, newest.assessment if newest else None)

    def poke(self) -> None:
        """Publish the state soon; called at changes."""
        self._poked.set()

    # -- capture ------------------------------------------------------------------------------------------------

    def _capture_from(self, source: FrameSource, models_first: bool) -> None:
        """Start a capture worker for a source; it waits for its predecessor to let go of the device."""
        with self._lock:
            if self._stopped:
                return
            loop = CaptureLoop(
                source,
                self.frames,
                self.timing.captured,
                self._clock_ns,
                self.settings.capture,
                self.poke,
                self._source_opened,
                self._tap.frame,
            )
            self._capture.start(loop, lambda: not models_first or self._assess.ready.wait(0.1))

    def _capture_worker(self, body: Callable[[Worker], None]) -> Worker:
        return self._worker("capture", body, self.settings.capture_stuck_after_s)

    def _worker(
        self, name: str, body: Callable[[Worker], None], stuck_after_s: float, core: Core | None = None
    ) -> Worker:
        return Worker(name, body, stuck_after_s=stuck_after_s, on_change=self.poke, core=core)

    # -- news and state -----------------------------------------------------------------------------------------

    def _tell(self) -> None:
        listener = self.on_news
        if listener is not None:
            listener()

    def _source_opened(self, info: SourceInfo) -> None:
        self._tap.source(info)
        self._assess.stream.opened(self.frames.generation, info)

    def _result_came(self) -> None:
        newest = self.results.newest()
        if newest is not None:
            self._tap.result(newest)
        if newest is not None and not newest.assessment.is_judged:
            self._saliency.clear(newest.frame.t_mono_ns)
        self._tell()

    def _frame_came(self) -> None:
        if self.state.get().signal not in (SignalState.OK, SignalState.NO_SIGNAL):
            self.poke()
        self._tell()

    def _watch(self, worker: Worker) -> None:
        """Body of the monitor: supervise, and publish the state four times a second and at each change."""
        while not worker.stopping:
            self._poked.wait(self.settings.publish_every_s)
            self._poked.clear()
            worker.beat()
            if not worker.stopping:
                self._supervisor.check()
                state = self._gather()
                self._publish(state)
                self._note_usage(state)

    def _note_usage(self, state: EngineState) -> None:
        """From the first result on: before it, memory and threads are still being set up."""
        if state.usage is not None and state.frames_assessed:
            self.timing.usage.add(state.usage, self._clock_ns() / 1e9)

    def _publish(self, state: EngineState) -> None:
        if state.signal is not self.state.get().signal:
            log.info("signal %s %s", state.signal, state.sentence)
            self._tap.note("signal", state=str(state.signal))
        if state.signal in _PICTURE_GONE:
            self._saliency.clear(self._clock_ns())
        self.state.set(state)

    def _monitor_changed(self) -> None:
        """Nobody watches the monitor, so its own dying thread asks for the restart."""
        if self._monitor.state is WorkerState.FAILED:
            self._supervisor.check()

    def _gather(self) -> EngineState:
        return self._reporter.state(self._capture.loop, self._capture.abandoned)
