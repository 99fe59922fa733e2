"""Starts and ends recordings of an engine: one object for the window's R and for a run without a window."""

from __future__ import annotations

import datetime
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.engine.pipeline import Engine
from app.session.info import ModelRecord, SessionInfo, model_records, software_version
from app.session.naming import checked_name, new_session_id
from app.session.recorder import Recorder
from app.session.recorder_state import RecorderPhase, RecorderSettings, RecorderState
from app.session.store import Library
from calibration.profile import ScannerProfile
from models.runtime.contract import ModelInfo
from models.runtime.manifest import default_weights_folder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordingSetup:
    """All that a session is to say of how it came about.

    Attributes
    ----------
    library : folder of the sessions
    recorder : how to record
    profile : of the scanner
    weights : folder of the model files, None for the released ones
    settings : view, exam, method, limits, as JSON takes them; no paths
    """

    library: Path
    recorder: RecorderSettings = field(default_factory=RecorderSettings)
    profile: ScannerProfile | None = None
    weights: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


class RecordingControl:
    """Recordings of one engine, one at a time. Any thread.

    With a pre-roll, ``arm`` begins to keep the last seconds, and ``start`` makes them the beginning of a session.

    Parameters
    ----------
    engine : to record
    setup : what the sessions say of it, and how to record
    make_recorder : another one serves tests
    """

    def __init__(
        self, engine: Engine, setup: RecordingSetup, make_recorder: Callable[..., Recorder] = Recorder
    ) -> None:
        self.setup = setup
        self.library = Library(setup.library)
        self._engine, self._make_recorder = engine, make_recorder
        self._lock = threading.Lock()
        self._recorder: Recorder | None = None
        self._recorders: list[Recorder] = []
        self._records: tuple[tuple[ModelInfo, ...], tuple[ModelRecord, ...]] = ((), ())

    @property
    def state(self) -> RecorderState | None:
        """Of the recording that goes on or ended last, None before the first."""
        recorder = self._recorder
        return None if recorder is None else recorder.state.get()

    @property
    def is_recording(self) -> bool:
        """Whether frames are being kept for good."""
        recorder = self._recorder
        return recorder is not None and self._is_running() and recorder.is_for_good

    @property
    def states(self) -> tuple[RecorderState, ...]:
        """Of all recordings that are not sealed yet or ended lately, the newest last."""
        return tuple(recorder.state.get() for recorder in self._recorders)

    def use(self, settings: RecorderSettings) -> None:
        """Record in another way from the next session on; a standby begins anew.

        Raises
        ------
        SessionError
            As ``arm`` does.
        """
        with self._lock:
            self.setup = replace(self.setup, recorder=settings)
        if self._is_running() and not self.is_recording:
            self.stop()
        self.arm()

    def arm(self) -> None:
        """Begin to keep the last seconds, where there is a pre-roll.

        Raises
        ------
        SessionError
            The disk has no room, or the library cannot be written to.
        """
        with self._lock:
            if self.setup.recorder.pre_roll_s > 0 and not self._is_running():
                self._begin("", "", self.setup.recorder)

    def start(self, name: str = "", exercise: str = "") -> None:
        """Begin a session; nothing happens while one is being recorded.

        Parameters
        ----------
        name : id of the session, empty for a made-up one; what was armed keeps its own
        exercise : of practice

        Raises
        ------
        SessionError
            The name holds something else than letters, digits, - and _, or is taken; the disk has no room.
        """
        with self._lock:
            if not self._is_running():
                self._begin(name, exercise, replace(self.setup.recorder, pre_roll_s=0.0))
            elif self._recorder is not None:
                self._recorder.keep()

    def keep_best_clip(self) -> str | None:
        """Keep the best heart cycle of the last minute: as a session of its own out of what was armed, else by a mark.

        Returns
        -------
        Id of the session, which appears within a second, as ``RecorderState.clips`` tells; empty for a mark; None when
        nothing is kept, or no cycle was found.
        """
        best, recorder = self._engine.state.get().exam.best_cycle, self._recorder
        if best is None or recorder is None or not self._is_running():
            return None
        ago = datetime.timedelta(microseconds=(time.monotonic_ns() - best.t_ed_ns) / 1e3)
        info = self._info("", "", recorder.settings, datetime.datetime.now(datetime.UTC) - ago)
        is_mark = recorder.is_for_good
        recorder.save_clip(info, best.t_ed_ns, best.t_next_ed_ns)
        return "" if is_mark else info.session_id

    def stop(self) -> None:
        """End the session, or the standby; it is sealed while the program goes on. Returns at once."""
        self._engine.stop_recording()

    def wait(self, timeout_s: float = threading.TIMEOUT_MAX) -> bool:
        """Wait until everything that was recorded is sealed; False when time is over first."""
        end_s = time.monotonic() + timeout_s
        return all(recorder.wait(max(end_s - time.monotonic(), 0.0)) for recorder in self._recorders)

    def _is_running(self) -> bool:
        running = (RecorderPhase.STARTING, RecorderPhase.STANDBY, RecorderPhase.RECORDING)
        recorder = self._recorder
        return recorder is not None and not recorder.is_closed and recorder.state.get().phase in running

    def _begin(self, name: str, exercise: str, settings: RecorderSettings) -> None:
        info = self._info(name, exercise, settings, datetime.datetime.now(datetime.UTC))
        recorder = self._make_recorder(
            self.setup.library, info, settings, models=self._models, view=self.setup.settings.get("view")
        )
        recorder.start()
        self._recorder = recorder
        self._recorders = [*(known for known in self._recorders if not known.state.get().is_over), recorder]
        self._engine.start_recording(recorder)
        log.info("session %s is being recorded", info.session_id)

    def _info(self, name: str, exercise: str, settings: RecorderSettings, at: datetime.datetime) -> SessionInfo:
        return SessionInfo(
            session_id=checked_name(name) if name else new_session_id(at),
            started_at=at.isoformat(timespec="milliseconds"),
            started_mono_ns=time.monotonic_ns(),
            software=software_version(),
            profile=self.setup.profile,
            exercise=exercise,
            codec=settings.codec.value,
            whole_screen=settings.whole_screen,
            settings=dict(self.setup.settings),
        )

    def _models(self) -> tuple[ModelRecord, ...]:
        models = self._engine.state.get().models
        if self._records[0] != models:
            self._records = models, model_records(models, self.setup.weights or default_weights_folder())
        return self._records[1]


def report_cut_off(library: Library, say: Callable[[str], None]) -> None:
    """Say which sessions a crash left behind, and how to bring them into order."""
    library.tidy()
    for folder in library.unsealed():
        say(
            f"session {folder.session_id} was cut off: 'sonogauge sessions recover {folder.session_id} "
            f"--library {library.path}' brings it into order"
        )
