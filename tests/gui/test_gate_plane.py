"""The artifact gate in the window: its plane beside the map of clusters, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from colour_sight import DICHROMATS, lab
from gates import KINDS, MIDDLES, PEAK, TAU, gate_says, some_plane
from gui_bench import Shelf, StillEngine, look, wait_for_pause
from hearts import heart, heart_frame, no_heart
from mocks import MockAssessor, MockSource, wait_until
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from stopwatch import cpu_ms

from app.engine.pipeline import Engine
from app.engine.state import SignalState
from app.overlay.palettes import CALM_GREY
from app.settings import load
from app.ui.live.gate_panel import gate_words
from app.ui.main_window import MainWindow
from app.ui.widgets.gate_items import COLOURS, KNOWN_COLOUR, SHADE, SYMBOLS, bounds_of, look_of, plane_items, shades
from app.ui.widgets.gate_map import GateMapWidget
from capture.frame import SourceInfo
from models.artifact.kinds import FAMILIES
from models.runtime.contract import Assessment, GateAssessment
from models.runtime.gate_plane import GatePlane

WHY = "not compared with known frames: no model 'artifact_echo': reinstall the weights"


@pytest.fixture
def gate_map(qtbot: QtBot) -> GateMapWidget:
    made = GateMapWidget()
    qtbot.addWidget(made)
    made.resize(300, 200)
    made.set_plane(some_plane())
    return made


@pytest.fixture
def gated(qtbot: QtBot, engine: StillEngine, shelf: Shelf, tmp_path: Path) -> MainWindow:
    """A window with a gate and no clusters, the gate's tab in front."""
    engine.change(gate_plane=some_plane(), missing={"cluster": "cannot judge: no clusters here"})
    made = MainWindow(engine, shelf, settings_path=tmp_path / "settings.toml")
    qtbot.addWidget(made)
    made.resize(1600, 960)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    made.look.next_map()
    return made


def show(engine: StillEngine, window: MainWindow, index: int, gate: GateAssessment | None, why: str = "") -> None:
    frame = heart_frame(index, index * 40)
    engine.give(frame, replace(_maybe_refused(frame, gate), gate=gate, gate_reason=why))
    window.pull()


def _maybe_refused(frame: object, gate: GateAssessment | None) -> Assessment:
    return heart(frame) if gate is None or gate.is_known else no_heart(frame, gate.reason)  # type: ignore[arg-type]


def pixel(widget: GateMapWidget, place: tuple[float, float]) -> tuple[int, ...]:
    wait_for_pause(widget)
    image = look(widget)
    at = widget.view.mapViewToScene(QPointF(*place))
    return tuple(int(value) for value in image[round(at.y()), round(at.x())])


# -- what it is drawn of --------------------------------------------------------------------------------------------


def test_each_type_has_a_symbol_and_a_colour_of_its_own():
    count = max(len(family.training_kinds) + len(family.held_out_kinds) for family in FAMILIES.values())
    looks = [look_of(kind) for kind in range(count + 1)]
    assert len(set(looks)) == len(looks)
    assert looks[0] == ("o", KNOWN_COLOUR)
    assert "o" not in SYMBOLS
    assert KNOWN_COLOUR not in COLOURS
    first = [look_of(kind) for kind in range(min(len(SYMBOLS), len(COLOURS)) + 1)]
    assert all(a[0] != b[0] and a[1] != b[1] for a, b in combinations(first, 2))


@pytest.mark.parametrize("sight", DICHROMATS)
def test_colours_are_distinct_for_everybody_and_stand_out_from_the_density(sight: str):
    colours = [lab(colour, sight) for colour in (KNOWN_COLOUR, *COLOURS)]
    assert min(np.linalg.norm(a - b) for a, b in combinations(colours, 2)) >= 15
    assert min(np.linalg.norm(colour - lab(SHADE, sight)) for colour in colours) >= 15


