"""What can be measured, from the region scores."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from mocks import make_assessment, make_frame
from pydantic import ValidationError
from scripted_exam import ScriptedExam, assessment, refusal

from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from app.settings import ReadinessSettings
from models.runtime.contract import Readiness

NAN = float("nan")


def ready(*scores: float, settings: ReadinessSettings | None = None) -> tuple[bool | None, ...]:
    found = ReadinessJudge(settings).fill(assessment(0, 0, "A4C", None, list(scores))).readiness
    assert found is not None
    return found.ef, found.strain, found.mapse


def test_ef_and_strain_need_the_whole_wall_and_mapse_the_annulus_alone():
    assert ready(*[4.0] * 8) == (True, True, True)
    assert ready(*[4.0] * 6, 2.4, 4.0) == (True, True, False)
    assert ready(2.4, *[4.0] * 7) == (False, False, True)
    assert ready(*[1.0] * 6, 2.5, 2.5) == (False, False, True)
    assert ready(*[2.5] * 8) == (True, False, True)


def test_strain_allows_one_weaker_wall_region():
    assert ready(2.5, *[3.5] * 5, 1.0, 1.0) == (True, True, False)
    assert ready(2.5, 3.4, *[3.5] * 4, 1.0, 1.0) == (True, False, False)


def test_regions_out_of_the_sector_or_not_judged_are_not_good_enough():
    assert ready(NAN, *[5.0] * 7) == (False, False, True)
    assert ready(*[5.0] * 7, NAN) == (True, True, False)
    unjudged = make_assessment(make_frame(), [None, *[5.0] * 7])
    assert ReadinessJudge().fill(unjudged).readiness == Readiness(False, False, True)


def test_a_frame_that_cannot_be_judged_says_nothing():
    judge = ReadinessJudge()
    judge.fill(assessment(0, 0, "A4C", None, [4.0] * 8))
    assert judge.fill(refusal(1, 0.1)).readiness == Readiness(None, None, None)
    assert judge.fill(assessment(2, 0.2, "A4C", None, [2.4] * 8)).readiness == Readiness(False, False, False)


def test_the_limits_are_settings_within_bounds():
    strict = ReadinessSettings(ef_score=4, strain_good_score=4.5, strain_weaker=0, mapse_score=4.5)
    assert ready(*[4.0] * 8, settings=strict) == (True, False, False)
    for wrong in ({"ef_score": 0.5}, {"mapse_score": 6}, {"strain_weaker": 7}, {"margin": -0.1}):
        with pytest.raises(ValidationError):
            ReadinessSettings(**wrong)
    assert all(field.description for field in ReadinessSettings.model_fields.values())


def test_a_score_at_its_limit_does_not_flicker():
    judge, values = ReadinessJudge(), 2.5 + 0.1 * np.sin(np.arange(60))
    shown = [judge.fill(assessment(i, i / 30, "A4C", None, [v] * 8)).readiness for i, v in enumerate(values)]
    answers = [found.ef for found in shown if found is not None]
    assert sum(a is not b for a, b in pairwise(answers)) <= 1
    assert judge.fill(assessment(60, 2, "A4C", None, [2.3] * 8)).readiness == Readiness(False, False, False)
    judge.fill(assessment(61, 2.1, "A4C", None, [2.6] * 8))
    judge.reset()
    assert judge.fill(assessment(62, 2.2, "A4C", None, [2.4] * 8)).readiness == Readiness(False, False, False)


def test_readiness_agrees_with_truth_in_at_least_90_percent_of_the_frames_of_50_exams():
    agree: dict[str, list[bool]] = {"ef": [], "strain": [], "mapse": []}
    truths: list[bool] = []
    for seed in range(50):
        exam, smoother, judge = ScriptedExam(seed, per_view=6, same_for=4), Smoother(), ReadinessJudge()
        for raw in exam.frames:
            frame, cycle = judge.fill(smoother.smooth(raw)), exam.truth_at(raw)
            if cycle is None or not frame.is_judged:
                continue
            walls, annulus = cycle.scores[:6], cycle.scores[6:]
            ef = bool((walls >= 2.5).all())
            truth = {"ef": ef, "strain": ef and (walls < 3.5).sum() <= 1, "mapse": bool((annulus >= 2.5).all())}
            truths.append(ef)
            for name, is_true in truth.items():
                agree[name].append(getattr(frame.readiness, name) == is_true)
    assert 0.3 < np.mean(truths) < 0.7
    assert {name: float(np.mean(found)) for name, found in agree.items() if np.mean(found) < 0.9} == {}
