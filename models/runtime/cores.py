"""On which of two cores the threads of the live program run.

Within a frame two networks run at once and need both cores; a window that is painted in that moment, or the next
picture of a virtual scanner, would push either aside. The assessment with its outlines has one core to itself; the
scoring network, which is done sooner, shares the other with the window. Side networks use the first one once a frame
is done.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from enum import IntEnum


class Core(IntEnum):
    """What a core is for."""

    ASSESSMENT = 0
    OTHERS = 1


LOWEST_PRIORITY, LOW_PRIORITY = 19, 15
"""For what nobody waits for, and for what may be a frame or two late; 0 is that of every other thread."""

_ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def stay_on(core: Core | None) -> None:
    """Keep the calling thread, and threads that it starts, on a core; None lets them go anywhere again.

    Nothing happens where there are not exactly two cores, and on systems that cannot be told.
    """
    if len(_ALLOWED) != len(Core):
        return
    with contextlib.suppress(OSError):  # the cores that are allowed have changed since
        os.sched_setaffinity(0, _ALLOWED if core is None else [_ALLOWED[core]])


@contextlib.contextmanager
def staying_on(core: Core) -> Iterator[None]:
    """``stay_on`` for a while."""
    stay_on(core)
    try:
        yield
    finally:
        stay_on(None)


def give_way(priority: int = LOWEST_PRIORITY) -> None:
    """Let the calling thread run only where no other wants to; threads have a priority of their own on Linux alone."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), priority)
