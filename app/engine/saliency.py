"""The saliency map of what is shown: on a thread of low priority, at most once a second, only while it is wanted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.engine.state import Assessed
from app.engine.worker import Supervisor, Worker
from capture.errors import SonogaugeError
from capture.frame import Frame
from models.runtime.contract import Assessment
from models.runtime.cores import give_way
from models.runtime.frame_saliency import SaliencyMap

log = logging.getLogger(__name__)

EVERY_S = 1.0
"""From the start of one live map to that of the next; longer where a map takes more than half of it."""

LOOK_EVERY_S = 0.25
"""Pause between two looks at whether something new is shown."""

OLDEST_S = 3.0
"""A map that is older than the frame on show by more is not shown any more."""

STUCK_AFTER_S = 30.0


class MapMaker(Protocol):
    """Makes the map of a frame; ``models.runtime.frame_saliency.FrameSaliency``."""

    def map_of(self, frame: Frame, assessment: Assessment) -> SaliencyMap:
        """The map of a frame by its own assessment; a SonogaugeError says why there is none."""
        ...

    def close(self) -> None:
        """Release the session."""
        ...


@dataclass(frozen=True)
class SaliencyState:
    """The newest map, or why there is none; neither while the first is made.

    Attributes
    ----------
    is_on : the user wants to see it
    map : of the frame that the user holds, else the newest one of this picture; None when there is none
    reason : one sentence why there is none
    """

    is_on: bool = False
    map: SaliencyMap | None = None
    reason: str = ""


class SaliencyKeeper:
    """Makes maps of what an engine shows, while it is switched on; off it has no thread and no session.

    Parameters
    ----------
    make : opens the model, in the thread that uses it; None: there is none to open
    shown : the result on show, and whether the user holds it
    supervisor : restarts a thread that failed
    clock_ns : monotonic nanoseconds, the clock of ``Frame.t_mono_ns``
    on_change : told after each change; from any thread, returns at once
    """

    def __init__(
        self,
        make: Callable[[], MapMaker] | None,
        shown: Callable[[], tuple[Assessed | None, bool]],
        supervisor: Supervisor,
        clock_ns: Callable[[], int],
        on_change: Callable[[], None],
    ) -> None:
        self._make, self._shown, self._supervisor = make, shown, supervisor
        self._clock_ns, self._on_change = clock_ns, on_change
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._worker: Worker | None = None
        self._state = SaliencyState()
        self._barrier_ns = -1  # frames of a test may begin at 0
        self._next_ns = 0
        self._seen: Frame | None = None

    def state(self, assessed: Assessed | None) -> SaliencyState:
        """What there is to paint over a result, which is the one on show."""
        found, is_held = self._state, self._shown()[1]
        if found.map is None or (assessed is not None and self._fits(found.map, assessed, is_held)):
            return found
        return SaliencyState(found.is_on)

    def _fits(self, found: SaliencyMap, assessed: Assessed, is_held: bool) -> bool:
        age_s = (assessed.frame.t_mono_ns - found.of.t_mono_ns) / 1e9
        is_near = age_s == 0.0 if is_held else age_s <= OLDEST_S and found.of.t_mono_ns > self._barrier_ns
        return is_near and found.lies_on(assessed.assessment)

    def switch(self, on: bool) -> None:
        """Begin or end, and return at once."""
        if on == self._state.is_on:
            return
        before = self.stop()
        with self._lock:
            self._state = SaliencyState(on, reason="" if self._make else "there is no score model to ask")
        if on and self._make is not None:
            self._worker = worker = Worker(
                "saliency",
                lambda worker: self._run(worker, before),
                stuck_after_s=STUCK_AFTER_S,
                on_change=self._on_change,
            )
            self._supervisor.add(worker)
            worker.start()
        self._on_change()

    def clear(self, until_ns: int) -> None:
        """Maps of frames captured until then are of another picture, but for the one that the user holds."""
        self._barrier_ns = max(self._barrier_ns, until_ns)

    def look(self) -> None:
        """Look at once at what is shown: the user holds it."""
        self._wake.set()

    def stop(self) -> Worker | None:
        """Ask the thread to end, and return it for who waits; None when there is none."""
        worker = self._worker
        if worker is not None:
            self._supervisor.remove(worker)
            worker.request_stop()
            self._wake.set()
        return worker

    def _run(self, worker: Worker, before: Worker | None) -> None:
        """Body of the thread."""
        if before is not None:
            before.join(STUCK_AFTER_S)  # two sessions would take more than the share of one
        give_way()
        self._seen = None
        maker = self._opened()
        if maker is None:
            return
        try:
            while not worker.stopping:
                worker.beat()
                self._wake.clear()
                self._wake.wait(0.0 if worker.stopping else self.step(maker))
        finally:
            maker.close()

    def _opened(self) -> MapMaker | None:
        assert self._make is not None
        try:
            return self._make()
        except SonogaugeError as error:
            log.error("no saliency: %s", error)
            self._tell(None, str(error))
            return None

    def step(self, maker: MapMaker) -> float:
        """Map what is shown if it is due; seconds until the next look at the latest."""
        assessed, is_held = self._shown()
        if assessed is None or assessed.frame is self._seen or not self._is_wanted(assessed, is_held):
            return LOOK_EVERY_S
        begin_ns = self._clock_ns()
        if begin_ns < self._next_ns and not is_held:
            return (self._next_ns - begin_ns) / 1e9
        self._seen = assessed.frame
        self._map(maker, assessed)
        end_ns = self._clock_ns()
        self._next_ns = max(begin_ns + round(EVERY_S * 1e9), 2 * end_ns - begin_ns)
        return 0.0

    def _is_wanted(self, assessed: Assessed, is_held: bool) -> bool:
        return assessed.assessment.is_judged and (is_held or assessed.frame.t_mono_ns > self._barrier_ns)

    def _map(self, maker: MapMaker, assessed: Assessed) -> None:
        try:
            found = maker.map_of(assessed.frame, assessed.assessment)
        except SonogaugeError as error:
            self._tell(None, str(error))
        except Exception as error:
            self._tell(None, f"it failed ({type(error).__name__}) and is being restarted")
            raise
        else:
            self._tell(found)

    def _tell(self, found: SaliencyMap | None, reason: str = "") -> None:
        """Take over what the thread found, unless nobody wants it any more."""
        with self._lock:
            if not self._state.is_on:
                return
            self._state = SaliencyState(True, found, reason)
        self._on_change()