def test_the_bold_contour_runs_where_the_density_is_tau():
    plane = some_plane()
    _, contour, _ = plane_items(plane)
    contour.generatePath()
    points = [contour.path.elementAt(k) for k in range(contour.path.elementCount())]
    on_plane = [contour.mapToParent(QPointF(point.x, point.y)) for point in points]
    found = np.array([(point.x(), point.y()) for point in on_plane])
    assert len(found) > 20
    assert plane.density.at(found) == pytest.approx(np.full(len(found), TAU), abs=0.05)
    assert found.max(axis=0) == pytest.approx([PEAK[0] + 8**0.5, PEAK[1] + 2**0.5], abs=0.05)
    assert contour.pen.widthF() >= 2.5


def test_all_frames_and_all_of_the_contour_are_in_view():
    plane = some_plane()
    points = plane.references.points
    low, high = bounds_of(plane)
    assert (low <= points.min(axis=0)).all()
    assert high[0] == pytest.approx(points[:, 0].max())
    points[:, 1] = 0  # on one line
    low, high = bounds_of(plane)
    assert (low[1], high[1]) == pytest.approx((PEAK[1] - 2**0.5, PEAK[1] + 2**0.5), abs=0.15)


def test_the_density_is_brightest_at_its_peak_and_black_far_away():
    plane = some_plane()
    picture = shades(plane.density, plane.tau)
    row, column = np.unravel_index(picture.sum(axis=2).argmax(), picture.shape[:2])
    x, y = (np.array([column, row]) + 0.5) / len(picture) * 16 - 8
    assert (x, y) == pytest.approx(PEAK, abs=0.5)
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture.max(axis=(0, 1)).tolist() == list(SHADE)


def test_points_carry_the_look_and_the_name_of_their_type():
    plane = some_plane()
    drawn = plane_items(plane)[-1].data
    assert list(drawn["data"]) == [KINDS[kind] for kind in plane.references.labels]
    assert list(drawn["symbol"]) == [look_of(kind)[0] for kind in plane.references.labels]
    assert [brush.color().getRgb()[:3] for brush in drawn["brush"]] == [
        look_of(kind)[1] for kind in plane.references.labels
    ]
    assert np.column_stack([drawn["x"], drawn["y"]]) == pytest.approx(plane.references.points)


# -- the live frame -------------------------------------------------------------------------------------------------


def test_the_live_point_tells_known_from_unknown_and_names_what_that_looks_like(gate_map: GateMapWidget):
    gate_map.note(0, gate_says((1.0, -2.5)))
    assert pixel(gate_map, (1.0, -2.5)) == KNOWN_COLOUR
    assert not gate_map._hint.isVisible()
    gate_map.note(40_000_000, gate_says((3.0, -2.5), "noise"))
    assert pixel(gate_map, (3.0, -2.5)) == CALM_GREY
    assert gate_map._hint.isVisible()
    assert gate_map._hint.toPlainText() == "noise"
    assert (gate_map._hint.pos().x(), gate_map._hint.pos().y()) == pytest.approx(MIDDLES[1], abs=0.4)
    gate_map.note(80_000_000, gate_says((3.0, -2.5), "something unheard of"))
    assert pixel(gate_map, (3.0, -2.5)) == CALM_GREY
    assert not gate_map._hint.isVisible()
    gate_map.note(120_000_000, None)
    assert pixel(gate_map, (3.0, -2.5)) != CALM_GREY


def test_the_mouse_tells_the_types_below_it(qtbot: QtBot, gate_map: GateMapWidget):
    plane = some_plane()
    with qtbot.waitExposed(gate_map):
        gate_map.show()
    look(gate_map)
    for kind, name in enumerate(KINDS):
        at = gate_map.view.mapViewToScene(QPointF(*plane.references.points[kind].tolist()))
        qtbot.wait(50)  # the plot drops moves that follow each other too soon
        qtbot.mouseMove(gate_map.plot.viewport(), at.toPoint())
        qtbot.waitUntil(lambda name=name: gate_map.view.toolTip() == name)
    qtbot.wait(50)
    qtbot.mouseMove(gate_map.plot.viewport(), QPoint(2, 2))
    qtbot.waitUntil(lambda: not gate_map.view.toolTip())


