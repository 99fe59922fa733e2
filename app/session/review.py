"""``review.sqlite``: what people add to a session after it was recorded. Each row proves itself by a hash.

Rows are only ever added: a rater who changes a rating adds a newer row, and nobody's row is written over. ``hash`` is
the SHA-256 of the row's other columns, so that one changed bit is found in the row that it changed; the stamp beside
the file, written when it is closed, finds it anywhere else.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from app.session.layout import SessionFolder
from app.session.recording_file import damaged
from app.session.seal import sha256_of
from calibration.toml_file import swap_in
from capture.errors import SessionError

FORMAT = 1
_COMMON = {"t_utc": "TEXT", "author": "TEXT"}
TABLES: dict[str, dict[str, str]] = {
    "bookmarks": {"frame": "INTEGER", "t_mono_ns": "INTEGER", "text": "TEXT", **_COMMON},
    "ratings": {
        **{"frame": "INTEGER", "t_mono_ns": "INTEGER", "region": "TEXT", "part": "TEXT", "score": "INTEGER"},
        **{"out_of_sector": "INTEGER", "artifact": "INTEGER", "comment": "TEXT", "blind": "INTEGER", **_COMMON},
    },
    "adjudication": {
        **{"frame": "INTEGER", "t_mono_ns": "INTEGER", "region": "TEXT", "part": "TEXT", "score": "INTEGER"},
        **{"comment": "TEXT", **_COMMON},
    },
}
"""Columns of each table beside ``id`` and ``hash``. ``region`` is one of ``REGION_NAMES``, ``part`` ``endocardium`` or
``myocardium``, ``score`` 1..5, ``author`` a pseudonym, ``t_utc`` ISO 8601."""


class ReviewFile:
    """Bookmarks, ratings and adjudication of one session; made when it is first opened. Used by one thread.

    Raises
    ------
    SessionError
        Here and in every method: the file is damaged or cannot be written.
    """

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        try:
            self._db = sqlite3.connect(folder.review, isolation_level=None)
            for table, columns in TABLES.items():
                listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
                self._db.execute(
                    f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, {listed}, hash TEXT NOT NULL)"
                )
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
        except sqlite3.Error as error:
            raise damaged(folder.review, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, table: str, values: Mapping[str, Any]) -> int:
        """Add a row; columns that are not named are empty. The row's id."""
        unknown = set(values) - set(TABLES[table])
        if unknown:
            raise SessionError(f"{table} has no {', '.join(sorted(unknown))}: use {', '.join(TABLES[table])}")
        row = [values.get(name) for name in TABLES[table]]
        try:
            marks = ", ".join("?" * (len(row) + 1))
            names = ", ".join((*TABLES[table], "hash"))
            done = self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", (*row, _hash(table, row)))
        except sqlite3.Error as error:
            raise damaged(self._folder.review, error) from error
        return int(done.lastrowid or 0)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table in the order in which they were added, with ``id``."""
        names = ("id", *TABLES[table])
        try:
            found = self._db.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY id").fetchall()
        except sqlite3.Error as error:
            raise damaged(self._folder.review, error) from error
        return [dict(zip(names, row, strict=True)) for row in found]

    def close(self) -> None:
        """Release the file and stamp it."""
        self._db.close()
        try:
            swap_in(self._folder.review_stamp, (sha256_of(self._folder.review) + "\n").encode())
        except OSError as error:
            raise SessionError(f"{self._folder.review_stamp} cannot be written ({error.strerror})") from error


def review_problems(folder: SessionFolder) -> Iterator[str]:
    """One sentence for each thing in the review that is not as it was written; none where there is no review."""
    if not folder.review.is_file():
        if folder.review_stamp.exists():
            yield "it is missing"
        return
    try:
        stamp = folder.review_stamp.read_bytes()
        if stamp != (sha256_of(folder.review) + "\n").encode():
            yield "it is not as it was closed last"
    except OSError as error:
        yield f"its stamp cannot be read ({error.strerror})"
    try:
        db = sqlite3.connect(f"{folder.review.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            yield from _bad_rows(db)
        finally:
            db.close()
    except (sqlite3.Error, ValueError) as error:
        yield f"it is damaged ({error})"


def _bad_rows(db: sqlite3.Connection) -> Iterator[str]:
    for table, columns in TABLES.items():
        for row_id, *row, found in db.execute(f"SELECT id, {', '.join(columns)}, hash FROM {table}"):
            if _hash(table, row) != found:
                yield f"row {row_id} of {table} was changed"


def _hash(table: str, row: list[Any]) -> str:
    return hashlib.sha256(json.dumps([table, *row]).encode()).hexdigest()
