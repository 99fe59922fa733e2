"""The process in which the virtual scanner renders: ``python -m capture.virtual.renderer JSON``.

It writes pictures into the shared ring and a short message per picture to standard output. It ends by itself when
nobody reads the other end of that pipe any more, so that it never outlives the program that started it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2

from capture.virtual.options import ScannerOptions
from capture.virtual.probe.path import ProbePath, pose_at
from capture.virtual.probe.pose import ProbePose
from capture.virtual.scanner import VirtualScanner
from capture.virtual.scene import Scene
from capture.virtual.shared_ring import SharedRing

# frame index, time of publication on the monotonic clock (ns), CPU seconds of this process so far, slot in the ring
MESSAGE = struct.Struct("<qqdq")


@dataclass(frozen=True)
class RenderJob:
    """What a renderer is to do; travels as JSON on its command line."""

    options: ScannerOptions
    slots: int
    descriptor: int

    def to_json(self) -> str:
        """For the command line."""
        return json.dumps({**self.__dict__, "options": self.options.to_json()})

    @classmethod
    def from_json(cls, text: str) -> RenderJob:
        """What ``to_json`` described."""
        values = json.loads(text)
        return cls(ScannerOptions.from_json(values["options"]), values["slots"], values["descriptor"])


def main(argument: str) -> None:
    """Render until the reader is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when to end
    cv2.setNumThreads(1)
    job = RenderJob.from_json(argument)
    options = job.options
    scene = options.make_scene()
    guide = ProbeGuide(scene, options.probe_path()).guide if isinstance(scene, VirtualScanner) else _unguided
    scene.render(0)
    ring = SharedRing(job.descriptor, job.slots, options.height, options.width)
    pipe = sys.stdout.fileno()
    os.set_blocking(pipe, False)
    try:
        _render_for_ever(scene, guide, ring, job, pipe)
    except BrokenPipeError:
        pass
    finally:
        ring.close()
        # Standard output is broken: closing it here keeps the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), pipe)


class ProbeGuide:
    """Moves a scanner's probe: along a recorded path, and to the poses that arrive on standard input as JSON lines."""

    def __init__(self, scanner: VirtualScanner, path: ProbePath | None) -> None:
        self._scanner = scanner
        self._poses = path.poses(scanner.pose) if path is not None else []
        self._input = sys.stdin.fileno()
        self._rest = b""

    def guide(self, t_s: float) -> None:
        """Put the probe where it is to be at ``t_s``; a pose from the input ends the path."""
        asked = self._asked()
        if asked is not None:
            self._poses = []
            self._scanner.set_pose(asked)
        elif self._poses and (pose := pose_at(self._poses, t_s)) != self._scanner.pose:
            self._scanner.set_pose(pose)

    def _asked(self) -> ProbePose | None:
        """The newest whole line of the input, None when there is none."""
        while select.select([self._input], [], [], 0)[0]:
            data = os.read(self._input, 65536)
            if not data:
                break
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        return ProbePose(**json.loads(lines[-1])) if lines else None


def _unguided(_t_s: float) -> None:
    """The probe of the abdomen stays where it is."""


def _render_for_ever(scene: Scene, guide: Callable[[float], None], ring: SharedRing, job: RenderJob, pipe: int) -> None:
    start, fps = time.monotonic(), job.options.fps
    index, count = 0, 0
    while True:
        time.sleep(max(0.0, start + index / fps - time.monotonic()))
        guide(index / fps)
        slot = count % job.slots
        ring.write(slot, scene.render(index))
        _announce(pipe, index, slot)
        count += 1
        # On a machine that is too slow the heart keeps its rhythm and frames are left out.
        index = max(index + 1, int((time.monotonic() - start) * fps))


def _announce(pipe: int, index: int, slot: int) -> None:
    try:
        os.write(pipe, MESSAGE.pack(index, time.monotonic_ns(), time.process_time(), slot))
    except BlockingIOError:
        return  # the reader sleeps and the pipe is full: this frame is lost to it


if __name__ == "__main__":
    main(sys.argv[1])
