"""The library: a folder of session folders, and an index of them that is made anew whenever it is not to be trusted."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from app.session.layout import SessionFolder
from app.session.reader import Session
from app.session.recording_file import is_being_written
from app.session.seal import read_seal
from capture.errors import SessionError

log = logging.getLogger(__name__)

INDEX_NAME = "index.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS sessions_1 (session_id TEXT PRIMARY KEY, stamp TEXT, summary TEXT)"


@dataclass(frozen=True)
class SessionSummary:
    """One session in a list.

    Attributes
    ----------
    session_id : name of its folder
    started_at : UTC, ISO 8601; empty when unknown
    seconds, frames, assessed, bytes : length and size
    views : recognised or fixed, the most frequent first
    quality : mean 0-100 score, None without one
    region_score : mean smoothed region score 1..5, None without one
    exercise : of practice, empty without one
    state : ``sealed``, ``recovered``, ``recording``, ``unsealed`` or ``damaged``
    problem : one sentence for a damaged one, else empty
    """

    session_id: str
    started_at: str = ""
    seconds: float = 0.0
    frames: int = 0
    assessed: int = 0
    bytes: int = 0
    views: tuple[str, ...] = ()
    quality: float | None = None
    region_score: float | None = None
    exercise: str = ""
    state: str = "damaged"
    problem: str = ""


@dataclass(frozen=True)
class Search:
    """What sessions to find; None and empty do not matter.

    Attributes
    ----------
    since, until : UTC dates as ``YYYY-MM-DD``, both included
    view : one that the session shows
    min_quality, max_quality : of the mean 0-100 score
    exercise : of practice
    """

    since: str = ""
    until: str = ""
    view: str = ""
    min_quality: float | None = None
    max_quality: float | None = None
    exercise: str = ""

    def finds(self, found: SessionSummary) -> bool:
        """Whether a session is one of those."""
        day = found.started_at[:10]
        if (self.since and day < self.since) or (self.until and day > self.until):
            return False
        if (self.view and self.view not in found.views) or (self.exercise and self.exercise != found.exercise):
            return False
        if self.min_quality is not None and (found.quality is None or found.quality < self.min_quality):
            return False
        return self.max_quality is None or (found.quality is not None and found.quality <= self.max_quality)


def default_library() -> Path:
    """Where this user's sessions lie."""
    return platformdirs.user_data_path("sonogauge", appauthor=False) / "sessions"


