"""The engine follows the artifact gate at once on a recording, and not for a single frame of a live stream."""

from __future__ import annotations

import pytest
from mocks import MockAssessor, make_assessment, make_frame

from app.engine.assessing import AssessLoop
from app.engine.channels import Latest
from app.engine.exam import Exam
from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from app.engine.state import Assessed
from app.engine.timing import EngineTiming
from capture.frame import Frame, SourceInfo, VideoMode
from models.runtime.contract import Assessment, FrameStamp, GateAssessment

FPS = 10


class GatedAssessor(MockAssessor):
    """Every so many frames have a reading; those named are like nothing known."""

    def __init__(self, unknown: set[int], every: int) -> None:
        super().__init__()
        self._unknown, self._every = unknown, every

    def assess(self, frame: Frame) -> Assessment:
        if frame.index % self._every:
            return make_assessment(frame)
        is_known, of = frame.index not in self._unknown, FrameStamp(frame.index, frame.t_mono_ns)
        return make_assessment(
            frame, gate=GateAssessment(0, -2, is_known, None, "" if is_known else "unlike", (0, 0), of)
        )


class Script:
    """A worker that plays frames, one before each look, and stops after the last."""

    def __init__(self, frames: Latest[Frame], count: int) -> None:
        self._frames, self._count, self._index = frames, count, 0

    @property
    def stopping(self) -> bool:
        if self._index == self._count:
            return True
        self._frames.put(make_frame(self._index, self._index * 1_000_000_000 // FPS))
        self._index += 1
        return False

    def beat(self) -> None: ...


@pytest.mark.parametrize(
    ("is_live", "unknown", "wanted"),
    [
        (False, {2}, "JJJJJJJJ"),
        (False, {2, 3}, "JJJ--JJJ"),
        (False, {0}, "--JJJJJJ"),
        (True, {2}, "JJJJJJJJ"),
        (True, {2, 4}, "JJJJ----"),
    ],
)
def test_which_frames_are_refused(is_live: bool, unknown: set[int], wanted: str):
    frames, results, seen = Latest[Frame]("frames"), Latest[Assessed]("results"), list[Assessment]()
    results.on_put = lambda: seen.append(results.newest().assessment)  # type: ignore[union-attr]
    timing = EngineTiming()
    parts = (Smoother(), ReadinessJudge(), Exam(), None, timing)
    assessor = GatedAssessor(unknown, every=2 if is_live else 1)
    loop = AssessLoop(frames, results, lambda: assessor, *parts, lambda: 0, on_change=lambda: None)
    loop.stream.opened(0, SourceInfo("mock", "mock:0", VideoMode(64, 48, FPS, "GREY"), is_live=is_live))
    loop.run(Script(frames, len(wanted)))  # type: ignore[arg-type]
    assert "".join("J" if assessment.is_judged else "-" for assessment in seen) == wanted
    assert {assessment.reason for assessment in seen} <= {"", "unlike"}
    assert timing.largest_ages_ms() == {"gate": pytest.approx(1e3 / FPS if is_live else 0)}
