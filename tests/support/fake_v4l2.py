"""A capture card without hardware: drives OpenCV's real V4L2 back-end through a preload library.

In a test, with the fixtures of ``tests/conftest.py``::

    def test_unplugged(fake_card):                       # a FakeCard at /dev/video42
        fake_card.show(picture)                          # (H, W) or (H, W, 3) uint8, or (N, H, W[, 3]) as a loop
        program = fake_card.sonogauge("live", "v4l2:/dev/video42", "--headless", "--seconds", "10", "--json")
        fake_card.wait_for(lambda: fake_card.streaming)
        fake_card.unplug(); time.sleep(2); fake_card.plug()
        out, err = program.communicate(timeout=60)

The library must be loaded when a process starts, so what uses the card runs in a process of its own: ``sonogauge``,
``popen`` and ``run`` start the same Python with the card. All switches work while it runs, from the test
(``fake_card.stall()``) or from inside that process (``FakeCard.attach()`` finds its card).

==============================  ==========================================================================
``show(picture)``               other content; another size is a resolution change of the input
``show_no_signal()``            the blue "no signal" picture of a card whose cable is out
``show(limited_range(p))``      a card that sends 16-235 (formats BGR3 and GREY pass it on untouched)
``unplug()`` / ``plug()``       the node disappears, open handles fail with ENODEV; it comes back
``busy()`` / ``stall()``        another program has it (EBUSY) / no further frame comes
``hang()`` / ``resume()``       the driver call never returns / back to normal from any of these
``resize_fails = True``         after a resolution change frames fail with EPIPE until the format is set again
``set_rates(("GREY", 25.0))``   formats and their rates; a new rate of a format in use counts at once
``stamp = "zero"``              buffer times that cannot be trusted (also ``"realtime"``)
==============================  ==========================================================================
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("v4l2_preload.c")
DEVICE = "/dev/video42"
MODES = {"ok": 0, "unplugged": 1, "busy": 2, "stalled": 3, "hanging": 4}
STAMPS = {"monotonic": 0, "realtime": 1, "zero": 2}
_MAGIC = 0x4C345653
_PATH_BYTES = 256
_CONTROLS = ("magic", "generation", "mode", "plug_count", "width", "height", "resize", "stamp")
_COUNTERS = ("opens", "closes", "streaming", "frames", "lost", "granted_fourcc", "granted_width", "granted_height")


class _Format(ctypes.Structure):
    _fields_ = (
        ("fourcc", ctypes.c_uint32),
        ("fps_num", ctypes.c_uint32),
        ("fps_den", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("content", ctypes.c_char * _PATH_BYTES),
    )


class _Card(ctypes.Structure):
    """The same layout as ``struct card`` in v4l2_preload.c."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in _CONTROLS),
        ("formats", _Format * 4),
        *((name, ctypes.c_uint32) for name in _COUNTERS),
        ("queries", ctypes.c_uint32),
    )


def build_preload(folder: Path) -> Path:
    """Compile the preload library into ``folder`` and return its path; needs gcc."""
    library = folder / "v4l2_preload.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", str(library), str(SOURCE), "-ldl", "-lpthread"], check=True, timeout=60)
    return library


def encode(picture: np.ndarray, fourcc: str) -> bytes:
    """One picture, (H, W) or (H, W, 3) uint8, as a card would send it in this format."""
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if fourcc == "GREY":
        return grey.tobytes()
    bgr = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if fourcc == "BGR3":
        return bgr.tobytes()
    if fourcc == "YUYV":
        return bytes(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_YUYV).tobytes())
    if fourcc == "MJPG":
        return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    raise ValueError(f"no encoder for {fourcc}")


