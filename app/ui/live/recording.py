"""What the user wants of recording: nothing of it is done in the window's thread, which looks at the states alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.session.control import RecordingControl
from app.session.recorder_state import RecorderSettings
from app.session.video_writer import VideoCodec
from app.ui.errands import Errands
from app.ui.live.messages import Tone
from app.ui.live.recording_status import RecordingStatus, status_of

LOOK_EVERY_MS = 100


class RecordingDesk(QObject):
    """Starts and stops recordings, and tells how they are.

    ``changed`` carries a ``RecordingStatus``, ``told`` a sentence for the banner and its tone.

    Parameters
    ----------
    control : of the engine's recordings
    remember : takes the changed fields of the recording settings
    """

    changed = Signal(object)
    told = Signal(str, object)

    def __init__(self, control: RecordingControl, remember: Callable[..., None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.control = control
        self.status = RecordingStatus()
        self._remember = remember
        self._errands = Errands("recording", self._failed, self)
        self._wanted = control.is_recording
        self._said: set[tuple[str, str]] = set()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_EVERY_MS)

    @property
    def settings(self) -> RecorderSettings:
        """How the next session is recorded."""
        return self.control.setup.recorder

    @property
    def saved_share(self) -> float:
        """How much of what is being sealed is sealed, 0..1."""
        shares = [state.sealed_share for state in self.control.states if not state.is_over]
        return min(shares, default=1.0)

    def arm(self) -> None:
        """Keep what was before R, where there is a pre-roll."""
        self._errands.run(self.control.arm)

    def record(self) -> None:
        """Start a session, or stop it."""
        self._wanted = not self._wanted
        self._errands.run(self.control.start if self._wanted else self._stop)
        self._look()

    def keep_clip(self) -> None:
        """Keep the best heart cycle of the last minute."""
        self._errands.run(self.control.keep_best_clip, self._clip_asked)

    def tell_folder(self) -> None:
        """Say where sessions are kept."""
        self.told.emit(f"sessions are kept in {self.control.library.path}", Tone.INFO)

    def choose_pre_roll(self, seconds: float) -> None:
        """Keep so much from before R from now on."""
        self._use(pre_roll_s=float(seconds))

    def choose_codec(self, codec: str) -> None:
        """Record with another codec from the next session on."""
        self._use({"codec": codec}, codec=VideoCodec(codec))

    def choose_screen(self, whole: bool) -> None:
        """Record the whole screen from the next session on, or the sector alone."""
        self._use(whole_screen=whole)

    @property
    def is_saved(self) -> bool:
        """Whether nothing is left to be saved."""
        return not self._errands.is_busy and all(state.is_over for state in self.control.states)

    def finish(self) -> None:
        """Stop, and save all."""
        self._wanted = False
        self._errands.run(self.control.stop)

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()

    def _stop(self) -> None:
        self.control.stop()
        self.control.arm()

    def _use(self, remembered: dict[str, Any] | None = None, **changes: Any) -> None:
        settings = replace(self.settings, **changes)
        self._remember(**(remembered or changes))
        self._errands.run(lambda: self.control.use(settings))

    def _look(self) -> None:
        states = self.control.states
        for state in states:
            self._say_once(state.session_id, state.sentence, Tone.URGENT)
            for clip, is_kept in state.clips:
                text = f"the best heart cycle is kept as session {clip}" if is_kept else _GONE
                self._say_once(clip, text, Tone.INFO if is_kept else Tone.CAUTION)
        if not self._errands.is_busy:
            self._wanted = self.control.is_recording
        status = status_of(states, self.settings, self._wanted)
        if status != self.status:
            self.status = status
            self.changed.emit(status)

    def _say_once(self, session_id: str, text: str, tone: Tone) -> None:
        if text and (session_id, text) not in self._said:
            self._said.add((session_id, text))
            self.told.emit(text, tone)

    def _clip_asked(self, session_id: str | None) -> None:
        if session_id is None:
            self.told.emit("no heart cycle of the last minute can be kept: show a beating heart for a while", Tone.INFO)
        elif not session_id:
            self.told.emit("the best heart cycle is marked in the recording", Tone.INFO)

    def _failed(self, text: str) -> None:
        self.told.emit(text, Tone.URGENT)


_GONE = "the best heart cycle was not kept: its pictures are gone, or none of them may be stored"
