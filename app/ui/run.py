"""Entry of the window for the command line."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from PySide6.QtCore import QTimer

from app import settings as settings_file
from app.engine.pipeline import Engine
from app.session.control import RecordingControl
from app.ui import theme
from app.ui.bench_view import application
from app.ui.dialogs.source_picker import ListDevices, SourceChoice
from app.ui.main_window import MainWindow
from capture.discovery import list_v4l2_devices, open_source
from capture.source import FrameSource
from models.runtime.cores import Core, staying_on

_log = logging.getLogger(__name__)

_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


def v4l2_choices() -> list[SourceChoice]:
    """Capture devices of this machine, for the picker."""
    return [SourceChoice(device.source_id, device.label, device.source_id) for device in list_v4l2_devices()]


def run_window(
    engine: Engine,
    make_source: Callable[[str], FrameSource] = open_source,
    list_devices: ListDevices = v4l2_choices,
    *,
    view: str | None = None,
    profile: str = "",
    exam: str = "echo",
    recording: RecordingControl | None = None,
    settings_path: Path | None = None,
    seconds: float | None = None,
    screenshot: Path | None = None,
    full_screen: bool = False,
) -> int:
    """Show the live window until it is closed; start the engine once it is up, stop it in the end.

    Parameters
    ----------
    engine : not yet started
    make_source, list_devices, view, profile, exam, recording : see ``MainWindow``
    settings_path : settings file; None: the one of this user
    seconds : close after this time; None: when the user closes
    screenshot : PNG of the window, written just before it closes
    full_screen : start in full screen

    Returns
    -------
    Exit status, 0 when the window was closed in order.
    """
    app = application(offscreen=False)
    theme.apply(app)
    path = settings_path or settings_file.default_path()
    chosen, problems = settings_file.load(path)
    window = MainWindow(
        engine,
        make_source,
        list_devices,
        settings=chosen,
        settings_path=path,
        view=view,
        profile=profile,
        exam=exam,
        recording=recording,
    )
    window.show()
    if full_screen:
        window.full_screen()
    for problem in problems:
        window.say(problem)
    if seconds is not None:
        QTimer.singleShot(round(seconds * 1000), window, lambda: _close(window, screenshot))
    before = _let_ctrl_c_through(window)
    engine.start()
    try:
        with staying_on(Core.OTHERS):
            return app.exec()
    finally:
        signal.signal(signal.SIGINT, before)
        engine.stop()


def _close(window: MainWindow, screenshot: Path | None) -> None:
    if screenshot is not None and not window.grab().save(str(screenshot)):
        _log.error("the screenshot cannot be written to %s: check the folder and the ending (.png)", screenshot)
    window.close()


def _let_ctrl_c_through(window: MainWindow) -> _Handler:
    """Close the window on Ctrl+C, return the handler that was there before.

    Python handles signals between its own instructions only: the timer gives it some, also when no frame comes.
    """
    pulse = QTimer(window)
    pulse.timeout.connect(lambda: None)
    pulse.start(200)
    return signal.signal(signal.SIGINT, lambda *_: window.close())