def no_signal_picture(width: int, height: int) -> np.ndarray:
    """What a grabber sends when its cable is out: plain blue with a line of text, (H, W, 3) uint8."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:] = (160, 30, 10)
    scale = height / 360
    place = (int(width * 0.28), int(height * 0.52))
    cv2.putText(picture, "NO SIGNAL", place, cv2.FONT_HERSHEY_SIMPLEX, scale, (230, 230, 230), max(int(2 * scale), 1))
    return picture


def limited_range(picture: np.ndarray) -> np.ndarray:
    """The same picture as a card sends it that codes black as 16 and white as 235."""
    return np.rint(16 + picture * (219 / 255)).astype(np.uint8)


class FakeCard:
    """One fake card: its control file, its content and the processes started with it.

    Parameters
    ----------
    folder : for the control file and the content
    library : built by ``build_preload``; None when only attaching
    formats : FourCC and frame rate of each format that the card offers, best first
    width, height : size of the input, granted whatever the program asks for
    """

    def __init__(
        self,
        folder: Path,
        library: Path | None,
        formats: Sequence[tuple[str, float]] = (("BGR3", 30.0),),
        width: int = 640,
        height: int = 480,
    ) -> None:
        self.folder, self._library = folder, library
        self._map(folder / "card")
        self._names = (folder / f"content{k}.raw" for k in itertools.count())
        self._picture: np.ndarray | None = None
        self._card.magic, self._card.width, self._card.height = _MAGIC, width, height
        self.set_rates(*formats)

    @classmethod
    def attach(cls) -> FakeCard:
        """The card of this process, found through its environment; content is not changed."""
        card = cls.__new__(cls)
        path = Path(os.environ["FAKE_V4L2_CONTROL"])
        card.folder, card._library = path.parent, None
        card._map(path)
        card._names = (path.parent / f"content-{os.getpid()}-{k}.raw" for k in itertools.count())
        card._picture = None
        return card

    def _map(self, path: Path) -> None:
        size = ctypes.sizeof(_Card)
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._card = _Card.from_buffer(mmap.mmap(file.fileno(), size))

    # content

    def set_rates(self, *formats: tuple[str, float]) -> None:
        """Offer these formats at these rates, for example ``("YUYV", 5.0), ("MJPG", 30.0)``."""
        for slot in self._card.formats:
            slot.fourcc = 0
        for slot, (fourcc, fps) in zip(self._card.formats, formats, strict=False):
            rate = Fraction(fps).limit_denominator(1001)
            slot.fps_num, slot.fps_den = rate.numerator, rate.denominator
            slot.fourcc = int.from_bytes(fourcc.encode("ascii"), "little")
        if self._picture is not None:
            self.show(self._picture)

    def show(self, picture: np.ndarray) -> None:
        """Send this from the next frame on: (H, W), (H, W, 3), (N, H, W) or (N, H, W, 3) uint8.

        A stack is sent in turn (its first picture only for MJPG).
        """
        self._picture = picture
        is_stack = picture.ndim == 4 or (picture.ndim == 3 and picture.shape[2] != 3)
        pictures = picture if is_stack else picture[None]
        for slot in self._card.formats:
            if slot.fourcc:
                slot.content = str(self._write(pictures, int(slot.fourcc).to_bytes(4, "little").decode())).encode()
        self._card.height, self._card.width = pictures.shape[1:3]
        self._card.generation += 1

    def _write(self, pictures: np.ndarray, fourcc: str) -> Path:
        path = next(self._names)
        shown = pictures[:1] if fourcc == "MJPG" else pictures
        path.write_bytes(b"".join(encode(p, fourcc) for p in shown))
        return path

    def show_no_signal(self) -> None:
        """The cable is out, the card goes on sending; ``show`` brings the signal back."""
        self.show(no_signal_picture(self._card.width, self._card.height))

    # faults

    def _set_mode(self, name: str) -> None:
        self._card.mode = MODES[name]

    def unplug(self) -> None:
        """Take the card out."""
        self._card.plug_count += 1
        self._set_mode("unplugged")

    def plug(self) -> None:
        """Put the card back; handles opened before stay dead."""
        self._set_mode("ok")

    def busy(self) -> None:
        """Another program uses the card."""
        self._set_mode("busy")

    def stall(self) -> None:
        """The card stops sending."""
        self._set_mode("stalled")

    def hang(self) -> None:
        """The driver does not return from the call that waits for a frame."""
        self._set_mode("hanging")

    def resume(self) -> None:
        """End any fault."""
        self._set_mode("ok")

    @property
    def resize_fails(self) -> bool:
        """Whether frames fail after a resolution change until the format is set again."""
        return bool(self._card.resize)

    @resize_fails.setter
    def resize_fails(self, fails: bool) -> None:
        self._card.resize = int(fails)

    @property
    def stamp(self) -> str:
        """Clock of the buffer times: monotonic, realtime or zero."""
        return next(name for name, value in STAMPS.items() if value == self._card.stamp)

    @stamp.setter
    def stamp(self, name: str) -> None:
        self._card.stamp = STAMPS[name]

    # what the program did

    @property
    def opens(self) -> int:
        """How often the node was opened."""
        return int(self._card.opens)

    @property
    def handles(self) -> int:
        """How many handles are open now."""
        return int(self._card.opens - self._card.closes)

    @property
    def streaming(self) -> bool:
        """Whether a program is streaming now."""
        return bool(self._card.streaming)

    @property
    def frames(self) -> int:
        """Frames handed to a buffer so far."""
        return int(self._card.frames)

    @property
    def lost(self) -> int:
        """Frames for which the program had no buffer ready."""
        return int(self._card.lost)

    @staticmethod
    def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> bool:
        """Wait until the condition holds; False when it never did."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    # processes

    def env(self) -> dict[str, str]:
        """Environment for a process that shall see the card."""
        paths = [str(ROOT), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "LD_PRELOAD": str(self._library),
            "FAKE_V4L2_DEVICE": DEVICE,
            "FAKE_V4L2_CONTROL": str(self.folder / "card"),
            "PYTHONPATH": os.pathsep.join(p for p in paths if p),
            "PYTHONUNBUFFERED": "1",
        }

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """Start this Python with the card, in the project's root; stdout and stderr are pipes."""
        pipe = subprocess.PIPE
        command = [sys.executable, *arguments]
        return subprocess.Popen(command, env=self.env(), cwd=ROOT, stdout=pipe, stderr=pipe, text=True)

    def sonogauge(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the program with the card, as from the command line."""
        return self.popen("-c", "from app.cli import main; main()", *arguments)

    def run(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run this Python with the card to its end; killed after the time limit."""
        with self.popen(*arguments) as process:
            try:
                out, err = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)
