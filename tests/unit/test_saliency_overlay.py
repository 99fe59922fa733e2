"""The saliency map as colours and a legend, and what becomes of the regions below it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hearts import CROP, SECTOR, SIZE, heart, heart_frame

from app.overlay.compose import OverlayOptions, compose
from app.overlay.display_list import Cue, DisplayList, Polygon, Raster, Text
from app.overlay.paint_cv import draw
from app.overlay.palettes import luminance
from app.overlay.saliency import STRONGEST, TITLE, TOPS, legend, scale_top, tint
from capture.geometry import Rect
from models.runtime.contract import FrameStamp
from models.runtime.frame_saliency import SaliencyMap


def ramp(highest: float = 5.0, lowest: float = 0.0) -> SaliencyMap:
    """Points that rise from left to right."""
    points = np.tile(np.linspace(lowest, highest, 224, dtype=np.float32), (224, 1))
    return SaliencyMap(points, CROP, SECTOR, "mock:0", FrameStamp(0, 0))


def unmultiplied(raster: Raster) -> tuple[np.ndarray, np.ndarray]:
    """Luminance 0..1 and alpha 0..1 along the middle row, where alpha is large enough to tell."""
    row = raster.bgra[112].astype(float)
    alpha = row[:, 3] / 255
    shown = alpha > 0.05
    colours = np.rint(row[shown, 2::-1] / alpha[shown, None]).clip(0, 255)
    return np.array([luminance(tuple(colour)) for colour in colours.astype(int).tolist()]), alpha


def test_colour_gets_brighter_and_denser_with_the_points():
    lightness, alpha = unmultiplied(tint(ramp()))
    assert alpha[0] == 0
    assert alpha[-1] == pytest.approx(STRONGEST, abs=0.01)
    assert (np.diff(alpha) >= 0).all()
    assert (np.diff(lightness[::20]) > 0).all(), "steps in lightness, for those who do not see the hues"


def test_what_holds_the_score_up_is_left_clear():
    _, alpha = unmultiplied(tint(ramp(5.0, -5.0)))
    assert not alpha[:112].any()
    assert alpha[-1] > 0.6


@pytest.mark.parametrize(("highest", "top"), [(0.0, 2.0), (1.9, 2.0), (2.1, 5.0), (30.0, 50.0), (100.0, 100.0)])
def test_the_scale_has_few_steps(highest: float, top: float):
    assert scale_top(ramp(highest)) == top
    assert top in TOPS


def test_the_legend_says_what_how_much_and_how_old():
    texts = [item.text for item in legend(ramp(4.0), 640.0) if isinstance(item, Text)]
    assert [text for text in texts if text.strip()] == [TITLE, "0", "5 points", "0.6 s old"]
    assert texts.count(" ") == 5
    assert legend(ramp(), 0.0)[-1].text == "of this frame"


def test_nothing_is_painted_outside_the_sector():
    frame = heart_frame()
    painted = draw(frame.pixels, DisplayList(SIZE, (tint(ramp()),)))
    changed = (painted != 60).any(axis=2)
    inside = SECTOR.mask(*SIZE)
    outline = inside ^ SECTOR.moved(0, 2).mask(*SIZE) | ~inside & SECTOR.moved(0, -2).mask(*SIZE)
    assert not (changed & ~inside & ~outline).any()
    assert changed[inside & ~outline].mean() > 0.8


def test_a_place_that_leaves_the_picture_is_cut():
    over = Raster(np.full((4, 4, 4), 200, np.uint8), Rect(-10, -10, 20, 20), np.array([[-9.0, -9], [9, -9], [9, 9]]))
    painted = draw(np.zeros((30, 30), np.uint8), DisplayList((30, 30), (over,)))
    assert painted[2, 6].tolist() == [200, 200, 200]
    assert not painted[10:].any()


@pytest.mark.parametrize(("cue", "numbers"), [(Cue.NUMBER, 7), (Cue.PATTERN, 7), (Cue.NONE, 0)])
def test_regions_below_a_map_are_outlines_with_numbers(cue: Cue, numbers: int):
    assessment = heart(heart_frame(), (4, 5, 3, 1, 3, 3, 5, None))
    filled = compose(assessment, OverlayOptions(cue=cue))
    bare = compose(assessment, replace(OverlayOptions(cue=cue), filled=False))
    shapes = [item for item in bare.items if isinstance(item, Polygon)]
    assert len(shapes) == 8
    assert all(shape.fill is None and shape.hatch is None and shape.outline is not None for shape in shapes)
    assert sum(isinstance(item, Text) for item in bare.items) == numbers
    assert any(isinstance(item, Polygon) and item.fill is not None for item in filled.items)
