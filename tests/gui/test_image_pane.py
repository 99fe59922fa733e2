"""A pane paints pixels as they are, and overlays where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from gui_bench import look
from hearts import BOXES, CROP, LABELS, SIZE, centre, heart, heart_frame
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.overlay.compose import OverlayOptions, compose
from app.overlay.display_list import Cue, DisplayList, Line, Text
from app.overlay.palettes import DEFAULT
from app.ui.widgets.fit import fit, with_margin
from app.ui.widgets.image_pane import ImagePane
from app.ui.widgets.scaler import Scaler, scaled
from capture.geometry import Rect
from models.runtime.contract import REGION_NAMES


def pane(qtbot: QtBot, width: int, height: int) -> ImagePane:
    made = ImagePane("pane", "")
    qtbot.addWidget(made)
    made.resize(width, height)
    return made


@pytest.mark.parametrize("is_colour", [False, True])
def test_pixels_are_shown_one_to_one_and_untouched(qtbot: QtBot, is_colour: bool):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (203, 301, 3) if is_colour else (203, 301), np.uint8)
    pixels.setflags(write=False)
    shown = pane(qtbot, 301, 203)
    shown.set_picture(pixels, None)
    expected = pixels[:, :, ::-1] if is_colour else np.repeat(pixels[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(look(shown), expected)


def test_a_part_is_shown_one_to_one(qtbot: QtBot):
    pixels = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    shown = pane(qtbot, 201, 161)
    shown.set_picture(pixels, Rect(100, 50, 201, 161))
    np.testing.assert_array_equal(look(shown), pixels[50:211, 100:301, ::-1])


def test_contrast_is_not_stretched_and_aspect_is_kept(qtbot: QtBot):
    shown = pane(qtbot, 400, 400)
    shown.set_picture(np.full((50, 100), 90, np.uint8), None)
    image = look(shown)
    assert set(np.unique(image[101:299])) == {90}
    assert image[:99].max() == 0
    assert image[302:].max() == 0


def test_a_gradient_keeps_its_values_when_scaled(qtbot: QtBot):
    shown = pane(qtbot, 512, 64)
    shown.set_picture(np.tile(np.arange(256, dtype=np.uint8), (32, 1)), None)
    row = look(shown)[32, :, 0].astype(int)
    assert np.abs(row - np.arange(512) / 2).max() <= 1


def test_colours_lie_where_the_regions_are(qtbot: QtBot):
    frame = heart_frame(value=60)
    shown = pane(qtbot, 800, 880)
    shown.set_picture(frame.pixels, CROP)
    shown.set_overlay(compose(heart(frame), OverlayOptions(cue=Cue.NONE)))
    image, placed = look(shown), shown.current_fit()
    assert placed is not None
    for name, label in zip(REGION_NAMES, LABELS, strict=True):
        colour = DEFAULT.colour(label)
        mixed = (60, 60, 60) if colour is None else [0.62 * 60 + 0.38 * c for c in colour]
        x, y = placed.to_pane(np.array([centre(name)]))[0]
        assert np.abs(image[int(y), int(x)] - np.array(mixed)).max() <= 2, name
    box = BOXES["mid_left"]
    left, top = placed.to_pane(np.array([[box[0] - 6, box[1] + 40]]))[0]
    assert tuple(image[int(top), int(left)]) == (60, 60, 60)


def test_patterns_lines_and_texts_at_the_edge(qtbot: QtBot):
    frame = heart_frame()
    shown = pane(qtbot, SIZE[1], SIZE[0])
    shown.set_picture(frame.pixels, None)
    shown.set_overlay(compose(heart(frame), OverlayOptions(cue=Cue.NONE)))
    plain = look(shown)
    shown.set_overlay(compose(heart(frame), OverlayOptions(cue=Cue.PATTERN)))
    x, y, width, height = BOXES["apical_right"]
    inside = np.s_[y + 3 : y + height - 3, x + 3 : x + width - 3]
    assert (plain[inside] != look(shown)[inside]).any(axis=2).mean() > 0.2
    text = Text("far away", -500, 900, (255, 255, 255, 255), plate=(255, 0, 0, 255))
    line = Line(np.array([[10.0, 10.0], [100.0, 10.0]]), (0, 255, 0, 255), 3.0, dashed=True)
    shown.set_overlay(DisplayList(SIZE, (text, line)))
    image = look(shown)
    assert (image[-30:, :60] == (255, 0, 0)).all(axis=2).any()
    assert (image[10, 10:100] == (0, 255, 0)).all(axis=1).any()


def test_the_end_of_a_paint_is_told(qtbot: QtBot):
    shown = pane(qtbot, 100, 100)
    painted: list[int] = []
    shown.on_painted = lambda: painted.append(1)
    shown.show()
    qtbot.waitUntil(lambda: len(painted) >= 1)
    shown.set_picture(np.zeros((10, 10), np.uint8), None)
    qtbot.waitUntil(lambda: len(painted) >= 2)


def test_a_frame_is_scaled_once_for_both_panes():
    scaler, pixels = Scaler(), np.zeros((50, 60), np.uint8)
    placed = fit(Rect(0, 0, 60, 50), 200, 200)
    assert scaler.image(pixels, placed) is scaler.image(pixels, placed)
    assert scaler.image(pixels.copy(), placed) is not scaler.image(pixels, placed)


def test_one_to_one_copies_nothing():
    pixels = np.zeros((50, 60, 3), np.uint8)
    for part in (Rect(0, 0, 60, 50), Rect(5, 5, 40, 40)):
        assert np.shares_memory(scaled(pixels, fit(part, part.width + 1, part.height + 1)), pixels)


@pytest.mark.parametrize("shape", [(50, 60), (50, 60, 3)])
def test_an_image_is_of_the_kind_that_a_window_holds(shape: tuple[int, ...]):
    """Anything else is converted at each paint."""
    pixels = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    image = Scaler().image(pixels, fit(Rect(5, 5, 40, 40), 41, 41))
    assert image.format() == QImage.Format.Format_RGB32
    seen = QColor(image.pixel(3, 7))
    wanted = np.broadcast_to(pixels[12, 8], 3)[::-1]
    assert (seen.red(), seen.green(), seen.blue()) == tuple(wanted.tolist())


def test_fit_maps_corners_and_snaps_to_one_to_one():
    placed = fit(Rect(100, 50, 200, 100), 400, 400)
    assert (placed.scale, placed.x, placed.y) == (2.0, 0, 100)
    np.testing.assert_allclose(placed.to_pane(np.array([[99.5, 49.5], [299.5, 149.5]])), [[0, 100], [400, 300]])
    assert fit(Rect(0, 0, 100, 100), 104, 105).scale == 1.0
    assert fit(Rect(0, 0, 100, 100), 98, 105).scale == 0.98


def test_the_margin_stays_inside_the_frame():
    assert with_margin(Rect(0, 0, 100, 100), 100, 100) == Rect(0, 0, 100, 100)
    assert with_margin(Rect(100, 100, 100, 200), 1000, 1000) == Rect(94, 94, 112, 212)
