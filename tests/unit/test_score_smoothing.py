"""The score of the whole picture is a mean over time."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from mocks import make_assessment, make_frame

from app.engine.score_smoothing import PictureScoreSmoother, PictureScoreSmoothing
from app.engine.smoothing import Smoother
from models.runtime.contract import FrameStamp, ScoreAssessment, cannot_judge

FRAME_S = 1 / 30


def test_it_is_a_mean_in_time_and_begins_with_the_first():
    smoother = PictureScoreSmoother()
    shown = [
        smoother.smooth(ScoreAssessment(value), i * FRAME_S).value for i, value in enumerate([0] * 30 + [100] * 16)
    ]
    assert shown[0] == 0
    assert shown[-1] == pytest.approx(100 * (1 - math.exp(-16 * FRAME_S / 0.5)))


@pytest.mark.parametrize("step_s", [0.6, -0.1])
def test_a_pause_or_a_step_back_begins_anew(step_s: float):
    smoother = PictureScoreSmoother()
    smoother.smooth(ScoreAssessment(20), 1.0)
    assert smoother.held(1.0 + step_s) is None
    assert smoother.smooth(ScoreAssessment(90), 1.0 + step_s).value == 90


def test_settings():
    smoother = PictureScoreSmoother(PictureScoreSmoothing(time_constant_s=0))
    smoother.smooth(ScoreAssessment(20), 0.0)
    assert smoother.smooth(ScoreAssessment(90), 0.1).value == 90
    with pytest.raises(ValueError, match=">= 0"):
        PictureScoreSmoothing(max_gap_s=-1)


def test_it_is_held_where_it_was_not_the_frames_turn_and_not_where_there_is_none():
    smoother, frames = Smoother(), [make_frame(i, round(i * FRAME_S * 1e9)) for i in range(4)]
    of = FrameStamp(0, frames[0].t_mono_ns)
    first = smoother.smooth(make_assessment(frames[0], score=ScoreAssessment(70.0, of)))
    held = smoother.smooth(make_assessment(frames[1]))
    assert held.score == first.score == ScoreAssessment(70.0)
    assert held.ages_ms == {"score": pytest.approx(1e3 * FRAME_S)}
    failed = replace(make_assessment(frames[2]), score_reason="no score: not a number")
    assert smoother.smooth(failed).score is None
    regions_fail = cannot_judge(frames[3], "no ventricle", score=ScoreAssessment(70.0))
    assert smoother.smooth(regions_fail).score == ScoreAssessment(70.0)