def test_a_trail_is_left_behind(gate_map: GateMapWidget):
    empty = look(gate_map)
    before = pixel(gate_map, (0.5, -2.0))
    for k in range(4):
        gate_map.note(k * 200_000_000, gate_says((-2.0 + k, -2.0)))
    assert sum(pixel(gate_map, (0.5, -2.0))) > sum(before) + 150
    gate_map.set_plane(some_plane())
    np.testing.assert_array_equal(look(gate_map), empty)


def test_without_a_plane_nothing_is_drawn(gate_map: GateMapWidget):
    gate_map.set_plane(None)
    gate_map.note(0, gate_says())
    assert not look(gate_map).any()


def test_words_say_verdict_density_and_tau():
    assert gate_words(gate_says(), "") == "Known: log density −1.2, tau −4.0."
    assert gate_words(gate_says(hint="noise"), "") == (
        "Cannot judge: unlike anything known (looks like noise): log density −9.8, tau −4.0."
    )
    assert gate_words(None, "one grey: put gel on the probe") == "One grey: put gel on the probe."
    assert gate_words(None, "") == "No frame was compared yet."


def test_what_does_not_move_is_drawn_once_and_the_rest_is_cheap(
    gate_map: GateMapWidget, monkeypatch: pytest.MonkeyPatch
):
    gate_map.set_plane(some_plane(("known", *FAMILIES["echo"].training_kinds), 800))
    gate_map.resize(400, 160)
    times = iter(range(10_000))

    def three_frames() -> None:
        """What comes between two repaints, and the repaint."""
        for k in (next(times) for _ in range(3)):
            gate_map.note(k * 33_000_000, gate_says((0.03 * (k % 90), np.sin(k / 9))))
        gate_map.grab()

    assert cpu_ms(three_frames, turns=31, warm_up=30) < 4.0
    drawn: list[object] = []
    for item in (pg.ImageItem, pg.IsocurveItem):
        monkeypatch.setattr(item, "paint", lambda item, *_: drawn.append(item))
    three_frames()
    assert drawn == []


# -- the window -----------------------------------------------------------------------------------------------------


def test_the_words_follow_the_frame_also_when_it_is_refused(qtbot: QtBot, engine: StillEngine, gated: MainWindow):
    show(engine, gated, 1, gate_says())
    qtbot.waitUntil(lambda: gated.maps.gate.words.text() == "Known: log density −1.2, tau −4.0.")
    show(engine, gated, 2, gate_says((6.0, 1.0), "noise"))
    sentence = gated.verdict.sentence
    assert sentence.text() == "Cannot judge: unlike anything known (looks like noise)."
    assert sentence.heightForWidth(sentence.width()) <= gated.verdict.height()
    qtbot.waitUntil(lambda: "(looks like noise): log density −9.8" in gated.maps.gate.words.text())
    assert pixel(gated.maps.gate.map, (6.0, 1.0)) == CALM_GREY
    show(engine, gated, 3, None, "not compared with known frames: one grey")
    qtbot.waitUntil(lambda: gated.maps.gate.words.text() == "Not compared with known frames: one grey.")


def test_a_long_refusal_can_be_read_in_the_smallest_window(engine: StillEngine, gated: MainWindow):
    gated.resize(1024, 640)
    longest = max((kind for family in FAMILIES.values() for kind in family.held_out_kinds), key=len)
    show(engine, gated, 1, gate_says(hint=longest))
    sentence = gated.verdict.sentence
    assert longest in sentence.text()
    assert sentence.heightForWidth(sentence.width()) <= gated.verdict.height()


