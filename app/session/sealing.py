"""Closes a session for good: thumbnail, hashes, seal. Shared by the recorder's end and by recovery."""

from __future__ import annotations

import cv2
import numpy as np

from app.session.frame_reader import FrameReader
from app.session.layout import SessionFolder
from app.session.reader import Session
from app.session.recording_file import RecordingFile
from app.session.seal import Progress, hashes_of, no_progress, write_seal
from calibration.toml_file import swap_in
from capture.errors import SessionError

THUMBNAIL_SIDE = 256


def seal_session(
    folder: SessionFolder, index: RecordingFile, *, recovered: bool, progress: Progress = no_progress
) -> None:
    """Close the index of a session whose segments are closed, and seal the folder.

    Parameters
    ----------
    folder : of the session
    index : open, everything committed; closed afterwards
    recovered : the recording was not ended in order
    progress : told the share of the hashing that is done

    Raises
    ------
    OSError, sqlite3.Error
        When the disk does not take it; the session can then be recovered later.
    """
    hashes = hashes_of(folder.videos(), progress)
    files = {row[1]: row[0] for row in index.db.execute("SELECT number, file FROM segments").fetchall()}
    for name, sha256 in hashes.items():
        if name in files:
            index.set_hash(files[name], sha256)
    index.set_meta({"end": "recovered" if recovered else "in order", "writer": ""})
    index.make_single_file()
    index.close()
    _write_thumbnail(folder)
    others = [path for path in folder.recorded_files if path.name not in hashes]
    write_seal(folder, hashes | hashes_of(others), recovered)


def _write_thumbnail(folder: SessionFolder) -> None:
    """The best picture, or the middle one; a session without a readable one has none."""
    try:
        with Session.open(folder.path) as session, FrameReader(session) as reader:
            if not len(session):
                return
            picture = _sector_alone(session, reader, _best_frame(session))
    except SessionError:
        return
    if picture is None:
        return
    scale = THUMBNAIL_SIDE / max(picture.shape)
    size = [max(round(side * scale), 1) for side in picture.shape[::-1]]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    swap_in(folder.thumbnail, cv2.imencode(".png", small)[1].tobytes())


def _best_frame(session: Session) -> int:
    figures = session.figures("score", "smooth_0")
    frames = session.frame_of_assessment
    values = np.where(frames >= 0, np.nan_to_num(figures["score"], nan=-1.0), -2.0)
    return int(frames[values.argmax()]) if values.size and values.max() >= 0 else len(session) // 2


def _sector_alone(session: Session, reader: FrameReader, frame: int) -> np.ndarray | None:
    geometry = session.segment_of(frame).geometry
    sector = geometry.sector_in_crop
    if sector is None:
        return None
    stored = reader.stored(frame)
    return np.where(sector.mask(*stored.shape), stored, 0).astype(np.uint8)
