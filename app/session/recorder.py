"""Records what the engine gives: frames and assessments through bounded queues, in a thread of its own.

Nothing here ever makes capture or assessment wait: what does not fit into a queue is counted and written down. An error
of the disk ends the recording, not the program; what was recorded stays readable.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

from app.engine.channels import ChannelClosed, Queue, Snapshot
from app.engine.state import Assessed
from app.engine.worker import Worker
from app.session.disk_guard import DiskGuard, DiskLevel, FreeBytes, free_bytes
from app.session.info import ModelRecord, SessionInfo, SourceRecord, save_info
from app.session.layout import SessionFolder
from app.session.naming import pseudonymous
from app.session.recorder_meter import RecorderMeter
from app.session.recorder_state import RecorderPhase, RecorderSettings, RecorderState
from app.session.sealing import seal_session
from app.session.session_feed import Happened, SessionFeed
from app.session.session_writer import SessionWriter
from app.session.video_writer import OpenFile, check_codec, open_output
from capture.errors import SessionError
from capture.frame import Frame, SourceInfo
from models.runtime.cores import Core

log = logging.getLogger(__name__)

_NOTHING_BEFORE = "nothing from before R is kept any more"
WRITE_ERRORS = (OSError, av.error.FFmpegError, sqlite3.Error, SessionError)


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
        self._frames: Queue[Frame | Happened] = Queue("recorder frames", self.settings.frames_capacity)
        self._results: Queue[Assessed] = Queue("recorder results", self.settings.results_capacity)
        self._view = view
        self._keep = threading.Event()
        self._worker = Worker("recorder", self._run, core=Core.OTHERS)
        self._meter = RecorderMeter(self.state, clock_ns, self._dropped)
        self._guard: DiskGuard | None = None
        self._writer: SessionWriter | None = None
        self._feed: SessionFeed | None = None
        self._committed_ns = self._looked_ns = 0

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
            self._make_library()
            self._guard = DiskGuard(self.folder.path.parent, self._free)
            self._guard.check_start()
            self.folder.path.mkdir()
            if self.settings.pre_roll_s > 0:
                self.folder.standby.touch()
            save_info(self._info, self.folder.info)  # in standby too: a full disk at R must not cost the pre-roll
        except FileExistsError as error:
            raise SessionError(f"there is a session {self.folder.session_id} already: choose another name") from error
        except OSError as error:
            raise SessionError(
                f"sessions cannot be kept in {self.folder.path.parent} ({error.strerror}): choose another library"
            ) from error
        if self.settings.whole_screen:
            log.warning("the whole screen is recorded: names of patients that it shows will be in the video")
        self._worker.start()

    def _make_library(self) -> None:
        library = self.folder.path.parent
        if library.exists() and not library.is_dir():
            raise SessionError(f"{library} is no folder: choose another library")
        library.mkdir(parents=True, exist_ok=True)

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
        self._offer(Happened(self._clock_ns(), "clip", {"from_ns": t_from_ns, "to_ns": t_to_ns}, clip=info))

    def close(self, reason: str) -> None:
        """Take nothing more; what was taken is written and sealed. Returns at once."""
        self._results.close(reason)
        self._frames.close(reason)

    @property
    def is_closed(self) -> bool:
        """Whether it takes nothing more."""
        return self._frames.is_closed

    @property
    def is_for_good(self) -> bool:
        """Whether what it takes will be a session: there is no standby, or it was told to keep."""
        return self.settings.pre_roll_s == 0 or self._keep.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the session is sealed; False when it still is not."""
        return self._worker.join(timeout_s)

    # -- sink; any thread ---------------------------------------------------------------------------------------

    def take_frame(self, frame: Frame) -> None:
        """Take a frame, or count it as dropped."""
        self._offer(frame)

    def take_source(self, info: SourceInfo) -> None:
        """A source was opened; its frames follow."""
        self._offer(Happened(self._clock_ns(), "source_opened", SourceRecord.of(info).model_dump(), info))

    def take_result(self, assessed: Assessed) -> None:
        """Take an assessment, or count it as dropped."""
        with contextlib.suppress(ChannelClosed):
            self._results.put(assessed)

    def note(self, kind: str, **details: Any) -> None:
        """Take an event."""
        if "source" in details:
            details["source"] = pseudonymous(str(details["source"]))
        self._offer(Happened(self._clock_ns(), kind, details))

    def _offer(self, item: Frame | Happened) -> None:
        with contextlib.suppress(ChannelClosed):
            self._frames.put(item)

    # -- the worker's thread ------------------------------------------------------------------------------------

    def _run(self, worker: Worker) -> None:
        sentence = ""
        try:
            self._meter.guard = self._guard
            self._meter.writer = self._writer = SessionWriter(self.folder, self.settings.codec, self._open_file)
            feed = self._feed = SessionFeed(
                self._writer,
                self._info,
                self.settings,
                self._view,
                self._frames,
                self._results,
                self._models,
                self._clock_ns,
                self._meter.clip_ended,
            )
            self._meter.began_ns = self._clock_ns()
            self._meter.enter(RecorderPhase.RECORDING if feed.rolling is None else RecorderPhase.STANDBY)
            sentence = self._record(worker, feed)
            self._end(self._writer, feed, sentence)
        except WRITE_ERRORS as error:
            self._fail(error)
        finally:
            self.close("the recording has ended")
            if not self.state.get().is_over:
                self._meter.enter(
                    RecorderPhase.FAILED, "the recording ended by a fault of the program: recover the session"
                )

    def _record(self, worker: Worker, feed: SessionFeed) -> str:
        """Until there is nothing more to take, or no room for it; the sentence why it ended early, else empty."""
        while True:
            worker.beat()
            try:
                item = self._frames.get(0.02)
            except ChannelClosed:
                return ""
            if item is not None:
                feed.take(item)
            feed.take_results()
            feed.store_due()
            self._roll(feed)
            if self._tick(feed) is DiskLevel.FULL:
                return "the disk is full: the recording was stopped and is complete up to here"

    def _roll(self, feed: SessionFeed) -> None:
        """In standby: old pictures go, until all that is left becomes a session."""
        feed.roll(end_now=self._keep.is_set())
        if feed.rolling is not None and self._keep.is_set():
            self._meter.began_ns = feed.become_session()
            self._meter.enter(RecorderPhase.RECORDING)

    def _tick(self, feed: SessionFeed) -> DiskLevel:
        """Commit, look at the disk and the models, publish; as often as each needs."""
        assert self._guard is not None
        now_ns = self._clock_ns()
        disk = self._guard.check(now_ns / 1e9)
        if now_ns - self._committed_ns >= self.settings.commit_s * 1e9:
            self._committed_ns = now_ns
            feed.commit()
            self._meter.publish(disk)
        if now_ns - self._looked_ns >= 1e9:
            self._looked_ns = now_ns
            feed.look_at_models()
        return disk.level

    def _dropped(self) -> int:
        return self._frames.drops + (self._feed.without_sector if self._feed else 0)

    # -- the end ------------------------------------------------------------------------------------------------

    def _end(self, writer: SessionWriter, feed: SessionFeed, sentence: str) -> None:
        self.close("the recording has ended")
        if feed.rolling is not None:
            self._give_up_standby(writer)
            self._meter.enter(RecorderPhase.DONE, f"the disk is full: {_NOTHING_BEFORE}" if sentence else "")
            return
        feed.finish(sentence)
        self._meter.enter(RecorderPhase.SEALING, sentence)
        writer.close()
        self._seal(writer)
        self._meter.enter(RecorderPhase.DONE, sentence)
        log.info("session %s: %d frames recorded %s", self.folder.session_id, writer.acknowledged, sentence)

    def _give_up_standby(self, writer: SessionWriter) -> None:
        with contextlib.suppress(*WRITE_ERRORS):
            writer.close()
        writer.index.close()
        shutil.rmtree(self.folder.path, ignore_errors=True)

    def _seal(self, writer: SessionWriter) -> None:
        seal_session(
            self.folder, writer.index, recovered=False, progress=lambda share: self._meter.set(sealed_share=share)
        )

    def _fail(self, error: Exception) -> None:
        """Say it first, then save what can be saved; what cannot be sealed can be recovered later."""
        reason = getattr(error, "strerror", None) or str(error)
        is_standby = not self.is_for_good
        kept = _NOTHING_BEFORE if is_standby else "what was recorded so far is kept"
        sentence = f"recording was stopped ({reason}): {kept}; check the disk's room and the library"
        log.error("session %s: %s", self.folder.session_id, sentence)
        self._meter.enter(RecorderPhase.SEALING, sentence)
        self.close(sentence)
        if self._writer is not None:
            self._writer.abandon()
            self._give_up_standby(self._writer) if is_standby else self._save_what_can_be(self._writer, reason)
        self._meter.enter(RecorderPhase.FAILED, sentence)

    def _save_what_can_be(self, writer: SessionWriter, reason: str) -> None:
        try:
            self.folder.standby.unlink(missing_ok=True)
            writer.event(self._clock_ns(), "end", {"reason": reason})
            writer.commit()
            writer.index.set_meta({"writer": ""})  # should the seal fail, it may be recovered at once
            self._seal(writer)
        except WRITE_ERRORS as second:
            log.error("session %s is not sealed (%s): recover it later", self.folder.session_id, second)
            with contextlib.suppress(sqlite3.Error):
                writer.index.close()
