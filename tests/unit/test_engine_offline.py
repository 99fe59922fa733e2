"""The synchronous path: every frame, in order, nothing dropped."""

from __future__ import annotations

from mocks import MockAssessor, MockSource

from app.engine.offline import assess_stream
from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from app.settings import ReadinessSettings
from capture.errors import ModelError
from capture.frame import Frame
from models.runtime.contract import Readiness, Verdict


def opened(**known: object) -> MockSource:
    source = MockSource(fps=2000, is_live=False, **known)  # type: ignore[arg-type]
    source.open()
    return source


def test_every_frame_of_a_recording():
    assessor = MockAssessor()
    results = list(assess_stream(opened(count=12), assessor, Smoother()))
    assert [r.assessment.frame_index for r in results] == assessor.assessed == list(range(12))
    assert all(r.frame.index == r.assessment.frame_index and r.assessment.is_judged for r in results)
    assert assessor.forgotten == 0


def test_stills_have_nothing_to_do_with_each_other():
    assessor = MockAssessor()
    assert len(list(assess_stream(opened(count=3), assessor, None))) == 3
    assert assessor.forgotten == 3


def test_a_frame_that_no_model_can_take_is_refused_and_the_rest_goes_on():
    def fail_second(frame: Frame) -> None:
        if frame.index == 1:
            raise ModelError("the output is empty")

    results = list(assess_stream(opened(count=3), MockAssessor(before=fail_second), Smoother()))
    assert [r.assessment.is_judged for r in results] == [True, False, True]
    yes = Readiness(True, True, True)
    assert [r.assessment.readiness for r in results] == [yes, Readiness(), yes]
    assert results[1].assessment.reason == "the output is empty"


def test_nan_and_no_signal_are_refusals():
    nan = next(assess_stream(opened(count=1), MockAssessor(float("nan")), None))
    assert nan.assessment.verdict is Verdict.CANNOT_JUDGE
    assessor = MockAssessor()
    blue = list(assess_stream(opened(count=2), assessor, None, lambda frame: "no signal: check the cable"))
    assert [r.assessment.reason for r in blue] == ["no signal: check the cable"] * 2
    assert assessor.assessed == []


def test_limits_of_what_can_be_measured_may_be_given():
    judge = ReadinessJudge(ReadinessSettings(ef_score=4.5))
    for smoother in (None, Smoother()):
        results = list(assess_stream(opened(count=2), MockAssessor(4.0), smoother, readiness=judge))
        assert [r.assessment.readiness for r in results] == [Readiness(False, True, True)] * 2
