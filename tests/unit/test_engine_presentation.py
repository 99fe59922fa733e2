"""When scores may be seen: one rule, failing closed."""

from __future__ import annotations

import pytest
from mocks import make_assessment, make_frame

from app.engine.presentation import present
from app.engine.state import Assessed, SignalState, SourceStatus, judge_signal
from models.runtime.contract import cannot_judge

MS = 1_000_000


def result(t_ms: int = 0) -> Assessed:
    frame = make_frame(0, t_ms * MS)
    return Assessed(frame, make_assessment(frame), 0)


@pytest.mark.parametrize(
    ("age_ms", "shows", "dims"), [(0, True, False), (150, True, False), (151, True, True), (500, True, True)]
)
def test_results_are_dimmed_with_age(age_ms: int, shows: bool, dims: bool):
    shown = present(result(), make_frame(1, age_ms * MS), SignalState.OK)
    assert (shown.show_scores, shown.dim, shown.age_ms, shown.reason) == (shows, dims, age_ms, "")


def test_old_results_are_removed():
    shown = present(result(), make_frame(1, 501 * MS), SignalState.OK)
    assert not shown.show_scores
    assert "0.5 s old" in shown.reason


@pytest.mark.parametrize("signal", set(SignalState) - {SignalState.OK, SignalState.ENDED})
def test_no_scores_without_a_signal(signal: SignalState):
    shown = present(result(), make_frame(0, 0), signal, "check the cable")
    assert not shown.show_scores
    assert shown.reason == "check the cable"


def test_the_last_picture_of_a_recording_keeps_its_scores():
    assert present(result(), make_frame(0, 0), SignalState.ENDED, "end of the recording").show_scores


def test_a_frozen_result_has_no_age():
    shown = present(result(), make_frame(9, 9_000 * MS), SignalState.LOST, "gone", frozen=True)
    assert (shown.show_scores, shown.dim, shown.age_ms) == (True, False, 0.0)


def test_a_refusal_shows_its_reason_even_when_frozen():
    frame = make_frame()
    refused = Assessed(frame, cannot_judge(frame, "too dark"), 0)
    assert present(refused, frame, SignalState.OK, frozen=True).reason == "too dark"
    assert present(refused, frame, SignalState.OK).reason == "too dark"


def test_a_fresh_refusal_is_of_now_and_an_old_result_is_not():
    frame = make_frame(0, 0)
    refused = Assessed(frame, cannot_judge(frame, "too dark"), 0)
    assert present(refused, frame, SignalState.OK).is_current
    assert present(result(), make_frame(1, 400 * MS), SignalState.OK).is_current
    assert not present(refused, make_frame(1, 501 * MS), SignalState.OK).is_current
    assert not present(refused, frame, SignalState.NO_SIGNAL).is_current
    assert not present(None, frame, SignalState.OK).is_current


def test_nothing_assessed_yet():
    assert "waiting" in present(None, None, SignalState.OK).reason


def test_results_of_another_source_are_hidden():
    assert not present(result(), make_frame(0, 0, source_id="mock:1"), SignalState.OK).show_scores


@pytest.mark.parametrize(
    ("phase", "is_live", "idle_s", "no_signal", "expected"),
    [
        (SignalState.OK, True, 0.1, "", SignalState.OK),
        (SignalState.OK, True, 0.6, "", SignalState.STALLED),
        (SignalState.OK, True, None, "", SignalState.OPENING),
        (SignalState.OK, False, 60.0, "", SignalState.OK),
        (SignalState.OK, True, 0.1, "no signal", SignalState.NO_SIGNAL),
        (SignalState.LOST, True, 0.1, "no signal", SignalState.LOST),
        (SignalState.ENDED, False, 9.0, "", SignalState.ENDED),
    ],
)
def test_signal_states(phase: SignalState, is_live: bool, idle_s: float | None, no_signal: str, expected: SignalState):
    state, sentence = judge_signal(SourceStatus(phase, "why"), is_live, idle_s, no_signal, 0.5)
    assert state is expected
    assert bool(sentence) is (expected is not SignalState.OK)
