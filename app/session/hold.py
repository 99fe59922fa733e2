"""Waits with each frame until it is known where its sector lies, so that it is stored as its assessment saw it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator

from app.session.geometry import SegmentGeometry
from app.session.naming import pseudonymous
from calibration.levels import Levels
from calibration.profile import ScannerProfile
from capture.errors import SessionError
from capture.frame import Frame, SourceInfo
from capture.geometry import SectorShape
from models.runtime.contract import Assessment

log = logging.getLogger(__name__)


class FrameHold:
    """Gives frames back in order, each with the geometry to store it by. Used by one thread.

    A frame that was assessed gets the sector of its own assessment; those between two assessed ones get the sector
    before. None is held for longer than ``hold_ns``: an assessment may be late, or the frame was never assessed.

    Parameters
    ----------
    profile : of the scanner, for sector and spacing that the source does not know itself
    whole_screen : the sector does not matter
    hold_ns : longest time that a frame waits
    """

    def __init__(self, profile: ScannerProfile | None, whole_screen: bool, hold_ns: int) -> None:
        self._profile, self._whole_screen, self._hold_ns = profile, whole_screen, hold_ns
        self._held: deque[tuple[Frame, int]] = deque()
        self._info: SourceInfo | None = None
        self._view: str | None = None
        self._known: SegmentGeometry | None = None

    def use_source(self, info: SourceInfo) -> None:
        """Frames from now on come from another opening of a source; call ``rest`` before."""
        self._info, self._known = info, None

    def use_view(self, view: str | None) -> None:
        """The user fixed the view, or said that it is unknown."""
        self._view = view

    def frame(self, frame: Frame, now_ns: int) -> None:
        """Take a frame."""
        self._held.append((frame, now_ns))

    def result(self, assessment: Assessment) -> Iterator[tuple[Frame, SegmentGeometry | None]]:
        """Frames up to the assessed one. None stands for a frame of which nothing may be stored."""
        found = self._geometry_of(assessment)
        while self._held and self._held[0][0].t_mono_ns <= assessment.t_mono_ns:
            frame, _ = self._held.popleft()
            is_it = frame.t_mono_ns == assessment.t_mono_ns
            yield frame, self._for(frame, found if is_it or self._known is None else None)
        self._known = found or self._known

    def due(self, now_ns: int) -> Iterator[tuple[Frame, SegmentGeometry | None]]:
        """Frames that have waited long enough."""
        while self._held and now_ns - self._held[0][1] >= self._hold_ns:
            frame, _ = self._held.popleft()
            yield frame, self._for(frame, None)

    def rest(self) -> Iterator[tuple[Frame, SegmentGeometry | None]]:
        """All frames that are left."""
        while self._held:
            frame, _ = self._held.popleft()
            yield frame, self._for(frame, None)

    def _for(self, frame: Frame, found: SegmentGeometry | None) -> SegmentGeometry | None:
        size, source = (frame.height, frame.width), pseudonymous(frame.source_id)
        for known in (found, self._known):
            if known is not None and _place(known) == (size, source):
                self._known = known
                return known
        self._known = self._told(frame)
        return self._known

    def _told(self, frame: Frame) -> SegmentGeometry | None:
        """From what source and profile say, until a sector was found."""
        size, profile, info = (frame.height, frame.width), self._profile_for(frame.height, frame.width), self._info
        source = pseudonymous(frame.source_id)
        if info is not None and info.sector is not None and size == (info.granted.height, info.granted.width):
            return self._geometry(size, source, info.sector, None, False)
        if profile is not None:
            return self._geometry(size, source, profile.shape, profile.signal_levels, profile.mirrored)
        return self._geometry(size, source, None, None, False) if self._whole_screen else None

    def _geometry_of(self, assessment: Assessment) -> SegmentGeometry | None:
        if assessment.sector is None:
            return None
        known, source = self._known, pseudonymous(assessment.source_id)
        found = (assessment.frame_size, source, assessment.sector, assessment.levels, assessment.mirrored)
        if known is not None and found == (*_place(known), known.sector, known.levels, known.mirrored):
            return known
        return self._geometry(*found)

    def _geometry(
        self, size: tuple[int, int], source: str, sector: SectorShape | None, levels: Levels | None, mirrored: bool
    ) -> SegmentGeometry | None:
        info, profile, known = self._info, self._profile_for(*size), self._known
        spacing_mm = (info.spacing_mm if info else None) or (profile.spacing_mm if profile else None)
        view = self._view or (info.view if info else None)
        if known is not None and _place(known) == (size, source):
            view = known.view  # another view alone is an event, no new segment
        try:
            return SegmentGeometry(size, source, sector, levels, mirrored, spacing_mm, view, self._whole_screen)
        except SessionError as error:
            log.warning("%s", error)
            return None

    def _profile_for(self, height: int, width: int) -> ScannerProfile | None:
        profile = self._profile
        return profile if profile is not None and (profile.height, profile.width) == (height, width) else None


def _place(geometry: SegmentGeometry) -> tuple[tuple[int, int], str]:
    return geometry.frame_size, geometry.source_id
