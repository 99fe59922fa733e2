"""Which method follows the severity best on equal pictures, and whether the paper's order of methods holds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from models.metrics.agreement import bootstrap_by_group, interval_95, paired_wilcoxon, rounded, spearman
from models.regional.evaluation.degraded import Observation

PAPER_ORDER = ("end_to_end", "coherence", "gcnr")
"""From best to worst (paper, abstract)."""

_DRAWS = 500


def method_order(observations: Sequence[Observation], names: Sequence[str]) -> dict[str, object]:
    """Methods by Spearman with the severity, over the pictures that all of them judge.

    Returns
    -------
    ``method_order``: one record per method, best first, with its 95 % interval by bootstrap over patients.
    ``order_holds``: the point values fall in ``PAPER_ORDER``; None when one of these methods is missing.
    ``order_differences``: one record per neighbouring pair of ``PAPER_ORDER``: difference of the Spearmans with its
    interval, and the signed-rank test over the patients' own Spearmans. ``n_common``: pictures that all judge.
    """
    names = list(names)
    scores = np.array([[o.looked_at(name) for name in names] for o in observations], float).reshape(-1, len(names))
    common = np.isfinite(scores).all(axis=1)
    severity = np.array([-o.level for o in observations], float)[common]
    patients = np.array([o.patient for o in observations], str)[common]
    scores = scores[common]
    if not len(scores):
        return {"method_order": [], "order_holds": None, "order_differences": [], "n_common": 0}

    def every(at: np.ndarray) -> np.ndarray:
        return np.array([spearman(severity[at], column) for column in scores[at].T])

    points = every(np.arange(len(scores)))
    draws = bootstrap_by_group(every, patients, _DRAWS)
    by_patient = np.array([every(np.flatnonzero(patients == patient)) for patient in np.unique(patients)])
    best_first = np.argsort(-points)  # what has no figure comes last
    present = [name for name in PAPER_ORDER if name in names]
    places = [names.index(name) for name in present]
    return {
        "method_order": [_row(names[place], points[place], draws[:, place]) for place in best_first],
        "order_holds": bool((np.diff(points[places]) < 0).all()) if len(present) == len(PAPER_ORDER) else None,
        "order_differences": [_difference(names, points, draws, by_patient, pair) for pair in pairwise(places)],
        "n_common": len(scores),
    }


def _row(name: str, point: float, draws: np.ndarray) -> dict[str, object]:
    low, high = interval_95(draws)
    return {"method": name, "spearman": rounded(point), "low": rounded(low), "high": rounded(high)}


def _difference(
    names: Sequence[str], points: np.ndarray, draws: np.ndarray, by_patient: np.ndarray, pair: tuple[int, int]
) -> dict[str, object]:
    better, worse = pair
    low, high = interval_95(draws[:, better] - draws[:, worse])
    both = np.isfinite(by_patient[:, [better, worse]]).all(axis=1)
    test = paired_wilcoxon(by_patient[:, better], by_patient[:, worse]).to_json() if both.any() else None
    return {
        "better": names[better],
        "worse": names[worse],
        "difference": rounded(points[better] - points[worse]),
        "low": rounded(low),
        "high": rounded(high),
        "wilcoxon_by_patient": test,
    }
