"""What the window says of recordings, decided without Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.session.disk_guard import DiskLevel
from app.session.recorder_state import RecorderPhase, RecorderSettings, RecorderState
from app.ui.live.messages import Tone

_SEALING = (RecorderPhase.SEALING,)
_RUNNING = (RecorderPhase.STARTING, RecorderPhase.STANDBY, RecorderPhase.RECORDING)
LONG_MIN = 120
PATIENCE_S = 3.0
NOTHING_STORED = (
    "nothing of the picture is recorded: no sector is found in it; choose a scanner profile, or record the whole screen"
)
WARNINGS = {
    DiskLevel.AMBER: (
        "less than 5 GB are free where sessions are kept: delete old sessions or choose another disk soon",
        Tone.CAUTION,
    ),
    DiskLevel.RED: (
        "less than 1 GB is free where sessions are kept: make room now, the recording ends when 50 MB are left",
        Tone.URGENT,
    ),
}


@dataclass(frozen=True)
class RecordingStatus:
    """Recordings at one moment.

    Attributes
    ----------
    is_on : a session is being recorded, or is about to
    can_clip : there is something to keep a clip of
    text : as in ``REC 00:12`` or ``saving 40 %``
    left : time left, as in ``43 min left``, and whether the whole screen is stored; may be empty
    disk : how much room there is
    warning, tone : a sentence for the banner, empty for none
    lost : frames that came and are not in the recording
    """

    is_on: bool = False
    can_clip: bool = False
    text: str = ""
    left: str = ""
    disk: DiskLevel = DiskLevel.OK
    warning: str = ""
    tone: Tone = Tone.CAUTION
    lost: int = 0


def status_of(states: Sequence[RecorderState], settings: RecorderSettings, is_on: bool) -> RecordingStatus:
    """What to show of recordings.

    Parameters
    ----------
    states : of all that are not sealed yet or ended lately, the newest last
    settings : of the newest
    is_on : the newest is meant to become a session
    """
    state = states[-1] if states else RecorderState()
    runs = state.phase in _RUNNING and bool(states)
    level = state.disk.level if runs and state.disk is not None else DiskLevel.OK
    warning, tone = _warning(state, level)
    if is_on:
        left, lost = _left(state, settings), state.dropped
        return RecordingStatus(True, runs, _elapsed(state), left, level, warning, tone, lost)
    return RecordingStatus(False, runs, _beside(states, state, settings), "", level, warning, tone)


def _warning(state: RecorderState, level: DiskLevel) -> tuple[str, Tone]:
    is_late = state.phase is RecorderPhase.RECORDING and state.elapsed_s > PATIENCE_S
    if is_late and state.dropped and not state.frames:
        return NOTHING_STORED, Tone.URGENT
    return WARNINGS.get(level, ("", Tone.CAUTION))


def _elapsed(state: RecorderState) -> str:
    """``REC 00:12``, with hours from the first on."""
    recorded = state.phase is RecorderPhase.RECORDING
    minutes, seconds = divmod(int(state.elapsed_s) if recorded else 0, 60)
    hours, minutes = divmod(minutes, 60)
    return f"REC {hours}:{minutes:02d}:{seconds:02d}" if hours else f"REC {minutes:02d}:{seconds:02d}"


def _left(state: RecorderState, settings: RecorderSettings) -> str:
    is_measured = state.phase is RecorderPhase.RECORDING and state.minutes_left is not None
    parts = [time_left(state.minutes_left or 0.0)] if is_measured else []
    if settings.whole_screen:
        parts.append("whole screen")
    return ", ".join(parts)


def time_left(minutes: float) -> str:
    """As in ``43 min left`` or ``5 h left``; rounded down."""
    if minutes < 1:
        return "less than 1 min left"
    return f"{int(minutes)} min left" if minutes < LONG_MIN else f"{int(minutes / 60)} h left"


def _beside(states: Sequence[RecorderState], newest: RecorderState, settings: RecorderSettings) -> str:
    """While no session is recorded: one being sealed comes first."""
    for state in states:
        if state.phase in _SEALING:
            return f"saving {100 * state.sealed_share:.0f} %"
    if not states:
        return ""
    if newest.phase in _RUNNING and newest.phase is not RecorderPhase.RECORDING:
        return f"keeps the last {settings.pre_roll_s:.0f} s"
    return "saved" if newest.phase is RecorderPhase.DONE and newest.sealed_share == 1 and not newest.sentence else ""
