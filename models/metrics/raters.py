"""Methods against several raters: the pairwise-union protocol of the regional quality paper (section 3.3).

The disagreement of the raters is the union of the score errors of all their pairs, e_12 u e_23 u e_13; the error of a
method is the union of its errors against each rater, e_1M u e_2M u e_3M. Error figures are those of the unions; rank
correlations and kappa, which have no error to unite, are averaged over the same pairs ("compared against each of the
annotators and the results are averaged", table 5). The paper does not say how its signed-rank test pairs two unions;
here each item counts once, with its mean absolute error of either kind.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from capture.errors import DataError
from models.metrics.agreement import (
    mean_absolute_error,
    paired_wilcoxon,
    rounded,
    rounded_accuracy,
    spearman,
    weighted_kappa,
)

Pairs = list[tuple[np.ndarray, np.ndarray]]
_COLUMNS = ("item", "rater", "rating")
_OUT_OF_SECTOR = 0  # a label that is no quality (paper, section 2.2): left out


def rater_pairs(ratings: np.ndarray) -> Pairs:
    """Each pair of raters: (R, N) -> R (R - 1) / 2 pairs of (N,)."""
    return list(combinations(np.asarray(ratings, float), 2))


def method_pairs(scores: np.ndarray, ratings: np.ndarray) -> Pairs:
    """A method's scores (N,) beside each of the raters (R, N)."""
    return [(np.asarray(scores, float), rating) for rating in np.asarray(ratings, float)]


def union_errors(pairs: Pairs) -> np.ndarray:
    """Union of the score errors a - b of all pairs where both are finite, (M,) float64."""
    errors = np.concatenate([a - b for a, b in pairs])
    return np.asarray(errors[np.isfinite(errors)])


def pair_figures(pairs: Pairs) -> dict[str, object]:
    """Figures of one kind of pair: Spearman and kappa averaged, error, accuracy and histogram over the union."""
    a, b = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    errors = np.abs(np.rint(union_errors(pairs)))
    return {
        "spearman": _mean([spearman(*pair) for pair in pairs]),
        "weighted_kappa": _mean([weighted_kappa(*pair) for pair in pairs]),
        "mae": rounded(mean_absolute_error(a, b)),
        "accuracy": rounded(rounded_accuracy(a, b)),
        "share_by_error": {str(size): round(float(np.mean(errors == size)), 4) for size in range(5)},
        "n": len(errors),
    }


def compare_with_raters(ratings: np.ndarray, methods: Mapping[str, np.ndarray]) -> dict[str, object]:
    """Inter-observer figures, those of each method, and whether their errors differ.

    Parameters
    ----------
    ratings : (R, N) 1..5, NaN where a rater gave none
    methods : name -> (N,) scores 1..5, NaN where there is none

    Returns
    -------
    ``inter_observer`` and each method's name -> figures; a method's ``error_against_raters`` has the p of the
    signed-rank test over items and its effect, negative where the method errs less than the raters differ.

    Raises
    ------
    DataError
        For fewer than two raters, or raters who share no item.
    """
    pairs = rater_pairs(ratings)
    if not pairs or not len(union_errors(pairs)):
        raise DataError("two raters who rated the same items are needed to compare them")
    between = _by_item(pairs)
    found: dict[str, object] = {"inter_observer": pair_figures(pairs)}
    for name, scores in methods.items():
        against = method_pairs(scores, ratings)
        if not len(union_errors(against)):
            raise DataError(f"{name} has no score for any rated item: use the raters' item names")
        both = np.isfinite(_by_item(against)) & np.isfinite(between)
        test = paired_wilcoxon(_by_item(against), between).to_json() if both.any() else None
        found[name] = pair_figures(against) | {"error_against_raters": test}
    return found


def read_ratings(path: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """Read ``item,rater,rating`` rows; an item is one region of one frame, a rating 1..5 (0: out of sector, left out).

    Returns
    -------
    Items in order of appearance, and rater -> (N,) float64 with NaN where there is no rating.

    Raises
    ------
    DataError
        When the file cannot be read, misses a column, or holds a rating outside 0..5 or twice.
    """
    items: dict[str, int] = {}
    given: dict[str, dict[int, float]] = {}
    for number, row in enumerate(_rows(path), start=2):
        place = items.setdefault(row["item"], len(items))
        ratings = given.setdefault(row["rater"], {})
        if place in ratings:
            raise DataError(f"{path} line {number}: {row['rater']} rates {row['item']} twice: keep one of the rows")
        ratings[place] = _rating(path, number, row["rating"])
    raters = {name: np.full(len(items), np.nan) for name in given}
    for name, ratings in given.items():
        raters[name][list(ratings)] = list(ratings.values())
    return list(items), raters


def evaluate_raters(path: Path, methods: Sequence[str]) -> dict[str, object]:
    """The protocol on a file of ratings; ``methods`` are those of its raters that are no people.

    Raises
    ------
    DataError
        When the file is no good, or has no rater of such a name.
    """
    _, raters = read_ratings(path)
    missing = [name for name in methods if name not in raters]
    if missing:
        raise DataError(f"{path} has no rater {', '.join(missing)}: it has {', '.join(raters)}")
    people = [values for name, values in raters.items() if name not in methods]
    if len(people) < 2:
        raise DataError(f"{path} has {len(people)} raters besides the methods: two or more are needed")
    return compare_with_raters(np.array(people), {name: raters[name] for name in methods})


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path} ({error}): give a CSV file of {','.join(_COLUMNS)} rows") from error
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing or not rows:
        raise DataError(f"{path} has no {'column ' + missing[0] if missing else 'rows'}: give {','.join(_COLUMNS)}")
    return rows


def _rating(path: Path, number: int, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not _OUT_OF_SECTOR <= value <= 5:
        raise DataError(f"{path} line {number}: rating {text!r} is not from 0 (out of sector) to 5")
    return float("nan") if value == _OUT_OF_SECTOR else value


def _by_item(pairs: Pairs) -> np.ndarray:
    """Mean absolute error of each item over the pairs that have it, (N,); NaN where none has."""
    errors = np.abs(np.array([a - b for a, b in pairs]))
    finite = np.isfinite(errors)
    counts = finite.sum(axis=0)
    return np.asarray(np.where(counts > 0, np.where(finite, errors, 0).sum(axis=0) / np.maximum(counts, 1), np.nan))


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if np.isfinite(value)]
    return rounded(np.mean(finite)) if finite else None
