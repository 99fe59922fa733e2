"""The word for the quality cluster is steady, and follows."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mocks import make_assessment, make_frame

from app.engine.cluster_smoothing import ClusterSmoother, ClusterSmoothingSettings
from app.engine.smoothing import Smoother
from models.runtime.contract import Assessment, ClusterAssessment, cannot_judge
from models.runtime.quality_clusters import level_of

NAMES = ("A-", "A", "A+")
FRAME_S = 1 / 30


def cluster(p_best: float, severity: float = 0.5) -> ClusterAssessment:
    """Between the two better clusters; no share for the worst."""
    shares = (0.0, 1 - p_best, p_best)
    rank = int(np.argmax(shares))
    return ClusterAssessment(NAMES[rank], rank, shares, NAMES, (p_best, 2.0), severity, level_of(severity))


def run(values: list[float], options: ClusterSmoothingSettings | None = None) -> list[ClusterAssessment]:
    smoother = ClusterSmoother(options)
    return [smoother.smooth(cluster(p), i * FRAME_S) for i, p in enumerate(values)]


def changes_at(shown: list[ClusterAssessment]) -> list[int]:
    return [i for i in range(1, len(shown)) if shown[i].name != shown[i - 1].name]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=150))
def test_the_word_changes_at_most_twice_a_second(values: list[float]):
    changes = changes_at(run(values))
    assert all(b - a >= 15 for a, b in pairwise(changes))


def test_flicker_between_two_clusters_is_not_shown():
    assert changes_at(run([0.2, 0.8] * 100)) == []
    assert changes_at(run([0.48] + [0.53] * 100)) == [], "a near tie changes nothing either"


def test_another_cluster_is_followed_within_a_second():
    shown = run([0.1] * 60 + [0.95] * 60)
    (change,) = changes_at(shown)
    assert 60 < change <= 60 + 30
    assert (shown[-1].name, shown[-1].rank) == ("A+", 2)


def test_shares_place_and_severity_are_means_in_time():
    shown = run([0.0] * 30 + [1.0] * 16)
    wanted = 1 - math.exp(-16 * FRAME_S / 0.5)
    assert shown[-1].shares == pytest.approx((0, 1 - wanted, wanted), abs=1e-6)
    assert sum(shown[-1].shares) == pytest.approx(1)
    assert shown[-1].place == pytest.approx((wanted, 2.0), abs=1e-6)


def test_the_level_is_steady_too():
    smoother, rng = ClusterSmoother(), np.random.default_rng(1)
    severities = 0.375 + rng.normal(0, 0.08, 300)  # around the border of levels 3 and 4
    shown = [smoother.smooth(cluster(0.9, float(s)), i * FRAME_S).level for i, s in enumerate(severities)]
    assert sum(a != b for a, b in pairwise(shown)) <= 2
    worst = [smoother.smooth(cluster(0.9, 1.0), (300 + i) * FRAME_S).level for i in range(90)]
    assert worst[-1] == 1


@pytest.mark.parametrize("gap_s", [0.6, -0.1])
def test_a_pause_or_a_step_back_begins_anew(gap_s: float):
    smoother = ClusterSmoother()
    for i in range(30):
        smoother.smooth(cluster(0.0), i * FRAME_S)
    assert smoother.smooth(cluster(1.0), 29 * FRAME_S + gap_s).name == "A+"


def test_other_clusters_begin_anew():
    smoother = ClusterSmoother()
    smoother.smooth(cluster(0.0), 0)
    two = replace(cluster(1.0), name="good", rank=1, shares=(0.1, 0.9), names=("bad", "good"))
    assert smoother.smooth(two, FRAME_S).shares == pytest.approx((0.1, 0.9))


def test_settings_below_nothing_are_refused():
    with pytest.raises(ValueError, match=">= 0"):
        ClusterSmoothingSettings(margin=-1)


def at(i: int, found: ClusterAssessment | None, judged: bool = True) -> Assessment:
    frame = make_frame(i, round(i * FRAME_S * 1e9))
    return make_assessment(frame, cluster=found) if judged else cannot_judge(frame, "no ventricle", cluster=found)


def test_frames_whose_regions_fail_are_smoothed_all_the_same():
    smoother = Smoother()
    smoother.smooth(at(0, cluster(0.0)))
    for i in range(1, 40):  # longer than regions wait before they begin anew
        shown = smoother.smooth(at(i, cluster(0.0), judged=False))
    shown = smoother.smooth(at(40, cluster(1.0), judged=False))
    assert shown.cluster is not None
    assert shown.cluster.name == "A"
    assert shown.cluster_reason == ""
    refused = replace(at(41, None), cluster_reason="cannot judge: the picture is of one colour")
    assert smoother.smooth(refused).cluster is None


def test_another_source_begins_anew():
    smoother = Smoother()
    smoother.smooth(at(0, cluster(0.0)))
    other = make_assessment(make_frame(1, round(FRAME_S * 1e9), source_id="mock:1"), cluster=cluster(1.0))
    shown = smoother.smooth(other)
    assert shown.cluster is not None
    assert shown.cluster.name == "A+"


def test_a_frame_that_was_left_out_keeps_the_cluster_for_a_moment():
    smoother = Smoother()
    shown = smoother.smooth(at(0, cluster(0.9))).cluster
    assert shown is not None
    assert smoother.smooth(at(1, None)).cluster == shown
    assert smoother.smooth(at(40, None)).cluster is None, "over a second later"
