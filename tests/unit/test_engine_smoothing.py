"""Smoothing looks back only, and colours do not flicker."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mocks import make_assessment, make_frame

from app.engine.smoothing import Smoother, SmoothingSettings
from models.runtime.contract import REGION_NAMES, Assessment, RegionAssessment, cannot_judge, label_of

FRAME_S = 1 / 30


def at(t_s: float, score: float | None = 4.0, source_id: str = "mock:0") -> Assessment:
    frame = make_frame(int(t_s * 1000), int(t_s * 1e9), source_id=source_id)
    scores: list[float | None] = [score] * len(REGION_NAMES)
    return make_assessment(frame, scores)


def refusal(t_s: float) -> Assessment:
    return cannot_judge(make_frame(0, int(t_s * 1e9)), "too dark")


def run(values: list[float], settings: SmoothingSettings | None = None) -> list[Assessment]:
    smoother = Smoother(settings)
    return [smoother.smooth(at(100 + i * FRAME_S, value)) for i, value in enumerate(values)]


def flips(labels: list[int | None]) -> list[int]:
    return [i for i in range(1, len(labels)) if labels[i] != labels[i - 1]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1, 5), min_size=2, max_size=40), st.lists(st.floats(1, 5), max_size=10))
def test_what_follows_changes_nothing_before(past: list[float], future: list[float]):
    alone, longer = run(past), run(past + future)
    assert [a.regions for a in alone] == [b.regions for b in longer[: len(past)]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1, 5), min_size=1, max_size=60))
def test_a_smoothed_score_lies_within_what_was_seen(values: list[float]):
    for i, assessment in enumerate(run(values)):
        score = assessment.regions[0].score
        assert score is not None
        assert min(values[: i + 1]) - 1e-9 <= score <= max(values[: i + 1]) + 1e-9
        assert assessment.regions[0].score_raw == values[i]


def test_a_step_is_followed_with_the_time_constant():
    shown = run([2.0] * 90 + [4.0] * 90)
    after = [a.regions[0].score for a in shown[90:]]
    assert after[11] == pytest.approx(4 - 2 * np.exp(-12 * FRAME_S / 0.4), abs=0.02)


def test_dropped_frames_do_not_slow_the_answer():
    dense, sparse = Smoother(), Smoother()
    for i in range(121):
        t_s, value = 100 + i / 60, 2.0 if i < 60 else 4.0
        full = dense.smooth(at(t_s, value)).regions[0].score
        if i % 4 == 0:
            part = sparse.smooth(at(t_s, value)).regions[0].score
    assert full == pytest.approx(part, abs=0.05)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(1.5, 4.5), st.floats(0.1, 2.0))
def test_at_most_two_label_changes_a_second_whatever_the_noise(seed: int, mean: float, spread: float):
    values = np.clip(np.random.default_rng(seed).normal(mean, spread, 300), 1, 5).tolist()
    labels = [a.regions[0].label for a in run(values, SmoothingSettings(time_constant_s=0))]
    changes = flips(labels)
    assert all(b - a >= 15 for a, b in pairwise(changes))


def test_noise_at_a_border_does_not_change_the_label():
    values = np.clip(np.random.default_rng(1).normal(3.5, 0.3, 900), 1, 5).tolist()
    raw = [label_of(v) for v in values]
    assert len(flips(list(raw))) > 300
    assert len(flips([a.regions[0].label for a in run(values)])) <= 3


def test_a_lasting_change_reaches_the_label():
    shown = run([2.0] * 60 + [5.0] * 60)
    assert shown[59].regions[0].label == 2
    assert shown[-1].regions[0].label == 5


def test_hiding_is_immediate_and_coming_back_waits():
    smoother = Smoother()
    smoother.smooth(at(100.0, 4.0))
    hidden = smoother.smooth(at(100.1, None)).regions[0]
    assert (hidden.score, hidden.label) == (None, None)
    assert smoother.smooth(at(100.2, 4.0)).regions[0].score is None
    assert smoother.smooth(at(100.7, 4.0)).regions[0].label == 4


def test_out_of_sector_stays_zero_without_a_score():
    base = at(100.0, None)
    outside = replace(base, regions=tuple(replace(r, label=0, outside_share=0.9) for r in base.regions))
    region = Smoother().smooth(outside).regions[0]
    assert (region.score, region.label, region.outside_share) == (None, 0, 0.9)


def shares(values: list[float], step_s: float = FRAME_S) -> list[RegionAssessment]:
    """One region at the sector's edge over time; a frame in which more than half of it is outside has no score."""
    smoother, shown = Smoother(), []
    for i, share in enumerate(values):
        base = at(100 + i * step_s, None if share > 0.5 else 4.0)
        parts = tuple(replace(r, label=0 if share > 0.5 else 4, outside_share=share) for r in base.regions)
        shown.append(smoother.smooth(replace(base, regions=parts)).regions[0])
    return shown


