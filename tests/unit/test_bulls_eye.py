"""The segments of an exam."""

from __future__ import annotations

import threading
from statistics import fmean

import numpy as np
import pytest
from scripted_exam import ScriptedExam, assessment, refusal

from app.engine.bulls_eye import (
    APICAL_17,
    LEVELS,
    SEGMENT_WALLS,
    SEGMENTS_17,
    SEGMENTS_18,
    BullsEye,
    BullsEyeState,
    SegmentQuality,
    segment_of,
)
from app.engine.exam import Exam
from app.engine.smoothing import Smoother
from models.runtime.contract import REGION_NAMES, VIEWS, WALLS


def visit(eye: BullsEye, view: str | None, scores: list[float] | float, start_s: float = 0.0, count: int = 20) -> None:
    values = scores if isinstance(scores, list) else [scores] * 8
    for i in range(count):
        eye.note(assessment(i, start_s + i / 30, view, None, values))


def test_every_view_shows_two_walls_and_all_views_show_all_segments():
    assert segment_of("A4C", "basal_left") == "basal inferoseptal"
    assert segment_of("A4C", "apical_right") == "apical anterolateral"
    assert segment_of("A2C", "mid_left") == "mid inferior"
    assert segment_of("A2C", "mid_right") == "mid anterior"
    assert segment_of("ALAX", "basal_left") == "basal inferolateral"
    assert segment_of("ALAX", "basal_right") == "basal anteroseptal"
    assert segment_of("A4C", "annulus_left") is None
    assert segment_of("other", "basal_left") is None
    shown = {segment_of(view, region) for view in VIEWS for region in REGION_NAMES}
    assert shown - {None} == set(SEGMENTS_18)
    assert {wall for walls in WALLS.values() for wall in walls} == set(SEGMENT_WALLS)
    assert (len(SEGMENTS_18), len(SEGMENTS_17), len(LEVELS)) == (18, 17, 3)


def test_segments_are_filled_as_views_are_visited():
    eye = BullsEye()
    for number, view in enumerate(VIEWS, start=1):
        visit(eye, view, [1.0, 2.0, 3.0, 4.0, 5.0, 4.5, 1.0, 1.0], start_s=10.0 * number)
        assert eye.state().seen == 6 * number
    segments = eye.state().segments
    assert tuple(segments) == SEGMENTS_18
    assert segments["basal inferoseptal"] == SegmentQuality(1.0, 1.0)
    assert segments["apical anterior"] == SegmentQuality(4.0, 4.0)
    assert segments["basal anteroseptal"] == SegmentQuality(4.5, 4.5)
    eye.reset()
    assert eye.state() == BullsEyeState()


def test_best_is_what_was_held_and_not_one_lucky_frame():
    eye = BullsEye()
    visit(eye, "A4C", 3.0)
    visit(eye, "A4C", 5.0, start_s=20 / 30, count=3)
    assert eye.state().segments["mid inferoseptal"] == SegmentQuality(3.0, 3.0)
    visit(eye, "A4C", 5.0, start_s=2.0)
    visit(eye, "A4C", 2.0, start_s=4.0)
    assert eye.state().segments["mid inferoseptal"] == SegmentQuality(5.0, 2.0)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_view_that_flashes_by_fills_nothing(count: int):
    eye = BullsEye()
    visit(eye, "A2C", 4.0, count=count)
    assert eye.state().seen == 0


def test_what_cannot_be_placed_or_scored_adds_nothing():
    eye = BullsEye()
    visit(eye, None, 4.0)
    for i in range(20):
        eye.note(refusal(i, 1 + i / 30))
    assert eye.state().seen == 0
    visit(eye, "A4C", [float("nan"), *[4.0] * 7], start_s=3.0)
    assert eye.state().seen == 5
    assert eye.state().segments["basal inferoseptal"].best is None


def test_17_segments_average_the_apical_ones():
    eye = BullsEye()
    visit(eye, "A4C", [3.0, 3.0, 2.0, 4.0, 3.0, 3.0, 3.0, 3.0])
    alone = eye.state().of(17)
    assert tuple(alone) == SEGMENTS_17
    assert alone["apical septal"].best == 2.0
    assert alone["apical lateral"].best == 4.0
    assert alone["apical anterior"].best is None
    assert alone["apex"].best == pytest.approx(3.0)
    visit(eye, "ALAX", [3.0, 3.0, 1.0, 5.0, 3.0, 3.0, 3.0, 3.0], start_s=5.0)
    both = eye.state().of(17)
    assert (both["apical septal"].best, both["apical lateral"].best) == (3.5, 2.5)
    assert both["apex"].best == pytest.approx(fmean([2.0, 4.0, 1.0, 5.0]))
    assert both["mid inferoseptal"] == eye.state().segments["mid inferoseptal"]
    assert {wall for walls in APICAL_17.values() for wall in walls} == set(SEGMENT_WALLS)
    with pytest.raises(ValueError, match="17 or 18"):
        eye.state().of(16)


def test_all_18_segments_are_filled_after_three_views_of_50_scripted_exams():
    off = []
    for seed in range(50):
        exam, smoother, eye = ScriptedExam(seed, per_view=3, same_for=30), Smoother(), BullsEye()
        for frame in exam.frames:
            eye.note(smoother.smooth(frame))
        assert eye.state().seen == 18
        truth = exam.cycles[0].scores
        for view in VIEWS:
            for region, true_score in zip(REGION_NAMES[:6], truth, strict=False):
                quality = eye.state().segments[segment_of(view, region) or ""]
                assert quality.best is not None
                assert quality.last is not None
                assert quality.best >= quality.last
                off.append(quality.last - true_score)
    assert np.abs(off).mean() < 0.15


def test_an_exam_is_ended_by_the_user_and_not_by_another_source():
    exam = Exam()
    for frame in ScriptedExam(1, 3).frames:
        exam.note(frame)
    state = exam.state()
    assert state.bulls_eye.seen == 18
    assert state.best_cycle is not None
    assert set(state.best_by_view) == set(VIEWS)
    assert 0 < state.age_s(state.best_cycle) < 20
    exam.begin_stream()
    assert exam.state().best_cycle is None
    assert exam.state().bulls_eye.seen == 18
    exam.reset()
    assert exam.state().bulls_eye.seen == 0


def test_an_exam_may_be_reset_and_read_while_frames_come():
    exam, frames, stop = Exam(), ScriptedExam(1, 2).frames, threading.Event()
    faults: list[Exception] = []

    def read() -> None:
        while not stop.is_set():
            try:
                exam.state()
                exam.reset()
            except Exception as error:  # noqa: BLE001  # kept for the assertion below
                faults.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    for frame in frames:
        exam.note(frame)
    stop.set()
    reader.join()
    assert faults == []
