"""A window around an engine without threads."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_bench import Shelf, StillEngine
from pytestqt.qtbot import QtBot

from app.ui.dialogs.source_picker import SourceChoice
from app.ui.main_window import MainWindow

CARD = SourceChoice("v4l2:/dev/video7", "Grabber", "/dev/video7")


@pytest.fixture
def engine() -> StillEngine:
    return StillEngine()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def window(qtbot: QtBot, engine: StillEngine, shelf: Shelf, tmp_path: Path) -> MainWindow:
    made = MainWindow(engine, shelf, lambda: [CARD], settings_path=tmp_path / "settings.toml", profile="Vivid room 2")
    qtbot.addWidget(made)
    made.resize(1200, 800)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    return made
