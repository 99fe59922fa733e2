"""What the engine makes of the artifact gate's readings: no blank picture for one frame, and none that is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mocks import make_assessment, make_frame

from app.engine.gate_keeping import GateKeeper, refuse_unknown
from models.runtime.contract import Assessment, ClusterAssessment, GateAssessment, ScoreAssessment, cannot_judge

FRAME_S = 1 / 30
UNKNOWN = "cannot judge: unlike anything known (looks like noise)"
CLUSTER = ClusterAssessment("A", 1, (0.1, 0.8, 0.1), ("A-", "A", "A+"), (1.0, 2.0), 0.4, 3)


def gate(is_known: bool, reason: str = UNKNOWN) -> GateAssessment:
    hint = None if is_known else "noise"
    return GateAssessment(-1.0 if is_known else -9.0, -2.0, is_known, hint, "" if is_known else reason, (0, 0))


def at(i: int, reading: GateAssessment | None, why: str = "", reason: str = "") -> Assessment:
    known = {"gate": reading, "gate_reason": why, "cluster": CLUSTER, "score": ScoreAssessment(80.0)}
    frame = make_frame(i, round(i * FRAME_S * 1e9))
    return cannot_judge(frame, reason, **known) if reason else make_assessment(frame, **known)


def verdicts(letters: str) -> str:
    """J for each frame judged, - for each refused; a letter is K known, U unknown, a dot not this frame's turn."""
    keeper, readings = GateKeeper(), {"K": gate(True), "U": gate(False), ".": None}
    shown = [keeper.keep(at(i, readings[letter])) for i, letter in enumerate(letters)]
    assert all(assessment.is_judged == (not assessment.reason) for assessment in shown)
    return "".join("J" if assessment.is_judged else "-" for assessment in shown)


@pytest.mark.parametrize(
    ("letters", "wanted"),
    [
        ("K..K..K", "JJJJJJJ"),
        ("K..U..K..U..K", "JJJJJJJJJJJJJ"),  # single frames
        ("K..U..U..U..", "JJJJJJ------"),
        ("K..U..U..K..U..K..K..", "JJJJJJ------------JJJ"),  # one above is not enough to come back
        ("KUU", "JJ-"),
        ("U..K..K", "------J"),  # nothing is known before the first reading
    ],
)
def test_two_readings_in_a_row_shut_the_gate_and_two_open_it(letters: str, wanted: str):
    assert verdicts(letters) == wanted


def test_what_is_refused_shows_nothing_but_why_and_where():
    keeper = GateKeeper()
    keeper.keep(at(0, gate(False)))
    shown = keeper.keep(at(1, gate(False)))
    assert (shown.reason, shown.cluster_reason, shown.score_reason) == (UNKNOWN,) * 3
    assert (shown.regions, shown.cluster, shown.score, shown.advice) == ((), None, None, "")
    held = keeper.keep(at(2, None))
    assert (held.reason, held.gate) == (UNKNOWN, shown.gate), "until the gate's next turn"


def test_a_reading_counts_for_a_second():
    keeper = GateKeeper()
    for i in range(2):
        keeper.keep(at(i, gate(False)))
    assert not keeper.keep(at(30, None)).is_judged
    late = keeper.keep(at(33, None))
    assert (late.is_judged, late.gate) == (True, None)


def test_another_stream_is_another_gate():
    keeper = GateKeeper()
    for i in range(2):
        keeper.keep(at(i, gate(False)))
    keeper.reset()
    assert keeper.keep(at(2, None)).is_judged


def test_the_gates_sentence_goes_before_that_of_the_heart_but_not_before_that_of_a_frame_it_could_not_read():
    keeper = GateKeeper()
    for i in range(2):
        keeper.keep(at(i, gate(False)))
    assert keeper.keep(at(2, None, reason="no left ventricle found")).reason == UNKNOWN
    assert keeper.keep(at(3, None, why="no sector", reason="no sector")).reason == "no sector"
    failed = keeper.keep(at(4, None, why="not a number"))
    assert (failed.reason, failed.gate, failed.gate_reason) == (UNKNOWN, None, "not a number")


def test_hints_do_not_flicker():
    keeper = GateKeeper()
    other = UNKNOWN.replace("noise", "empty screen")
    said = {keeper.keep(at(i, gate(False, UNKNOWN if i % 3 else other))).reason for i in range(7, 60)}
    assert said == {UNKNOWN}


def test_stills_and_recordings_are_refused_at_once():
    assert refuse_unknown(at(0, gate(True))).is_judged
    assert refuse_unknown(at(0, None)).is_judged
    shown = refuse_unknown(replace(at(0, gate(False)), advice="tilt"))
    assert (shown.reason, shown.regions, shown.advice) == (UNKNOWN, (), "")
