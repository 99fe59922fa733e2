"""Saliency in the window: switched on by hand, over the right picture, inside the sector, with its age."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
from gui_bench import StillEngine, look
from hearts import SECTOR, SIZE, heart, heart_frame, no_heart
from mocks import MockAssessor, MockSource
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.engine.pipeline import Engine
from app.engine.saliency import SaliencyState
from app.overlay.display_list import Raster, Text
from app.overlay.saliency import TITLE
from app.ui.actions import ACTIONS
from app.ui.dialogs.shortcuts import ShortcutsDialog
from app.ui.main_window import MainWindow
from capture.frame import Frame
from models.runtime.contract import Assessment, FrameStamp
from models.runtime.frame_saliency import SaliencyMap


def even_map(index: int = 1, t_ms: float = 0.0) -> SaliencyMap:
    """Four points everywhere in the sector."""
    stamp = FrameStamp(index, round(t_ms * 1e6))
    place = SECTOR.bounds().clipped(*SIZE)
    return SaliencyMap(np.full((224, 224), 4, np.float32), place, SECTOR, "mock:0", stamp)


class Maker:
    """Maps of the made-up heart."""

    def __init__(self) -> None:
        self.closed = 0

    def map_of(self, frame: Frame, assessment: Assessment) -> SaliencyMap:
        return replace(even_map(), of=FrameStamp(frame.index, frame.t_mono_ns))

    def close(self) -> None:
        self.closed += 1


class HeartAssessor(MockAssessor):
    def assess(self, frame: Frame) -> Assessment:
        super().assess(frame)
        return heart(frame)


def show(engine: StillEngine, window: MainWindow, t_ms: float = 0.0, **state: object) -> None:
    frame = heart_frame(2, t_ms)
    engine.salient = SaliencyState(True, **state)  # type: ignore[arg-type]
    engine.give(frame, heart(frame, view="A4C"))
    window.pull()


def texts(window: MainWindow) -> list[str]:
    overlay = window.panes.assessed.overlay
    return [item.text for item in overlay.items if isinstance(item, Text)] if overlay else []


def rasters(window: MainWindow) -> list[Raster]:
    overlay = window.panes.assessed.overlay
    return [item for item in overlay.items if isinstance(item, Raster)] if overlay else []


def test_h_asks_the_engine_and_asks_it_to_stop(qtbot: QtBot, engine: StillEngine, window: MainWindow):
    assert not window.actions_by_name["saliency"].isChecked()
    assert not engine.salient.is_on
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert engine.salient.is_on
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert not engine.salient.is_on


def test_it_stands_in_the_list_of_shortcuts_under_a_key_of_its_own(qtbot: QtBot, window: MainWindow):
    keys = [key for spec in ACTIONS for key in spec.keys]
    assert len(set(keys)) == len(keys)
    dialog = ShortcutsDialog(window)
    qtbot.addWidget(dialog)
    words = [label.text() for label in dialog.findChildren(QLabel)]
    assert "What lowers the score" in words[words.index("H") + 1]


def test_colour_lies_inside_the_sector_of_the_right_picture_alone(engine: StillEngine, window: MainWindow):
    window.actions_by_name["overlay"].trigger()
    show(engine, window, map=None)
    window.panes.assessed.set_note("")
    before, live = look(window.panes.assessed), look(window.panes.live)
    show(engine, window, map=even_map())
    after = look(window.panes.assessed)
    assert (look(window.panes.live) == live).all()
    placed = window.panes.assessed.current_fit()
    assert placed is not None
    rows, columns = np.indices(after.shape[:2])
    x = (columns + 0.5 - placed.x) / placed.scale + placed.source.x - 0.5
    y = (rows + 0.5 - placed.y) / placed.scale + placed.source.y - 0.5
    radius, angle = SECTOR.polar(x, y)
    beside_px = radius * (np.abs(angle) - SECTOR.angle_right)  # frame pixels beyond the edge beams
    inside = (radius > SECTOR.radius_min_px + 3) & (radius < SECTOR.radius_max_px - 3) & (beside_px < -3)
    outside = (radius > SECTOR.radius_max_px + 3) | (beside_px > 3)
    shown = (columns >= placed.x) & (columns < placed.x + placed.width) & (rows >= placed.y)
    inside &= shown & (rows < placed.y + placed.height)
    legend = (columns < 240) & (rows < placed.y + 140)
    changed = (after != before).any(axis=2)
    assert changed[inside].all()
    assert not changed[outside & ~legend].any()
    assert changed[outside & legend].any(), "the legend"


def test_regions_are_outlines_while_there_is_a_map(engine: StillEngine, window: MainWindow):
    show(engine, window)
    fills = [getattr(item, "fill", None) for item in window.panes.assessed.overlay.items]
    assert any(fills)
    assert window.panes.assessed.note == "the saliency map is being made"
    show(engine, window, map=even_map())
    overlay = window.panes.assessed.overlay
    assert not any(getattr(item, "fill", None) for item in overlay.items)
    assert isinstance(overlay.items[0], Raster), "below the outlines"
    assert "inferoseptal" in texts(window)
    assert window.panes.assessed.note == ""


def test_the_legend_says_how_old_the_map_is(engine: StillEngine, window: MainWindow):
    found = even_map(1, 100)
    show(engine, window, 700, map=found)
    assert {TITLE, "5 points", "0.6 s old"} <= set(texts(window))
    (first,) = rasters(window)
    window.pull()
    overlay = window.panes.assessed.overlay
    window.pull()
    assert window.panes.assessed.overlay is overlay, "nothing new, nothing painted"
    show(engine, window, 100, map=found)
    assert "of this frame" in texts(window)
    assert rasters(window) == [first], "colours are made once per map"


def test_a_reason_is_shown_and_the_regions_stay(engine: StillEngine, window: MainWindow):
    show(engine, window, reason="no model 'score' in manifest.json: reinstall the weights")
    before = look(window.panes.assessed)
    assert "no model 'score'" in window.panes.assessed.note
    assert not rasters(window)
    window.panes.assessed.set_note("")
    assert (look(window.panes.assessed) != before).any()


def test_a_refused_picture_has_neither_map_nor_note(engine: StillEngine, window: MainWindow):
    engine.salient = SaliencyState(True, even_map())
    frame = heart_frame(3)
    engine.give(frame, no_heart(frame))
    window.pull()
    assert not rasters(window)
    assert window.panes.assessed.note == ""


def test_the_real_engine_makes_maps_only_while_they_are_wanted(qtbot: QtBot):
    made: list[Maker] = []

    def make() -> Maker:
        made.append(Maker())
        return made[-1]

    engine = Engine(MockSource(size=SIZE, fps=50), HeartAssessor, make_saliency=make)
    window = MainWindow(engine, lambda spec: MockSource(source_id=spec))
    qtbot.addWidget(window)
    window.show()
    with engine:
        qtbot.waitUntil(lambda: window.verdict.number.text() == "6/8", timeout=20_000)
        assert made == []
        assert not [thread for thread in threading.enumerate() if "saliency" in thread.name]
        window.actions_by_name["saliency"].trigger()
        qtbot.waitUntil(lambda: bool(rasters(window)), timeout=20_000)
        window.actions_by_name["saliency"].trigger()
        assert not rasters(window)
        qtbot.waitUntil(lambda: made[0].closed == 1, timeout=20_000)
    window.close()
