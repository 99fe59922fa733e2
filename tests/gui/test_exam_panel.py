"""Chips, bull's-eye and best cycle in the window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gui_bench import StillEngine, look
from hearts import heart, heart_frame, no_heart
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from app.engine.best_cycle import Cycle
from app.engine.bulls_eye import SEGMENTS_17, SEGMENTS_18, BullsEyeState, SegmentQuality
from app.engine.exam import ExamState
from app.overlay.display_list import Cue
from app.overlay.palettes import DEFAULT, PUBLISHED
from app.settings import load
from app.ui.main_window import MainWindow
from app.ui.widgets.bulls_eye import BullsEyeLook, BullsEyeWidget, wedges
from models.runtime.contract import Readiness

CYCLE = Cycle("A4C", 30, 40, 57, 1_000_000_000, 1_300_000_000, 2_000_000_000, 4.23, 27)


def seen(**qualities: tuple[float, float]) -> BullsEyeState:
    """All segments best 5.0, last 2.0, but those named with ``_`` for the blank."""
    named = {name.replace("_", " "): SegmentQuality(*pair) for name, pair in qualities.items()}
    return BullsEyeState(dict.fromkeys(SEGMENTS_18, SegmentQuality(5.0, 2.0)) | named)


def exam(**known: object) -> ExamState:
    return ExamState(seen(), CYCLE, {"A4C": CYCLE}, 14_000_000_000, **known)  # type: ignore[arg-type]


@pytest.fixture
def disc(qtbot: QtBot) -> BullsEyeWidget:
    made = BullsEyeWidget()
    qtbot.addWidget(made)
    made.resize(220, 220)
    return made


def at(disc: BullsEyeWidget, name: str, share: float = 0.8) -> QPointF:
    """A point in a segment, near its outer border so that no number stands there."""
    wedge = next(w for w in wedges(disc.look.count) if w.name == name)
    centre, radius = disc._disc()
    angle = np.radians(wedge.middle_deg + 0.3 * min(wedge.span_deg, 90))
    away = radius * (wedge.inner + share * (wedge.outer - wedge.inner))
    return QPointF(centre.x() + away * np.cos(angle), centre.y() - away * np.sin(angle))


def colour_at(disc: BullsEyeWidget, name: str) -> tuple[int, ...]:
    point = at(disc, name)
    return tuple(int(v) for v in look(disc)[round(point.y()), round(point.x())])


@pytest.mark.parametrize(("count", "names"), [(18, SEGMENTS_18), (17, SEGMENTS_17)])
def test_the_segments_cover_the_disc_once(disc: BullsEyeWidget, count: int, names: tuple[str, ...]):
    assert {wedge.name for wedge in wedges(count)} == set(names)
    area = sum(np.pi * (w.outer**2 - w.inner**2) * w.span_deg / 360 for w in wedges(count))
    assert area == pytest.approx(np.pi)
    disc.show_state(BullsEyeState(), BullsEyeLook(count=count))
    for name in names:
        assert disc.segment_at(at(disc, name)) == name
    assert disc.segment_at(QPointF(2, 2)) is None


def test_the_anterior_wall_is_on_top_and_the_septum_on_the_left(disc: BullsEyeWidget):
    assert disc.segment_at(QPointF(110, 22)) == "basal anterior"
    assert disc.segment_at(QPointF(110, 198)) == "basal inferior"
    assert disc.segment_at(QPointF(34, 80)) == "basal anteroseptal"
    assert disc.segment_at(QPointF(186, 80)) == "basal anterolateral"


def test_best_and_last_in_the_colours_of_the_palette(disc: BullsEyeWidget):
    state = seen(mid_inferior=(3.4, 1.2))
    disc.show_state(state, BullsEyeLook())
    assert colour_at(disc, "basal anterior") == DEFAULT.colours[4]
    assert colour_at(disc, "mid inferior") == DEFAULT.colours[2]
    disc.show_state(state, BullsEyeLook(PUBLISHED, quality="last"))
    assert colour_at(disc, "basal anterior") == PUBLISHED.colours[1]
    assert colour_at(disc, "mid inferior") == PUBLISHED.colours[0]
    disc.show_state(state, BullsEyeLook(count=17))
    assert colour_at(disc, "apex") == DEFAULT.colours[4]
    assert colour_at(disc, "apical septal") == DEFAULT.colours[4]
    disc.show_state(BullsEyeState(), BullsEyeLook())
    assert colour_at(disc, "apical anterior") not in DEFAULT.colours


def test_numbers_patterns_and_neither_differ(disc: BullsEyeWidget):
    looks = []
    for cue in Cue:
        disc.show_state(seen(basal_anterior=(2.0, 2.0)), BullsEyeLook(cue=cue))
        looks.append(look(disc))
    assert all((looks[i] != looks[j]).any() for i, j in ((0, 1), (0, 2), (1, 2)))


def test_the_disc_repaints_only_when_what_it_shows_changes(
    qtbot: QtBot, disc: BullsEyeWidget, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    disc.show_state(seen(), BullsEyeLook())
    monkeypatch.setattr(disc, "update", lambda: asked.append(1))
    disc.show_state(seen(), BullsEyeLook())
    disc.show_state(seen(basal_anterior=(5.0, 1.0)), BullsEyeLook())
    disc.show_state(seen(basal_anterior=(4.99, 1.0)), BullsEyeLook())
    assert asked == []
    assert "last 1.0" in disc.tip("basal anterior")
    disc.show_state(seen(basal_anterior=(4.9, 1.0)), BullsEyeLook())
    disc.show_state(seen(basal_anterior=(4.9, 1.0)), BullsEyeLook(quality="last"))
    assert len(asked) == 2


def test_the_tool_tip_names_the_segment_and_both_qualities(disc: BullsEyeWidget):
    disc.show_state(seen(mid_inferior=(3.44, 1.2)), BullsEyeLook())
    assert disc.tip("mid inferior") == "mid inferior: best 3.4 (ok), last 1.2 (not visible)"
    disc.show_state(BullsEyeState(), BullsEyeLook())
    assert disc.tip("mid inferior") == "mid inferior: not seen yet"


def chips(window: MainWindow) -> list[str]:
    return [chip.text() for chip in window.verdict.chips.chips.values()]


def test_chips_say_what_can_be_measured(engine: StillEngine, window: MainWindow):
    assert chips(window) == ["EF –", "strain –", "MAPSE –"]
    frame = heart_frame(1)
    engine.give(frame, replace(heart(frame), readiness=Readiness(True, False, True)))
    window.pull()
    assert chips(window) == ["EF yes", "strain no", "MAPSE yes"]
    engine.give(heart_frame(2, 700))  # the result is too old to be seen
    window.pull()
    assert chips(window) == ["EF –", "strain –", "MAPSE –"]
    refused = heart_frame(3, 720)
    engine.give(refused, replace(no_heart(refused), readiness=Readiness()))
    window.pull()
    assert chips(window) == ["EF –", "strain –", "MAPSE –"]


def test_the_advice_is_the_sentence(engine: StillEngine, window: MainWindow):
    frame = heart_frame(1)
    engine.give(frame, replace(heart(frame, view="A4C"), advice="Lateral wall in shadow: slide medially"))
    window.pull()
    assert window.verdict.sentence.text() == "Lateral wall in shadow: slide medially"


def test_the_recognised_view_stands_in_the_header_until_one_is_chosen(engine: StillEngine, window: MainWindow):
    frame = heart_frame(1)
    engine.give(frame, replace(heart(frame, view="A4C"), view_p=0.968))
    engine.change(fps_captured=30.0)
    window.pull()
    assert window.header.view.currentText() == "A4C (auto 97 %)"
    window.choose_view("A2C")
    engine.change(fps_captured=31.0)
    window.pull()
    assert window.header.view.currentText() == "A2C"
    assert window.header.view.itemText(0) == "unknown"


def test_the_best_cycle_and_how_much_was_seen(engine: StillEngine, window: MainWindow):
    assert window.verdict.chips.best_cycle.text() == "no whole heart cycle yet"
    engine.change(exam=exam())
    window.pull()
    assert window.verdict.chips.best_cycle.text() == "best cycle 4.2 of 5, 12 s ago"
    assert window.exam.cycles["A4C"].text() == "A4C:  4.2 of 5, 12 s ago"
    assert window.exam.cycles["A2C"].text() == "A2C:  –"
    assert window.exam.filled.text() == "18 of 18 wall segments seen"


def test_a_click_and_b_change_between_best_and_last(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    engine.change(exam=exam())
    window.pull()
    disc = window.exam.disc
    assert colour_at(disc, "mid inferior") == DEFAULT.colours[4]
    qtbot.mouseClick(disc, Qt.MouseButton.LeftButton, pos=QPoint(disc.width() // 2, disc.height() // 2))
    assert window.exam.title.text() == "Quality as seen last"
    assert colour_at(disc, "mid inferior") == DEFAULT.colours[1]
    qtbot.keyClick(window, Qt.Key.Key_B)
    assert window.exam.title.text() == "Best quality of this exam"


def test_palette_cue_and_number_of_segments_reach_the_disc(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    engine.change(exam=exam())
    window.pull()
    for key in (Qt.Key.Key_P, Qt.Key.Key_N, Qt.Key.Key_S):
        qtbot.keyClick(window, key)
    assert window.exam.disc.look == BullsEyeLook(PUBLISHED, Cue.PATTERN, 17, "best")
    assert colour_at(window.exam.disc, "apex") == PUBLISHED.colours[4]


def test_a_new_exam_by_key_and_by_button(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    qtbot.mouseClick(window.exam.reset, Qt.MouseButton.LeftButton)
    assert engine.exams == 2


def test_1_folds_the_panel_away_and_the_choice_is_kept(qtbot: QtBot, window: MainWindow, tmp_path: Path):
    before = window.panes.height()
    qtbot.keyClick(window, Qt.Key.Key_3)  # the last minute: it would hold the row open
    assert window.exam.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_1)
    assert not window.exam.isVisible()
    qtbot.waitUntil(lambda: window.panes.height() > before)
    window.close()
    assert load(tmp_path / "settings.toml")[0].bulls_eye.shown is False


@pytest.mark.parametrize("height", [600, 700, 800, 960])
def test_the_pictures_keep_half_of_the_window(qtbot: QtBot, engine: StillEngine, window: MainWindow, height: int):
    window.resize(1200, height)
    window.say("something that takes a line of its own")
    engine.change(exam=exam())
    window.pull()
    qtbot.waitUntil(lambda: window.height() == height)
    qtbot.waitUntil(lambda: window.panes.height() >= height // 2 - 1)
    assert window.exam.isVisible() == (height >= 800)
