"""The thread that owns a V4L2 card: the only one that opens, reads and releases it.

A driver call may hang for ever. Then this thread hangs with it and is left behind; whoever waits for a frame does not.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from dataclasses import dataclass

import numpy as np

from capture.errors import CaptureError
from capture.frame import Frame, VideoMode
from capture.source import SourceLost
from capture.v4l2_card import OpenCard

_LOG = logging.getLogger(__name__)
_FAILING_LIMIT_NS = 500_000_000
_REOPEN_AFTER_S = 0.1
_RETRY_PAUSE_S = 0.02
_STALLED_READ_S = 0.3
_EXIT_WAIT_S = 1.5


@dataclass(frozen=True)
class CardState:
    """What is known of an open card: product name, granted mode, whether frames carry the driver's time."""

    card: str
    granted: VideoMode
    has_driver_time: bool = True


class _Running:
    """Readers that run. At the interpreter's end they are stopped: one that came back to it later would abort it."""

    def __init__(self) -> None:
        self._readers: weakref.WeakSet[CardReader] = weakref.WeakSet()
        self._is_registered = False

    def add(self, reader: CardReader) -> None:
        self._readers.add(reader)
        if not self._is_registered:
            self._is_registered = True
            atexit.register(self._end_all)

    def _end_all(self) -> None:
        deadline = time.monotonic() + _EXIT_WAIT_S
        readers = list(self._readers)
        for reader in readers:
            reader.stop(0.0)
        for reader in readers:
            reader.join(max(deadline - time.monotonic(), 0.0))


_RUNNING = _Running()


class CardReader:
    """Reads a card into a one-slot mailbox: the newest frame wins, overwritten ones are counted.

    Parameters
    ----------
    device, requested : as for ``OpenCard``
    source_id : put on each frame
    """

    def __init__(self, device: str, requested: VideoMode, source_id: str) -> None:
        self._device, self._requested, self._source_id = device, requested, source_id
        self._changed = threading.Condition()
        self._state: CardState | None = None
        self._frame: Frame | None = None
        self._end: CaptureError | None = None
        self._stopping = False
        self._index = 0
        self.dropped = 0
        self._failing_since: float | None = None
        self.last_frame_ns = time.monotonic_ns()
        self._thread = threading.Thread(target=self._run, name=f"v4l2 reader {device}", daemon=True)

    # called by the source

    def start(self, timeout_s: float) -> CardState:
        """Open the card; CaptureError when that fails or takes longer than ``timeout_s``."""
        _RUNNING.add(self)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._state or self._end or self._stopping, timeout_s)
            if self._stopping:
                raise CaptureError(f"{self._device} was closed while it was being opened.")
            if self._end is not None:
                raise self._end
            if self._state is None:
                wait = f"{self._device} did not answer within {timeout_s:g} s."
                raise CaptureError(f"{wait} Unplug the card, plug it in again and retry.")
            return self._state

    @property
    def state(self) -> CardState | None:
        """The newest known state, None before the card is open."""
        return self._state

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame not taken before, None when none came or the reader was stopped; raises how it ended."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._frame is not None or self._end is not None or self._stopping, timeout_s
            )
            frame, self._frame = self._frame, None
            if frame is None and self._end is not None and not self._stopping:
                raise type(self._end)(str(self._end))
            return frame

    def stop(self, timeout_s: float) -> bool:
        """Ask the thread to end and wait for it; False when it did not end in time and is left behind."""
        with self._changed:
            self._stopping = True
            self._frame = None
            self._changed.notify_all()
        return self.join(timeout_s)

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; whether it has ended and the device is free."""
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # the thread

    def _run(self) -> None:
        try:
            self._read_until_stopped()
        except CaptureError as error:
            self._finish(error)
        except Exception as error:  # noqa: BLE001 - the outer edge of the thread
            _LOG.exception("the reader of %s failed", self._device)
            self._finish(SourceLost(f"Reading {self._device} failed ({error}). Unplug the card, plug it in and retry."))

    def _read_until_stopped(self) -> None:
        card = self._open()
        self.last_frame_ns = time.monotonic_ns()
        try:
            while not self._stopping:
                if not self._read_one(card):
                    self._raise_when_lost(card)
                    card.release()
                    card = self._reopen()
        finally:
            card.release()

    def _open(self) -> OpenCard:
        card = OpenCard(self._device, self._requested)
        self._failing_since = None
        self._publish(card)
        return card

    def _reopen(self) -> OpenCard:
        _LOG.info("%s is opened again: its picture size changed or reading failed", self._device)
        try:
            return self._open()
        except CaptureError as error:
            raise SourceLost(str(error)) from error

    def _read_one(self, card: OpenCard) -> bool:
        """Read into the mailbox; False when the card must be opened again. A read that timed out is no failure."""
        begin = time.monotonic()
        picture = card.read()
        now = time.monotonic()
        if picture is not None:
            self._failing_since = None
            return self._deliver(card, *picture)
        if now - begin >= _STALLED_READ_S:
            self._failing_since = None
            return True
        if self._failing_since is None:
            self._failing_since = begin
        time.sleep(_RETRY_PAUSE_S)
        return now - self._failing_since < _REOPEN_AFTER_S and not card.is_gone() and not card.has_new_size()

    def _deliver(self, card: OpenCard, pixels: np.ndarray, t_mono_ns: int) -> bool:
        """Into the mailbox; False when the card's size changed, since this picture may then be torn."""
        if card.has_new_size():
            return False
        t_mono_ns = max(t_mono_ns, self.last_frame_ns + 1) if self._index else t_mono_ns
        with self._changed:
            self.dropped += self._frame is not None
            self._frame = Frame(pixels, self._index, t_mono_ns, self._source_id)
            self._index += 1
            self.last_frame_ns = t_mono_ns
            self._changed.notify_all()
        self._publish(card)
        return True

    def _raise_when_lost(self, card: OpenCard) -> None:
        if card.is_gone():
            raise SourceLost(f"{self._device} was unplugged. Plug the capture card in again.")
        if time.monotonic_ns() - self.last_frame_ns > _FAILING_LIMIT_NS:
            raise SourceLost(f"{self._device} gives no more pictures. Check the card and its cable.")

    def _publish(self, card: OpenCard) -> None:
        state = CardState(card.capability.card, card.granted, card.has_driver_time)
        if state != self._state:
            with self._changed:
                self._state = state
                self._changed.notify_all()

    def _finish(self, error: CaptureError) -> None:
        with self._changed:
            self._end = error
            self._changed.notify_all()
