"""Brings a session that was cut off (power, crash, full disk) into order: index and video are matched, then sealed.

Nothing is deleted. A frame that the index names and the video lacks keeps its row, marked; a picture that the video
holds and the index does not know gets a row.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.session.info import load_info
from app.session.layout import SessionFolder
from app.session.matroska import Block, blocks
from app.session.reader import Session
from app.session.recording_file import NOT_IN_VIDEO, FrameRow, RecordingFile, damaged, is_being_written, meta_of
from app.session.seal import Progress, no_progress
from app.session.sealing import seal_session
from capture.errors import SessionError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recovery:
    """What a recovery found.

    Attributes
    ----------
    frames : in the video and the index, afterwards
    added : pictures that the index had not known yet
    missing : rows whose picture the video does not hold
    """

    frames: int
    added: int
    missing: int


def recover_session(path: Path, progress: Progress = no_progress) -> Recovery:
    """Seal a session that was not ended in order.

    Raises
    ------
    SessionError
        When it is sealed already, is being recorded, or is too damaged to be matched; it is then as it was.
    """
    folder = SessionFolder(Path(path))
    if folder.is_sealed:
        raise SessionError(f"session {folder.session_id} was ended in order: there is nothing to recover")
    load_info(folder.info)
    Session.open(folder.path).close()  # every table can be read
    index = RecordingFile(folder.recording, is_new=False)
    try:
        if is_being_written(meta_of(index.db)):
            raise SessionError(f"session {folder.session_id} is being recorded right now: stop it first")
        found = _match_all(folder, index)
        seal_session(folder, index, recovered=True, progress=progress)
    except sqlite3.Error as error:
        raise damaged(folder.recording, error) from error
    except OSError as error:
        raise SessionError(
            f"session {folder.session_id} cannot be sealed ({error.strerror}): make room on its disk"
        ) from error
    finally:
        index.close()
    log.info("session %s: %d frames recovered", folder.session_id, found.frames)
    return found


def _match_all(folder: SessionFolder, index: RecordingFile) -> Recovery:
    total = Recovery(0, 0, 0)
    segments = index.db.execute("SELECT number, t0_ns FROM segments ORDER BY number").fetchall()
    (next_n,) = index.db.execute("SELECT COALESCE(MAX(n) + 1, 0) FROM frames").fetchone()
    for number, t0_ns in segments:
        found = _match(folder, index, number, t0_ns, next_n + total.added)
        total = replace(
            total,
            frames=total.frames + found.frames,
            added=total.added + found.added,
            missing=total.missing + found.missing,
        )
    (last_ns,) = index.db.execute("SELECT MAX(t_mono_ns) FROM frames").fetchone()
    index.event(last_ns or 0, "recovered", {"added": total.added, "missing": total.missing, "at": int(time.time())})
    index.commit()
    return total


def _match(folder: SessionFolder, index: RecordingFile, number: int, t0_ns: int, next_n: int) -> Recovery:
    """Compare a segment's rows with the packets of its file."""
    in_video = {block.offset: block for block in _blocks_of(folder.video(number))}
    query = "SELECT n, offset, size, position FROM frames WHERE segment = ?"
    rows = index.db.execute(query, (number,)).fetchall()
    lost = [n for n, offset, size, _ in rows if offset not in in_video or in_video[offset].size != size]
    marks = [(NOT_IN_VIDEO, n) for n in lost]
    index.db.executemany("UPDATE frames SET offset = ? WHERE n = ?", marks)
    known = {offset for _, offset, _, _ in rows}
    new = [block for offset, block in in_video.items() if offset not in known]
    first = max((position for *_, position in rows), default=-1) + 1
    for k, block in enumerate(new):
        t_mono_ns, frame_index = _time_of(index.db, t0_ns, block)
        index.frame(FrameRow(next_n + k, frame_index, t_mono_ns, None, number, first + k, block))
    index.commit()
    return Recovery(len(rows) - len(lost) + len(new), len(new), len(lost))


def _blocks_of(path: Path) -> list[Block]:
    if not path.is_file():
        return []
    with path.open("rb", buffering=0) as file:
        return list(blocks(file))


def _time_of(db: sqlite3.Connection, t0_ns: int, block: Block) -> tuple[int, int]:
    """Capture time and number of a picture: those of its assessment where there is one, else as the video tells."""
    t_ns = t0_ns + block.pts_ms * 1_000_000
    query = "SELECT t_mono_ns, frame_index FROM assessments WHERE t_mono_ns BETWEEN ? AND ?"
    near = db.execute(query, (t_ns - 1_000_000, t_ns + 1_000_000)).fetchall()
    if not near:
        return t_ns, -1
    times = np.array([row[0] for row in near])
    return tuple(near[int(np.abs(times - t_ns).argmin())])
