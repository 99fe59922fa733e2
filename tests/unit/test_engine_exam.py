"""Readiness, best cycle and bull's-eye as the live engine fills them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from mocks import MockAssessor, MockSource, wait_until
from scripted_exam import TrueCycle, area_at, outline

from app.engine.engine_settings import EngineSettings
from app.engine.pipeline import Engine
from app.settings import ReadinessSettings
from capture.frame import Frame
from models.runtime.contract import Assessment, Readiness

BEAT = TrueCycle(0.0, 0.9, 0.3, 4.0, np.full(8, 4.0), "A4C")


class BeatingAssessor(MockAssessor):
    """Sees a left ventricle that beats 67 times a minute in A4C."""

    def assess(self, frame: Frame) -> Assessment:
        area = area_at(BEAT, frame.t_mono_ns / 1e9 % BEAT.end_s)
        return replace(super().assess(frame), view="A4C", contours={"LV": (outline(area),)})


def test_the_engine_fills_readiness_and_collects_the_exam():
    settings = EngineSettings(readiness=ReadinessSettings(mapse_score=4.5), publish_every_s=0.02)
    with Engine(MockSource(fps=60), BeatingAssessor, settings=settings) as engine:
        wait_until(lambda: engine.state.get().exam.best_cycle is not None)
        exam, shown = engine.state.get().exam, engine.shown()
        assert shown is not None
        assert shown.assessment.readiness == Readiness(True, True, False)
        assert exam.bulls_eye.seen == 6
        assert set(exam.best_by_view) == {"A4C"}
        engine.new_exam()
        wait_until(lambda: engine.state.get().exam.best_cycle is None)
        wait_until(lambda: engine.state.get().exam.bulls_eye.seen == 6)
        wait_until(lambda: engine.state.get().exam.best_cycle is not None)
        engine.switch(MockSource(fps=60, source_id="mock:1"))
        wait_until(lambda: engine.state.get().exam.best_cycle is None)
        assert engine.state.get().exam.bulls_eye.seen == 6
