"""The process in which the virtual scanner renders: ``python -m capture.virtual.renderer JSON``.

It writes pictures into the shared ring and a short message per picture to standard output. It ends by itself when
nobody reads the other end of that pipe any more, so that it never outlives the program that started it.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import time
from dataclasses import dataclass

import cv2

from capture.virtual.scanner import VirtualScanner
from capture.virtual.shared_ring import SharedRing

# frame index, time of publication on the monotonic clock (ns), CPU seconds of this process so far, slot in the ring
MESSAGE = struct.Struct("<qqdq")


@dataclass(frozen=True)
class RenderJob:
    """What a renderer is to do; travels as JSON on its command line."""

    seed: int
    view: str
    width: int
    height: int
    fps: float
    slots: int
    descriptor: int

    def to_json(self) -> str:
        """For the command line."""
        return json.dumps(self.__dict__)


def main(argument: str) -> None:
    """Render until the reader is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when to end
    cv2.setNumThreads(1)
    job = RenderJob(**json.loads(argument))
    scanner = VirtualScanner(job.seed, job.view, job.width, job.height, job.fps)
    scanner.render(0)
    ring = SharedRing(job.descriptor, job.slots, job.height, job.width)
    pipe = sys.stdout.fileno()
    os.set_blocking(pipe, False)
    try:
        _render_for_ever(scanner, ring, job, pipe)
    except BrokenPipeError:
        pass
    finally:
        ring.close()
        # Standard output is broken: closing it here keeps the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), pipe)


def _render_for_ever(scanner: VirtualScanner, ring: SharedRing, job: RenderJob, pipe: int) -> None:
    start = time.monotonic()
    index, count = 0, 0
    while True:
        time.sleep(max(0.0, start + index / job.fps - time.monotonic()))
        slot = count % job.slots
        ring.write(slot, scanner.render(index))
        _announce(pipe, index, slot)
        count += 1
        # On a machine that is too slow the heart keeps its rhythm and frames are left out.
        index = max(index + 1, int((time.monotonic() - start) * job.fps))


def _announce(pipe: int, index: int, slot: int) -> None:
    try:
        os.write(pipe, MESSAGE.pack(index, time.monotonic_ns(), time.process_time(), slot))
    except BlockingIOError:
        return  # the reader sleeps and the pipe is full: this frame is lost to it


if __name__ == "__main__":
    main(sys.argv[1])
