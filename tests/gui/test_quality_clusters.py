"""Global quality clusters in the window: word, map, last minute, and organs that are no heart."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from gui_bench import Shelf, StillEngine, look, wait_for_pause
from hearts import CLUSTERS, LABELS, heart, heart_frame, in_cluster, liver, no_heart
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from stopwatch import cpu_ms

from app.overlay.compose import compose
from app.overlay.palettes import DEFAULT, PUBLISHED
from app.settings import load
from app.ui.main_window import MainWindow
from app.ui.widgets.cluster_map import ClusterMapWidget
from app.ui.widgets.history import ROWS
from app.ui.widgets.history_strip import NAMES_PX, HistoryStrip, row_text
from app.ui.widgets.image_pane import ImagePane
from app.ui.widgets.map_items import MOST_POINTS
from app.ui.widgets.map_points import MapPoints
from app.ui.widgets.plane import RIM_PX
from calibration.cluster_map import ClusterMap, centroids_of
from models.runtime.contract import ClusterAssessment

MIDDLES = np.array([[-4.0, 0.0], [0.0, 2.0], [4.0, 0.0]])


def some_points(count: int = 90) -> MapPoints:
    rng = np.random.default_rng(0)
    ranks = np.arange(count) % 3
    return MapPoints(MIDDLES[ranks] + rng.normal(0, 0.5, (count, 2)), ranks, CLUSTERS)


def some_map() -> ClusterMap:
    points = some_points()
    return ClusterMap(points.points, points.ranks, centroids_of(points.points, points.ranks), points.names, {})


@pytest.fixture
def mapped(qtbot: QtBot, engine: StillEngine, shelf: Shelf, tmp_path: Path) -> MainWindow:
    """A window with a map of quality clusters."""
    engine.change(cluster_map=some_map())
    made = MainWindow(engine, shelf, settings_path=tmp_path / "settings.toml")
    qtbot.addWidget(made)
    made.resize(1600, 960)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    return made


@pytest.fixture
def cluster_map(qtbot: QtBot) -> ClusterMapWidget:
    made = ClusterMapWidget(some_points())
    qtbot.addWidget(made)
    made.resize(300, 200)
    return made


@pytest.fixture
def strip(qtbot: QtBot) -> HistoryStrip:
    made = HistoryStrip()
    qtbot.addWidget(made)
    made.resize(NAMES_PX + 300, 200)
    return made


def colours(image: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(int(v) for v in colour) for colour in np.unique(image.reshape(-1, 3), axis=0)}


def pixel(widget: ClusterMapWidget, place: tuple[float, float]) -> tuple[int, ...]:
    wait_for_pause(widget)
    image = look(widget)
    x, y = spot(widget, place)
    return tuple(int(v) for v in image[round(y), round(x)])


def spot(widget: ClusterMapWidget, place: tuple[float, float]) -> tuple[float, float]:
    """Pixel of a place in a map that was drawn before, the nearest one that the live point may take."""
    at = widget.view.mapViewToScene(QPointF(*place))
    x, y = np.clip([at.x(), at.y()], RIM_PX, np.array([widget.width(), widget.height()]) - RIM_PX)
    return float(x), float(y)


# -- the word -------------------------------------------------------------------------------------------------------


def show(engine: StillEngine, window: MainWindow, index: int, cluster: ClusterAssessment | None, reason: str = ""):
    frame = heart_frame(index, index * 40)
    engine.give(frame, replace(heart(frame), cluster=cluster, cluster_reason=reason))
    window.pull()


def test_the_word_its_colour_and_its_probability(engine: StillEngine, window: MainWindow):
    for index, (rank, label) in enumerate([(0, 1), (1, 3), (2, 5)]):
        show(engine, window, index, in_cluster(rank, p=0.823))
        assert (window.verdict.cluster.text(), window.verdict.cluster_p.text()) == (CLUSTERS[rank], "82 % sure")
        assert DEFAULT.colour(label) in colours(look(window.verdict.cluster))
    window.look.next_palette()
    assert PUBLISHED.colour(5) in colours(look(window.verdict.cluster))


def test_no_cluster_is_a_calm_dash_with_its_reason(engine: StillEngine, window: MainWindow):
    show(engine, window, 1, None, "the cluster model is missing: reinstall sonogauge")
    assert window.verdict.cluster.text() == "–"
    assert "reinstall" in window.verdict.cluster.toolTip()
    assert window.verdict.number.text() == "6/8"
    show(engine, window, 2, in_cluster())
    assert window.verdict.cluster.text() == "A+"
    frame = heart_frame(3, 120)
    engine.give(frame, no_heart(frame))
    window.pull()
    assert window.verdict.cluster.text() == "–"
    assert window.verdict.cluster.toolTip() == "No heart found: tilt the probe."
    assert not colours(look(window.verdict.cluster)) & set(DEFAULT.colours)


def test_an_old_cluster_is_not_shown(engine: StillEngine, window: MainWindow):
    show(engine, window, 1, in_cluster())
    engine.give(heart_frame(2, 700))
    window.pull()
    assert window.verdict.cluster.text() == "–"


# -- the map --------------------------------------------------------------------------------------------------------


def test_reference_frames_have_the_colours_of_their_clusters(cluster_map: ClusterMapWidget):
    cluster_map.set_points(some_points(900))  # few dots meet whole pixels
    image = look(cluster_map).astype(int)
    left, right = image[30:, :70].reshape(-1, 3), image[30:, -70:].reshape(-1, 3)
    purple, mint = (np.array(DEFAULT.colours[label - 1]) for label in (1, 5))
    assert (np.abs(left - 0.55 * purple) <= 8).all(axis=1).any()
    assert (np.abs(right - 0.55 * mint) <= 8).all(axis=1).any()
    assert not (np.abs(left - 0.55 * mint) <= 8).all(axis=1).any()


def test_the_live_point_stands_where_the_frame_is(cluster_map: ClusterMapWidget):
    cluster_map.note(0, in_cluster(rank=1, place=(-1.0, -0.8)))
    assert pixel(cluster_map, (-1.0, -0.8)) == DEFAULT.colours[2]
    cluster_map.note(40_000_000, in_cluster(rank=2, place=(99.0, 0.5)))
    assert pixel(cluster_map, (99.0, 0.5)) == DEFAULT.colours[4]
    cluster_map.note(80_000_000, None)
    assert pixel(cluster_map, (99.0, 0.5)) not in DEFAULT.colours


def test_the_trail_fades_is_cut_at_gaps_and_ends(cluster_map: ClusterMapWidget):
    empty = look(cluster_map)

    def bright(place: tuple[float, float]) -> int:
        return sum(pixel(cluster_map, place))

    for t_s, x in ((0.0, -2.0), (0.2, -1.0), (2.0, 0.0), (2.2, 1.0)):
        cluster_map.note(round(t_s * 1e9), in_cluster(place=(x, -0.9)))
    assert 0 < bright((-1.5, -0.9)) < bright((0.5, -0.9))
    assert bright((-0.5, -0.9)) == 0
    cluster_map.note(round(6e9), None)
    np.testing.assert_array_equal(look(cluster_map), empty)
    cluster_map.note(round(1e9), in_cluster(place=(0.0, -0.9)))
    cluster_map.clear()
    np.testing.assert_array_equal(look(cluster_map), empty)


def count_updates(widget: HistoryStrip, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    asked: list[int] = []
    monkeypatch.setattr(widget, "update", lambda: asked.append(1))
    return asked


def test_the_map_repaints_ten_times_a_second_at_most(qtbot: QtBot, cluster_map: ClusterMapWidget):
    painted: list[int] = []
    cluster_map.plot.scene().sigPrepareForPaint.connect(lambda: painted.append(1))
    cluster_map.note(0, in_cluster())
    qtbot.wait(120)
    assert painted == []  # hidden
    assert len(cluster_map._live.data) == 0
    with qtbot.waitExposed(cluster_map):
        cluster_map.show()
    qtbot.wait(120)
    painted.clear()
    start_s = time.monotonic()
    for k in range(1, 50):
        cluster_map.note(k * 33_000_000, in_cluster(place=(0.01 * k, 0.0)))
        QApplication.processEvents()
    assert len(painted) <= 1 + (time.monotonic() - start_s) / 0.1
    qtbot.waitUntil(lambda: not cluster_map._stale)  # the last one is never lost
    assert cluster_map._live.data["x"][-1] == pytest.approx(0.49)
    qtbot.wait(150)
    painted.clear()
    qtbot.wait(150)
    assert painted == []


def test_a_large_map_is_drawn_once(cluster_map: ClusterMapWidget, monkeypatch: pytest.MonkeyPatch):
    drawn: list[int] = []
    real = pg.ScatterPlotItem.paint

    def paint(item: pg.ScatterPlotItem, *args: object) -> None:
        drawn.append(len(item.data))
        real(item, *args)

    monkeypatch.setattr(pg.ScatterPlotItem, "paint", paint)
    cluster_map.set_points(some_points(30_000))
    cluster_map.note(0, in_cluster())
    look(cluster_map)
    assert 3000 < sum(drawn) <= MOST_POINTS + 2
    drawn.clear()
    cluster_map.note(40_000_000, in_cluster(rank=1))
    look(cluster_map)
    assert set(drawn) == {2}  # the live point alone
    cluster_map.set_palette(PUBLISHED)
    look(cluster_map)
    assert sum(drawn) > 3000


def test_the_whole_map_is_seen_until_the_user_zooms_and_again_after_a_double_click(
    qtbot: QtBot, cluster_map: ClusterMapWidget
):
    with qtbot.waitExposed(cluster_map):
        cluster_map.show()
    assert cluster_map.points is not None
    cluster_map.note(0, in_cluster(rank=1, place=(0.0, 0.0)))
    before = spot(cluster_map, (0.0, 0.0))
    for low_or_high in cluster_map.points.bounds:
        x, y = spot(cluster_map, tuple(low_or_high))
        assert (min(x, 300 - x), min(y, 200 - y)) > (RIM_PX, RIM_PX)
    cluster_map.view.scaleBy((0.2, 0.2), center=(4.0, 0.0))
    assert pixel(cluster_map, (-4.0, 0.0)) == DEFAULT.colours[2]  # out of sight: at the border on its side
    viewport = cluster_map.plot.viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton)
    assert spot(cluster_map, (0.0, 0.0)) != before
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton)
    assert spot(cluster_map, (0.0, 0.0)) == pytest.approx(before)
    assert pixel(cluster_map, (0.0, 0.0)) == DEFAULT.colours[2]


def test_one_reference_frame_alone_has_a_place(cluster_map: ClusterMapWidget):
    cluster_map.set_points(MapPoints(np.array([[3.0, 5.0]]), np.array([1]), CLUSTERS))
    cluster_map.note(0, in_cluster(rank=1, place=(3.0, 5.0)))
    assert pixel(cluster_map, (3.0, 5.0)) == DEFAULT.colours[2]
    assert all(0 < share < 1 for share in np.array(spot(cluster_map, (3.0, 5.0))) / (300, 200))


def test_an_update_of_the_panels_is_cheap(cluster_map: ClusterMapWidget, strip: HistoryStrip):
    cluster_map.set_points(some_points(1500))
    cluster_map.resize(400, 220)
    strip.resize(800, 220)
    frame, counter = heart_frame(), itertools.count()
    for k in range(90):
        strip.note(k * 700_000_000, heart(frame))

    def three_frames() -> None:
        """What comes between two repaints, and the repaint."""
        for k in itertools.islice(counter, 3):
            cluster_map.note(k * 33_000_000, in_cluster(rank=k // 30 % 3, place=(0.04 * (k % 90), np.sin(k / 9))))
        cluster_map.grab()

    assert cpu_ms(three_frames, turns=31, warm_up=30) < 4.0
    assert cpu_ms(strip.grab, turns=11) < 4.0


# -- the last minute ------------------------------------------------------------------------------------------------


def test_rows_take_the_colours_of_the_labels(strip: HistoryStrip):
    for k in range(50):
        strip.note(k * 200_000_000, replace(heart(heart_frame()), cluster=in_cluster(rank=0)))
    image = look(strip)
    boxes = dict(zip(strip.rows, strip._boxes(), strict=True))
    for name, label in zip(ROWS[2:], LABELS, strict=True):
        middle = image[round(boxes[name].center().y())]
        if label:
            assert {tuple(middle[-2]), tuple(middle[-49])} == {DEFAULT.colours[label - 1]}
        assert tuple(middle[-60]) == (0, 0, 0)
    assert tuple(image[round(boxes["cluster"].center().y()), -2]) == DEFAULT.colours[0]


def test_what_was_not_judged_is_grey(strip: HistoryStrip):
    strip.note(0, None)
    strip.note(200_000_000, None)
    image = look(strip)
    for box in strip._boxes():
        red, green, blue = (int(v) for v in image[round(box.center().y()), -2])
        assert max(red, green, blue) - min(red, green, blue) < 25
        assert 50 < green < 110


def test_rows_are_named_after_the_walls_when_the_view_is_known():
    assert row_text("basal_left", None) == "basal left"
    assert row_text("mid_right", "A4C") == "mid anterolateral"
    assert row_text("cluster", "A4C") == "cluster"


def test_the_strip_is_asked_to_repaint_once_per_column(
    qtbot: QtBot, strip: HistoryStrip, monkeypatch: pytest.MonkeyPatch
):
    with qtbot.waitExposed(strip):
        strip.show()
    asked = count_updates(strip, monkeypatch)
    for k in range(6):
        strip.note(k * 33_000_000, None)
    assert len(asked) == 1
    strip.note(400_000_000, None)
    assert len(asked) == 1  # 200 ms have not passed
    qtbot.waitUntil(lambda: len(asked) == 2)


# -- the window -----------------------------------------------------------------------------------------------------


def test_frames_reach_the_panels_and_a_new_exam_empties_them(engine: StillEngine, mapped: MainWindow):
    show(engine, mapped, 1, in_cluster(rank=1, place=(0.0, 0.0)))
    assert mapped.lower_panels.history.history.columns()[0, -1] == 3
    assert pixel(mapped.maps.clusters, (0.0, 0.0)) == DEFAULT.colours[2]
    engine.result = engine.frame = None
    mapped.new_exam()
    mapped.pull()
    assert pixel(mapped.maps.clusters, (0.0, 0.0)) not in DEFAULT.colours


def test_keys_fold_each_panel_away_and_the_choice_is_kept(qtbot: QtBot, mapped: MainWindow, tmp_path: Path):
    lower, before = mapped.lower_panels, mapped.panes.height()
    panels = {Qt.Key.Key_1: lower.exam, Qt.Key.Key_2: lower.maps.clusters, Qt.Key.Key_3: lower.history}
    for key, panel in panels.items():
        assert panel.isVisible()
        qtbot.keyClick(mapped, key)
        assert not panel.isVisible()
    assert not lower.isVisible()
    qtbot.waitUntil(lambda: mapped.panes.height() > before)
    qtbot.keyClick(mapped, Qt.Key.Key_2)
    assert lower.maps.clusters.isVisible()
    mapped.close()
    panels_kept = load(tmp_path / "settings.toml")[0].panels
    assert (panels_kept.history, panels_kept.cluster_map) == (False, True)


def test_without_a_map_there_is_no_panel_for_it(window: MainWindow):
    assert not window.maps.clusters.isVisible()
    assert not window.actions_by_name["cluster_map"].isEnabled()
    assert window.lower_panels.history.isVisible()


@pytest.mark.parametrize("size", [(1200, 640), (1200, 760), (1600, 960)])
def test_the_pictures_keep_half_of_the_window(qtbot: QtBot, mapped: MainWindow, size: tuple[int, int]):
    mapped.resize(*size)
    qtbot.waitUntil(lambda: mapped.height() == size[1])
    qtbot.waitUntil(lambda: mapped.panes.height() >= size[1] // 2 - 1)


def test_another_organ_hides_what_belongs_to_the_heart(engine: StillEngine, mapped: MainWindow):
    height = mapped.panes.height()
    frame = heart_frame(1, 40)
    engine.give(frame, liver(frame, in_cluster(rank=2, level=4)))
    mapped.pull()
    hearts_own = (mapped.exam, mapped.verdict.chips, mapped.header.view, mapped.hud.legend)
    assert not any(part.isVisible() for part in hearts_own)
    assert (mapped.verdict.number.text(), mapped.verdict.caption.text()) == ("4/5", "quality level")
    assert mapped.verdict.sentence.text() == "Picture quality: good"
    assert DEFAULT.colours[3] in colours(look(mapped.panes.assessed))
    assert mapped.lower_panels.history.rows == ("cluster", "level")
    assert mapped.panes.height() == height
    refused = heart_frame(2, 80)
    engine.give(refused, no_heart(refused, "one grey: check the probe"))
    mapped.pull()
    assert not mapped.exam.isVisible()  # a refusal does not make it a heart again
    show(engine, mapped, 3, in_cluster())
    assert all(part.isVisible() for part in hearts_own)


def test_the_gauge_leaves_three_quarters_of_a_small_picture_free(qtbot: QtBot):
    pane = ImagePane("assessed_pane", "")
    qtbot.addWidget(pane)
    pane.resize(320, 240)
    frame = heart_frame(value=60)
    pane.set_picture(frame.pixels, None)
    pane.set_overlay(compose(replace(liver(frame, in_cluster(rank=0, level=1)), crop=None)))
    columns = np.flatnonzero((look(pane) != 60).any(axis=(0, 2)))
    assert 320 - 320 / 4 <= columns[0] < 320 - 50


def test_an_abdomen_exam_begins_without_the_hearts_parts(
    qtbot: QtBot, engine: StillEngine, shelf: Shelf, tmp_path: Path
):
    made = MainWindow(engine, shelf, settings_path=tmp_path / "s.toml", exam="abdomen")
    qtbot.addWidget(made)
    made.resize(1600, 960)
    with qtbot.waitExposed(made):
        made.show()
    hearts_own = (made.exam, made.verdict.chips, made.header.view, made.hud.legend)
    assert not any(part.isVisible() for part in hearts_own)
    assert made.lower_panels.history.rows == ("cluster", "level")
    frame = heart_frame(1, 40)
    engine.give(frame, no_heart(frame, "one grey: check the probe"))
    made.pull()
    assert not any(part.isVisible() for part in hearts_own)
    show(engine, made, 2, in_cluster())  # a frame with regions contradicts it
    assert all(part.isVisible() for part in hearts_own)


def test_another_organ_that_cannot_be_placed_says_why(engine: StillEngine, window: MainWindow):
    frame = heart_frame()
    engine.give(frame, liver(frame, reason="the picture is one grey: put gel on the probe"))
    window.pull()
    assert window.verdict.sentence.text() == "The picture is one grey: put gel on the probe."
    assert window.verdict.number.text() == "–"


def test_the_map_shown_is_that_of_the_models_in_use(engine: StillEngine, mapped: MainWindow):
    widget = mapped.maps.clusters
    assert widget.isVisible()
    other = replace(some_map(), names=("B-", "B", "B+"))
    engine.change(cluster_map=other)
    mapped.pull()
    assert widget.points is not None
    assert widget.points.names == other.names
    engine.change(cluster_map=None)
    mapped.pull()
    assert not widget.isVisible()
    assert not mapped.actions_by_name["cluster_map"].isEnabled()
