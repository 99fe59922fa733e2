"""A short exam of a virtual patient through the released networks: each view fills its part of the bull's-eye."""

from __future__ import annotations

import pytest

from app.engine.exam import Exam
from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from capture.frame import Frame, SourceInfo, VideoMode
from capture.virtual.probe.pose import standard_pose
from capture.virtual.scanner import VirtualScanner
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import VIEWS

FPS, FRAMES = 10.0, 8
"""Enough for a score to be held for half a second; few, since a picture costs a tenth of a second."""


@pytest.mark.slow
def test_three_views_of_a_virtual_patient_fill_the_bulls_eye(own_cache: object):
    scanner = VirtualScanner(2, width=640, height=480, fps=FPS, patient="easy")
    exam, smoother, judge = Exam(), Smoother(), ReadinessJudge()
    with RegionalAssessor(threads=1, precision="int8", background=False) as assessor:
        for visit, view in enumerate(VIEWS):
            scanner.set_pose(standard_pose(view, scanner.heart))
            source_id = f"virtual:{view}"
            mode = VideoMode(640, 480, FPS)
            assessor.forget_stream()
            assessor.use_source(SourceInfo("Virtual scanner", source_id, mode, sector=scanner.sector, view=view))
            for index in range(FRAMES):
                t_ns = round((100 + 10 * visit + index / FPS) * 1e9)
                frame = Frame(scanner.render(index), index, t_ns, source_id)
                exam.note(judge.fill(smoother.smooth(assessor.assess(frame))))
            assert exam.state().bulls_eye.seen == 6 * (visit + 1)
    for quality in exam.state().bulls_eye.segments.values():
        assert quality.best is not None
        assert quality.last is not None
        assert 1 <= quality.last <= quality.best <= 5
