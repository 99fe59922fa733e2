"""One opened V4L2 card: mode negotiation and reading through OpenCV. Blocking; used by one reader thread alone."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace

import cv2
import numpy as np

from capture.errors import CaptureError
from capture.frame import VideoMode
from capture.v4l2_node import Capability, current_format, fourcc_text, query_capability, why_not_open

_LOG = logging.getLogger(__name__)
_JPEG = ("MJPG", "JPEG")
_OLDEST_STAMP_NS = 2_000_000_000
_DAMAGED_IN_A_ROW = 3


class OpenCard:
    """A card that is open and set to a mode.

    Parameters
    ----------
    device : device node or a stable link to it
    requested : size, rate and FourCC wanted; empty parts are left to the card

    Raises
    ------
    CaptureError
        When the card is missing, busy, not allowed, or offers nothing that can be read.
    """

    def __init__(self, device: str, requested: VideoMode) -> None:
        # OpenCV reads this once; whole seconds, and 10 s is too long to wait for a stalled card
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")
        self._device = device
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise CaptureError(why_not_open(device))
        self._watch = _open_watch(device)
        self._size_at_start: tuple[int, int] | None = None
        self.capability = self._capability()
        self.granted = self._negotiate(requested)
        self.has_driver_time = True
        self._size_at_start = self._native_size()

    def read(self) -> tuple[np.ndarray, int] | None:
        """Wait for the next picture.

        Returns
        -------
        (H, W) or (H, W, 3) BGR uint8, and its capture time on the monotonic clock in ns; None when the card gave none.
        """
        for _ in range(_DAMAGED_IN_A_ROW):
            try:
                ok, raw = self._capture.read()
            except cv2.error:  # a buffer that does not fit the granted size
                return None
            if not ok:
                return None
            at_ns = self._time_ns()
            picture = self._decode(np.asarray(raw))
            if picture is not None:
                return picture, at_ns
        return None

    def has_new_size(self) -> bool:
        """Whether the card's input changed its size since the mode was granted."""
        return self.granted.fourcc not in _JPEG and self._native_size() != self._size_at_start

    def is_gone(self) -> bool:
        """Whether the card does not answer any more."""
        if self._watch is None:
            return not os.path.exists(self._device)
        try:
            query_capability(self._watch)
        except OSError:
            return True
        return False

    def release(self) -> None:
        """Give the device back."""
        self._capture.release()
        if self._watch is not None:
            os.close(self._watch)
            self._watch = None

    def _native_size(self) -> tuple[int, int] | None:
        if self._watch is None:
            return None
        try:
            mode = current_format(self._watch)
        except OSError:
            return self._size_at_start  # gone: the next read says so
        return mode.width, mode.height

    def _decode(self, raw: np.ndarray) -> np.ndarray | None:
        """Picture from what OpenCV handed over; None when it is a damaged JPEG."""
        if self.granted.fourcc not in _JPEG:
            return raw
        picture = cv2.imdecode(raw, cv2.IMREAD_COLOR)  # here, since OpenCV's way repeats an old picture after a resize
        if picture is None:
            return None
        if picture.shape[:2] != (self.granted.height, self.granted.width):
            self.granted = replace(self.granted, width=picture.shape[1], height=picture.shape[0])
        return np.asarray(picture)

    def _capability(self) -> Capability:
        try:
            return query_capability(self._watch) if self._watch is not None else Capability("", "", True)
        except OSError:
            return Capability("", "", True)

    def _negotiate(self, requested: VideoMode) -> VideoMode:
        granted = self._ask(requested)
        if requested.fourcc or not requested.fps or granted.fps >= 0.8 * requested.fps:
            return granted
        # a raw format at full size is slow on USB 2, where the compressed one is not
        other = self._ask(VideoMode(requested.width, requested.height, requested.fps, "MJPG"))
        if other.fourcc == "MJPG" and other.fps > granted.fps:
            return other
        return self._ask(VideoMode(requested.width, requested.height, requested.fps, granted.fourcc))

    def _ask(self, wish: VideoMode) -> VideoMode:
        capture = self._capture
        if wish.fourcc:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wish.fourcc.ljust(4)[:4]))
        if wish.width and wish.height:
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, wish.width)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wish.height)
        if wish.fps:
            capture.set(cv2.CAP_PROP_FPS, wish.fps)  # last: every change of size or format resets it
        granted = self._read_mode()
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0 if granted.fourcc in (*_JPEG, "GREY") else 1)
        return granted

    def _read_mode(self) -> VideoMode:
        get = self._capture.get
        size = int(get(cv2.CAP_PROP_FRAME_WIDTH)), int(get(cv2.CAP_PROP_FRAME_HEIGHT))
        fps = get(cv2.CAP_PROP_FPS)
        fourcc = fourcc_text(int(get(cv2.CAP_PROP_FOURCC)))
        return VideoMode(*size, fps if 0 < fps < 1000 else 0.0, fourcc)

    def _time_ns(self) -> int:
        now_ns = time.monotonic_ns()
        stamp_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        if now_ns - _OLDEST_STAMP_NS < stamp_ns <= now_ns:
            return stamp_ns
        self.has_driver_time = False
        return now_ns


def _open_watch(device: str) -> int | None:
    """A second handle, for questions that OpenCV has no call for; some drivers allow one handle only."""
    try:
        return os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        _LOG.info(
            "%s allows no second handle (%s): size changes are seen by failed reads alone", device, error.strerror
        )
        return None
