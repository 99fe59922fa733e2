"""The display list, its OpenCV painter, and the words that go with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hearts import BOXES, CROP, LABELS, SIZE, centre, heart, heart_frame, in_cluster, liver, no_heart

from app.overlay.compose import OverlayOptions, compose
from app.overlay.display_list import HATCHES, Cue, DisplayList, Fade, Line, Polygon, Text
from app.overlay.gauge import WIDTH_PX
from app.overlay.names import as_sentence, region_text, summarise
from app.overlay.paint_cv import draw
from app.overlay.palettes import CALM_GREY, DEFAULT, PUBLISHED
from capture.frame import Frame
from models.runtime.contract import REGION_NAMES


def polygons(listed: DisplayList) -> dict[str, Polygon]:
    """Region name -> its polygon."""
    found = [item for item in listed.items if isinstance(item, Polygon)]
    return dict(zip(REGION_NAMES, found, strict=True))


def numbers(listed: DisplayList) -> list[Text]:
    return [item for item in listed.items if isinstance(item, Text) and item.text.isdigit()]


@pytest.mark.parametrize("palette", [DEFAULT, PUBLISHED], ids=lambda p: p.key)
def test_colour_and_number_follow_the_label(palette):
    listed = compose(heart(heart_frame()), OverlayOptions(palette))
    shapes = polygons(listed)
    assert [text.text for text in numbers(listed)] == [str(label) for label in LABELS]
    for name, label, text in zip(REGION_NAMES, LABELS, numbers(listed), strict=True):
        colour = palette.colour(label)
        assert (shapes[name].fill is None) == (label == 0)
        assert shapes[name].fill is None or shapes[name].fill[:3] == colour
        assert text.plate is not None
        assert text.plate[:3] == (colour or CALM_GREY)


def test_label_wins_over_score_so_that_words_and_colours_never_disagree():
    assessment = heart(heart_frame(), (2,) * 8)
    for region in assessment.regions:
        object.__setattr__(region, "score", 4.9)  # a smoothed score on its way up, held back by hysteresis
    listed = compose(assessment)
    assert {text.text for text in numbers(listed)} == {"2"}
    assert {shape.fill[:3] for shape in polygons(listed).values() if shape.fill} == {DEFAULT.colour(2)}
    assert "poor" in summarise(assessment).sentence


def test_patterns_replace_numbers_and_thin_out_with_quality():
    listed = compose(heart(heart_frame()), OverlayOptions(cue=Cue.PATTERN))
    assert not numbers(listed)
    assert [shape.hatch for shape in polygons(listed).values()] == [HATCHES.get(label) for label in LABELS]
    ink = [0.0 if h is None else len(h.angles_deg) / h.spacing_px for h in HATCHES.values()]
    assert ink == sorted(ink, reverse=True)
    assert len(set(ink)) == 5


def test_wall_names_only_when_the_view_is_known():
    def words(view: str | None) -> list[str]:
        listed = compose(heart(heart_frame(), view=view))
        return [item.text for item in listed.items if isinstance(item, Text) and not item.text.isdigit()]

    assert words(None) == []
    assert words("A4C") == ["inferoseptal", "anterolateral"]
    assert words("A2C") == ["inferior", "anterior"]
    assert words("ALAX") == ["inferolateral", "anteroseptal"]


def test_numbers_stand_outside_of_the_heart():
    for text, name in zip(numbers(compose(heart(heart_frame()))), REGION_NAMES, strict=True):
        x, _ = centre(name)
        assert np.sign(text.x + text.dx_px - x) == np.sign(x - 320)


def test_old_results_are_dimmed_or_gone():
    full, dim, gone = (compose(heart(heart_frame()), OverlayOptions(fade=fade)) for fade in Fade)
    assert not gone
    for strong, weak in zip(polygons(full).values(), polygons(dim).values(), strict=True):
        assert weak.outline is not None
        assert strong.outline is not None
        assert 0 < weak.outline[3] < strong.outline[3]


def test_a_refusal_shows_its_sector_in_calm_grey_and_no_region():
    (outline,) = compose(no_heart(heart_frame())).items
    assert isinstance(outline, Polygon)
    assert outline.fill is None
    assert outline.outline is not None
    assert outline.outline[:3] == CALM_GREY


def test_regions_without_polygons_or_label_are_painted_calmly():
    assessment = heart(heart_frame(), (None,) * 8)
    shapes = [item for item in compose(assessment).items if isinstance(item, Polygon)]
    assert {shape.fill[:3] for shape in shapes if shape.fill} == {CALM_GREY}
    assert not numbers(compose(assessment))
    for region in assessment.regions:
        object.__setattr__(region, "polygons", ())
    assert not compose(assessment)


def test_opencv_paints_regions_where_they_are():
    frame = heart_frame(value=60)
    image = draw(frame.pixels, compose(heart(frame)))
    assert image.shape == (*SIZE, 3)
    for name, label in zip(REGION_NAMES, LABELS, strict=True):
        x, y = (round(v) for v in centre(name))
        colour = DEFAULT.colour(label)
        mixed = (60, 60, 60) if colour is None else [round(0.62 * 60 + 0.38 * c) for c in colour]
        assert np.abs(image[y, x, ::-1].astype(int) - mixed).max() <= 2, name
    assert tuple(image[250, 320]) == (60, 60, 60)
    assert frame.pixels.max() == 60


def test_opencv_paints_patterns_words_and_lines():
    frame = heart_frame()
    plain = draw(frame.pixels, compose(heart(frame), OverlayOptions(cue=Cue.NONE)))
    hatched = draw(frame.pixels, compose(heart(frame), OverlayOptions(cue=Cue.PATTERN)))
    x, y, width, height = BOXES["apical_right"]
    inside = np.s_[y + 3 : y + height - 3, x + 3 : x + width - 3]
    assert (plain[inside] != hatched[inside]).any(axis=2).mean() > 0.2
    line = DisplayList(SIZE, (Line(np.array([[10.0, 10.0], [100.0, 10.0]]), (255, 0, 0, 255), 3.0),))
    assert tuple(draw(frame.pixels, line)[10, 50]) == (0, 0, 255)
    corner = DisplayList(SIZE, (Text("far away", 0, 0, (255, 255, 255, 255), plate=(0, 0, 0, 255)),))
    assert (draw(frame.pixels, corner)[:30, :60] > 200).any()


def test_an_overlay_does_not_go_on_a_picture_of_another_size():
    with pytest.raises(ValueError, match="480"):
        draw(np.zeros((10, 10), np.uint8), compose(heart(heart_frame())))


@pytest.mark.parametrize(
    ("name", "view", "text"),
    [
        ("mid_right", None, "mid right"),
        ("mid_right", "A4C", "anterolateral wall, mid"),
        ("apical_left", "A2C", "inferior wall, apical"),
        ("annulus_left", "ALAX", "annulus, inferolateral side"),
    ],
)
def test_regions_in_words(name: str, view: str | None, text: str):
    assert region_text(name, view) == text


@pytest.mark.parametrize(
    ("labels", "view", "sentence", "usable"),
    [
        (LABELS, "A4C", "Anterolateral wall, apical: not visible", 6),
        (LABELS, None, "Apical right: not visible", 6),
        ((5, 5, 2, 2, 5, 5, 5, 5), None, "Apical left: poor (and 1 more)", 6),
        ((2,) * 8, None, "Most regions are poor.", 0),
        ((5,) * 8, None, "All regions are excellent.", 8),
        ((4, 5, 5, 5, 4, 5, 5, 5), None, "All regions are good or excellent.", 8),
        ((4, 5, 5, 5, 4, 5, 5, 0), None, "Annulus right: out of sector", 7),
        ((0,) * 8, None, "No region lies inside the sector: centre the left ventricle.", None),
    ],
)
def test_the_sentence(labels, view: str | None, sentence: str, usable: int | None):
    summary = summarise(heart(heart_frame(), labels, view))
    assert (summary.sentence, summary.usable) == (sentence, usable)


def test_the_sentence_of_a_refusal_is_its_reason():
    summary = summarise(no_heart(heart_frame()))
    assert summary.sentence == "no heart found: tilt the probe"
    assert (summary.usable, summary.label) == (None, None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ""),
        ("cable out", "Cable out."),
        ("cannot open it: choose another.", "Cannot open it: choose another."),
        ("film.mkv is no video", "film.mkv is no video."),
        ("v4l2:/dev/video0 is in use", "v4l2:/dev/video0 is in use."),
    ],
)
def test_sentences_begin_like_sentences(text: str, sentence: str):
    assert as_sentence(text) == sentence


def texts(listed: DisplayList) -> list[Text]:
    return [item for item in listed.items if isinstance(item, Text)]


def test_another_organ_has_the_gauge_alone():
    word, *steps, sure = texts(compose(liver(heart_frame(), in_cluster(rank=2, p=0.82, level=4))))
    assert (word.text, word.plate and word.plate[:3]) == ("A+", DEFAULT.colours[4])
    assert sure.text == "82 % sure"
    assert [step.text.strip() for step in steps] == ["", "", "", "4", ""]
    filled = [step.plate is not None and step.plate[:3] == DEFAULT.colours[3] for step in steps]
    assert filled == [True, True, True, True, False]
    assert all(step.round_plate for step in steps)


def test_the_gauge_fades_and_needs_a_cluster():
    dimmed = compose(liver(heart_frame()), OverlayOptions(fade=Fade.DIMMED))
    assert {text.colour[3] for text in texts(dimmed)} == {round(255 * Fade.DIMMED.value)}
    assert not compose(liver(heart_frame()), OverlayOptions(fade=Fade.NONE))
    assert not compose(liver(heart_frame(), reason="no model of this organ"))


def test_exports_draw_the_gauge_inside_the_picture():
    frame = heart_frame(value=60)
    for crop in (CROP, None):
        listed = compose(replace(liver(frame, in_cluster(rank=0, level=1)), crop=crop))
        changed = (draw(frame.pixels, listed) != 60).any(axis=2)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        right = SIZE[1] if crop is None else crop.x + crop.width
        assert right - SIZE[1] / 4 < columns[0] < columns[-1] < right
        assert rows[-1] < (crop.y if crop else 0) + 160
        purple = (draw(frame.pixels, listed)[:, :, ::-1] == DEFAULT.colours[0]).all(axis=2)
        assert purple.sum() > 1500


@pytest.mark.parametrize("width", [64, 160, 288, 640, 1280])
def test_the_gauge_takes_a_quarter_of_the_width_at_most(width: int):
    frame = Frame(np.full((width * 3 // 4, width), 60, np.uint8), 0, 0, "mock:0")
    listed = compose(replace(liver(frame, in_cluster(rank=0, level=1)), crop=None))
    columns = np.flatnonzero((draw(frame.pixels, listed) != 60).any(axis=(0, 2)))
    taken = width - columns[0] if len(columns) else 0
    assert taken <= width / 4
    if width >= 160:
        assert taken > min(width / 10, 150)  # the word at least, all of it in a picture of a common size


def test_letters_of_a_shrunk_gauge_that_nobody_could_read_are_left_out():
    word, *_, sure = texts(compose(liver(heart_frame())))
    shrunk = word.within(288)
    assert shrunk is not None
    assert shrunk.size_px / word.size_px == pytest.approx(shrunk.dx_px / word.dx_px) == pytest.approx(72 / 196)
    assert sure.within(288) is None
    assert sure.within(4 * WIDTH_PX) is sure
    lone = replace(sure, group_px=0.0)
    assert lone.within(10) is lone


def test_the_words_for_another_organ():
    summary = summarise(liver(heart_frame(), in_cluster(level=2)))
    assert (summary.sentence, summary.usable, summary.total, summary.label) == ("Picture quality: poor", 2, 5, 2)
    assert summary.caption == "quality level"
    assert summarise(replace(liver(heart_frame()), advice="More gel")).sentence == "More gel"
    unknown = summarise(liver(heart_frame(), reason="no model of this organ is installed"))
    assert (unknown.sentence, unknown.usable) == ("No model of this organ is installed.", None)
