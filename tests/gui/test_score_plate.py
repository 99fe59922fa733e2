"""The 0-100 score in the window: digits, word, age, and why there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gui_bench import StillEngine
from hearts import heart, heart_frame, no_heart

from app.overlay.names import score_word
from app.ui.main_window import MainWindow
from app.ui.theme import MUTED, TEXT
from models.runtime.contract import Assessment, FrameStamp, ScoreAssessment

MS = 1_000_000


def scored(engine: StillEngine, window: MainWindow, index: int, value: float, of_ms: float | None = None) -> None:
    """A frame whose score is of another one, captured at ``of_ms``."""
    frame = heart_frame(index, index * 40)
    of = None if of_ms is None else FrameStamp(0, round(of_ms * MS))
    show(engine, window, replace(heart(frame), score=ScoreAssessment(value, of)))


def show(engine: StillEngine, window: MainWindow, assessment: Assessment) -> None:
    engine.give(heart_frame(assessment.frame_index, assessment.t_mono_ns / MS), assessment)
    window.pull()


def shown(window: MainWindow) -> tuple[str, str]:
    return window.verdict.score.digits.text(), window.verdict.score.words.text()


def ink(window: MainWindow) -> str:
    digits = window.verdict.score.digits
    return digits.palette().color(digits.foregroundRole()).name()


def digits_height_px(window: MainWindow) -> int:
    return window.verdict.score.digits.fontInfo().pixelSize()


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0, "very poor"),
        (12, "very poor"),
        (13, "poor"),
        (50, "ok"),
        (82, "good"),
        (87.5, "good"),
        (88, "excellent"),
        (100, "excellent"),
    ],
)
def test_the_word_is_that_of_the_same_level(value: float, word: str):
    assert score_word(value) == word


def test_digits_and_word_stand_beside_cluster_and_sentence(engine: StillEngine, window: MainWindow):
    scored(engine, window, 1, 82.3)
    plate, verdict = window.verdict.score, window.verdict
    assert shown(window) == ("82", "good")
    assert verdict.cluster.x() < plate.x() < verdict.sentence.x()
    assert digits_height_px(window) == 44
    assert all(digits_height_px(window) > label.fontInfo().pixelSize() for label in (verdict.number, verdict.cluster))
    assert plate.digits.accessibleName() == "Score, 0 to 100"
    assert plate.digits.accessibleDescription() == "good"
    scored(engine, window, 2, 100.0)
    assert shown(window) == ("100", "excellent")
    assert plate.digits.sizeHint().width() <= plate.width()


def test_the_number_does_not_flicker_between_neighbours(engine: StillEngine, window: MainWindow):
    seen = []
    for index, value in enumerate([82.4, 82.6, 82.45, 82.9, 80.0, 80.6, 80.7]):
        scored(engine, window, index, value)
        seen.append(shown(window)[0])
    assert seen == ["82", "82", "82", "83", "80", "80", "80"]


def test_the_age_is_told_when_it_is_of_an_older_frame_and_is_steady(engine: StillEngine, window: MainWindow):
    for index in range(1, 8):
        scored(engine, window, index, 82.0, of_ms=40 * (index - index % 3))  # of this frame, 40 ms or 80 ms before it
        if index >= 2:
            assert shown(window) == ("82", "good, 0.1 s old")
    scored(engine, window, 60, 82.0, of_ms=2400)
    assert shown(window) == ("82", "good")
    scored(engine, window, 61, 82.0, of_ms=2140)
    assert shown(window) == ("82", "good, 0.3 s old")
    scored(engine, window, 1, 82.0)  # a recording begins again
    assert shown(window) == ("82", "good")


def test_no_score_is_grey_and_says_why(engine: StillEngine, window: MainWindow):
    frame = heart_frame(1, 40)
    assert shown(window) == ("no score", "not judged")
    show(engine, window, replace(heart(frame), score_reason="no score: no model 'score' in manifest.json"))
    assert shown(window) == ("no score", "no model 'score' in manifest.json")
    assert window.verdict.score.words.toolTip() == "no model 'score' in manifest.json"
    assert window.verdict.score.digits.accessibleDescription() == "no model 'score' in manifest.json"
    assert ink(window) == MUTED
    scored(engine, window, 2, 40.0)
    assert ink(window) == TEXT
    show(engine, window, no_heart(heart_frame(3, 120)))
    assert shown(window) == ("no score", "not judged")
    assert window.verdict.sentence.text() == "No heart found: tilt the probe."


def test_an_old_score_fades_and_goes(engine: StillEngine, window: MainWindow):
    scored(engine, window, 1, 82.0)
    engine.give(heart_frame(2, 240))
    window.pull()
    assert shown(window)[0] == "82"
    assert ink(window) == MUTED
    engine.give(heart_frame(3, 700))
    window.pull()
    assert shown(window) == ("no score", "not judged")
