"""Named workers that own their thread, and the supervisor that restarts them within limits."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app.engine.channels import ChannelClosed
from models.runtime.cores import Core, stay_on

log = logging.getLogger(__name__)


class WorkerState(StrEnum):
    """Life of a worker; ``degraded`` is one that failed too often, or hangs."""

    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    DEGRADED = "degraded"
    STOPPED = "stopped"


@dataclass(frozen=True)
class WorkerStatus:
    """What the HUD shows of a worker."""

    name: str
    state: WorkerState
    reason: str
    restarts: int


class Worker:
    """A thread with a name, a state, a heartbeat and one place where it ends.

    Parameters
    ----------
    name : unique in the engine
    body : runs in the thread; calls ``beat`` at least every ``stuck_after_s``, leaves when ``stopping`` or when a
        channel closes. Until its first beat the worker is *starting* and may take its time (loading models).
    stuck_after_s : a running worker without a heartbeat for longer hangs
    clock : monotonic seconds
    on_change : told after each change of state, in whichever thread made it
    core : that the thread stays on, None for any
    """

    def __init__(
        self,
        name: str,
        body: Callable[[Worker], None],
        *,
        stuck_after_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[], None] | None = None,
        core: Core | None = None,
    ) -> None:
        self.name = name
        self.stuck_after_s = stuck_after_s
        self.restarts = 0
        self._body = body
        self._clock = clock
        self._on_change = on_change
        self._core = core
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = WorkerState.STOPPED
        self._reason = "not started"
        self._beat_s = clock()

    @property
    def state(self) -> WorkerState:
        """Current state."""
        return self._state

    @property
    def status(self) -> WorkerStatus:
        """Name, state, reason and restarts."""
        return WorkerStatus(self.name, self._state, self._reason, self.restarts)

    @property
    def stopping(self) -> bool:
        """Whether the body was asked to end."""
        return self._stop.is_set()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def heartbeat_age_s(self) -> float:
        """Seconds since the last beat, or since the start."""
        return self._clock() - self._beat_s

    def start(self) -> None:
        """Start, or start again after an end, unless asked to stop."""
        if self.stopping:
            return
        self._beat_s = self._clock()
        self._enter(WorkerState.STARTING, "")
        self._thread = threading.Thread(target=self._run, name=f"sonogauge-{self.name}", daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """Say that the work goes on; called by the body."""
        self._beat_s = self._clock()
        if self._state is not WorkerState.RUNNING:
            self._enter(WorkerState.RUNNING, "")

    def wait(self, timeout_s: float) -> bool:
        """Pause in the body; True at once when asked to stop."""
        return self._stop.wait(timeout_s)

    def request_stop(self) -> None:
        """Ask the body to end; returns at once."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread; False when it still runs."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def degrade(self, reason: str) -> None:
        """Show that this worker cannot be helped by a restart."""
        log.error("%s: %s", self.name, reason)
        self._enter(WorkerState.DEGRADED, reason)

    def _run(self) -> None:
        """Outer edge of the thread: every way of ending passes here."""
        stay_on(self._core)
        try:
            self._body(self)
        except ChannelClosed as end:
            self._enter(WorkerState.STOPPED, end.reason)
        except Exception as error:
            log.exception("worker %s failed", self.name)
            self._enter(WorkerState.FAILED, f"{type(error).__name__}: {error}")
        else:
            self._enter(WorkerState.STOPPED, "asked to stop" if self.stopping else "work done")

    def _enter(self, state: WorkerState, reason: str) -> None:
        if (state, reason) == (self._state, self._reason):
            return
        self._state, self._reason = state, reason
        if self._on_change is not None:
            self._on_change()


class Supervisor:
    """Restarts failed workers, at most ``limit`` times in ``window_s`` seconds each; flags those that hang.

    It has no thread: something that lives calls ``check`` a few times a second.
    """

    def __init__(self, limit: int = 5, window_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._history: dict[Worker, deque[float]] = {}

    def add(self, worker: Worker) -> None:
        """Take a worker into care."""
        with self._lock:
            self._history[worker] = deque()

    def remove(self, worker: Worker) -> None:
        """Leave a worker alone from now on."""
        with self._lock:
            self._history.pop(worker, None)

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """Status of all workers in care."""
        with self._lock:
            workers = list(self._history)
        return tuple(worker.status for worker in workers)

    def check(self) -> None:
        """Restart what failed, flag what hangs."""
        with self._lock:
            cared = list(self._history.items())
        for worker, history in cared:
            if worker.state is WorkerState.FAILED:
                self._restart(worker, history)
            elif worker.state is WorkerState.RUNNING and worker.heartbeat_age_s > worker.stuck_after_s:
                worker.degrade(f"no sign of life for {worker.heartbeat_age_s:.0f} s; it may come back by itself")

    def _restart(self, worker: Worker, history: deque[float]) -> None:
        now = self._clock()
        while history and now - history[0] >= self._window_s:
            history.popleft()
        reason = worker.status.reason
        if len(history) >= self._limit:
            worker.degrade(f"failed {len(history) + 1} times in {self._window_s:.0f} s ({reason}); restart the program")
            return
        history.append(now)
        worker.restarts += 1
        log.warning("restarting %s after %s", worker.name, reason)
        worker.start()
