"""Reads a session: what it is, every frame's place, assessments, events (pictures: ``frame_reader``).

Frames are counted from 0 over the whole session, whatever the segments and the numbers of the source. All tables are
numpy arrays, read when the session is opened; assessments are read when asked for.
"""

from __future__ import annotations

import functools
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from app.session.assessment_record import FIGURES, unpack_assessment
from app.session.geometry import SegmentGeometry
from app.session.info import SessionInfo, load_info
from app.session.layout import SessionFolder
from app.session.recording_file import damaged, is_being_written, meta_of, open_recording
from app.session.video_writer import VideoCodec
from capture.errors import SessionError
from models.runtime.contract import Assessment

_FRAME_TYPES = {
    "frame_index": np.int64,
    "t_mono_ns": np.int64,
    "t_media_s": np.float64,
    "segment": np.int64,
    "position": np.int64,
    "offset": np.int64,
    "size": np.int64,
    "is_key": np.int64,
}


@dataclass(frozen=True)
class Segment:
    """One file of the video.

    Attributes
    ----------
    number, file : as the index names it
    codec : how its pictures are stored
    t0_ns : capture time of its first frame
    geometry : what part of the screen it holds
    sha256 : of the file, None before the session is sealed
    """

    number: int
    file: str
    codec: VideoCodec
    t0_ns: int
    geometry: SegmentGeometry
    sha256: str | None


@dataclass(frozen=True, eq=False)
class FrameTable:
    """All frames of a session in order, (N,) arrays.

    Attributes
    ----------
    frame_index : number in the source, int64; -1 for a frame that was found in the video alone after a crash
    t_mono_ns : capture time, int64
    t_media_s : place in a recording that was the source, float64, NaN for live sources
    segment : number of the segment, int64
    position : place within the segment, from 0, int64
    offset, size : bytes of the packet in the file, int64; offset -1 where the video does not hold the frame
    is_key : 1 where the picture can be decoded alone, int64
    """

    frame_index: np.ndarray
    t_mono_ns: np.ndarray
    t_media_s: np.ndarray
    segment: np.ndarray
    position: np.ndarray
    offset: np.ndarray
    size: np.ndarray
    is_key: np.ndarray

    def __len__(self) -> int:
        return len(self.t_mono_ns)

    @property
    def t_s(self) -> np.ndarray:
        """Seconds since the first frame, (N,) float64."""
        return np.asarray((self.t_mono_ns - self.t_mono_ns[:1]) / 1e9)


@dataclass(frozen=True)
class Event:
    """Something that happened; ``frame`` is the last frame before it, -1 before the first."""

    t_mono_ns: int
    kind: str
    details: dict[str, Any]
    frame: int


