"""``recording.sqlite``: the index of a session, written in batches while it is recorded, then closed for good."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from app.session.assessment_record import FIGURES, figures_of, pack_assessment
from app.session.matroska import Block
from capture.errors import SessionError
from models.runtime.contract import Assessment

FORMAT = 1
NOT_IN_VIDEO = -1
"""Offset of a frame whose packet is not in the video, index of one whose number in the source is not known."""

_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in FIGURES.items())
_SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE segments (number INTEGER PRIMARY KEY, file TEXT NOT NULL, codec TEXT NOT NULL, t0_ns INTEGER NOT NULL,
    geometry TEXT NOT NULL, sha256 TEXT);
CREATE TABLE frames (n INTEGER PRIMARY KEY, frame_index INTEGER NOT NULL, t_mono_ns INTEGER NOT NULL, t_media_s REAL,
    segment INTEGER NOT NULL, position INTEGER NOT NULL, pts_ms INTEGER NOT NULL, offset INTEGER NOT NULL,
    size INTEGER NOT NULL, is_key INTEGER NOT NULL);
CREATE TABLE assessments (a INTEGER PRIMARY KEY, {_COLUMNS});
CREATE TABLE details (a INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE events (e INTEGER PRIMARY KEY, t_mono_ns INTEGER NOT NULL, kind TEXT NOT NULL, details TEXT NOT NULL);
CREATE TABLE drops (d INTEGER PRIMARY KEY, t_mono_ns INTEGER NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL);
"""
# Big records lie in a table of their own: curves and searches then read the small rows alone.


class FrameRow(NamedTuple):
    """A frame that is in the video; ``position`` counts the frames of its segment, from 0."""

    n: int
    frame_index: int
    t_mono_ns: int
    t_media_s: float | None
    segment: int
    position: int
    block: Block


class RecordingFile:
    """Writes the index. Used by one thread; rows reach the disk with ``commit``.

    Parameters
    ----------
    path : a new file, or with ``is_new`` False one that a crash left behind

    Raises
    ------
    sqlite3.Error
        Here and in every method: the disk is full, the file is damaged.
    """

    def __init__(self, path: Path, is_new: bool = True) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._frames: list[tuple[Any, ...]] = []
        self._assessed: list[tuple[Assessment, int]] = []
        self._events: list[tuple[int, str, str]] = []
        self._drops: list[tuple[int, str, int]] = []
        if is_new:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            self.set_meta({"format": str(FORMAT), "writer": _this_process()})

    @property
    def db(self) -> sqlite3.Connection:
        """The connection, for queries."""
        return self._db

    def set_meta(self, values: Mapping[str, str]) -> None:
        """Set keys of the table ``meta`` at once."""
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def begin_segment(self, number: int, file: str, codec: str, t0_ns: int, geometry: Mapping[str, Any]) -> None:
        """A new segment, on disk at once: its packets are worth nothing without."""
        row = (number, file, codec, t0_ns, json.dumps(geometry), None)
        self._db.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)", row)

    def frame(self, row: FrameRow) -> None:
        """A frame that is in the video."""
        block = row.block
        self._frames.append((*row[:-1], block.pts_ms, block.offset, block.size, block.is_key))

    def assessment(self, assessment: Assessment, t_ready_ns: int) -> None:
        """An assessment, and when it was ready."""
        self._assessed.append((assessment, t_ready_ns))

    def event(self, t_mono_ns: int, kind: str, details: Mapping[str, Any]) -> None:
        """Something that happened."""
        self._events.append((t_mono_ns, kind, json.dumps(details)))

    def drops(self, t_mono_ns: int, kind: str, count: int) -> None:
        """Frames or assessments that were not recorded."""
        self._drops.append((t_mono_ns, kind, count))

    def commit(self) -> None:
        """Put all rows on the disk in one transaction."""
        if not (self._frames or self._assessed or self._events or self._drops):
            return
        with transaction(self._db):
            self._db.executemany(f"INSERT INTO frames VALUES ({_marks(10)})", self._frames)
            self._db.executemany("INSERT INTO events (t_mono_ns, kind, details) VALUES (?, ?, ?)", self._events)
            self._db.executemany("INSERT INTO drops (t_mono_ns, kind, count) VALUES (?, ?, ?)", self._drops)
            for assessment, t_ready_ns in self._assessed:
                values = (None, *figures_of(assessment, t_ready_ns))
                row = self._db.execute(f"INSERT INTO assessments VALUES ({_marks(len(values))})", values)
                self._db.execute("INSERT INTO details VALUES (?, ?)", (row.lastrowid, pack_assessment(assessment)))
        for rows in (self._frames, self._assessed, self._events, self._drops):
            rows.clear()  # type: ignore[attr-defined]

    def forget_segment(self, number: int) -> None:
        """Take back a segment of the pictures before a recording, with all that lies before its end."""
        (last_ns,) = self._db.execute("SELECT MAX(t_mono_ns) FROM frames WHERE segment = ?", (number,)).fetchone()
        with transaction(self._db):
            self._db.execute("DELETE FROM segments WHERE number = ?", (number,))
            self._db.execute("DELETE FROM frames WHERE segment = ?", (number,))
            self._db.execute(
                "DELETE FROM details WHERE a IN (SELECT a FROM assessments WHERE t_mono_ns <= ?)", (last_ns,)
            )
            for table in ("assessments", "drops"):
                self._db.execute(f"DELETE FROM {table} WHERE t_mono_ns <= ?", (last_ns,))

    def set_hash(self, number: int, sha256: str) -> None:
        """SHA-256 of a segment that will not change again."""
        self._db.execute("UPDATE segments SET sha256 = ? WHERE number = ?", (sha256, number))

    def make_single_file(self) -> None:
        """Bring everything into the one file, which then stays as it is, byte by byte."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.execute("PRAGMA journal_mode=DELETE")

    def close(self) -> None:
        """Release the file."""
        self._db.close()


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All statements within, or none of them."""
    db.execute("BEGIN")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def open_recording(path: Path, is_sealed: bool) -> sqlite3.Connection:
    """The index for reading; a sealed one is not touched at all.

    Raises
    ------
    SessionError
        When it is missing, no index, or of a newer program.
    """
    if not path.is_file():
        raise SessionError(f"{path} is missing: the videos beside it still play in any player")
    try:
        db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if is_sealed else ''}", uri=True, isolation_level=None
        )
        db.execute("PRAGMA cell_size_check=1")
        found = dict(db.execute("SELECT key, value FROM meta").fetchall())
    except (sqlite3.Error, ValueError) as error:
        raise damaged(path, error) from error
    if found.get("format") != str(FORMAT):
        db.close()
        raise SessionError(f"{path} has layout {found.get('format')!r}, this program knows {FORMAT}: update it")
    return db


def damaged(path: Path, error: Exception) -> SessionError:
    """One sentence for an index that SQLite cannot use."""
    return SessionError(f"{path} is damaged ({error}): run 'sonogauge sessions verify' on {path.parent.name}")


def is_being_written(meta: Mapping[str, str]) -> bool:
    """Whether the process that records a session still runs."""
    pid, _, created = meta.get("writer", "").partition("@")
    try:
        return bool(psutil.Process(int(pid)).create_time() == float(created))
    except (psutil.Error, ValueError, OverflowError):
        return False


def _this_process() -> str:
    return f"{os.getpid()}@{psutil.Process().create_time()!r}"


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def meta_of(db: sqlite3.Connection) -> dict[str, str]:
    """The table ``meta``."""
    return dict(db.execute("SELECT key, value FROM meta").fetchall())
