"""CPU times that mean the same on a busy or slow machine: set beside a fixed piece of work done just then."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

YARDSTICK_MS = 8.0
"""CPU time of ``_yardstick`` on the machine that the limits in the tests are stated for: 2 idle cores of a Xeon."""

_FIELD = np.random.default_rng(1).standard_normal((512, 1024)).astype(np.float32)
_PICTURE = (255 * np.random.default_rng(2).random((1080, 1920))).astype(np.uint8)


def cpu_ms(work: Callable[[], object], *, turns: int, warm_up: int = 1) -> float:
    """Least CPU time of ``work`` in this thread in ms, as it would be on the machine that the limits are stated for.

    A machine that does the yardstick faster gets no discount: the limit is then all the easier to meet.

    Parameters
    ----------
    turns : times that count; ``warm_up`` more come first and do not
    """
    paces = [_cpu_ms(_yardstick) for _ in range(4)]
    times = [_cpu_ms(work) for _ in range(warm_up + turns)][warm_up:]
    paces += [_cpu_ms(_yardstick) for _ in range(4)]
    return min(times) / max(1.0, min(paces) / YARDSTICK_MS)


def _cpu_ms(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return 1e3 * (time.thread_time() - start)


def _yardstick() -> None:
    """Some of what the measured code does: arrays, pictures, and Python itself, in one thread."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        np.abs(np.fft.irfft(np.fft.rfft(_FIELD)))
        cv2.GaussianBlur(_PICTURE, (0, 0), 1.5)
        sum({str(number): number for number in range(20000)}.values())
    finally:
        cv2.setNumThreads(threads)