class Session:
    """One session, open for reading. Used by one thread; close it, or use it as a context."""

    def __init__(self, folder: SessionFolder, info: SessionInfo, db: sqlite3.Connection) -> None:
        self.folder, self.info = folder, info
        self._db = db
        self.meta = meta_of(db)
        self.segments = {row[0]: _segment(row) for row in db.execute("SELECT * FROM segments ORDER BY number")}
        self.frames = _frame_table(db)
        self._order = np.argsort(self.frames.t_mono_ns, kind="stable")
        self._times = self.frames.t_mono_ns[self._order]

    @classmethod
    def open(cls, path: Path) -> Session:
        """Open a session's folder, sealed or not.

        Raises
        ------
        SessionError
            When it is no session, damaged, or of a newer program.
        """
        folder = SessionFolder(Path(path))
        info = load_info(folder.info)
        db = open_recording(folder.recording, folder.is_sealed)
        try:
            return cls(folder, info, db)
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            db.close()
            raise damaged(folder.recording, error) from error
        except SessionError:
            db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.frames)

    def close(self) -> None:
        """Release the files; what was read stays."""
        self._db.close()

    @property
    def is_active(self) -> bool:
        """Whether it is being recorded right now."""
        return not self.folder.is_sealed and is_being_written(self.meta)

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return float((self._times[-1] - self._times[0]) / 1e9) if len(self) else 0.0

    def segment_of(self, frame: int) -> Segment:
        """Segment that holds a frame.

        Raises
        ------
        SessionError
            When there is no such frame or segment.
        """
        if not 0 <= frame < len(self):
            raise SessionError(f"there is no frame {frame}: session {self.folder.session_id} has {len(self)} frames")
        number = int(self.frames.segment[frame])
        if number not in self.segments:
            raise SessionError(f"segment {number} is missing in the index: verify session {self.folder.session_id}")
        return self.segments[number]

    def frame_at(self, t_mono_ns: int) -> int:
        """The newest frame at a time, -1 before the first."""
        at = int(np.searchsorted(self._times, t_mono_ns, side="right")) - 1
        return int(self._order[at]) if at >= 0 else -1

    @functools.cached_property
    def _assessments(self) -> tuple[np.ndarray, np.ndarray]:
        """(row numbers, frames) of all assessments, in the order in which they were made."""
        rows = np.array(self._all("SELECT a, t_mono_ns FROM assessments ORDER BY a"), np.int64).reshape(-1, 2)
        at = np.searchsorted(self._times, rows[:, 1])
        at_last = np.minimum(at, max(len(self) - 1, 0))
        found = self._times[at_last] == rows[:, 1] if len(self) else np.zeros(len(rows), bool)
        return rows[:, 0], np.where(found, self._order[at_last], -1) if len(self) else np.full(len(rows), -1)

    @property
    def frame_of_assessment(self) -> np.ndarray:
        """Frame of each assessment, (M,) int64 in the order of ``figures``; -1 where its frame was not recorded."""
        return self._assessments[1]

    def figures(self, *columns: str) -> dict[str, np.ndarray]:
        """Columns of all assessments, each (M,): float64 with NaN for none, or objects for text.

        Parameters
        ----------
        columns : of ``assessment_record.FIGURES``; none for all

        Raises
        ------
        SessionError
            When there is no such column, or the index is damaged.
        """
        columns = columns or tuple(FIGURES)
        unknown = [name for name in columns if name not in FIGURES]
        if unknown:
            raise SessionError(f"there is no figure {unknown[0]!r}: use some of {', '.join(FIGURES)}")
        rows = self._all(f"SELECT {', '.join(columns)} FROM assessments ORDER BY a")
        return {name: _column(name, [row[k] for row in rows]) for k, name in enumerate(columns)}

    @functools.cached_property
    def _row_of_frame(self) -> dict[int, int]:
        """Row of each assessed frame; the last one where a still was named anew."""
        rows, frames = self._assessments
        return dict(zip(frames.tolist(), rows.tolist(), strict=True))

    def assessment(self, frame: int) -> Assessment | None:
        """The assessment of a frame, exactly as it was made; None for a frame that was not assessed.

        Raises
        ------
        SessionError
            When it is damaged.
        """
        row = self._row_of_frame.get(frame) if frame >= 0 else None
        if row is None:
            return None
        found = self._all("SELECT record FROM details WHERE a = ?", (row,))
        if not found:
            raise SessionError(f"the assessment of frame {frame} is missing: verify {self.folder.session_id}")
        return unpack_assessment(found[0][0])

    @functools.cached_property
    def assessed_frames(self) -> np.ndarray:
        """Frames that have an assessment, ascending (K,) int64."""
        return np.array(sorted(frame for frame in self._row_of_frame if frame >= 0), np.int64)

    @functools.cached_property
    def events(self) -> tuple[Event, ...]:
        """All events in order."""
        rows = self._all("SELECT t_mono_ns, kind, details FROM events ORDER BY t_mono_ns, e")
        try:
            return tuple(Event(t, kind, json.loads(details), self.frame_at(t)) for t, kind, details in rows)
        except (ValueError, TypeError) as error:
            raise damaged(self.folder.recording, error) from error

    @property
    def drops(self) -> dict[str, int]:
        """Frames and assessments that were not recorded, by the reason."""
        return {kind: int(count) for kind, count in self._all("SELECT kind, SUM(count) FROM drops GROUP BY kind")}

    def _all(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise damaged(self.folder.recording, error) from error


def _segment(row: tuple[Any, ...]) -> Segment:
    number, file, codec, t0_ns, geometry, sha256 = row
    return Segment(
        int(number), str(file), VideoCodec(codec), int(t0_ns), SegmentGeometry.from_json(json.loads(geometry)), sha256
    )


def _frame_table(db: sqlite3.Connection) -> FrameTable:
    rows = db.execute(f"SELECT {', '.join(_FRAME_TYPES)} FROM frames ORDER BY segment, position").fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_FRAME_TYPES)
    table = zip(_FRAME_TYPES.items(), columns, strict=True)
    return FrameTable(**{name: np.array(column, kind) for (name, kind), column in table})


def _column(name: str, values: list[Any]) -> np.ndarray:
    return np.array(values, object) if FIGURES[name] == "TEXT" else np.array(values, np.float64)
