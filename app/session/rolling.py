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

    Parameters
    ----------
    writer : of the segments
    pre_roll_s : of what rolls by, so much becomes the beginning of a session
    clip_s : so much is there for a clip, the pre-roll at least
    segment_s : length of a segment

    Attributes
    ----------
    segments : closed ones that are still there, the oldest first
    """

    def __init__(self, writer: SessionWriter, pre_roll_s: float, clip_s: float, segment_s: float) -> None:
        self.segments: deque[ClosedSegment] = deque()
        self._writer = writer
        self._pre_roll_ns, self._segment_ns = round(pre_roll_s * 1e9), round(segment_s * 1e9)
        self._keep_ns = max(round(clip_s * 1e9), self._pre_roll_ns)

    @property
    def began_ns(self) -> int | None:
        """Capture time of the oldest closed frame, None without one."""
        return self.segments[0].t_first_ns if self.segments else None

    def turn(self, newest_ns: int, end_now: bool) -> None:
        """Close the open segment when it is long enough, delete those that are too old.

        Parameters
        ----------
        newest_ns : capture time of the newest frame
        end_now : a session begins: close it however short it is, and keep the pre-roll alone
        """
        if end_now or self._writer.segment_age_ns >= self._segment_ns:
            self._close()
        keep_ns = self._pre_roll_ns if end_now else self._keep_ns
        while self.segments and self.segments[0].t_last_ns < newest_ns - keep_ns:
            self._writer.forget(self.segments.popleft())

    def save_clip(self, info: SessionInfo, t_from_ns: int, t_to_ns: int) -> bool:
        """Make a session of the segments around a time, which go on rolling by; False when they are gone.

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
            return False
        save_clip(self._writer.folder, wanted, info.model_copy(update={"started_mono_ns": wanted[0].t_first_ns}))
        log.info("clip %s is kept", info.session_id)
        return True

    def _close(self) -> None:
        closed = self._writer.end_segment()
        if closed is not None:
            self.segments.append(closed)
