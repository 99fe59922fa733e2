"""The virtual scanner as a live source, rendering in a process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np

from capture.errors import CaptureError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.source import SourceLost
from capture.virtual.options import ScannerOptions
from capture.virtual.probe.pose import ProbePose
from capture.virtual.renderer import MESSAGE, RenderJob
from capture.virtual.shared_ring import SharedRing

_LOG = logging.getLogger(__name__)
_SLOTS = 4
_START_LIMIT_S = 30.0
_END_LIMIT_S = 2.0


@dataclass(frozen=True)
class _Announced:
    """A picture that waits in the ring."""

    index: int
    t_mono_ns: int
    cpu_s: float
    slot: int


class VirtualSource:
    """Live frames of the virtual scanner; ``read`` gives the newest one that was not read before.

    Parameters
    ----------
    options : the scanner; None for the usual one

    The frame's index counts rendered pictures, so that it is also the argument of ``VirtualScanner.ground_truth``; its
    time is when the picture was complete.
    """

    is_live = True

    def __init__(self, options: ScannerOptions | None = None) -> None:
        self.options = options or ScannerOptions()
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._dropped_before = 0

    @property
    def source_id(self) -> str:
        """``virtual:`` and all options."""
        return f"virtual:{self.options}"

    @property
    def dropped(self) -> int:
        """Frames that were rendered and nobody read in time, since this object exists."""
        session = self._session
        return self._dropped_before + (session.dropped if session is not None else 0)

    def open(self) -> SourceInfo:
        """Start the renderer and wait for its first picture.

        Raises
        ------
        CaptureError
            It is open already, an option is not possible, or the process does not start.
        """
        info = self._describe()
        with self._lock:
            if self._session is not None:
                raise CaptureError(f"{self.source_id} is open already. Close it before opening it again.")
            session = self._session = _Session(self)
        try:
            session.wait_until_running()
        except CaptureError:
            self.close()
            raise
        return info

    def read(self, timeout_s: float) -> Frame | None:
        """Newest picture that was not read before, or None when none came within ``timeout_s`` seconds.

        Raises
        ------
        SourceLost
            The renderer's process has ended.
        CaptureError
            The source is not open.
        """
        session = self._session
        if session is None:
            raise CaptureError(f"{self.source_id} is not open. Open it before reading.")
        return session.take(timeout_s)

    def steer(self, pose: ProbePose) -> None:
        """Move the probe: the next frame is seen from there; a recorded path ends.

        Raises
        ------
        CaptureError
            The source is not open, or its probe stays where it is.
        """
        session = self._session
        if not self.options.steerable:
            raise CaptureError(
                f"The probe of the view {self.options.view} stays where it is. Choose a view of the heart."
            )
        if session is None:
            raise CaptureError(f"{self.source_id} is not open. Open it before moving its probe.")
        session.send(pose)

    def close(self) -> None:
        """End the process and free the shared memory."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            self._dropped_before += session.dropped
            session.stop()

    @property
    def renderer_pid(self) -> int | None:
        """Process that renders, None when closed."""
        session = self._session
        return session.pid if session is not None else None

    def renderer_cpu_s(self) -> float:
        """CPU time of the renderer since it was started, in s; 0 when closed."""
        session = self._session
        return session.cpu_s if session is not None else 0.0

    def renderer_cpu_percent(self) -> float:
        """CPU time of the renderer since its first picture, in percent of one core; 0 when closed."""
        session = self._session
        return session.cpu_percent() if session is not None else 0.0

    def _describe(self) -> SourceInfo:
        o = self.options
        if not 1 <= o.fps <= 240:
            raise CaptureError(f"The virtual scanner cannot run at {o.fps:g} frames per second. Choose 1 to 240.")
        screen = o.screen()
        mode = VideoMode(o.width, o.height, o.fps, "BGR3")
        return SourceInfo(
            name=f"Virtual scanner, {o.patient or 'patient'} {o.seed}",
            source_id=self.source_id,
            granted=mode,
            requested=mode,
            spacing_mm=screen.spacing_mm,
            sector=screen.sector,
            view=o.shown_view,
            exam=o.exam,
        )


