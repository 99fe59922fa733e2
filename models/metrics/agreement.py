"""Agreement of scores with ratings: the figures of the regional quality paper (section 3.2 and 3.3), and intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, wilcoxon

LOWEST, HIGHEST = 1, 5
_FEWEST = 3


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of two (N,) arrays over the places where both are finite, ties at their mean rank.

    NaN for fewer than three such places, or when one of the arrays is constant there.
    """
    a, b = _both_finite(a, b)
    if len(a) < _FEWEST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def to_labels(scores: np.ndarray) -> np.ndarray:
    """Nearest label 1..5 of each score, halves upward like ``contract.label_of``; (N,) float64, NaN stays NaN."""
    return np.clip(np.floor(np.asarray(scores, float) + 0.5), LOWEST, HIGHEST)


def rounded_accuracy(scores: np.ndarray, ratings: np.ndarray) -> float:
    """Share of scores that, rounded, are the rating's label (paper, table 4); ratings are rounded too.

    Over the places where both (N,) arrays are finite; NaN when there is none.
    """
    scores, ratings = _both_finite(scores, ratings)
    return float(np.mean(to_labels(scores) == to_labels(ratings))) if len(scores) else float("nan")


def mean_absolute_error(scores: np.ndarray, ratings: np.ndarray) -> float:
    """Mean of |score - rating| over the places where both (N,) arrays are finite; NaN when there is none."""
    scores, ratings = _both_finite(scores, ratings)
    return float(np.mean(np.abs(scores - ratings))) if len(scores) else float("nan")


def weighted_kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Cohen's kappa of the labels 1..5 of two (N,) arrays with quadratic weights (Cohen 1968).

    1 for the same labels, 0 for what chance gives; NaN when nothing is finite in both, or when chance alone gives
    the same single label in both.
    """
    a, b = (to_labels(values) for values in _both_finite(a, b))
    if not len(a):
        return float("nan")
    expected = np.mean((a[:, None] - b[None, :]) ** 2)
    return float(1 - np.mean((a - b) ** 2) / expected) if expected > 0 else float("nan")


@dataclass(frozen=True)
class PairedTest:
    """Wilcoxon signed-rank test of two paired samples.

    Attributes
    ----------
    p : two-sided; 1 when all pairs are equal
    effect : matched-pairs rank-biserial correlation of a - b, -1 (a always lower) to 1 (a always higher)
    n : pairs where both are finite
    """

    p: float
    effect: float
    n: int

    @property
    def lower(self) -> str:
        """``a`` or ``b``, whichever is mostly lower; ``neither`` without a difference."""
        return "neither" if self.effect == 0 else ("a" if self.effect < 0 else "b")

    def to_json(self) -> dict[str, object]:
        """Plain values; p with three significant digits."""
        return {"p": float(f"{self.p:.3g}"), "effect": round(self.effect, 4), "n": self.n}


def paired_wilcoxon(a: np.ndarray, b: np.ndarray) -> PairedTest:
    """Test whether two paired (N,) samples differ in location (paper, section 4.3: errors of two methods).

    The pairs must be independent of each other: regions of one patient are not, so average by patient first.

    Raises
    ------
    ValueError
        When no pair is finite.
    """
    a, b = _both_finite(a, b)
    if not len(a):
        raise ValueError("no pair of finite values to compare")
    difference = a - b
    moved = difference[difference != 0]
    if not len(moved):
        return PairedTest(1.0, 0.0, len(a))
    ranks = rankdata(np.abs(moved))
    effect = float((ranks * np.sign(moved)).sum() / ranks.sum())
    return PairedTest(float(wilcoxon(moved).pvalue), effect, len(a))


def mean_by_group(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Mean of the finite ``values`` (N,) of each group in sorted order of ``groups`` (N,); NaN where none is finite."""
    names, place = np.unique(groups, return_inverse=True)
    finite = np.isfinite(values)
    sums = np.bincount(place[finite], values[finite], len(names))
    counts = np.bincount(place[finite], minlength=len(names))
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))


def bootstrap_by_group(
    statistic: Callable[[np.ndarray], np.ndarray], groups: np.ndarray, draws: int = 500, seed: int = 0
) -> np.ndarray:
    """A statistic over samples drawn by whole groups with replacement (cluster bootstrap).

    Parameters
    ----------
    statistic : takes places (M,) int64 of the observations, gives a number or an array of them
    groups : (N,), what each observation belongs to, such as its patient
    draws, seed : same seed, same result

    Returns
    -------
    (draws, ...) float64
    """
    names, place = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(place == index) for index in range(len(names))]
    random = np.random.default_rng(seed)
    drawn = (random.integers(len(names), size=len(names)) for _ in range(draws))
    return np.array([statistic(np.concatenate([members[index] for index in sample])) for sample in drawn], float)


def interval_95(samples: np.ndarray) -> tuple[float, float]:
    """2.5 and 97.5 % quantiles of the finite samples (N,); NaN twice when there is none."""
    finite = samples[np.isfinite(samples)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(low), float(high)


def limits_of_agreement(errors: np.ndarray) -> dict[str, object]:
    """Bland-Altman figures of paired differences (N,): bias, standard deviation, bias -+ 1.96 sd, count.

    Values are None for fewer than two finite differences.
    """
    finite = np.asarray(errors, float)[np.isfinite(errors)]
    if len(finite) < 2:
        return {"n": len(finite), "bias": None, "sd": None, "low": None, "high": None}
    bias, spread = float(finite.mean()), float(finite.std(ddof=1))
    low, high = bias - 1.96 * spread, bias + 1.96 * spread
    figures = {"bias": bias, "sd": spread, "low": low, "high": high}
    return {"n": len(finite)} | {name: round(value, 4) for name, value in figures.items()}


def rounded(value: float | np.floating | None, digits: int = 4) -> float | None:
    """A figure as it is printed: rounded, None when it is not finite (JSON has no NaN)."""
    return round(float(value), digits) if value is not None and np.isfinite(value) else None


def _both_finite(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"two arrays of one length are needed, not of shapes {a.shape} and {b.shape}")
    both = np.isfinite(a) & np.isfinite(b)
    return a[both], b[both]
