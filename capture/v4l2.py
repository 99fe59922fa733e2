"""Live frames from a V4L2 capture card or camera."""

from __future__ import annotations

import logging
import threading
import time
from typing import ClassVar

from capture.errors import CaptureError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.source import SourceLost
from capture.v4l2_reader import CardReader, CardState

_LOG = logging.getLogger(__name__)
_CLOSE_WAIT_S = 0.5
_PREVIOUS_WAIT_S = 2.0
FULL_HD = VideoMode(1920, 1080, 30.0, "")


class V4L2Source:
    """A capture card behind a reader thread of its own, so that a stalled card blocks nobody.

    Parameters
    ----------
    device : ``/dev/video0``, or a stable link such as ``/dev/v4l/by-id/usb-...-video-index0``
    requested : size, rate and FourCC to ask for; what was granted stands in ``SourceInfo``
    open_timeout_s : how long the card may take to open
    stall_limit_s : a card that sends nothing for this long counts as lost

    Frames are BGR, or grey where the card sends grey. Frame times are the driver's buffer times where these can be
    trusted. Frame indexes count what the card gave: a gap is what the reader of this source missed (``dropped``).
    """

    is_live = True
    abandoned_readers: ClassVar[int] = 0
    """Reader threads of this process that hung in the driver and were left behind."""
    _count_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        device: str,
        requested: VideoMode = FULL_HD,
        open_timeout_s: float = 8.0,
        stall_limit_s: float = 5.0,
    ) -> None:
        self.device = device
        self._requested = requested
        self._open_timeout_s, self._stall_limit_s = open_timeout_s, stall_limit_s
        self._lock = threading.Lock()
        self._reader: CardReader | None = None
        self._previous: CardReader | None = None
        self._dropped_before = 0

    @property
    def source_id(self) -> str:
        """``v4l2:`` and the device."""
        return f"v4l2:{self.device}"

    @property
    def dropped(self) -> int:
        """Frames that the card gave and nobody read in time, since this object exists."""
        reader = self._reader
        return self._dropped_before + (reader.dropped if reader is not None else 0)

    @property
    def info(self) -> SourceInfo | None:
        """The newest description: mode and notes may change while frames come. None when closed."""
        reader = self._reader
        state = reader.state if reader is not None else None
        return self._describe(state) if state is not None else None

    def open(self) -> SourceInfo:
        """Open the card and negotiate the mode.

        Raises
        ------
        CaptureError
            The card is missing, busy, not permitted, offers no readable format, or does not answer in time.
        """
        with self._lock:
            if self._reader is not None:
                raise CaptureError(f"{self.device} is open already. Close it before opening it again.")
            if self._previous is not None:
                self._previous.join(_PREVIOUS_WAIT_S)  # a reader left behind may still come back and free the card
            reader = self._reader = CardReader(self.device, self._requested, self.source_id)
        try:
            return self._describe(reader.start(self._open_timeout_s))
        except CaptureError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Frame | None:
        """Newest frame that was not read before, or None when none came within ``timeout_s`` seconds.

        Raises
        ------
        SourceLost
            The card was unplugged, fails, or sent nothing for ``stall_limit_s``.
        CaptureError
            The source is not open.
        """
        reader = self._reader
        if reader is None:
            raise CaptureError(f"{self.device} is not open. Open it before reading.")
        frame = reader.take(timeout_s)
        silent_s = (time.monotonic_ns() - reader.last_frame_ns) / 1e9
        if frame is None and self._reader is reader and silent_s > self._stall_limit_s:
            raise SourceLost(f"{self.device} has sent no picture for {silent_s:.0f} s. Check the card and its cable.")
        return frame

    def close(self) -> None:
        """Release the card; a reader that hangs in the driver is left behind and counted."""
        with self._lock:
            reader, self._reader = self._reader, None
        if reader is None:
            return
        self._dropped_before += reader.dropped
        if not reader.stop(_CLOSE_WAIT_S):
            self._previous = reader
            with V4L2Source._count_lock:
                V4L2Source.abandoned_readers += 1
            _LOG.warning("the driver of %s does not answer; its reader thread is left behind", self.device)

    def _describe(self, state: CardState) -> SourceInfo:
        return SourceInfo(
            name=state.card or self.device,
            source_id=self.source_id,
            granted=state.granted,
            requested=self._requested,
            notes=mode_notes(self._requested, state),
        )


def mode_notes(requested: VideoMode, state: CardState) -> tuple[str, ...]:
    """Each difference between what was asked for and what the card gives, as a sentence for the user."""
    granted, notes = state.granted, []
    if requested.width and (granted.width, granted.height) != (requested.width, requested.height):
        wish = f"{requested.width}x{requested.height}"
        notes.append(f"The card gives {granted.width}x{granted.height} instead of {wish}.")
    if requested.fps and granted.fps and abs(granted.fps - requested.fps) > 0.02 * requested.fps:
        notes.append(f"The card gives {granted.fps:.4g} instead of {requested.fps:.4g} frames per second.")
        if granted.fps < 0.5 * requested.fps:
            notes.append("So slow a rate often means a USB 2 port: use a USB 3 port.")
    if requested.fourcc and granted.fourcc != requested.fourcc:
        notes.append(f"The card sends {granted.fourcc or 'an unknown format'} instead of {requested.fourcc}.")
    if not state.has_driver_time:
        notes.append("The driver's frame times cannot be trusted: times are of arrival, the true age is higher.")
    return tuple(notes)
