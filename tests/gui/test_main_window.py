"""The live window, driven by keys, drops and states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gui_bench import Shelf, StillEngine, look
from hearts import centre, heart, heart_frame, no_heart
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.engine.state import SignalState
from app.engine.timing import Percentiles, Usage
from app.overlay.palettes import DEFAULT, PUBLISHED
from app.settings import load
from app.ui.actions import ACTIONS
from app.ui.dialogs.shortcuts import ShortcutsDialog
from app.ui.dialogs.source_picker import BROWSE, SourcePicker
from app.ui.main_window import MainWindow
from capture.frame import SourceInfo, VideoMode


def show_heart(engine: StillEngine, window: MainWindow, view: str | None = None) -> None:
    frame = heart_frame(1)
    engine.give(frame, heart(frame, view=view))
    window.pull()


def probe(window: MainWindow, name: str) -> tuple[int, ...]:
    """Colour that the right pane shows in the middle of a region."""
    placed = window.panes.assessed.current_fit()
    assert placed is not None
    x, y = placed.to_pane(np.array([centre(name)]))[0]
    return tuple(int(v) for v in look(window.panes.assessed)[int(y), int(x)])


def mixed(colour: tuple[int, int, int]) -> tuple[float, ...]:
    return tuple(0.62 * 60 + 0.38 * c for c in colour)


def press(qtbot: QtBot, window: QWidget, key: Qt.Key) -> None:
    qtbot.keyClick(window, key)


def test_o_shows_and_hides_the_colours(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    show_heart(engine, window)
    assert probe(window, "mid_left") == pytest.approx(mixed(DEFAULT.colours[4]), abs=2)
    press(qtbot, window, Qt.Key.Key_O)
    assert probe(window, "mid_left") == (60, 60, 60)
    press(qtbot, window, Qt.Key.Key_O)
    assert probe(window, "mid_left") != (60, 60, 60)


def test_p_changes_the_palette_and_n_the_cue(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    show_heart(engine, window)
    before = look(window.hud.legend)
    press(qtbot, window, Qt.Key.Key_P)
    assert probe(window, "mid_left") == pytest.approx(mixed(PUBLISHED.colours[4]), abs=2)
    assert (look(window.hud.legend) != before).any()
    numbered = look(window.panes.assessed)
    press(qtbot, window, Qt.Key.Key_N)
    assert (look(window.panes.assessed) != numbered).any()


def test_the_left_pane_is_never_painted_over(engine: StillEngine, window: MainWindow):
    show_heart(engine, window, "A4C")
    placed = window.panes.live.current_fit()
    assert placed is not None
    inside = look(window.panes.live)[placed.y + 40 : placed.y + placed.height, placed.x : placed.x + placed.width]
    assert set(np.unique(inside)) == {60}


def test_space_freezes_both_panes_and_lets_go(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    show_heart(engine, window)
    press(qtbot, window, Qt.Key.Key_Space)
    later = heart_frame(2, 900, value=200)
    engine.give(later, heart(later))
    window.pull()
    assert window.header.frozen.isVisible()
    assert window.actions_by_name["freeze"].isChecked()
    assert window.panes.live.pixels is not later.pixels
    assert probe(window, "mid_left") == pytest.approx(mixed(DEFAULT.colours[4]), abs=2)
    press(qtbot, window, Qt.Key.Key_Space)
    assert window.panes.live.pixels is later.pixels
    assert not window.header.frozen.isVisible()


def test_w_shows_the_whole_screen(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    show_heart(engine, window)
    near = window.panes.live.current_fit()
    press(qtbot, window, Qt.Key.Key_W)
    whole = window.panes.live.current_fit()
    assert near is not None
    assert whole is not None
    assert (whole.source.width, whole.source.height) == (640, 480)
    assert near.source.width < 640
    assert near.scale > whole.scale


def test_v_steps_through_the_views(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    for _ in range(4):
        press(qtbot, window, Qt.Key.Key_V)
    assert engine.views == [None, "A4C", "A2C", "ALAX", None]
    menu = window.findChild(QComboBox, "view_menu")
    assert menu is not None
    menu.setFocus()
    qtbot.keyClick(menu, Qt.Key.Key_Down)
    assert engine.views[-1] == "A4C"


def test_a_source_that_knows_its_view_sets_it(engine: StillEngine, window: MainWindow):
    engine.change(source=SourceInfo("Virtual scanner", "virtual", VideoMode(1920, 1080, 30), view="A4C"))
    window.pull()
    assert engine.views[-1] == "A4C"
    assert window.header.view.currentText() == "A4C"
    assert window.header.source.text() == "Virtual scanner"
    assert window.header.mode.text() == "1920x1080 30 fps"


def test_f_and_escape(qtbot: QtBot, window: MainWindow):
    press(qtbot, window, Qt.Key.Key_F)
    assert window.isFullScreen()
    assert not window.menuBar().isVisible()
    press(qtbot, window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    assert window.menuBar().isVisible()
    press(qtbot, window, Qt.Key.Key_F)
    press(qtbot, window, Qt.Key.Key_F)
    assert not window.isFullScreen()


def test_wall_names_and_the_sentence_follow_the_view(engine: StillEngine, window: MainWindow):
    show_heart(engine, window, "A4C")
    assert window.verdict.sentence.text() == "Anterolateral wall, apical: not visible"
    assert window.verdict.number.text() == "6/8"
    bar = look(window.verdict)[40, 3]
    assert tuple(int(v) for v in bar) == DEFAULT.colours[0]


def test_a_refusal_is_calm_and_says_why(engine: StillEngine, window: MainWindow):
    frame = heart_frame()
    engine.give(frame, no_heart(frame))
    window.pull()
    assert window.verdict.sentence.text() == "No heart found: tilt the probe."
    assert window.verdict.number.text() == "–"
    assert not window.banner.isVisible()


def test_a_long_reason_fits_into_the_strip(engine: StillEngine, window: MainWindow):
    frame = heart_frame()
    engine.give(frame, no_heart(frame, "the model file segmentation is damaged and was not loaded: " * 3))
    window.pull()
    assert window.verdict.sentence.heightForWidth(window.verdict.sentence.width()) <= window.verdict.height()


def test_a_long_name_is_not_cut_in_the_strip(engine: StillEngine, window: MainWindow):
    opening = "opening exam_0042_apical_view.mp4"
    engine.change(signal=SignalState.OPENING, sentence=opening)
    window.pull()
    sentence = window.verdict.sentence
    assert sentence.fontInfo().pixelSize() < 28
    assert sentence.fontMetrics().horizontalAdvance(opening.split()[1]) <= sentence.width()
    assert sentence.toolTip() == sentence.text()
    engine.change(sentence="opening a.mp4")
    window.pull()
    assert sentence.fontInfo().pixelSize() == 28


def test_stale_results_are_removed_and_come_back(engine: StillEngine, window: MainWindow):
    show_heart(engine, window)
    engine.give(heart_frame(2, 700))
    window.pull()
    assert probe(window, "mid_left") == (60, 60, 60)
    assert window.verdict.number.text() == "–"
    fresh = heart_frame(3, 720)
    engine.give(fresh, heart(fresh))
    window.pull()
    assert probe(window, "mid_left") != (60, 60, 60)


def test_the_bell_pulls_and_the_paint_is_recorded_once(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    frame = heart_frame(1, 10)
    engine.give(frame, heart(frame))
    qtbot.waitUntil(lambda: len(engine.timing.capture_to_paint_ms) == 1)
    window.panes.assessed.update()
    window.panes.assessed.repaint()
    assert len(engine.timing.capture_to_paint_ms) == 1


def test_banner_says_what_to_do_while_the_picture_goes_on(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    engine.change(signal=SignalState.LOST, sentence="x", banners=("the card is gone: plug it in again", "second"))
    window.pull()
    assert window.banner.text.text() == "The card is gone: plug it in again.  (+1 more)"
    assert window.banner.choose.isVisible()
    frame = heart_frame(5)
    engine.give(frame)
    window.pull()
    assert window.panes.live.pixels is frame.pixels
    engine.change(signal=SignalState.OK, banners=())
    window.pull()
    assert not window.banner.isVisible()


def test_a_banner_that_was_read_stays_away_until_its_cause_returns(
    qtbot: QtBot, engine: StillEngine, window: MainWindow
):
    def shows(*banners: str) -> bool:
        engine.change(banners=banners)
        window.pull()
        return window.banner.isVisible()

    assert shows("60 fps were asked for, 30 granted")
    window.banner.close_button.setFocus()
    qtbot.keyClick(window.banner.close_button, Qt.Key.Key_Return)
    assert not shows("60 fps were asked for, 30 granted")
    assert shows("60 fps were asked for, 30 granted", "another")
    assert not shows()
    assert shows("60 fps were asked for, 30 granted")


def test_opening_a_source_is_no_alarm(engine: StillEngine, window: MainWindow):
    engine.change(signal=SignalState.OPENING, sentence="opening a.mp4", banners=("opening a.mp4",))
    window.pull()
    assert not window.banner.isVisible()
    assert window.verdict.sentence.text() == "Opening a.mp4."
    engine.change(signal=SignalState.NONE, sentence="no source chosen", banners=("no source chosen",))
    window.pull()
    assert not window.banner.isVisible()
    assert "press D" in window.panes.assessed.message


def test_a_source_that_cannot_be_opened_becomes_a_banner(
    qtbot: QtBot, engine: StillEngine, shelf: Shelf, window: MainWindow
):
    window.open_source("bad.mp4")
    assert "choose another source" in window.banner.text.text()
    assert engine.sources == []
    qtbot.mouseClick(window.banner.close_button, Qt.MouseButton.LeftButton)
    assert not window.banner.isVisible()
    window.open_source("bad again")
    window.open_source("good.mp4")
    assert not window.banner.isVisible()
    assert len(engine.sources) == 1
    assert shelf.asked == ["bad.mp4", "bad again", "good.mp4"]


def test_files_can_be_dropped(engine: StillEngine, shelf: Shelf, window: MainWindow, tmp_path: Path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "heart.mp4"))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, buttons, keys)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))
    assert shelf.asked == [str(tmp_path / "heart.mp4")]
    text = QMimeData()
    text.setText("hello")
    refused = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, text, buttons, keys)
    refused.ignore()
    window.dragEnterEvent(refused)
    assert not refused.isAccepted()


def test_the_picker_lists_devices_files_and_the_virtual_scanner(qtbot: QtBot, shelf: Shelf, window: MainWindow):
    press(qtbot, window, Qt.Key.Key_D)
    picker = window.findChild(SourcePicker)
    assert picker is not None
    qtbot.waitUntil(lambda: picker.list.count() == 3)
    specs = [picker.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(3)]
    assert specs == ["v4l2:/dev/video7", BROWSE, "virtual"]
    qtbot.keyClick(picker.list, Qt.Key.Key_Return)
    assert shelf.asked == ["v4l2:/dev/video7"]


def test_the_picker_leads_to_the_file_dialog(qtbot: QtBot, shelf: Shelf, window: MainWindow):
    press(qtbot, window, Qt.Key.Key_D)
    picker = window.findChild(SourcePicker)
    assert picker is not None
    qtbot.waitUntil(lambda: picker.list.count() == 3)
    picker.list.setCurrentRow(1)
    picker.accept()
    dialog = window.findChild(QFileDialog)
    assert dialog is not None
    dialog.fileSelected.emit("film.mp4")
    dialog.reject()
    assert shelf.asked == ["film.mp4"]


def test_a_search_that_fails_is_told_in_the_picker(qtbot: QtBot, caplog: pytest.LogCaptureFixture):
    def fail() -> list:
        raise RuntimeError("driver")

    picker = SourcePicker(fail)
    qtbot.addWidget(picker)
    qtbot.waitUntil(lambda: "cannot be listed" in picker.status.text())
    assert picker.list.count() == 2


def test_the_list_of_shortcuts_is_complete(qtbot: QtBot, window: MainWindow):
    press(qtbot, window, Qt.Key.Key_Question)
    dialog = window.findChild(ShortcutsDialog)
    assert dialog is not None
    words = {label.text() for label in dialog.findChildren(QLabel)}
    for spec in ACTIONS:
        assert {" or ".join(spec.keys), spec.help} <= words
    dialog.reject()


def test_each_action_has_a_key_of_its_own_and_stands_in_a_menu(window: MainWindow):
    keys = [key for spec in ACTIONS for key in spec.keys]
    assert len(set(keys)) == len(keys)
    menus = [action.menu() for action in window.menuBar().actions()]
    listed = {action.objectName() for menu in menus for action in menu.actions() if action.objectName()}
    assert listed == {spec.name for spec in ACTIONS}
    for spec in ACTIONS:
        shown = window.actions_by_name[spec.name].shortcuts()
        assert shown == [QKeySequence(key) for key in spec.keys]


def test_every_control_has_a_name_and_can_be_reached_by_key(engine: StillEngine, window: MainWindow):
    window.say("something")
    engine.change(signal=SignalState.LOST, banners=("gone",))
    window.pull()
    controls = [w for w in window.findChildren(QWidget) if isinstance(w, QPushButton | QComboBox) and w.isVisible()]
    assert len(controls) == 4
    for control in controls:
        assert control.accessibleName()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert window.panes.live.accessibleName() == "Live"
    assert "excellent" in window.hud.legend.accessibleName()


def test_the_figures(engine: StillEngine, window: MainWindow):
    engine.change(
        fps_captured=30.0,
        fps_assessed=20.0,
        capture_age_ms=12.4,
        assess_ms=Percentiles(21.2, 25.0, 30.0),
        capture_to_paint_ms=Percentiles(44.0, 50.0, 55.0),
        ages_ms={"cluster": 33.3},
        drops={"assess": 3, "record": 1},
        source_drops=2,
        provider="CPUExecutionProvider",
        precision="int8",
        models_ready=True,
        usage=Usage(300.0, 142.0, 12),
    )
    window.pull()
    assert {key: label.text() for key, label in window.hud.figures.items()} == {
        "fps": "30.0 fps / 20.0 assessed",
        "age": "age 12 ms",
        "assess": "assess 21 ms",
        "paint": "paint 44 ms",
        "ages": "cluster +33 ms",
        "drops": "drops 6",
        "provider": "CPU INT8",
        "load": "load 142 %",
    }
    assert "record: 1" in window.hud.figures["drops"].toolTip()
    engine.change(ages_ms={"cluster": 66.7, "score": 100.0, "gate": 33.3})
    window.pull()
    assert window.hud.figures["ages"].text() == "ages +67/100/33 ms"
    assert "score +100 ms" in window.hud.figures["ages"].toolTip()
    assert window.header.profile.text() == "Profile Vivid room 2"


def test_the_pictures_keep_at_least_half_of_the_window(engine: StillEngine, window: MainWindow):
    window.say("something is wrong with this and that, and it takes a long sentence to say what to do " * 3)
    window.resize(1024, 640)
    window.pull()
    assert window.panes.height() >= window.height() / 2


def test_choices_are_remembered(qtbot: QtBot, window: MainWindow, tmp_path: Path):
    press(qtbot, window, Qt.Key.Key_P)
    press(qtbot, window, Qt.Key.Key_O)
    window.close()
    chosen, problems = load(tmp_path / "settings.toml")
    assert problems == ()
    assert (chosen.overlay.palette, chosen.overlay.shown) == ("published", False)
    assert (chosen.window.width, chosen.window.height) == (1200, 800)
