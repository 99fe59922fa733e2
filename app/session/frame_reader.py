"""Pictures of a session, any of them at once: packets are read by their place in the file and decoded alone."""

from __future__ import annotations

from types import TracebackType
from typing import Any, BinaryIO, Self

import av
import numpy as np

from app.session.reader import Segment, Session
from app.session.recording_file import NOT_IN_VIDEO
from capture.errors import SessionError
from capture.frame import Frame

_LARGEST_PACKET = 1 << 30
_OPEN_SEGMENTS = 3


class FrameReader:
    """Gives the picture of any frame at once. Used by one thread; close it, or use it as a context."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open: dict[int, _SegmentReader] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def stored(self, frame: int) -> np.ndarray:
        """What is stored of a frame: the sector's crop, (h, w) uint8 grey, 0 outside the sector.

        Raises
        ------
        SessionError
            When there is no such frame, or its picture is damaged.
        """
        return self._reader(self._session.segment_of(frame)).picture(frame)

    def grey(self, frame: int) -> np.ndarray:
        """The frame on a screen of its former size, (H, W) uint8 grey, 0 outside the sector.

        Raises
        ------
        SessionError
            When there is no such frame, or its picture is damaged.
        """
        return self._session.segment_of(frame).geometry.place(self.stored(frame))

    def frame(self, frame: int) -> Frame:
        """The frame as a source would give it, for an assessor.

        Raises
        ------
        SessionError
            When there is no such frame, or its picture is damaged.
        """
        table, segment = self._session.frames, self._session.segment_of(frame)
        media_s = float(table.t_media_s[frame])
        return Frame(
            self.grey(frame),
            int(table.frame_index[frame]),
            int(table.t_mono_ns[frame]),
            segment.geometry.source_id,
            None if np.isnan(media_s) else media_s,
        )

    def close(self) -> None:
        """Release all files."""
        for reader in self._open.values():
            reader.close()
        self._open.clear()

    def _reader(self, segment: Segment) -> _SegmentReader:
        if segment.number in self._open:
            return self._open[segment.number]
        if len(self._open) >= _OPEN_SEGMENTS:
            self._open.pop(next(iter(self._open))).close()
        reader = self._open[segment.number] = _SegmentReader(self._session, segment)
        return reader


class _SegmentReader:
    """Decodes packets of one segment by their place in the file."""

    def __init__(self, session: Session, segment: Segment) -> None:
        self._session, self._segment = session, segment
        self._path = session.folder.video(segment.number)
        self._last: int | None = None
        try:
            self._container = av.open(f"file:{self._path}", options={"protocol_whitelist": "file"})
            self._decoder = self._container.streams.video[0].codec_context
            self._decoder.thread_count = 1
            self._decoder.options = {"err_detect": "crccheck+explode"}
            self._file: BinaryIO = self._path.open("rb", buffering=0)
        except (OSError, ValueError, av.error.FFmpegError, IndexError) as error:
            raise self._damaged(str(error)) from error

    def picture(self, frame: int) -> np.ndarray:
        """(h, w) uint8."""
        keys = self._session.frames.is_key
        begin = frame
        while not keys[begin] and begin > 0 and begin - 1 != self._last:
            begin -= 1
        if self._last is None or begin != self._last + 1:
            self._decoder.flush_buffers()
        self._last = None
        for k in range(begin, frame + 1):
            picture = self._decode(k)
        self._last = frame
        rect = self._segment.geometry.rect
        array = picture.to_ndarray()[: rect.height, : rect.width]  # of yuv420p the first rows are the grey picture
        if array.shape != (rect.height, rect.width):
            raise self._damaged(f"frame {frame} has {picture.width}x{picture.height} pixels")
        return np.array(array)

    def close(self) -> None:
        self._file.close()
        self._container.close()

    def _decode(self, frame: int) -> Any:
        table = self._session.frames
        offset, size = int(table.offset[frame]), int(table.size[frame])
        if offset == NOT_IN_VIDEO:
            raise self._damaged(f"it does not hold frame {frame}")
        if offset < 0 or not 0 < size <= _LARGEST_PACKET:
            raise self._damaged(f"the index gives frame {frame} an impossible place")
        try:
            self._file.seek(offset)
            data = self._file.read(size)
            pictures = self._decoder.decode(av.Packet(data)) if len(data) == size else []
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise self._damaged(f"frame {frame}: {error}") from error
        if len(pictures) != 1 or pictures[0].is_corrupt:
            raise self._damaged(f"frame {frame} cannot be decoded")
        return pictures[0]

    def _damaged(self, what: str) -> SessionError:
        return SessionError(f"{self._path} is damaged ({what}): run 'sonogauge sessions verify'")
