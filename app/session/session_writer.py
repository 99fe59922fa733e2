"""Writes one session: video segments and their index, in step. Has no thread and no clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.session.geometry import SegmentGeometry
from app.session.layout import SessionFolder
from app.session.matroska import Block
from app.session.recording_file import FrameRow, RecordingFile
from app.session.video_writer import OpenFile, VideoCodec, VideoWriter, open_output
from capture.frame import Frame
from models.runtime.contract import Assessment


@dataclass(frozen=True)
class ClosedSegment:
    """A segment that is whole: its number, its size, and the times of its first and last frame."""

    number: int
    bytes: int
    t_first_ns: int
    t_last_ns: int


class SessionWriter:
    """Creates the folder's video and index and adds to both. Used by one thread.

    A frame's row is written once its packet is in the file, so that the index never promises more than the video
    holds.

    Parameters
    ----------
    folder : exists and holds no recording yet
    codec : of the video
    open_file : opens a segment; another one serves tests

    Raises
    ------
    OSError, av.error.FFmpegError, sqlite3.Error
        Here and in every method: the disk is full. ``abandon`` then releases everything.
    """

    def __init__(self, folder: SessionFolder, codec: VideoCodec, open_file: OpenFile = open_output) -> None:
        self.folder, self.codec = folder, codec
        self.index = RecordingFile(folder.recording)
        self.frames = self.acknowledged = 0
        self._open_file = open_file
        self._video: VideoWriter | None = None
        self._geometry: SegmentGeometry | None = None
        self._number = self._position = 0
        self._first: Frame | None = None
        self._last_ns = 0
        self._closed_bytes = self._forgotten_bytes = 0
        self._waiting: deque[tuple[int, int, float | None]] = deque()

    @property
    def bytes_written(self) -> int:
        """Size of all segments that are there."""
        return self._closed_bytes + (self._video.bytes_written if self._video else 0)

    @property
    def bytes_ever(self) -> int:
        """All bytes of video that were written, those of deleted segments too."""
        return self.bytes_written + self._forgotten_bytes

    @property
    def segment_age_ns(self) -> int:
        """Time from the first to the last frame of the open segment, 0 without one."""
        return self._last_ns - self._first.t_mono_ns if self._first is not None else 0

    def frame(self, frame: Frame, geometry: SegmentGeometry) -> ClosedSegment | None:
        """Add a frame; another geometry than the last frame's starts a segment. The segment that ended by that."""
        closed = self.end_segment() if geometry != self._geometry else None
        video = self._video or self._begin(frame, geometry)
        assert self._first is not None
        self._waiting.append((frame.index, frame.t_mono_ns, frame.t_media_s))
        self._last_ns = frame.t_mono_ns
        self.frames += 1
        self._acknowledge(video.write(geometry.cut(frame.pixels), (frame.t_mono_ns - self._first.t_mono_ns) / 1e6))
        return closed

    def assessment(self, assessment: Assessment, t_ready_ns: int) -> None:
        """Add an assessment."""
        self.index.assessment(assessment, t_ready_ns)

    def event(self, t_mono_ns: int, kind: str, details: Mapping[str, Any]) -> None:
        """Add an event."""
        self.index.event(t_mono_ns, kind, details)

    def commit(self) -> None:
        """Bring all rows to the disk."""
        self.index.commit()

    def end_segment(self) -> ClosedSegment | None:
        """Close the open segment, None when there is none."""
        if self._video is None or self._first is None:
            return None
        self._acknowledge(self._video.close())
        size = self._video.bytes_written
        self._closed_bytes += size
        closed = ClosedSegment(self._number, size, self._first.t_mono_ns, self._last_ns)
        self._video = self._geometry = self._first = None
        return closed

    def forget(self, segment: ClosedSegment) -> None:
        """Delete a segment of the pictures before a recording."""
        self.commit()
        self.index.forget_segment(segment.number)
        self.folder.video(segment.number).unlink(missing_ok=True)
        self._closed_bytes -= segment.bytes
        self._forgotten_bytes += segment.bytes

    def close(self) -> None:
        """End video and index in order; the index is still open for the seal."""
        self.end_segment()
        self.commit()

    def abandon(self) -> None:
        """Let go of the video after an error."""
        if self._video is not None:
            self._video.abandon()
            self._video = None

    def _begin(self, frame: Frame, geometry: SegmentGeometry) -> VideoWriter:
        self._number += 1
        path = self.folder.video(self._number)
        self.index.begin_segment(self._number, path.name, self.codec, frame.t_mono_ns, geometry.to_json())
        rect = geometry.rect
        self._video = VideoWriter(path, self.codec, (rect.height, rect.width), self._open_file)
        self._geometry, self._first, self._position = geometry, frame, 0
        self._waiting.clear()
        return self._video

    def _acknowledge(self, blocks: Iterable[Block]) -> None:
        """Rows of the frames whose packets are in the file now."""
        for block in blocks:
            frame_index, t_mono_ns, t_media_s = self._waiting.popleft()
            row = FrameRow(self.acknowledged, frame_index, t_mono_ns, t_media_s, self._number, self._position, block)
            self.index.frame(row)
            self.acknowledged += 1
            self._position += 1
