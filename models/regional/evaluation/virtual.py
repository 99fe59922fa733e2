"""The methods on virtual frames, where the true rating of every region is known.

Metrics become ratings by a straight line fitted on one half of the scanners and applied to the other; methods that
predict ratings need none (paper, section 3.2). One look of the virtual scanner is held out: samples of its coarsest
beams, which no network is trained on and no line fitted on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from calibration.score_map import ScoreMap, fit_line
from capture.errors import CalibrationError, DataError
from capture.virtual.generator.draw import PATIENT_SAMPLES, SCANNER_SAMPLES
from models.data.virtual_dataset import VirtualDataset, VirtualRecord
from models.metrics.agreement import (
    mean_absolute_error,
    mean_by_group,
    paired_wilcoxon,
    rounded,
    rounded_accuracy,
    spearman,
    weighted_kappa,
)
from models.regional.evaluation.virtual_set import records_of, virtual_input
from models.runtime.methods import RegionalMethod
from models.runtime.regions import RegionFailure

RATING_METHODS = frozenset({"end_to_end", "dense"})
"""Methods whose metric is a rating already."""

_OUT_OF_SECTOR = 0.5
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class VirtualScores:
    """Truth and metrics of N virtual frames.

    Attributes
    ----------
    truth : (N, 8) float64 ratings 1..5, NaN where a region is not there or mostly outside the sector
    metrics : method -> (N, 8) float64, NaN where nothing was measured
    scanner, patient : (N,) int64, the groups that frames share
    held_out : (N,) bool, frames of the look that nothing learns from
    """

    truth: np.ndarray
    metrics: Mapping[str, np.ndarray]
    scanner: np.ndarray
    patient: np.ndarray
    held_out: np.ndarray

    def halves(self) -> tuple[np.ndarray, np.ndarray]:
        """Frames to fit on and frames to test on, (N,) bool: every second scanner, the held-out look in the test alone.

        Raises
        ------
        DataError
            When one of them is empty.
        """
        even = self.scanner % 2 == 0
        fitted, tested = even & ~self.held_out, ~even
        if not fitted.any() or not tested.any():
            raise DataError(
                f"{len(even)} virtual frames do not give two halves of scanners: make {4 * SCANNER_SAMPLES} or more"
            )
        return fitted, tested


def measure_virtual(dataset: VirtualDataset, methods: Mapping[str, RegionalMethod]) -> VirtualScores:
    """Show every frame with regions to every method.

    Raises
    ------
    DataError
        When no frame has regions.
    """
    rows = list(_measured(dataset, methods))
    if not rows:
        raise DataError(f"{dataset.folder} has no frame with regions: make one with apical views")
    numbers = np.array([record.info["index"] for record, _ in rows])
    return VirtualScores(
        truth=np.array([_truth(record) for record, _ in rows]),
        metrics={name: np.array([found[name] for _, found in rows]) for name in methods},
        scanner=numbers // SCANNER_SAMPLES,
        patient=numbers // PATIENT_SAMPLES,
        held_out=np.array([record.is_held_out for record, _ in rows]),
    )


def fit_score_map(scores: VirtualScores, rating_methods: frozenset[str] = RATING_METHODS) -> ScoreMap:
    """The line from metric to rating of every method that gives no rating, fitted on the one half of the scanners.

    A method whose metric does not change with the rating gets no line and is told in the log.

    Raises
    ------
    DataError
        When no method gets a line.
    """
    fitted, _ = scores.halves()
    truth, lines = scores.truth[fitted].ravel(), {}
    for name in sorted(set(scores.metrics) - rating_methods):
        try:
            lines[name] = fit_line(scores.metrics[name][fitted].ravel(), truth)
        except CalibrationError as reason:
            log.warning("%s has no line to the rating: %s", name, reason)
    if not lines:
        raise DataError("no metric changes with the rating: use more virtual frames")
    return ScoreMap(source=f"{int(fitted.sum())} virtual frames, every second scanner", methods=lines)


def rate_virtual(
    scores: VirtualScores, score_map: ScoreMap, rating_methods: frozenset[str] = RATING_METHODS
) -> dict[str, np.ndarray]:
    """Ratings 1..5 of every method and frame, (N, 8) each; NaN for a method without a line."""
    return {name: _rated(name, metrics, score_map, rating_methods) for name, metrics in scores.metrics.items()}


def _rated(name: str, metrics: np.ndarray, score_map: ScoreMap, rating_methods: frozenset[str]) -> np.ndarray:
    if name in rating_methods:
        return np.clip(metrics, 1, 5)
    if name not in score_map.methods:
        return np.full_like(metrics, np.nan)
    return score_map.rating(name, metrics)


def virtual_figures(scores: VirtualScores, ratings: Mapping[str, np.ndarray]) -> dict[str, object]:
    """Figures of every method, and tests between their errors.

    Parameters
    ----------
    ratings : of ``rate_virtual``

    Returns
    -------
    ``methods``: name -> Spearman, error, accuracy after rounding, kappa over the scanners not fitted on, and
    ``style_loss``: Spearman on all other looks less that on the held-out one. ``mae_constant``: error of always saying
    the mean rating. ``wilcoxon``: ``a - b`` -> signed-rank test of the patients' mean errors, effect negative where a
    errs less. ``n_frames``, ``n_regions``, ``n_patients`` and ``n_held_out`` count.
    """
    fitted, tested = scores.halves()
    truth = scores.truth[tested].ravel()
    patients = np.repeat(scores.patient[tested], scores.truth.shape[1])
    constant = np.full(len(truth), np.nanmean(scores.truth[fitted]))
    errors = {name: np.abs(rated[tested].ravel() - truth) for name, rated in ratings.items()}
    return {
        "methods": {
            name: _agreement(scores.metrics[name][tested].ravel(), rated[tested].ravel(), truth)
            | _style(scores, scores.metrics[name], rated)
            for name, rated in ratings.items()
        },
        "mae_constant": rounded(mean_absolute_error(constant, truth)),
        "wilcoxon": _tests(errors, patients),
        "n_frames": int(tested.sum()),
        "n_regions": int(np.isfinite(truth).sum()),
        "n_patients": len(np.unique(patients)),
        "n_held_out": int(scores.held_out.sum()),
    }


def _measured(
    dataset: VirtualDataset, methods: Mapping[str, RegionalMethod]
) -> Iterator[tuple[VirtualRecord, dict[str, np.ndarray]]]:
    """Frames with regions, and what each method measures in them."""
    for record in records_of(dataset):
        if not np.isfinite(record.region_rating).any():
            continue
        try:
            given = virtual_input(record)
        except RegionFailure:
            continue
        yield record, {name: np.asarray(method.measure(given), float) for name, method in methods.items()}


def _truth(record: VirtualRecord) -> np.ndarray:
    outside = np.array(record.info["regions"]["outside_share"], float)
    return np.where(outside <= _OUT_OF_SECTOR, np.asarray(record.region_rating, float), np.nan)


def _agreement(metrics: np.ndarray, ratings: np.ndarray, truth: np.ndarray) -> dict[str, object]:
    return {
        "spearman": rounded(spearman(metrics, truth)),
        "mae": rounded(mean_absolute_error(ratings, truth)),
        "accuracy": rounded(rounded_accuracy(ratings, truth)),
        "weighted_kappa": rounded(weighted_kappa(ratings, truth)),
        "n": int((np.isfinite(ratings) & np.isfinite(truth)).sum()),
    }


def _style(scores: VirtualScores, metrics: np.ndarray, ratings: np.ndarray) -> dict[str, object]:
    """How much worse a method follows the truth on the held-out look; ranks need no line."""
    held, truth = scores.held_out, scores.truth
    others, own = (spearman(metrics[rows].ravel(), truth[rows].ravel()) for rows in (~held, held))
    return {
        "spearman_other_looks": rounded(others),
        "spearman_held_out_look": rounded(own),
        "style_loss": rounded(others - own),
        "mae_held_out_look": rounded(mean_absolute_error(ratings[held].ravel(), truth[held].ravel())),
    }


def _tests(errors: Mapping[str, np.ndarray], patients: np.ndarray) -> dict[str, object]:
    """Signed-rank tests between methods; regions of one patient hang together, so each patient counts once."""
    means = {name: mean_by_group(values, patients) for name, values in errors.items()}
    return {
        f"{a} - {b}": paired_wilcoxon(means[a], means[b]).to_json()
        for a, b in combinations(means, 2)
        if (np.isfinite(means[a]) & np.isfinite(means[b])).any()
    }
