"""Feeds a session's writer: each frame with its sector, no result before its frame, events in order with both."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from app.engine.channels import ChannelClosed, Queue
from app.engine.state import Assessed
from app.session.geometry import SegmentGeometry
from app.session.hold import FrameHold
from app.session.info import ModelRecord, SessionInfo, SourceRecord, save_info
from app.session.naming import pseudonymous
from app.session.recorder_state import RecorderSettings
from app.session.rolling import Rolling
from app.session.session_writer import SessionWriter
from capture.frame import Frame, SourceInfo


@dataclass(frozen=True)
class Happened:
    """An event on its way, in order with the frames; ``info`` is of a source that was opened, ``clip`` of a session."""

    t_mono_ns: int
    kind: str
    details: dict[str, Any]
    info: SourceInfo | None = None
    clip: SessionInfo | None = None


class SessionFeed:
    """Takes what waits in a recorder's queues. Used by the recorder's thread; ``without_sector`` may be read by any.

    Parameters
    ----------
    writer : holds nothing yet
    info : what is known of the session beforehand
    settings : how to record; with a pre-roll the last seconds roll by until ``become_session``
    view : fixed by the user at the start
    frames, results : the queues
    models : tells the models in use
    clock_ns : monotonic nanoseconds, the clock of ``Frame.t_mono_ns``
    clip_ended : told which clip was asked for, and whether it could be kept

    Attributes
    ----------
    rolling : the last seconds, None in a session
    without_sector : frames of which nothing may be stored
    """

    def __init__(
        self,
        writer: SessionWriter,
        info: SessionInfo,
        settings: RecorderSettings,
        view: str | None,
        frames: Queue[Frame | Happened],
        results: Queue[Assessed],
        models: Callable[[], tuple[ModelRecord, ...]],
        clock_ns: Callable[[], int],
        clip_ended: Callable[[str, bool], None],
    ) -> None:
        self.rolling: Rolling | None = None
        if settings.pre_roll_s > 0:
            self.rolling = Rolling(writer, settings.pre_roll_s, settings.clip_s, settings.rolling_s)
        self.without_sector = 0
        self._writer = writer
        self._info = info
        self._frames, self._results = frames, results
        self._models, self._clock_ns, self._clip_ended = models, clock_ns, clip_ended
        self._hold = FrameHold(info.profile, settings.whole_screen, round(settings.hold_s * 1e9))
        self._hold.use_view(view)
        self._next: Assessed | None = None
        self._first_ns: int | None = None
        self._newest_ns = 0
        self._noted_drops: dict[str, int] = {}

    def take(self, item: Frame | Happened) -> None:
        """Take what came out of the queue of frames."""
        if not isinstance(item, Frame):
            self._happened(item)
            return
        if self._first_ns is None:
            self._first_ns = item.t_mono_ns
        self._newest_ns = item.t_mono_ns
        self._hold.frame(item, self._clock_ns())

    def take_results(self, all_of_them: bool = False) -> None:
        """Take the results whose frames were taken: a result must not overtake its frame."""
        while True:
            if self._next is None:
                with contextlib.suppress(ChannelClosed):
                    self._next = self._results.get(0.0)
            assessed = self._next
            if assessed is None:
                return
            is_behind = assessed.frame.t_mono_ns > self._newest_ns and len(self._frames) > 0
            if is_behind and not all_of_them:
                return
            self._next = None
            self._take_result(assessed)

    def store_due(self) -> None:
        """Store the frames that have waited long enough for their sector."""
        self._store(self._hold.due(self._clock_ns()))

    def roll(self, end_now: bool) -> None:
        """In standby: old pictures go."""
        if self.rolling is not None:
            self.rolling.turn(self._newest_ns, end_now)

    def become_session(self) -> int:
        """Make a session of all that rolls by; when that was, ns."""
        assert self.rolling is not None
        now_ns = self._clock_ns()
        began_ns = self.rolling.began_ns
        began_ns = now_ns if began_ns is None else began_ns
        before = datetime.timedelta(microseconds=(now_ns - began_ns) / 1e3)
        started_at = datetime.datetime.now(datetime.UTC) - before
        self._info = self._info.model_copy(
            update={"started_at": started_at.isoformat(timespec="milliseconds"), "started_mono_ns": began_ns}
        )
        self._writer.folder.standby.unlink()
        save_info(self._info, self._writer.folder.info)
        self._writer.event(now_ns, "kept", {"pre_roll_s": round((now_ns - began_ns) / 1e9, 3)})
        self.rolling = None
        return now_ns

    def commit(self) -> None:
        """Bring to the disk what was taken, drops included."""
        self._note_drops(self._clock_ns())
        self._writer.commit()

    def look_at_models(self) -> None:
        """Keep ``session.json`` up to date with the models in use."""
        self._change_info(models=self._models() or self._info.models)

    def finish(self, sentence: str) -> None:
        """Take all that is left, and say why it ended; nothing follows."""
        self.take_results(all_of_them=True)
        self._store(self._hold.rest())
        now_ns = self._clock_ns()
        self._note_drops(now_ns)
        if len(self._frames):  # the disk was full before they could be stored
            self._writer.index.drops(now_ns, "disk_full", len(self._frames))
        self.look_at_models()
        self._writer.event(now_ns, "end", {"reason": sentence or "stopped"})

    def _happened(self, item: Happened) -> None:
        if item.info is not None:
            self._store(self._hold.rest())
            self._hold.use_source(item.info)
            self._change_info(source=SourceRecord.of(item.info))
        elif item.clip is not None and self.rolling is not None:
            self._store(self._hold.rest())
            known = {"models": self._info.models, "source": self._info.source}
            clip = item.clip.model_copy(update=known)
            is_kept = self.rolling.save_clip(clip, item.details["from_ns"], item.details["to_ns"])
            self._clip_ended(clip.session_id, is_kept)
        elif item.kind == "view_fixed":
            self._hold.use_view(item.details.get("view"))
        self._writer.event(item.t_mono_ns, item.kind, item.details)

    def _take_result(self, assessed: Assessed) -> None:
        assessment = assessed.assessment
        self._store(self._hold.result(assessment))
        if self._first_ns is not None and assessment.t_mono_ns >= self._first_ns:
            nameless = replace(assessment, source_id=pseudonymous(assessment.source_id))
            self._writer.assessment(nameless, assessed.t_ready_ns)

    def _store(self, frames: Iterable[tuple[Frame, SegmentGeometry | None]]) -> None:
        for frame, geometry in frames:
            if geometry is None:
                self.without_sector += 1
                continue
            closed = self._writer.frame(frame, geometry)
            if closed is not None and self.rolling is not None:
                self.rolling.segments.append(closed)

    def _note_drops(self, now_ns: int) -> None:
        found = {
            "frames": self._frames.drops,
            "assessments": self._results.drops,
            "no_sector": self.without_sector,
        }
        for kind, count in found.items():
            new = count - self._noted_drops.get(kind, 0)
            if new:
                self._writer.index.drops(now_ns, kind, new)
        self._noted_drops = found

    def _change_info(self, **changes: Any) -> None:
        """Keep ``session.json`` up to date with models and source."""
        changed = self._info.model_copy(update=changes)
        if changed == self._info:
            return
        models_changed = bool(self._info.models) and changed.models != self._info.models
        self._info = changed
        if not self._writer.folder.standby.exists():
            save_info(changed, self._writer.folder.info)
        if models_changed:
            self._writer.event(self._clock_ns(), "models", {"ids": [model.model_id for model in changed.models]})
