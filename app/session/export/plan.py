"""What is exported: which frames of which session, under which name, with their pictures and overlays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from app.engine.presentation import DIM_AFTER_MS, REMOVE_AFTER_MS
from app.overlay.compose import OverlayOptions, compose
from app.overlay.display_list import DisplayList, Fade
from app.overlay.paint_cv import draw
from app.session.deid import SectorPictures
from app.session.frame_reader import FrameReader
from app.session.layout import SessionFolder
from app.session.reader import Session
from app.session.recording_file import NOT_IN_VIDEO
from app.session.seal import Progress, no_progress
from app.session.verify import verify_session
from capture.errors import SessionError

NOTICE = "Quality figures are from models trained on pseudo-labels, for research and training use. No diagnosis."
"""Stands on everything that leaves."""

_OVERLAY_SIDE_PX = 700.0
"""Letters and lines grow with pictures whose shorter side is longer than this."""


@dataclass(frozen=True)
class ExportPlan:
    """What is exported.

    Attributes
    ----------
    session : open, as it was recorded
    pictures : its de-identified pictures
    frames : of the session, (N,) int64 ascending
    name : pseudonym under which it leaves
    overlay : paint assessments over pictures, where a format can
    has_text : somebody accepted text inside the sector
    """

    session: Session
    pictures: SectorPictures
    frames: np.ndarray
    name: str
    overlay: bool = True
    has_text: bool = False

    @property
    def with_pictures(self) -> np.ndarray:
        """Those of ``frames`` whose picture is in the video: all, unless a crash cost some."""
        return np.asarray(self.frames[self.session.frames.offset[self.frames] != NOT_IN_VIDEO])

    def overlay_of(self, frame: int, own: bool = False) -> DisplayList | None:
        """Overlay of the newest assessment for the cut picture of a frame, by the age rule of the live window.

        Parameters
        ----------
        own : only that of the frame's own assessment
        """
        fade, assessed = self._newest(frame)
        if assessed < 0 or (own and assessed != frame):
            return None
        found = self.session.assessment(assessed)
        if found is None or found.frame_size != self.session.segment_of(frame).geometry.frame_size:
            return None
        return compose(found, OverlayOptions(fade=fade)).on(self.pictures.rect(frame))

    def picture(self, frame: int, own: bool = False) -> np.ndarray:
        """The cut picture with its overlay, if that is wanted, (h, w, 3) BGR uint8."""
        grey = self.pictures.grey(frame)
        overlay = self.overlay_of(frame, own) if self.overlay else None
        if overlay is None:
            return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
        return draw(grey, overlay, max(min(grey.shape) / _OVERLAY_SIDE_PX, 1.0))

    def _newest(self, frame: int) -> tuple[Fade, int]:
        """Newest assessed frame of the same segment, -1 when there is none that may be shown, and how strongly."""
        assessed, table = self.session.assessed_frames, self.session.frames
        at = int(np.searchsorted(assessed, frame, side="right")) - 1
        if at < 0 or table.segment[assessed[at]] != table.segment[frame]:
            return Fade.NONE, -1
        age_ms = (table.t_mono_ns[frame] - table.t_mono_ns[assessed[at]]) / 1e6
        if age_ms > REMOVE_AFTER_MS:
            return Fade.NONE, -1
        return (Fade.DIMMED if age_ms > DIM_AFTER_MS else Fade.FULL), int(assessed[at])


@contextmanager
def open_plan(
    folder: SessionFolder,
    frame: int | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
    overlay: bool = True,
    progress: Progress = no_progress,
) -> Iterator[ExportPlan]:
    """Verify and open a session for an export.

    Parameters
    ----------
    folder : of the session
    frame : only this one
    from_s, to_s : only frames of this time, seconds since the first one, both included
    progress : told how much is verified

    Raises
    ------
    SessionError
        When it is being recorded, not sealed, not as it was recorded, or no frame is left.
    """
    _check_sound(folder, progress)
    with Session.open(folder.path) as session, FrameReader(session) as reader:
        frames = _chosen(session, frame, from_s, to_s)
        yield ExportPlan(session, SectorPictures(session, reader), frames, pseudonym(folder), overlay)


def pseudonym(folder: SessionFolder) -> str:
    """Name of a sealed session for others: the same each time, and nothing can be learnt from it."""
    return f"SG-{hashlib.sha256(folder.seal.read_bytes()).hexdigest()[:12].upper()}"


def check_place(folder: SessionFolder, out: Path) -> None:
    """Refuse a place within the session itself.

    Raises
    ------
    SessionError
        When ``out`` lies in the session's folder.
    """
    if out.resolve().is_relative_to(folder.path.resolve()):
        raise SessionError(f"{out} lies within the session, which is sealed: choose another place for --out")


def _check_sound(folder: SessionFolder, progress: Progress) -> None:
    name = folder.session_id
    if not folder.is_sealed:
        with Session.open(folder.path) as session:
            if session.is_active:
                raise SessionError(f"session {name} is being recorded: stop the recording first")
        raise SessionError(f"session {name} was cut off: run 'sonogauge sessions recover {name}' first")
    bad = [finding for finding in verify_session(folder.path, progress) if not finding.is_ok]
    if bad:
        raise SessionError(
            f"session {name} is not as it was recorded ({bad[0].file}: {bad[0].problem}), so it is not exported: "
            f"run 'sonogauge sessions verify {name}' for the whole list, and take a copy of the session"
        )


def _chosen(session: Session, frame: int | None, from_s: float | None, to_s: float | None) -> np.ndarray:
    if frame is not None:
        session.segment_of(frame)
        return np.array([frame], np.int64)
    t_s = session.frames.t_s
    wanted = np.ones(len(session), bool)
    if from_s is not None:
        wanted &= t_s >= from_s
    if to_s is not None:
        wanted &= t_s <= to_s
    if not wanted.any():
        raise SessionError(
            f"no frame lies there: session {session.folder.session_id} has {len(session)} frames, "
            f"{session.seconds:.2f} s: choose --from and --to within"
        )
    return np.flatnonzero(wanted)
