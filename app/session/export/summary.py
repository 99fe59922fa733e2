"""Figures of a whole session, for its report and its Structured Report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.engine.bulls_eye import BullsEye, BullsEyeState
from app.session.export.plan import ExportPlan
from models.runtime.contract import REGION_NAMES, Assessment, RegionAssessment, Verdict

APART_S = 1.0
"""Between two of the best frames."""

_COUNT = len(REGION_NAMES)


@dataclass(frozen=True, eq=False)
class Curves:
    """Figures of the assessed ones of the chosen frames, in order, NaN where there is none.

    Attributes
    ----------
    frames : of the session, (M,) int64
    t_s : since the session's first frame, (M,) float64
    views : recognised or fixed, (M,) object; None when unknown
    is_judged : (M,) bool
    score : 0..100, (M,) float64
    smooth : 1..5 of each of ``REGION_NAMES``, (M, 8) float64
    labels : 0..5 likewise, (M, 8) float64
    clusters : names, (M,) object
    """

    frames: np.ndarray
    t_s: np.ndarray
    views: np.ndarray
    is_judged: np.ndarray
    score: np.ndarray
    smooth: np.ndarray
    labels: np.ndarray
    clusters: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class RegionFigures:
    """One region of one view over all frames that judged it.

    Attributes
    ----------
    view : None when unknown
    region : one of ``REGION_NAMES``
    mean, worst, best : smoothed scores 1..5
    frames : how many judged it
    first, last : of them, frames of the session
    """

    view: str | None
    region: str
    mean: float
    worst: float
    best: float
    frames: int
    first: int
    last: int


def curves_of(plan: ExportPlan) -> Curves:
    """Figures over time; SessionError when the index is damaged."""
    session = plan.session
    names = ["verdict", "view", "score", "cluster", *_columns("smooth"), *_columns("label")]
    figures, of = session.figures(*names), session.frame_of_assessment
    row_of = dict(zip(of.tolist(), range(len(of)), strict=True))
    frames = np.array([k for k in plan.frames.tolist() if k in row_of], np.int64)
    rows = np.array([row_of[k] for k in frames.tolist()], np.int64)

    def together(part: str) -> np.ndarray:
        return np.stack([figures[name][rows] for name in _columns(part)], axis=1)

    return Curves(
        frames,
        session.frames.t_s[frames],
        figures["view"][rows],
        figures["verdict"][rows] == str(Verdict.OK),
        figures["score"][rows],
        together("smooth"),
        together("label"),
        figures["cluster"][rows],
    )


def region_figures(curves: Curves) -> list[RegionFigures]:
    """Every region of every view that was seen, views in the order of their names, an unknown one last."""
    views = sorted({view for view in curves.views.tolist() if view is not None})
    found = []
    for view in [*views, None]:
        own = curves.is_judged & (curves.views == view)
        found += [f for k in range(_COUNT) if (f := _figures(curves, own, view, k)) is not None]
    return found


def bulls_eye_of(curves: Curves) -> BullsEyeState:
    """The bull's-eye of the session by the rule of the live window."""
    eye = BullsEye()
    for assessment in _bare(curves):
        eye.note(assessment)
    return eye.state()


def best_frames(curves: Curves, count: int = 4) -> list[int]:
    """Frames with the best mean of their regions, of their score where there are none; best first, a second apart."""
    values = np.where(curves.is_judged, _quality(curves), np.nan)
    kept: list[int] = []
    for k in np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable").tolist():
        if len(kept) == count or np.isnan(values[k]):
            break
        if all(abs(curves.t_s[k] - curves.t_s[other]) >= APART_S for other in kept):
            kept.append(k)
    return [int(curves.frames[k]) for k in kept]


def _quality(curves: Curves) -> np.ndarray:
    """1..5 of each frame, (M,) float64, NaN for none."""
    scores = np.where(curves.labels > 0, curves.smooth, np.where(curves.labels == 0, 1.0, np.nan))
    counted = (~np.isnan(scores)).sum(axis=1)
    means = np.nansum(scores, axis=1) / np.maximum(counted, 1)
    return np.asarray(np.where(counted > 0, means, 1 + curves.score / 25))


def _figures(curves: Curves, own: np.ndarray, view: str | None, region: int) -> RegionFigures | None:
    scored = own & (curves.labels[:, region] > 0) & ~np.isnan(curves.smooth[:, region])
    if not scored.any():
        return None
    values, frames = curves.smooth[scored, region], curves.frames[scored]
    ends = int(frames[0]), int(frames[-1])
    name = REGION_NAMES[region]
    return RegionFigures(view, name, float(values.mean()), float(values.min()), float(values.max()), len(values), *ends)


def _bare(curves: Curves) -> Iterator[Assessment]:
    """The part of each judged assessment that a bull's-eye needs."""
    for k in np.flatnonzero(curves.is_judged).tolist():
        regions = tuple(
            RegionAssessment(name, score, None, int(label))
            for name, score, label in zip(REGION_NAMES, curves.smooth[k], curves.labels[k], strict=True)
            if not (np.isnan(score) or np.isnan(label))
        )
        t_ns = round(curves.t_s[k] * 1e9)
        yield Assessment(k, t_ns, "", (0, 0), Verdict.OK, view=curves.views[k], regions=regions)


def _columns(part: str) -> list[str]:
    return [f"{part}_{k}" for k in range(_COUNT)]
