"""A frame of other organs has a cluster and no regions; nothing after the models may count on eight."""

from __future__ import annotations

from mocks import make_frame

from app.batch.rows import row_of
from app.engine.assessing import require_finite
from app.engine.exam import Exam
from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from app.engine.summary import assessment_dict
from app.overlay.compose import compose
from app.overlay.gauge import gauge
from app.overlay.names import Summary, summarise
from app.overlay.palettes import DEFAULT
from capture.geometry import LinearField
from models.runtime.contract import REGION_NAMES, Assessment, ClusterAssessment, Readiness, judged

CLUSTER = ClusterAssessment("A+", 2, (0.05, 0.15, 0.8), ("A-", "A", "A+"), (1.0, 2.0), 0.1, 5)


def bladder(index: int = 0) -> Assessment:
    frame = make_frame(index, index * 33_000_000)
    return judged(frame, (), cluster=CLUSTER, sector=LinearField(4, 4, 60, 44))


def test_it_passes_through_the_engine():
    smoother, readiness, exam = Smoother(), ReadinessJudge(), Exam()
    for index in range(40):
        raw = require_finite(bladder(index), make_frame(index))
        shown = readiness.fill(smoother.smooth(raw))
        exam.note(shown)
    assert shown.is_judged
    assert shown.cluster == CLUSTER
    assert shown.readiness == Readiness(), "nothing of the heart is measurable, nor ruled out"
    state = exam.state()
    assert (state.best_cycle, state.bulls_eye.seen) == (None, 0)


def test_its_row_its_summary_and_its_overlay():
    row = row_of("bladder.png", ReadinessJudge().fill(bladder()))
    assert (row["verdict"], row["cluster"], row["cluster_p"], row["level_1_5"]) == ("ok", "A+", 0.8, 5)
    assert [row[name] for name in (*REGION_NAMES, "readiness_ef", "readiness_mapse")] == [None] * 10
    assert summarise(bladder()) == Summary("Picture quality: excellent", 5, 5, 5, "quality level")
    assert compose(bladder()).items == tuple(gauge(bladder(), DEFAULT))


def test_its_figures_are_plain():
    found = assessment_dict(bladder())
    assert found["regions"] == {}
    assert found["cluster"] == {
        "name": "A+",
        "level_1_5": 5,
        "severity": 0.1,
        "shares": {"A-": 0.05, "A": 0.15, "A+": 0.8},
        "place": [1.0, 2.0],
    }
