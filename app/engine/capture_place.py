"""The place of the capture worker: one source at a time, the next waits until the last has let go of its device."""

from __future__ import annotations

from collections.abc import Callable

from app.engine.capturing import CaptureLoop
from app.engine.worker import Supervisor, Worker


class CapturePlace:
    """Starts a capture worker for each source and ends the one before. The caller sees to it that calls do not overlap.

    Parameters
    ----------
    supervisor : cares for the worker
    make_worker : makes a worker named "capture" from its body
    wait_s : longest wait for one worker; then it is left behind and counted

    Attributes
    ----------
    loop, worker : of the present source, None before the first
    abandoned : workers that were left behind
    """

    def __init__(
        self, supervisor: Supervisor, make_worker: Callable[[Callable[[Worker], None]], Worker], wait_s: float
    ) -> None:
        self.loop: CaptureLoop | None = None
        self.worker: Worker | None = None
        self.abandoned = 0
        self._supervisor, self._make_worker, self._wait_s = supervisor, make_worker, wait_s

    def start(self, loop: CaptureLoop, may_open: Callable[[], bool]) -> None:
        """Leave the present source for that of a loop, which opens it once it may; returns at once."""
        before = self.worker
        if before is not None:
            before.request_stop()
            self._supervisor.remove(before)

        def body(worker: Worker) -> None:
            if before is not None and not before.join(self._wait_s):
                self.abandoned += 1
            while not may_open() and not worker.stopping:
                pass
            loop.run(worker)

        self.loop, self.worker = loop, self._make_worker(body)
        self._supervisor.add(self.worker)
        self.worker.start()

    def end(self, worker: Worker) -> None:
        """Wait for a worker, or count it as left behind; a capture worker that hangs loses its source first."""
        if worker.join(self._wait_s):
            return
        if worker is self.worker and self.loop is not None:
            self.loop.close_source()
        self.abandoned += not worker.join(0.5)