def test_a_region_at_the_edge_does_not_come_and_go():
    swinging = [0.5 + 0.09 * np.sin(i / 3) for i in range(150)]
    assert {region.label for region in shares(swinging)} == {4}
    assert {region.label for region in shares([0.9, *swinging])} == {0}
    assert {region.label for region in shares([0.5] * 30 + [0.62] + [0.5] * 30)} == {4}, "one frame tells little"


def test_a_region_that_leaves_the_sector_is_hidden_at_once_and_one_at_the_edge_soon():
    assert [region.label for region in shares([0.3, 0.75])] == [4, 0]
    left = shares([0.3] * 10 + [0.55] * 30)
    assert [region.label for region in left].count(0) == pytest.approx(15, abs=1)
    assert left[-1].score is None
    assert left[-1].score_raw is None


def test_a_region_that_comes_back_into_the_sector_is_shown():
    assert shares([0.9] * 30 + [0.2] * 30)[-1].label == 4


@pytest.mark.parametrize("pause_s", [1.2, -3.0])
def test_a_pause_or_a_step_back_begins_anew(pause_s: float):
    smoother = Smoother()
    for i in range(30):
        smoother.smooth(at(100 + i * FRAME_S, 1.0))
    region = smoother.smooth(at(101 + pause_s, 5.0)).regions[0]
    assert (region.score, region.label) == (5.0, 5)


def test_another_source_begins_anew():
    smoother = Smoother()
    smoother.smooth(at(100.0, 1.0))
    assert smoother.smooth(at(100.03, 5.0, source_id="mock:1")).regions[0].score == 5.0


@pytest.mark.parametrize(("refused_s", "is_new"), [(0.3, False), (0.7, True)])
def test_a_long_refusal_begins_anew(refused_s: float, is_new: bool):
    smoother = Smoother()
    for i in range(30):
        smoother.smooth(at(99 + i * FRAME_S, 1.0))
    for i in range(int(refused_s * 30)):
        assert smoother.smooth(refusal(100 + i * FRAME_S)).regions == ()
    score = smoother.smooth(at(100 + refused_s, 5.0)).regions[0].score
    assert (score == 5.0) is is_new


def test_slow_frames_are_no_refusal():
    smoother = Smoother(SmoothingSettings(time_constant_s=5.0, max_refusal_s=0.5))
    labels = [smoother.smooth(at(100 + i * 0.8, 1.0 if i == 0 else 5.0)).regions[0].label for i in range(2)]
    assert labels == [1, 5]


def test_a_recording_is_smoothed_in_its_own_time():
    smoother = Smoother()
    for i in range(3):
        frame = make_frame(i, int(100e9) + i, t_media_s=i * 0.5)
        shown = smoother.smooth(make_assessment(frame, 1.0 if i < 2 else 5.0))
    score = shown.regions[0].score
    assert score is not None
    assert score > 3.5


def test_senseless_settings_are_refused():
    with pytest.raises(ValueError, match="margin"):
        SmoothingSettings(margin=0.6)


def test_the_advice_follows_what_most_frames_of_a_second_say():
    def advised(i: int, text: str) -> Assessment:
        return replace(at(100 + i * FRAME_S), advice=text)

    smoother = Smoother()
    texts = ["shadow" if i % 3 else "haze" for i in range(1, 60)] + ["haze"] * 60
    shown = [smoother.smooth(advised(i, text)).advice for i, text in enumerate(texts)]
    assert len(flips([["shadow", "haze"].index(text) for text in shown])) == 1
    assert shown[0] == texts[0]
    assert shown[-1] == "haze"
    assert smoother.smooth(advised(400, "defocus")).advice == "defocus"