class _Session:
    """One life of a renderer: process, shared ring, and the thread that listens to its messages."""

    def __init__(self, source: VirtualSource) -> None:
        self.dropped = 0
        self.cpu_s = 0.0
        self._source = source
        self._changed = threading.Condition()
        self._waiting: _Announced | None = None
        self._first: _Announced | None = None
        self._ended = self._stopping = False
        self._ring_lock = threading.Lock()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        height, width = source.options.height, source.options.width
        descriptor = SharedRing.create_file(_SLOTS, height, width)
        try:
            self._ring = SharedRing(descriptor, _SLOTS, height, width)
            self._process = self._start(descriptor)
        finally:
            os.close(descriptor)
        self._thread = threading.Thread(target=self._listen, name="virtual-source", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Of the renderer."""
        return self._process.pid

    def wait_until_running(self) -> None:
        """Return once a picture has come; CaptureError with the renderer's last words when it ends or stays silent."""
        with self._changed:
            self._changed.wait_for(lambda: self._first or self._ended or self._stopping, _START_LIMIT_S)
            if self._first is None or self._ended:
                reason = self._last_words()
                raise CaptureError(f"The virtual scanner did not start: {reason}. Try again, or other options.")

    def take(self, timeout_s: float) -> Frame | None:
        """Newest picture not taken before; None after ``timeout_s`` or when stopped."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._changed:
                left = max(0.0, deadline - time.monotonic())
                self._changed.wait_for(lambda: self._waiting or self._ended or self._stopping, left)
                announced, self._waiting = self._waiting, None
                if announced is None and self._ended and not self._stopping:
                    raise SourceLost(f"The virtual scanner's process has ended: {self._last_words()}. Open it again.")
            pixels = self._copy(announced) if announced is not None else None
            if announced is not None and pixels is not None:
                return Frame(pixels, announced.index, announced.t_mono_ns, self._source.source_id)
            if announced is None or self._stopping:
                return None
            self.dropped += 1  # overwritten while it was being copied

    def send(self, pose: ProbePose) -> None:
        """Give a pose to the process; lost when it has ended, which ``take`` says."""
        pipe = self._process.stdin
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(json.dumps(asdict(pose)).encode() + b"\n")

    def cpu_percent(self) -> float:
        """CPU time per wall time since the first picture."""
        with self._changed:
            first, newest_s = self._first, self.cpu_s
        if first is None:
            return 0.0
        wall_s = (time.monotonic_ns() - first.t_mono_ns) / 1e9
        return 100 * (newest_s - first.cpu_s) / max(wall_s, 1e-3)

    def stop(self) -> None:
        """End process and thread, free the memory; wakes a waiting ``take``."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._process.terminate()
        try:
            self._process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._errors.close()
        with self._ring_lock:
            self._ring.close()

    def _start(self, descriptor: int) -> subprocess.Popen[bytes]:
        job = RenderJob(self._source.options, _SLOTS, descriptor)
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "capture.virtual.renderer", job.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **one_thread, "PYTHONPATH": os.pathsep.join(paths)},
            pass_fds=(descriptor,),
            bufsize=0,
        )

    def _listen(self) -> None:
        pipe = self._process.stdout
        while pipe is not None:
            message = pipe.read(MESSAGE.size)
            if message is None or len(message) < MESSAGE.size:
                break
            self._announce(_Announced(*MESSAGE.unpack(message)))
        with self._changed:
            self._ended = True
            stopping = self._stopping
            self._changed.notify_all()
        if not stopping:
            _LOG.warning("the renderer of %s has ended", self._source.source_id)

    def _announce(self, announced: _Announced) -> None:
        with self._changed:
            self.dropped += self._waiting is not None
            self._waiting = announced
            self._first = self._first or announced
            self.cpu_s = announced.cpu_s
            self._changed.notify_all()

    def _copy(self, announced: _Announced) -> np.ndarray | None:
        with self._ring_lock:
            return None if self._stopping else self._ring.copy(announced.slot)

    def _last_words(self) -> str:
        """Last line that the process wrote to its error output."""
        if self._errors.closed:
            return "it was closed"
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 2000))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        code = self._process.poll()
        return lines[-1] if lines else f"exit status {code}" if code is not None else "no picture came in time"
