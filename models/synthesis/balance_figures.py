"""Figures of the balancing experiment: every way of training, and what synthetic pictures gain over the plain ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import SettingsError
from models.metrics.agreement import bootstrap_by_group, interval_95, spearman
from models.synthesis.sample import LEVELS

PLAIN, REMEDIES = ("unbalanced", "repeated"), ("filled", "mixed")
KINDS = (*PLAIN, *REMEDIES, "all_real")
"""Ways of training, see ``models.synthesis.balance.training_sets``."""

DRAWS = 1000
_DIGITS = 4


def level_index(levels: np.ndarray) -> np.ndarray:
    """Place (N,) int64 of each level in ``LEVELS``."""
    return np.searchsorted(LEVELS, levels).astype(np.int64)


def balanced_accuracy(probabilities: np.ndarray, levels: np.ndarray) -> float:
    """Mean over levels of the share that is recognised.

    Parameters
    ----------
    probabilities : (N, 3), of each of ``LEVELS``
    levels : (N,), true ones
    """
    truth = level_index(levels)
    right = probabilities.argmax(axis=1) == truth
    return float(np.mean([right[truth == place].mean() for place in np.unique(truth)]))


def expected_spearman(probabilities: np.ndarray, levels: np.ndarray) -> float:
    """Rank correlation of expected and true level; 0 for a classifier that says the same of every picture."""
    return float(np.nan_to_num(spearman(probabilities @ np.array(LEVELS), levels)))


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "balanced_accuracy": balanced_accuracy,
    "spearman": expected_spearman,
}


def balance_figures(ratings: np.ndarray, levels: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Figures of all trainings.

    Parameters
    ----------
    ratings : (seeds, 5, N, 3), probabilities of the levels, kinds in the order of ``KINDS``
    levels, groups : (N,) true level and examination of each test picture

    Returns
    -------
    dict
        ``kinds`` : for each mean, standard deviation over seeds (``_sd``) and values (``_by_seed``) of
        ``balanced_accuracy`` (three levels, chance is 1/3) and ``spearman``; ``gains`` : of ``filled``,
        ``mixed`` and ``all_real`` (what there is to gain) over ``unbalanced`` and ``repeated``, with 95 % interval by
        bootstrap over examinations and seeds; ``helped`` : whether synthetic pictures did, that is, in balanced
        accuracy the whole interval of the gain over ``repeated`` is above 0
    """
    random = np.random.default_rng(0)

    def measured(places: np.ndarray) -> np.ndarray:
        """(seeds, kinds, 2) of the pictures at ``places``."""
        return np.array([[[of(r[places], levels[places]) for of in MEASURES.values()] for r in one] for one in ratings])

    def drawn(places: np.ndarray) -> np.ndarray:
        seeds = random.integers(len(ratings), size=len(ratings))
        return np.asarray(measured(places)[seeds].mean(axis=0))

    values = measured(np.arange(len(levels)))
    draws = bootstrap_by_group(drawn, groups, DRAWS)  # (draws, kinds, 2)
    gains = {kind: _gains(kind, values.mean(axis=0), draws) for kind in KINDS if kind not in PLAIN}
    return {
        "kinds": {kind: _summary(values[:, place]) for place, kind in enumerate(KINDS)},
        "gains": gains,
        "helped": {kind: bool(gains[kind]["repeated"]["balanced_accuracy"]["interval_95"][0] > 0) for kind in REMEDIES},
    }


def _summary(values: np.ndarray) -> dict[str, Any]:
    """Mean, spread and values (seeds, 2)."""
    found: dict[str, Any] = {}
    for name, column in zip(MEASURES, values.T, strict=True):
        found[name], found[f"{name}_sd"] = (round(float(v), _DIGITS) for v in (column.mean(), column.std(ddof=1)))
        found[f"{name}_by_seed"] = column.round(_DIGITS).tolist()
    return found


def _gains(kind: str, means: np.ndarray, draws: np.ndarray) -> dict[str, dict[str, Any]]:
    """Differences to the plain kinds, by measure, of means (kinds, 2) and draws (draws, kinds, 2)."""
    found: dict[str, dict[str, Any]] = {}
    for other in PLAIN:
        mine, theirs = KINDS.index(kind), KINDS.index(other)
        gain, spread = means[mine] - means[theirs], draws[:, mine] - draws[:, theirs]
        found[other] = {
            name: {
                "mean": round(float(gain[column]), _DIGITS),
                "interval_95": [round(end, _DIGITS) for end in interval_95(spread[:, column])],
            }
            for column, name in enumerate(MEASURES)
        }
    return found


def store_balance(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write results, a row for each generator, to ``balance.json``.

    Raises
    ------
    SettingsError
        The file cannot be written.
    """
    try:
        path.write_text(json.dumps({"rows": list(rows)}, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise SettingsError(f"cannot write {path} ({error.strerror}): give another file") from error


def balance_text(row: dict[str, Any]) -> str:
    """One result as a table."""
    what = (
        f"{row['set_name']} {row['size']}, {row['n_test']} test pictures of {row['n_test_examinations']} examinations"
    )
    lines = [f"{what}; {row['generator_saw']}"]
    for kind, figures in row["kinds"].items():
        told = (f"{name} {figures[name]:.3f} (sd {figures[name + '_sd']:.3f})" for name in MEASURES)
        lines.append(f"  {kind:<11} {', '.join(told)}")
    for kind, over in row["gains"].items():
        gain = over["repeated"]["balanced_accuracy"]
        low, high = gain["interval_95"]
        verdict = "better" if low > 0 else "worse" if high < 0 else "no difference shown"
        lines.append(f"  {kind} over repeated: {gain['mean']:+.3f} ({low:+.3f} to {high:+.3f}): {verdict}")
    return "\n".join(lines)
