"""Frames from a video file, at its own pace or as fast as they are asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from capture.errors import CaptureError
from capture.frame import Frame, SourceInfo
from capture.source import EndOfStream
from capture.video_decoder import Decoded, VideoDecoder

_CATCH_UP_NS = 30_000_000


class VideoFileSource:
    """A recording as a source.

    Parameters
    ----------
    path : the file; anything that FFmpeg reads
    pace : ``real`` delivers frames when they are due and drops late ones (``dropped``), ``fast`` delivers every frame
        when asked
    loop : start again at the end, times go on
    grey : (H, W) frames even where the file has colour
    clock_ns : monotonic clock in ns; another one serves tests

    ``Frame.t_media_s`` is the place in the file, ``Frame.t_mono_ns`` the time the frame was due (``real``) or read
    (``fast``). Indexes count the frames passed since ``open``, dropped ones too; they go on after a seek.
    """

    is_live = False

    def __init__(
        self,
        path: Path | str,
        pace: Literal["real", "fast"] = "real",
        loop: bool = False,
        grey: bool = False,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.path = Path(path)
        self._is_paced, self._loop, self._grey, self._clock_ns = pace == "real", loop, grey, clock_ns
        self._changed = threading.Condition()
        self._decoder: VideoDecoder | None = None
        self._pending: Decoded | None = None
        self._anchor_ns: int | None = None
        self._index = 0
        self._last_ns = 0
        self.dropped = 0

    @property
    def source_id(self) -> str:
        """``file:`` and the path."""
        return f"file:{self.path}"

    @property
    def damaged(self) -> int:
        """Damaged packets and pictures that were left out so far."""
        decoder = self._decoder
        return decoder.damaged if decoder is not None else 0

    @property
    def frame_count(self) -> int | None:
        """Length in frames, None when unknown or not open."""
        decoder = self._decoder
        return decoder.frame_count if decoder is not None else None

    def open(self) -> SourceInfo:
        """Open the file; CaptureError when it is missing, no video, or not readable."""
        with self._changed:
            if self._decoder is not None:
                raise CaptureError(f"{self.path} is open already. Close it before opening it again.")
            decoder = self._decoder = VideoDecoder(self.path, self._grey)
            self._pending, self._anchor_ns, self._index = None, None, 0
            return SourceInfo(
                self.path.name, self.source_id, decoder.mode, is_live=False, frame_count=decoder.frame_count
            )

    def read(self, timeout_s: float) -> Frame | None:
        """Next frame, or None when none is due within ``timeout_s`` seconds or the source was closed meanwhile.

        Raises
        ------
        EndOfStream
            After the last frame.
        CaptureError
            The source is not open.
        """
        deadline_ns = self._clock_ns() + round(timeout_s * 1e9)
        with self._changed:
            decoder = self._decoder
            if decoder is None:
                raise CaptureError(f"{self.path} is not open. Open it before reading.")
            while self._decoder is decoder:
                pending = self._fetch(decoder)
                now_ns = self._clock_ns()
                due_ns = self._due_ns(pending, now_ns)
                if due_ns <= now_ns:
                    return self._deliver(decoder, now_ns)
                if now_ns >= deadline_ns:
                    break
                self._changed.wait((min(due_ns, deadline_ns) - now_ns) / 1e9)
            return None

    def seek(self, t_s: float) -> None:
        """Go on with the frame shown at ``t_s`` seconds from the start; it is due at once. Past the end the next
        ``read`` raises EndOfStream.

        Raises
        ------
        CaptureError
            The source is not open, or the file cannot be positioned.
        """
        with self._changed:
            if self._decoder is None:
                raise CaptureError(f"{self.path} is not open. Open it before seeking.")
            self._pending = self._decoder.seek(t_s)
            self._anchor_ns = None
            self._changed.notify_all()

    def close(self) -> None:
        """Close the file; a waiting ``read`` returns None."""
        with self._changed:
            decoder, self._decoder, self._pending = self._decoder, None, None
            self._changed.notify_all()
            if decoder is not None:
                decoder.close()

    def _fetch(self, decoder: VideoDecoder) -> Decoded:
        """The frame that is next, decoded once and kept until it is delivered."""
        if self._pending is None:
            self._pending = decoder.next()
        if self._pending is None and self._loop:
            decoder.rewind()
            self._anchor_ns = self._last_ns + round(1e9 / decoder.fps)
            self._pending = decoder.next()
        if self._pending is None:
            raise EndOfStream(f"{self.path} has no further frame.")
        return self._pending

    def _due_ns(self, decoded: Decoded, now_ns: int) -> int:
        if not self._is_paced:
            return now_ns
        if self._anchor_ns is None:
            self._anchor_ns = now_ns - round(decoded.t_s * 1e9)
        return self._anchor_ns + round(decoded.t_s * 1e9)

    def _deliver(self, decoder: VideoDecoder, now_ns: int) -> Frame:
        decoded = self._take_newest_due(decoder, now_ns) if self._is_paced else self._take(decoder)
        self._last_ns = max(self._due_ns(decoded, now_ns), self._last_ns + 1)
        frame = Frame(decoder.pixels(decoded), self._index, self._last_ns, self.source_id, decoded.t_s)
        self._index += 1
        return frame

    def _take(self, decoder: VideoDecoder) -> Decoded:
        decoded, self._pending = self._fetch(decoder), None
        return decoded

    def _take_newest_due(self, decoder: VideoDecoder, now_ns: int) -> Decoded:
        """Newest frame that is due; how long the search may take is bounded, since ``read`` is."""
        newest = self._take(decoder)
        begin_ns = self._clock_ns()
        while True:
            self._pending = decoder.next()
            if self._pending is None or self._due_ns(self._pending, now_ns) > now_ns:
                return newest
            if self._clock_ns() - begin_ns > _CATCH_UP_NS:
                return newest
            newest = self._pending
            self.dropped += 1
            self._index += 1
