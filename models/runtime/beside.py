"""Networks that need nothing of each other run at the same time, each in one thread.

Two threads inside one small network gain little (segmentation 7.5 ms with two, 10.1 with one; regional quality 4.8 and
5.0; INT8, Intel Xeon, 2 cores), two networks at a time gain all of the second core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from models.runtime.cores import LOW_PRIORITY, Core, give_way, stay_on

Found = TypeVar("Found")


@dataclass(frozen=True)
class Timed(Generic[Found]):
    """What a piece of work gave, and how long it took in ms."""

    found: Found
    ms: float


class Beside:
    """Another thread for networks of one assessor, in the order given. Called from one thread.

    Parameters
    ----------
    core : that the thread stays on, None for any
    gives_way : the thread runs where no other wants to
    """

    def __init__(self, core: Core | None = None, *, gives_way: bool = False) -> None:
        def begin() -> None:
            stay_on(core)
            if gives_way:
                give_way(LOW_PRIORITY)

        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beside", initializer=begin)

    def start(self, work: Callable[[], Found]) -> Future[Timed[Found]]:
        """Begin; an error of the work is raised where its result is asked for."""
        return self._thread.submit(_timed, work)

    def close(self) -> None:
        """Wait for what was begun, and end the thread; twice is fine."""
        self._thread.shutdown(wait=True)


def _timed(work: Callable[[], Found]) -> Timed[Found]:
    start = time.perf_counter()
    found = work()
    return Timed(found, (time.perf_counter() - start) * 1e3)
