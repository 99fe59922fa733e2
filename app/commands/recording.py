"""What ``live`` does about recording: from options to a control, its beginning and its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.bootstrap import ModelOptions
from app.commands.sessions import library_of
from app.engine.pipeline import Engine
from app.session.control import RecordingControl, RecordingSetup
from app.session.recorder_state import RecorderPhase, RecorderSettings
from app.session.video_writer import VideoCodec
from app.settings import of_this_user
from capture.errors import SessionError


@dataclass(frozen=True)
class RecordOptions:
    """What ``live`` was told of recording; None and empty: as the settings say.

    Attributes
    ----------
    library : record from the start into this folder; None: not from the start
    codec : ``ffv1`` or ``h264``
    whole_screen : store the whole screen
    pre_roll_s : seconds from before R
    """

    library: Path | None = None
    codec: str = ""
    whole_screen: bool = False
    pre_roll_s: float | None = None


def recording_for(engine: Engine, wish: RecordOptions, models: ModelOptions) -> RecordingControl:
    """The control of an engine's recordings."""
    known = of_this_user().recording
    settings = RecorderSettings(
        codec=VideoCodec(wish.codec or known.codec),
        whole_screen=wish.whole_screen or known.whole_screen,
        pre_roll_s=known.pre_roll_s if wish.pre_roll_s is None else wish.pre_roll_s,
    )
    library = library_of(wish.library)
    setup = RecordingSetup(library.path, settings, models.load_profile(), models.weights, _settings_of(engine, models))
    return RecordingControl(engine, setup)


def begin_recording(control: RecordingControl, wish: RecordOptions) -> None:
    """Record from the start when a library was named; with a pre-roll wait for R.

    Raises
    ------
    SessionError
        The disk has no room, or the library cannot be written to.
    """
    if wish.pre_roll_s:
        control.arm()
    elif wish.library is not None:
        control.start()


def end_recording(control: RecordingControl) -> dict[str, Any] | None:
    """Wait until the session is sealed; its figures, None when nothing was recorded.

    Raises
    ------
    SessionError
        When the recording ended by an error.
    """
    control.stop()
    control.wait()
    state = control.state
    if state is None or not state.folder.exists():
        return None
    if state.phase is RecorderPhase.FAILED:
        raise SessionError(f"session {state.session_id}: {state.sentence}")
    return {
        "session": state.session_id,
        "frames": state.frames,
        "dropped": state.dropped,
        "megabytes": round(state.bytes_written / 1e6, 3),
        "sentence": state.sentence,
    }


def _settings_of(engine: Engine, models: ModelOptions) -> dict[str, Any]:
    """What the assessments depend on, without paths."""
    return {
        "view": models.view,
        "exam": models.exam,
        "method": models.method,
        "provider": models.provider,
        "precision": models.precision,
        "published": models.published is not None,
        "smoothing": asdict(engine.settings.smoothing),
        "readiness": engine.settings.readiness.model_dump(),
    }
