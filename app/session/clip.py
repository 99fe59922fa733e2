"""A session made of closed segments of another: the best clip of the last minute, out of what rolls by."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from app.session.info import SessionInfo, save_info
from app.session.layout import SessionFolder
from app.session.recording_file import RecordingFile, transaction
from app.session.sealing import seal_session
from app.session.session_writer import ClosedSegment

_BY_SEGMENT = {"segments": "number", "frames": "segment"}
_BY_TIME = ("assessments", "events", "drops")


def save_clip(source: SessionFolder, segments: Sequence[ClosedSegment], info: SessionInfo) -> SessionFolder:
    """Make a sealed session of some segments, with all that the index says of their time.

    Parameters
    ----------
    source : folder that holds them; everything in its index is committed
    segments : closed ones, at least one, in order
    info : of the new session, which lies beside the source

    Raises
    ------
    OSError, sqlite3.Error
        The disk is full, or there is a session of this name.
    """
    target = SessionFolder(source.path.parent / info.session_id)
    target.path.mkdir()
    save_info(info, target.info)
    for segment in segments:
        _share(source.video(segment.number), target.video(segment.number))
    index = RecordingFile(target.recording)
    try:
        _copy_rows(index, source.recording, segments)
        seal_session(target, index, recovered=False)
    finally:
        index.close()
    return target


def _share(old: Path, new: Path) -> None:
    """The same bytes under another name: nothing is written where the file system can do that."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)


def _copy_rows(index: RecordingFile, source: Path, segments: Sequence[ClosedSegment]) -> None:
    numbers = ", ".join(str(segment.number) for segment in segments)
    span = (segments[0].t_first_ns, segments[-1].t_last_ns)
    db = index.db
    db.execute("ATTACH ? AS old", (str(source),))
    with transaction(db):
        for table, column in _BY_SEGMENT.items():
            db.execute(f"INSERT INTO {table} SELECT * FROM old.{table} WHERE {column} IN ({numbers})")
        for table in _BY_TIME:
            db.execute(f"INSERT INTO {table} SELECT * FROM old.{table} WHERE t_mono_ns BETWEEN ? AND ?", span)
        db.execute("INSERT INTO details SELECT * FROM old.details WHERE a IN (SELECT a FROM assessments)")
    db.execute("DETACH old")
