"""Screen modes: none of them moves the sector, and the truth says exactly what is drawn where."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from capture.geometry import Rect
from capture.virtual.screen.calipers import Caliper
from capture.virtual.screen.colour_box import random_colour_box
from capture.virtual.screen.console import Console, random_busy_screen, random_parameters, random_screen
from capture.virtual.screen.interlacing import weave
from capture.virtual.screen.modes import boxed, with_strip
from capture.virtual.screen.parameters import ScreenParameters
from capture.virtual.screen.patient_text import PatientText
from capture.virtual.screen.random_screens import random_busy_parameters
from capture.virtual.screen.truth import text_mask
from tests.support.stopwatch import cpu_ms

RANGES, BEAMS = 64, 48


def console(parameters: ScreenParameters) -> Console:
    return Console(parameters, RANGES, BEAMS)


def flat(made: Console, grey: int) -> np.ndarray:
    return made.picture(np.full((RANGES, BEAMS), grey, np.uint8))


def plain(seed: int = 4, **changes: object) -> ScreenParameters:
    return replace(random_parameters(seed), ecg_box=None, **changes)  # type: ignore[arg-type]


def changed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((a != b).any(axis=2))


def grown(rect: Rect, by: int) -> Rect:
    return Rect(max(rect.x - by, 0), max(rect.y - by, 0), rect.width + 2 * by, rect.height + 2 * by)


def test_plain_screens_are_what_they_always_were() -> None:
    # Bytes may differ between machines; a change of the random stream or of the layout moves these by far more.
    means = [float(random_screen(seed)[0].mean()) for seed in range(6)]
    assert means == pytest.approx([31.473, 25.649, 10.66, 25.102, 42.759, 30.04], abs=0.02)


@pytest.mark.parametrize("seed", range(0, 24, 3))
def test_busy_screens_keep_their_sector(seed: int) -> None:
    p = replace(random_busy_parameters(seed), interlaced=False, frozen_from_s=None, calipers=(), colour_box=None)
    made = console(p)
    difference = changed(made.compose(flat(made, 0), 0.0), made.compose(flat(made, 255), 0.0))
    truth = p.sector.mask(p.height, p.width)
    assert made.truth.sector == p.sector
    assert not (difference & ~truth).any()
    for rect in (p.ecg_box, p.strip.rect if p.strip else None):
        if rect is not None:
            truth[grown(rect, 2).slices()] = False
    missed = truth & ~difference
    assert missed.sum() <= (
        0 if p.strip is None else 0.01 * truth.sum()
    )  # the beam's dotted line lies over the picture


@pytest.mark.parametrize("seed", range(10))
def test_ruler_ticks_are_drawn_where_the_truth_says(seed: int) -> None:
    p = random_busy_parameters(seed)
    made = console(replace(p, calipers=(), colour_box=None))
    screen = made.compose(flat(made, 0), 0.0)
    blank = console(replace(p, calipers=(), colour_box=None, look=replace(p.look, ruler="none")))
    drawn = changed(screen, blank.compose(flat(blank, 0), 0.0))
    assert (p.look.ruler == "none") == (made.truth.ticks == ())
    for tick in made.truth.ticks:
        x, y = tick.pixels().T
        assert drawn[y, x].mean() > 0.8
        right, down = tick.start[0] - p.sector.apex_x, tick.start[1] - p.sector.apex_y
        edge = p.sector.angle_right
        along = down if p.look.ruler == "column" else right * np.sin(edge) + down * np.cos(edge)
        assert (along - p.sector.radius_min_px) * made.truth.spacing_mm == pytest.approx(
            tick.depth_mm, abs=1.3 * made.truth.spacing_mm
        )


@pytest.mark.parametrize("seed", range(8))
def test_text_lies_inside_its_rectangles(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    p = random_busy_parameters(seed)
    p = replace(p, look=replace(p.look, marker="dot"))  # the letter of a marker is a sign, not a text
    frames = []
    for write in (True, False):
        if not write:
            monkeypatch.setattr(cv2, "putText", lambda *_: None)
        made = console(p)
        frames.append(made.compose(flat(made, 60), 0.0))
    difference = changed(*frames)
    assert difference.any()
    assert not (difference & ~text_mask(made.truth.texts, p.height, p.width)).any()


@pytest.mark.parametrize("seed", range(8))
def test_patients_differ_inside_patient_text_alone(seed: int) -> None:
    masks, frames = [], []
    for person in (PatientText.random(seed), PatientText.random(seed + 1000)):
        p = replace(random_busy_parameters(seed), patient=person)
        made = console(p)
        frames.append(made.compose(flat(made, 60), 0.0))
        masks.append(text_mask(made.truth.patient_texts, p.height, p.width))
        written = " ".join(box.text for box in made.truth.patient_texts)
        assert all(part in written for part in (person.name, person.identifier, person.birth, person.exam_date))
        assert not any(person.name in box.text for box in made.truth.settings_texts)
    difference = changed(*frames)
    assert difference.any()
    assert not (difference & ~(masks[0] | masks[1])).any()


def test_calipers_measure_what_they_span() -> None:
    p = plain(0)
    sector = p.sector
    x, y = round(sector.apex_x), round(sector.apex_y + 0.5 * sector.radius_max_px)
    length = round(30 / p.spacing_mm)
    p = replace(p, calipers=(Caliper((x, y), (x, y + length)),))
    made = console(p)
    without = console(replace(p, calipers=()))
    assert [box.text for box in made.truth.texts if box.kind == "measurement"] == [
        f"1 D {length * p.spacing_mm / 10:.2f} cm"
    ]
    difference = changed(made.compose(flat(made, 60), 0.0), without.compose(flat(without, 60), 0.0))
    for at in (y, y + length):
        assert difference[at, x - 3 : x + 4].all()
        assert difference[at - 3 : at + 4, x].all()
    between = difference[y + 20 : y + length - 20, x]
    assert 0.05 < between.mean() < 0.5


def test_flow_colours_dark_blood_inside_the_wedge_alone() -> None:
    rng = np.random.default_rng(1)
    p = plain(0)
    p = replace(p, colour_box=random_colour_box(rng, p.sector))
    made = console(p)
    assert made.truth.mode == "colour"
    assert made.truth.colour_box is not None
    wedge = made.truth.colour_box.mask(p.height, p.width)
    inside = cv2.erode(wedge.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    near = cv2.dilate(wedge.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    coloured = {}
    for grey in (10, 160):
        screen = made.compose(flat(made, grey), 0.12)
        coloured[grey] = np.ptp(screen.astype(np.int16), axis=2) > 40
    sector = p.sector.mask(p.height, p.width)
    assert coloured[10][inside].mean() > 0.3
    assert not coloured[160][inside].any()
    assert not coloured[10][sector & ~near].any()
    later = made.compose(flat(made, 10), 0.4)
    assert changed(later, made.compose(flat(made, 10), 0.12))[inside].any()


@pytest.mark.parametrize("kind", ["spectral", "mmode"])
def test_strips_sweep_and_keep_what_is_written(kind: str) -> None:
    p = with_strip(plain(4, heart_rate_bpm=75.0), kind)
    made = console(p)
    assert (made.truth.mode, made.truth.imaging) == (kind, kind)
    assert made.truth.strip is not None
    rows, columns = made.truth.strip.slices()
    first, later = (made.compose(flat(made, 60), t)[rows, columns] for t in (1.0, 1.1))
    moved = np.flatnonzero((first != later).any(axis=(0, 2)))
    width = made.truth.strip.width
    assert moved.min() >= 0.249 * width
    assert moved.max() <= 0.31 * width
    assert p.sector.bounds().y + p.sector.bounds().height <= made.truth.strip.y
    assert first.std() > 15


def test_a_strip_needs_a_known_kind() -> None:
    with pytest.raises(ValueError, match="spectral or mmode"):
        with_strip(plain(), "polar")


@pytest.mark.parametrize("kind", ["2d", "colour", "mmode"])
def test_frozen_screens_change_in_their_clock_alone(kind: str) -> None:
    p = random_parameters(0)
    p = replace(p, colour_box=random_colour_box(np.random.default_rng(1), p.sector)) if kind == "colour" else p
    p = with_strip(p, kind) if kind == "mmode" else p
    made = console(replace(p, frozen_from_s=2.0))
    assert (made.truth.mode, made.truth.imaging) == ("frozen", kind)
    live = [made.compose(flat(made, grey), t) for grey, t in ((20, 0.0), (90, 0.5))]
    assert changed(*live).any()
    stands = [made.compose(flat(made, grey), t) for grey, t in ((40, 2.0), (90, 2.5), (200, 7.2))]
    clock = text_mask(tuple(box for box in made.truth.texts if box.kind == "clock"), p.height, p.width)
    for later in stands[1:]:
        assert not (changed(stands[0], later) & ~clock).any()
    assert made.shown_s(1.5) == 1.5
    assert made.shown_s(7.2) == 2.0
    assert not np.array_equal(made.compose(flat(made, 90), 0.5), stands[0])  # the loop starts again: live


def test_interlacing_combs_only_what_moves() -> None:
    p = plain(0, interlaced=True)
    made, whole = console(p), console(replace(p, interlaced=False))
    polar = np.random.default_rng(2).integers(40, 200, (RANGES, BEAMS), dtype=np.uint8)
    still, moved = made.picture(polar), made.picture(np.roll(polar, 3, axis=1))
    first = made.compose(still, 1.0)
    assert np.array_equal(first, whole.compose(still, 1.0))
    assert np.array_equal(made.compose(still, 1.1), first)
    combed, progressive = made.compose(moved, 1.2), whole.compose(moved, 1.2)
    assert np.array_equal(combed[0::2], progressive[0::2])
    assert np.array_equal(combed[1::2], first[1::2])
    sector = p.sector.mask(p.height, p.width)
    assert not changed(combed, progressive)[~sector].any()
    assert changed(combed, progressive)[sector].mean() > 0.3
    assert np.array_equal(made.compose(moved, 1.2, older=(still, 1.1)), combed)


def test_fields_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        weave(np.zeros((4, 4)), np.zeros((6, 4)))


@pytest.mark.parametrize("limited", [False, True])
def test_bars_are_black_around_the_same_screen(limited: bool) -> None:
    seed = next(seed for seed in range(50) if random_parameters(seed).width == 1024)
    p = replace(random_parameters(seed), patient=PatientText.random(1), limited_range=limited)
    wide = boxed(p, 1366, 768)
    made, own = console(wide), console(p)
    screen, inner = made.compose(flat(made, 60), 0.3), own.compose(flat(own, 60), 0.3)
    active = made.truth.active
    assert active == Rect(171, 0, 1024, 768)
    assert np.array_equal(screen[active.slices()], inner)
    outside = np.ones(screen.shape[:2], bool)
    outside[active.slices()] = False
    assert (screen[outside] == (16 if limited else 0)).all()
    assert [box.moved(171, 0) for box in own.truth.texts] == list(made.truth.texts)
    with pytest.raises(ValueError, match="does not fit"):
        boxed(p, 800, 600)


@pytest.mark.parametrize("side", ["left", "right"])
def test_orientation_marker_stands_on_its_side(side: str) -> None:
    p = plain(0, marker_side=side, marker_at_corner=True)
    made, bare = console(p), console(replace(p, look=replace(p.look, marker="none")))
    columns = np.flatnonzero(changed(made.compose(flat(made, 0), 0.0), bare.compose(flat(bare, 0), 0.0)).any(axis=0))
    assert made.truth.marker_side == side
    assert bare.truth.marker_side == "none"
    assert (columns.mean() < p.sector.apex_x) == (side == "left")


def test_busy_screens_repeat_and_cover_all_modes() -> None:
    first, truth = random_busy_screen(1, 2)
    again, same = random_busy_screen(1, 2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert truth == same
    drawn = [random_busy_parameters(seed) for seed in range(60)]
    assert {p.imaging for p in drawn} == {"2d", "colour", "spectral", "mmode"}
    for holds in (
        [p.active is not None for p in drawn],
        [p.interlaced for p in drawn],
        [p.frozen_from_s is not None for p in drawn],
        [bool(p.calipers) for p in drawn],
    ):
        assert 0.1 < np.mean(holds) < 0.5


def test_limited_range_holds_for_everything_on_top() -> None:
    p = random_busy_parameters(next(s for s in range(90) if random_busy_parameters(s).imaging == "colour"))
    p = replace(p, limited_range=True, calipers=(Caliper((200, 200), (240, 260)),), frozen_from_s=0.0)
    made = console(p)
    sector = p.sector.mask(p.height, p.width)
    screen = made.compose(flat(made, 10), 0.2)
    assert screen.min() >= 16
    assert screen.max() <= 235
    assert sector.any()


@pytest.mark.parametrize(("mode", "limit_ms"), [("2d", 4.0), ("colour", 7.0), ("mmode", 7.0)])
def test_a_screen_is_composed_in_little_time(mode: str, limit_ms: float) -> None:
    p = random_parameters(next(seed for seed in range(50) if random_parameters(seed).height == 1080))
    p = replace(p, colour_box=random_colour_box(np.random.default_rng(1), p.sector)) if mode == "colour" else p
    p = with_strip(p, mode) if mode == "mmode" else p
    made = console(p)
    picture, indices = flat(made, 20), iter(range(12))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        took_ms = cpu_ms(lambda: made.compose(picture, next(indices) / 30), turns=11)
    finally:
        cv2.setNumThreads(threads)
    assert took_ms <= limit_ms
