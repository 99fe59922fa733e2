"""The figures of one run as a plain dictionary, for ``live --headless --json`` and ``bench``."""

from __future__ import annotations

from typing import Any

from app.engine.state import EngineState
from app.engine.timing import EngineTiming, Percentiles
from models.runtime.contract import SIDE_FIELDS, Assessment, ClusterAssessment


def assessment_dict(assessment: Assessment) -> dict[str, Any]:
    """One frame as JSON takes it: verdict, view, cluster, score, density, and the regions' scores and labels."""
    return {
        "frame": assessment.frame_index,
        "t_s": assessment.t_media_s,
        "verdict": str(assessment.verdict),
        "reason": assessment.reason,
        "view": assessment.view,
        "cluster": None if assessment.cluster is None else _cluster_dict(assessment.cluster),
        "cluster_reason": assessment.cluster_reason,
        **whole_figures(assessment),
        "regions": {
            region.name: {"score": None if region.score is None else round(region.score, 3), "label": region.label}
            for region in assessment.regions
        },
    }


def whole_figures(assessment: Assessment) -> dict[str, Any]:
    """Score and log density of the picture as a whole, each with the reason where there is none."""
    score, gate = assessment.score, assessment.gate
    return {
        "score_0_100": None if score is None else round(score.value, 2),
        "score_reason": assessment.score_reason,
        "artifact_logp": None if gate is None else round(gate.log_density, 4),
        "artifact_reason": assessment.gate_reason,
    }


def _cluster_dict(cluster: ClusterAssessment) -> dict[str, Any]:
    return {
        "name": cluster.name,
        "level_1_5": cluster.level,
        "severity": round(cluster.severity, 4),
        "shares": {name: round(share, 4) for name, share in zip(cluster.names, cluster.shares, strict=True)},
        "place": [round(value, 4) for value in cluster.place],
    }


def summary_dict(state: EngineState, timing: EngineTiming, last: Assessment | None) -> dict[str, Any]:
    """Summary over the whole run.

    Parameters
    ----------
    state : state after the stop, so that frames_captured = frames_assessed + drops["assess"]
    timing : series of the run
    last : newest assessment, None when there was none

    Memory growth is counted after the first minute, threads after the first three seconds; None in a shorter run.
    """
    captured = timing.captured
    ages = timing.age_percentiles()
    span_ns = (captured.last_ns or 0) - (captured.first_ns or 0)
    return {
        "source": state.source.source_id if state.source else None,
        "mode": str(state.source.granted) if state.source else None,
        "signal": str(state.signal),
        "provider": state.provider,
        "precision": state.precision,
        "models": [info.model_id for info in state.models],
        "seconds": round(span_ns / 1e9, 3),
        "frames_captured": state.frames_captured,
        "frames_assessed": state.frames_assessed,
        "fps_captured": round(captured.overall_per_second, 2),
        "fps_assessed": round(timing.assessed.overall_per_second, 2),
        "drops": dict(state.drops),
        "source_drops": state.source_drops,
        "assess_ms": _plain(timing.assess_ms.percentiles()),
        "capture_to_paint_ms": _plain(timing.capture_to_paint_ms.percentiles()),
        **{f"{name}_age_ms": _plain(ages.get(name)) for name in SIDE_FIELDS},
        "stages_ms": {name: value.as_dict() for name, value in timing.stage_percentiles().items()},
        "rss_mb": state.usage.rss_mb if state.usage else None,
        "rss_growth_mb": timing.usage.rss_growth_mb,
        "threads": state.usage.threads if state.usage else None,
        "threads_min": timing.usage.threads_min,
        "threads_max": timing.usage.threads_max,
        "banners": list(state.banners),
        "last_assessment": None if last is None else assessment_dict(last),
    }


def _plain(value: Percentiles | None) -> dict[str, float] | None:
    return None if value is None else value.as_dict()