class Library:
    """A folder of sessions; the folders are the truth, the index beside them saves reading them each time.

    Parameters
    ----------
    path : the folder; made when the first session is
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def folders(self) -> list[SessionFolder]:
        """All sessions, sealed or not, by name."""
        try:
            entries = sorted(entry for entry in self.path.iterdir() if entry.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SessionError(
                f"the library {self.path} cannot be read ({error.strerror}): choose another library"
            ) from error
        return [folder for folder in map(SessionFolder, entries) if folder.is_session]

    def folder(self, path_or_id: str) -> SessionFolder:
        """A session by its id in this library, or by its path.

        Raises
        ------
        SessionError
            When there is none.
        """
        for path in (self.path / path_or_id, Path(path_or_id)):
            folder = SessionFolder(path)
            if path_or_id and path.is_dir() and folder.is_session:
                return folder
        raise SessionError(
            f"there is no session {path_or_id!r} in {self.path}: 'sonogauge sessions list' shows those that there are"
        )

    def sessions(self, search: Search | None = None) -> list[SessionSummary]:
        """Summaries of all sessions, the newest first; those that changed since the last time are read anew."""
        folders = self.folders()
        known = self._indexed()
        found: dict[str, tuple[str, SessionSummary]] = {}
        for folder in folders:
            stamp = _stamp(folder)
            old = known.get(folder.session_id)
            is_fresh = old is not None and old[0] == stamp and folder.is_sealed
            found[folder.session_id] = old if old is not None and is_fresh else (stamp, summary_of(folder))
        if found != known:
            self._write_index(found)
        summaries = [summary for _, summary in found.values() if search is None or search.finds(summary)]
        return sorted(summaries, key=lambda s: (s.started_at, s.session_id), reverse=True)

    def unsealed(self) -> list[SessionFolder]:
        """Sessions that were cut off, and are not being recorded right now."""
        cut_off = (folder for folder in self.folders() if not folder.is_sealed)
        return [folder for folder in cut_off if not _is_active(folder)]

    def tidy(self) -> None:
        """Delete what was kept before recordings that never began, by programs that have ended."""
        if not self.path.is_dir():
            return
        for entry in self.path.iterdir():
            folder = SessionFolder(entry)
            if entry.is_dir() and folder.standby.is_file() and not _is_active(folder):
                shutil.rmtree(entry, ignore_errors=True)

    def delete(self, folder: SessionFolder) -> None:
        """Delete a session with all that belongs to it.

        Raises
        ------
        SessionError
            When it is being recorded, or cannot be deleted.
        """
        if not folder.is_sealed and _is_active(folder):
            raise SessionError(f"session {folder.session_id} is being recorded: stop it first")
        try:
            shutil.rmtree(folder.path)
        except OSError as error:
            raise SessionError(f"session {folder.session_id} cannot be deleted ({error.strerror})") from error

    def expired(self, retention_days: int, now: datetime.datetime) -> list[SessionSummary]:
        """Sessions older than the retention, which may be deleted; none for 0 days. Deletes nothing."""
        if retention_days <= 0:
            return []
        limit = (now.astimezone(datetime.UTC) - datetime.timedelta(days=retention_days)).isoformat()
        return [s for s in self.sessions() if s.started_at and s.started_at < limit and s.state != "recording"]

    # -- index --------------------------------------------------------------------------------------------------

    def _indexed(self) -> dict[str, tuple[str, SessionSummary]]:
        try:
            with contextlib.closing(sqlite3.connect(self.path / INDEX_NAME)) as db:
                rows = db.execute("SELECT session_id, stamp, summary FROM sessions_1").fetchall()
            return {name: (stamp, _summary(json.loads(text))) for name, stamp, text in rows}
        except (sqlite3.Error, ValueError, TypeError):
            return {}

    def _write_index(self, found: dict[str, tuple[str, SessionSummary]]) -> None:
        rows = [(name, stamp, json.dumps(asdict(summary))) for name, (stamp, summary) in found.items()]
        path = self.path / INDEX_NAME
        for attempt in range(2):
            try:
                with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
                    db.execute("BEGIN IMMEDIATE")
                    db.execute(_TABLE)
                    db.execute("DELETE FROM sessions_1")
                    db.executemany("INSERT INTO sessions_1 VALUES (?, ?, ?)", rows)
                    db.execute("COMMIT")
                return
            except sqlite3.Error as error:
                log.warning("the index of the library cannot be used (%s): it is made anew", error)
                if attempt == 0:
                    with contextlib.suppress(OSError):
                        path.unlink()


def summary_of(folder: SessionFolder) -> SessionSummary:
    """Read a session for the list; a damaged one is listed with its problem."""
    try:
        with Session.open(folder.path) as session:
            return SessionSummary(
                session_id=folder.session_id,
                started_at=session.info.started_at,
                seconds=round(session.seconds, 3),
                frames=len(session),
                assessed=len(session.assessed_frames),
                bytes=sum(path.stat().st_size for path in folder.recorded_files),
                exercise=session.info.exercise,
                state=_state(session),
                **_qualities(session),
            )
    except (SessionError, OSError) as error:
        return SessionSummary(folder.session_id, problem=str(error))


def _state(session: Session) -> str:
    if session.folder.is_sealed:
        return "recovered" if read_seal(session.folder)["recovered"] else "sealed"
    return "recording" if session.is_active else "unsealed"


def _qualities(session: Session) -> dict[str, Any]:
    figures = session.figures("view", "score", *(f"smooth_{k}" for k in range(8)))
    views, counts = np.unique([view for view in figures["view"] if view], return_counts=True)
    regions = np.stack([figures[f"smooth_{k}"] for k in range(8)])
    return {
        "views": tuple(str(view) for view in views[np.argsort(-counts, kind="stable")]),
        "quality": _mean(figures["score"]),
        "region_score": _mean(regions),
    }


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(known.mean()), 3) if known.size else None


def _summary(values: dict[str, Any]) -> SessionSummary:
    return SessionSummary(**values | {"views": tuple(values["views"])})


def _stamp(folder: SessionFolder) -> str:
    """Changes whenever a sealed session is sealed anew or touched."""
    return " ".join(_times(folder))


def _times(folder: SessionFolder) -> Iterator[str]:
    for path in (folder.seal, folder.info, folder.recording):
        with contextlib.suppress(OSError):
            found = path.stat()
            yield f"{path.name}:{found.st_mtime_ns}:{found.st_size}"


def _is_active(folder: SessionFolder) -> bool:
    """Whether the program that records it still runs."""
    try:
        with contextlib.closing(sqlite3.connect(f"{folder.recording.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return is_being_written(dict(db.execute("SELECT key, value FROM meta").fetchall()))
    except (sqlite3.Error, ValueError):
        return False