def test_what_is_old_or_without_a_signal_is_not_shown(qtbot: QtBot, engine: StillEngine, gated: MainWindow):
    show(engine, gated, 1, gate_says())
    engine.give(heart_frame(2, 700))
    gated.pull()
    qtbot.waitUntil(lambda: "old" in gated.maps.gate.words.text())
    assert pixel(gated.maps.gate.map, (0.0, 0.0)) != CALM_GREY
    show(engine, gated, 20, gate_says())
    engine.change(signal=SignalState.NO_SIGNAL, sentence="cable out: check the video cable")
    gated.pull()
    qtbot.waitUntil(lambda: gated.maps.gate.words.text() == "Cable out: check the video cable.")


def test_each_tab_gives_its_reason_in_place_of_a_plot(qtbot: QtBot, engine: StillEngine, gated: MainWindow):
    gate, clusters = gated.maps.pages["gate"], gated.maps.pages["clusters"]
    assert gated.maps.gate.isVisible()
    qtbot.keyClick(gated, Qt.Key.Key_G)
    assert not gated.maps.gate.isVisible()
    assert clusters.reason.isVisible()
    assert clusters.reason.text() == "Cannot judge: no clusters here."
    engine.change(missing={"cluster": "cannot judge: no clusters here", "gate": WHY})
    gated.pull()
    qtbot.keyClick(gated, Qt.Key.Key_G)
    assert gated.maps.gate.isVisible(), "a model that is there is shown, whatever is said of it"
    engine.change(gate_plane=None)
    gated.pull()
    assert not gated.maps.isVisible(), "nothing to show at all"
    assert gate.reason.text() == f"{WHY[0].upper()}{WHY[1:]}."
    assert not any(gated.actions_by_name[name].isEnabled() for name in ("cluster_map", "next_map"))


def test_another_exam_has_another_plane(engine: StillEngine, gated: MainWindow):
    show(engine, gated, 1, gate_says())
    other = some_plane(("known", "half a frame"), tau=-7.0)
    engine.change(gate_plane=other)
    gated.pull()
    shown = gated.maps.gate.map
    assert sorted(set(shown._drawn[-1].data["data"])) == ["half a frame", "known"]
    assert shown._drawn[1].level == -7.0


def test_the_tab_is_remembered_and_turned_with_a_key(qtbot: QtBot, gated: MainWindow, tmp_path: Path):
    assert gated.maps.tabText(gated.maps.currentIndex()) == "Artifact gate"
    gated.close()
    kept = load(tmp_path / "settings.toml")[0].panels
    assert kept.map == "gate"


def test_a_tab_that_is_hidden_costs_nothing(qtbot: QtBot, engine: StillEngine, gated: MainWindow):
    painted: list[int] = []
    gated.maps.gate.map.plot.scene().sigPrepareForPaint.connect(lambda: painted.append(1))
    gated.look.next_map()
    before = gated.maps.gate.words.text()
    QApplication.processEvents()
    painted.clear()
    for k in range(1, 10):
        show(engine, gated, k, gate_says((0.1 * k, 0.0)))
        qtbot.wait(20)
    assert (painted, gated.maps.gate.words.text()) == ([], before)
    assert len(gated.maps.gate.map._live.data) == 0
    gated.look.next_map()
    qtbot.waitUntil(lambda: bool(painted) and len(gated.maps.gate.map._live.data) == 2)
    assert gated.maps.gate.words.text() != before


class FollowsItsSource(MockAssessor):
    """Has a gate for one source, and for any other none."""

    gate_plane: GatePlane | None = None
    missing: Mapping[str, str] = {}

    def use_source(self, info: SourceInfo) -> None:
        is_heart = info.source_id == "mock:heart"
        self.gate_plane, self.missing = (some_plane(), {}) if is_heart else (None, {"gate": WHY})


def test_the_plane_of_the_source_in_use_reaches_the_engines_state():
    with Engine(MockSource(source_id="mock:heart"), FollowsItsSource) as engine:
        wait_until(lambda: engine.state.get().gate_plane is not None)
        assert engine.state.get().missing == {}
        engine.switch(MockSource(source_id="mock:other"))
        wait_until(lambda: engine.state.get().gate_plane is None)
        assert engine.state.get().missing == {"gate": WHY}
