"""De-identification: the pixels inside the accepted sector, and no others, leave the machine.

A name or a date on a scanner's screen stands beside the sector, not in it. All that lies outside is replaced by one
constant, whatever was stored there, so nothing has to be recognised to be removed. Text that somebody put over the
picture itself is looked for (``burned_text``); it blocks an export until a person accepts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.session.burned_text import find_text
from app.session.frame_reader import FrameReader
from app.session.geometry import SegmentGeometry
from app.session.reader import Session
from app.session.seal import Progress, no_progress
from calibration.crop import SectorCrop
from capture.errors import CalibrationError, SessionError
from capture.geometry import Rect

OUTSIDE = 0
"""Level of every pixel outside the sector."""

TEXT_STEP_S = 0.5
"""Text that stays twice as long stands in all pictures of one look at least."""

_LOOKS = 4
"""Pictures of one look: what is brightest in all of them stands still, which speckle does not."""


@dataclass(frozen=True)
class FoundText:
    """Something that looks like text inside the sector.

    Attributes
    ----------
    frame : of the session
    box : on the cut picture
    """

    frame: int
    box: Rect


class SectorPictures:
    """The pictures of a session as they may leave the machine. Used by one thread.

    Parameters
    ----------
    session, reader : open

    Raises
    ------
    SessionError
        By each method, for a frame of a whole screen on which no sector is known.
    """

    def __init__(self, session: Session, reader: FrameReader) -> None:
        self._session, self._reader = session, reader
        self._crops: dict[int, SectorCrop] = {}

    def rect(self, frame: int) -> Rect:
        """The part of the screen that ``grey`` shows."""
        return self._crop(frame).rect

    def inside(self, frame: int) -> np.ndarray:
        """Pixels of ``grey`` that lie in the sector, (h, w) bool."""
        crop = self._crop(frame)
        return crop.sector_in_crop.mask(crop.rect.height, crop.rect.width)

    def grey(self, frame: int) -> np.ndarray:
        """The sector's own rectangle, (h, w) uint8 grey; ``OUTSIDE`` beside the sector, to the bit."""
        return self._crop(frame).crop(self._reader.grey(frame))

    def _crop(self, frame: int) -> SectorCrop:
        segment = self._session.segment_of(frame)
        if segment.number not in self._crops:
            self._crops[segment.number] = sector_crop(segment.geometry, self._session.folder.session_id)
        return self._crops[segment.number]


def sector_crop(geometry: SegmentGeometry, session_id: str) -> SectorCrop:
    """The cut of a segment's screens to their sector, the way round in which they were recorded.

    Raises
    ------
    SessionError
        When no sector is known, or it does not lie on the screen.
    """
    if geometry.sector is None:
        raise SessionError(
            f"a part of session {session_id} shows a whole screen without a known sector, so it may hold names and "
            "cannot leave this machine: choose frames with a sector (--from, --to), or record with a scanner profile"
        )
    try:
        return SectorCrop(geometry.sector, *geometry.frame_size)
    except CalibrationError as error:
        raise SessionError(f"the sector of session {session_id} cannot be used: {error}") from error


def text_inside(
    session: Session, pictures: SectorPictures, frames: Sequence[int], progress: Progress = no_progress
) -> list[FoundText]:
    """Look for text inside the sector, twice per second of the frames.

    Parameters
    ----------
    session, pictures : open
    frames : those that are to leave the machine, ascending
    progress : told the share that was looked at

    Returns
    -------
    What was found, in order; the same text again in each look in which it stands.
    """
    looks = _looks(session, frames)
    found: list[FoundText] = []
    for k, look in enumerate(looks):
        still = np.minimum.reduce([pictures.grey(frame) for frame in look])
        found += [FoundText(look[0], box) for box in find_text(still, pictures.inside(look[0]))]
        progress((k + 1) / len(looks))
    return found


def _looks(session: Session, frames: Sequence[int]) -> list[list[int]]:
    """Frames to look at together: of one segment and half a second, the first and the last among them."""
    spans: dict[tuple[int, int], list[int]] = {}
    for frame in frames:
        key = int(session.frames.segment[frame]), int(session.frames.t_s[frame] // TEXT_STEP_S)
        spans.setdefault(key, []).append(frame)
    return [_spread(group) for group in spans.values()]


def _spread(group: list[int]) -> list[int]:
    places = np.unique(np.linspace(0, len(group) - 1, _LOOKS).round().astype(int))
    return [group[k] for k in places]


def refuse_text(found: Sequence[FoundText], session: Session) -> None:
    """Stop an export that would show text inside the sector.

    Raises
    ------
    SessionError
        When there is any; says when and where to look.
    """
    if not found:
        return
    frame, box = found[0].frame, found[0].box
    raise SessionError(
        f"there seems to be text inside the sector, in {len(found)} places; the first is in frame {frame} at "
        f"{session.frames.t_s[frame]:.2f} s, {box.width}x{box.height} pixels at {box.x}, {box.y} of the cut picture: "
        f"look at it (export with --format png --frame {frame} --accept-text), and add --accept-text if it names nobody"
    )
