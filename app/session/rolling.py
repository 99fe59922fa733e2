"""The last seconds before a recording, as short segments of which the old ones are deleted."""

from __future__ import annotations

import logging
from collections import deque

from app.session.clip import save_clip
from app.session.info import SessionInfo
from app.session.session_writer import ClosedSegment, SessionWriter

log = logging.getLogger(__name__)


class Rolling:
    """Keeps a writer's segments short and few. Used by the recorder's thread.

    Attributes
    ----------
    segments : closed ones that are still there, the oldest first
    """

    def __init__(self, writer: SessionWriter, keep_s: float, segment_s: float) -> None:
        self.segments: deque[ClosedSegment] = deque()
        self._writer = writer
        self._keep_ns, self._segment_ns = round(keep_s * 1e9), round(segment_s * 1e9)

    @property
    def began_ns(self) -> int | None:
        """Capture time of the oldest closed frame, None without one."""
        return self.segments[0].t_first_ns if self.segments else None

    def turn(self, newest_ns: int, end_now: bool) -> None:
        """Close the open segment when it is long enough, delete those that are too old.

        Parameters
        ----------
        newest_ns : capture time of the newest frame
        end_now : close it however short it is
        """
        if end_now or self._writer.segment_age_ns >= self._segment_ns:
            self._close()
        while self.segments and self.segments[0].t_last_ns < newest_ns - self._keep_ns:
            self._writer.forget(self.segments.popleft())

    def save_clip(self, info: SessionInfo, t_from_ns: int, t_to_ns: int) -> None:
        """Make a session of the segments around a time, which go on rolling by.

        Raises
        ------
        OSError, sqlite3.Error
            When the disk is full.
        """
        self._close()
        self._writer.commit()
        wanted = [s for s in self.segments if s.t_last_ns >= t_from_ns and s.t_first_ns <= t_to_ns]
        if not wanted:
            log.warning("clip %s is not kept: its pictures are gone, or none of them may be stored", info.session_id)
            return
        save_clip(self._writer.folder, wanted, info.model_copy(update={"started_mono_ns": wanted[0].t_first_ns}))
        log.info("clip %s is kept", info.session_id)

    def _close(self) -> None:
        closed = self._writer.end_segment()
        if closed is not None:
            self.segments.append(closed)
