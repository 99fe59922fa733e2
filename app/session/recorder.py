"""Records what the engine gives: frames and assessments through bounded queues, in a thread of its own.

Nothing here ever makes capture or assessment wait: what does not fit into a queue is counted and written down. An error
of the disk ends the recording, not the program; what was recorded stays readable.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av

from app.engine.channels import ChannelClosed, Queue, Snapshot
from app.engine.state import Assessed
from app.engine.worker import Worker
from app.session.disk_guard import DiskGuard, DiskLevel, DiskState, FreeBytes, free_bytes
from app.session.geometry import SegmentGeometry
from app.session.hold import FrameHold
from app.session.info import ModelRecord, SessionInfo, SourceRecord, save_info
from app.session.layout import SessionFolder
from app.session.naming import pseudonymous
from app.session.recorder_state import RecorderPhase, RecorderSettings, RecorderState
from app.session.rolling import Rolling
from app.session.sealing import seal_session
from app.session.session_writer import SessionWriter
from app.session.video_writer import OpenFile, check_codec, open_output
from capture.errors import SessionError
from capture.frame import Frame, SourceInfo
from models.runtime.cores import Core

log = logging.getLogger(__name__)

WRITE_ERRORS = (OSError, av.error.FFmpegError, sqlite3.Error, SessionError)


@dataclass(frozen=True)
class _Happened:
    """An event on its way, in order with the frames; ``info`` is of a source that was opened, ``clip`` of a session."""

    t_mono_ns: int
    kind: str
    details: dict[str, Any]
    info: SourceInfo | None = None
    clip: SessionInfo | None = None


class Recorder:
    """One session while it is recorded; takes part in the engine as its ``Sink``.

    Parameters
    ----------
    library : folder that holds the sessions
    info : what is known of the session beforehand; its id becomes the folder's name
    settings : how to record
    models : tells the models in use; asked once a second, since they load and change
    view : fixed by the user at the start
    clock_ns : monotonic nanoseconds, the clock of ``Frame.t_mono_ns``
    free : tells the free bytes of a folder's disk
    open_file : opens a segment of the video
    """

    def __init__(
        self,
        library: Path,
        info: SessionInfo,
        settings: RecorderSettings | None = None,
        *,
        models: Callable[[], tuple[ModelRecord, ...]] = tuple,
        view: str | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        free: FreeBytes = free_bytes,
        open_file: OpenFile = open_output,
    ) -> None:
        self.settings = settings or RecorderSettings()
        self.folder = SessionFolder(library / info.session_id)
        first = RecorderState(session_id=info.session_id, folder=self.folder.path)
        self.state: Snapshot[RecorderState] = Snapshot("recorder", first)
        self._info, self._models = info, models
        self._clock_ns, self._free, self._open_file = clock_ns, free, open_file
        self._frames: Queue[Frame | _Happened] = Queue("recorder frames", self.settings.frames_capacity)
        self._results: Queue[Assessed] = Queue("recorder results", self.settings.results_capacity)
        self._hold = FrameHold(info.profile, self.settings.whole_screen, round(self.settings.hold_s * 1e9))
        self._hold.use_view(view)
        self._keep = threading.Event()
        self._worker = Worker("recorder", self._run, core=Core.OTHERS)
        self._guard: DiskGuard | None = None
        self._writer: SessionWriter | None = None
        self._rolling: Rolling | None = None
        self._next: Assessed | None = None
        self._first_ns: int | None = None
        self._newest_ns = self._began_ns = self._committed_ns = self._looked_ns = 0
        self._without_sector = 0
        self._noted_drops: dict[str, int] = {}

    # -- control; any thread ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the folder and begin.

        Raises
        ------
        SessionError
            The disk has no room, the library cannot be written to, a session of this name exists, or the codec is
            missing.
        """
        check_codec(self.settings.codec)
        try:
            self.folder.path.parent.mkdir(parents=True, exist_ok=True)
            self._guard = DiskGuard(self.folder.path.parent, self._free)
            self._guard.check_start()
            self.folder.path.mkdir()
            if self.settings.pre_roll_s > 0:
                self.folder.standby.touch()
            else:
                save_info(self._info, self.folder.info)
        except FileExistsError as error:
            raise SessionError(f"there is a session {self.folder.session_id} already: choose another name") from error
        except OSError as error:
            raise SessionError(
                f"sessions cannot be kept in {self.folder.path.parent} ({error.strerror}): choose another library"
            ) from error
        if self.settings.whole_screen:
            log.warning("the whole screen is recorded: names of patients that it shows will be in the video")
        self._worker.start()

    def keep(self) -> None:
        """End the standby: the last ``pre_roll_s`` seconds and all that follows are the session."""
        self._keep.set()

    def save_clip(self, info: SessionInfo, t_from_ns: int, t_to_ns: int) -> None:
        """Make a session of its own of a time that still rolls by; while recording, only mark it by an event.

        Parameters
        ----------
        info : of the new session
        t_from_ns, t_to_ns : capture times; whole segments around them are kept
        """
        self._offer(_Happened(self._clock_ns(), "clip", {"from_ns": t_from_ns, "to_ns": t_to_ns}, clip=info))

    def close(self, reason: str) -> None:
        """Take nothing more; what was taken is written and sealed. Returns at once."""
        self._results.close(reason)
        self._frames.close(reason)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the session is sealed; False when it still is not."""
        return self._worker.join(timeout_s)

    # -- sink; any thread ---------------------------------------------------------------------------------------

    def take_frame(self, frame: Frame) -> None:
        """Take a frame, or count it as dropped."""
        self._offer(frame)

    def take_source(self, info: SourceInfo) -> None:
        """A source was opened; its frames follow."""
        self._offer(_Happened(self._clock_ns(), "source_opened", SourceRecord.of(info).model_dump(), info))

    def take_result(self, assessed: Assessed) -> None:
        """Take an assessment, or count it as dropped."""
        with contextlib.suppress(ChannelClosed):
            self._results.put(assessed)

    def note(self, kind: str, **details: Any) -> None:
        """Take an event."""
        if "source" in details:
            details["source"] = pseudonymous(str(details["source"]))
        self._offer(_Happened(self._clock_ns(), kind, details))

    def _offer(self, item: Frame | _Happened) -> None:
        with contextlib.suppress(ChannelClosed):
            self._frames.put(item)

    # -- the worker's thread ------------------------------------------------------------------------------------

    def _run(self, worker: Worker) -> None:
        sentence = ""
        try:
            self._writer = SessionWriter(self.folder, self.settings.codec, self._open_file)
            if self.settings.pre_roll_s > 0:
                self._rolling = Rolling(self._writer, self.settings.pre_roll_s, self.settings.rolling_s)
            self._enter(RecorderPhase.RECORDING if self._rolling is None else RecorderPhase.STANDBY)
            self._began_ns = self._clock_ns()
            sentence = self._record(worker)
            self._end(sentence)
        except WRITE_ERRORS as error:
            self._fail(error)
        finally:
            self.close("the recording has ended")
            if not self.state.get().is_over:
                self._enter(RecorderPhase.FAILED, "the recording ended by a fault of the program: recover the session")

    def _record(self, worker: Worker) -> str:
        """Until there is nothing more to take, or no room for it; the sentence why it ended early, else empty."""
        while True:
            worker.beat()
            try:
                item = self._frames.get(0.02)
            except ChannelClosed:
                return ""
            if item is not None:
                self._take(item)
            self._take_results()
            self._store(self._hold.due(self._clock_ns()))
            self._roll()
            if self._tick() is DiskLevel.FULL:
                return "the disk is full: the recording was stopped and is complete up to here"

    def _take(self, item: Frame | _Happened) -> None:
        assert self._writer is not None
        if isinstance(item, Frame):
            if self._first_ns is None:
                self._first_ns = item.t_mono_ns
            self._newest_ns = item.t_mono_ns
            self._hold.frame(item, self._clock_ns())
            return
        if item.info is not None:
            self._store(self._hold.rest())
            self._hold.use_source(item.info)
            self._change_info(source=SourceRecord.of(item.info))
        elif item.clip is not None and self._rolling is not None:
            self._store(self._hold.rest())
            known = {"models": self._info.models, "source": self._info.source}
            clip = item.clip.model_copy(update=known)
            self._rolling.save_clip(clip, item.details["from_ns"], item.details["to_ns"])
        elif item.kind == "view_fixed":
            self._hold.use_view(item.details.get("view"))
        self._writer.event(item.t_mono_ns, item.kind, item.details)

    def _take_results(self, all_of_them: bool = False) -> None:
        """Results whose frames were taken: a result must not overtake its frame."""
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

    def _take_result(self, assessed: Assessed) -> None:
        assert self._writer is not None
        assessment = assessed.assessment
        self._store(self._hold.result(assessment))
        if self._first_ns is not None and assessment.t_mono_ns >= self._first_ns:
            nameless = replace(assessment, source_id=pseudonymous(assessment.source_id))
            self._writer.assessment(nameless, assessed.t_ready_ns)

    def _store(self, frames: Iterable[tuple[Frame, SegmentGeometry | None]]) -> None:
        assert self._writer is not None
        for frame, geometry in frames:
            if geometry is None:
                self._without_sector += 1
                continue
            closed = self._writer.frame(frame, geometry)
            if closed is not None and self._rolling is not None:
                self._rolling.segments.append(closed)

    def _roll(self) -> None:
        """In standby: old pictures go, until all that is left becomes a session."""
        if self._rolling is None:
            return
        self._rolling.turn(self._newest_ns, end_now=self._keep.is_set())
        if self._keep.is_set():
            self._become_session(self._rolling.began_ns)
            self._rolling = None

    def _become_session(self, began_ns: int | None) -> None:
        assert self._writer is not None
        now_ns = self._clock_ns()
        began_ns = now_ns if began_ns is None else began_ns
        before = datetime.timedelta(microseconds=(now_ns - began_ns) / 1e3)
        started_at = datetime.datetime.now(datetime.UTC) - before
        self._info = self._info.model_copy(
            update={"started_at": started_at.isoformat(timespec="milliseconds"), "started_mono_ns": began_ns}
        )
        save_info(self._info, self.folder.info)
        self.folder.standby.unlink()
        self._began_ns = now_ns
        self._writer.event(now_ns, "kept", {"pre_roll_s": round((now_ns - began_ns) / 1e9, 3)})
        self._enter(RecorderPhase.RECORDING)

    def _tick(self) -> DiskLevel:
        """Commit, look at the disk and the models, publish; as often as each needs."""
        assert self._writer is not None
        assert self._guard is not None
        now_ns = self._clock_ns()
        disk = self._guard.check(now_ns / 1e9)
        if now_ns - self._committed_ns >= self.settings.commit_s * 1e9:
            self._committed_ns = now_ns
            self._note_drops(now_ns)
            self._writer.commit()
            self._publish(disk)
        if now_ns - self._looked_ns >= 1e9:
            self._looked_ns = now_ns
            self._change_info(models=self._models() or self._info.models)
        return disk.level

    def _note_drops(self, now_ns: int) -> None:
        assert self._writer is not None
        found = {
            "frames": self._frames.drops,
            "assessments": self._results.drops,
            "no_sector": self._without_sector,
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
        if not self.folder.standby.exists():
            save_info(changed, self.folder.info)
        if models_changed and self._writer is not None:
            self._writer.event(self._clock_ns(), "models", {"ids": [model.model_id for model in changed.models]})

    # -- the end ------------------------------------------------------------------------------------------------

    def _end(self, sentence: str) -> None:
        assert self._writer is not None
        self.close("the recording has ended")
        if self._rolling is not None:
            self._give_up_standby()
            return
        self._take_results(all_of_them=True)
        self._store(self._hold.rest())
        now_ns = self._clock_ns()
        self._note_drops(now_ns)
        if len(self._frames):  # the disk was full before they could be stored
            self._writer.index.drops(now_ns, "disk_full", len(self._frames))
        self._change_info(models=self._models() or self._info.models)
        self._writer.event(now_ns, "end", {"reason": sentence or "stopped"})
        self._enter(RecorderPhase.SEALING, sentence)
        self._writer.close()
        self._seal()
        self._enter(RecorderPhase.DONE, sentence)
        log.info("session %s: %d frames recorded %s", self.folder.session_id, self._writer.acknowledged, sentence)

    def _give_up_standby(self) -> None:
        assert self._writer is not None
        self._writer.close()
        self._writer.index.close()
        shutil.rmtree(self.folder.path, ignore_errors=True)
        self._enter(RecorderPhase.DONE)

    def _seal(self) -> None:
        assert self._writer is not None
        seal_session(
            self.folder, self._writer.index, recovered=False, progress=lambda share: self._set(sealed_share=share)
        )

    def _fail(self, error: Exception) -> None:
        """Say it first, then save what can be saved; what cannot be sealed can be recovered later."""
        reason = getattr(error, "strerror", None) or str(error)
        sentence = (
            f"recording was stopped ({reason}): what was recorded so far is kept; check the disk's room and the library"
        )
        log.error("session %s: %s", self.folder.session_id, sentence)
        self._enter(RecorderPhase.SEALING, sentence)
        self.close(sentence)
        if self._writer is not None:
            self._writer.abandon()
            try:
                self._writer.event(self._clock_ns(), "end", {"reason": reason})
                self._writer.commit()
                self._writer.index.set_meta({"writer": ""})  # should the seal fail, it may be recovered at once
                self._seal()
            except WRITE_ERRORS as second:
                log.error("session %s is not sealed (%s): recover it later", self.folder.session_id, second)
                with contextlib.suppress(sqlite3.Error):
                    self._writer.index.close()
        self._enter(RecorderPhase.FAILED, sentence)

    # -- state --------------------------------------------------------------------------------------------------

    def _enter(self, phase: RecorderPhase, sentence: str = "") -> None:
        self._set(phase=phase, sentence=sentence)
        if self._guard is not None and self._writer is not None:
            self._publish(self._guard.state)

    def _publish(self, disk: DiskState) -> None:
        assert self._writer is not None
        elapsed_s = max((self._clock_ns() - self._began_ns) / 1e9, 0.0)
        rate = self._writer.bytes_written / elapsed_s if elapsed_s > 1 else 0.0
        is_over = self.state.get().phase in (RecorderPhase.SEALING, RecorderPhase.DONE, RecorderPhase.FAILED)
        self._set(
            elapsed_s=self.state.get().elapsed_s if is_over else elapsed_s,
            frames=self._writer.acknowledged,
            dropped=self._frames.drops + self._without_sector,
            bytes_written=self._writer.bytes_written,
            bytes_per_s=self.state.get().bytes_per_s if is_over else rate,
            disk=disk,
            minutes_left=disk.minutes_left(rate),
        )

    def _set(self, **changes: Any) -> None:
        self.state.set(replace(self.state.get(), **changes))
