"""Figures of agreement, and the protocol for several raters, by hand-made examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from capture.errors import DataError
from models.metrics.agreement import (
    bootstrap_by_group,
    interval_95,
    limits_of_agreement,
    mean_absolute_error,
    mean_by_group,
    paired_wilcoxon,
    rounded_accuracy,
    spearman,
    to_labels,
    weighted_kappa,
)
from models.metrics.raters import compare_with_raters, evaluate_raters, rater_pairs, read_ratings, union_errors
from models.runtime.contract import label_of

NAN = float("nan")
RATERS = np.array([[1, 2, 3, 4], [1, 3, 3, 5], [2, 2, 3, 4]], float)


def test_spearman_leaves_out_what_is_missing_and_averages_ties():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 5, 60).astype(float), rng.random(60)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b)[0])
    assert spearman(np.append(a, NAN), np.append(b, 1.0)) == pytest.approx(spearmanr(a, b)[0])
    assert np.isnan(spearman(np.ones(5), np.arange(5.0)))
    assert np.isnan(spearman(np.array([1.0, 2, NAN]), np.array([1.0, 2, 3])))


def test_rounding_is_that_of_the_live_labels():
    scores = np.arange(0, 6.01, 0.25)
    assert to_labels(scores).tolist() == [label_of(score) for score in scores]
    assert rounded_accuracy(np.array([1.5, 2.49, 4.5, NAN]), np.array([2.0, 2, 4, 1])) == pytest.approx(2 / 3)
    assert mean_absolute_error(np.array([1.0, 3.0, NAN]), np.array([2.0, 3.0, 5.0])) == 0.5
    assert np.isnan(rounded_accuracy(np.array([NAN]), np.array([1.0])))


def test_kappa_of_equal_of_unrelated_and_of_opposite_labels():
    a = np.tile(np.arange(1.0, 6), 5)
    assert weighted_kappa(a, a) == 1
    assert weighted_kappa(a, np.repeat(np.arange(1.0, 6), 5)) == pytest.approx(0)
    assert weighted_kappa(a, 6 - a) == pytest.approx(-1)
    # By hand: squared differences 0, 1 give .5; all four pairings of (1, 2) with (1, 3) give 0, 4, 1, 1.
    assert weighted_kappa(np.array([1.0, 2]), np.array([1.0, 3])) == pytest.approx(1 - 0.5 / 1.5)
    assert np.isnan(weighted_kappa(np.ones(3), np.ones(3)))


def test_wilcoxon_says_which_errs_less():
    b = np.linspace(0.2, 1, 20)
    test = paired_wilcoxon(b - 0.1 * b, b)
    assert (test.lower, test.n) == ("a", 20)
    assert test.effect == -1
    assert test.p < 0.001
    assert paired_wilcoxon(b, b - 0.1 * b).lower == "b"
    same = paired_wilcoxon(b, b)
    assert (same.p, same.effect, same.lower) == (1.0, 0.0, "neither")
    with pytest.raises(ValueError, match="finite"):
        paired_wilcoxon(np.array([NAN]), np.array([1.0]))


def test_groups_are_drawn_whole():
    groups = np.repeat(np.arange(6), 10)
    values = groups.astype(float)
    draws = bootstrap_by_group(lambda at: np.array([values[at].mean(), len(at)]), groups, draws=200)
    assert draws.shape == (200, 2)
    assert (draws[:, 1] == 60).all()
    low, high = interval_95(draws[:, 0])
    assert low < 2.5 < high
    assert high - low > 1.5, "60 independent values would give a far narrower interval"
    again = bootstrap_by_group(lambda at: np.array([values[at].mean(), len(at)]), groups, draws=200)
    assert np.array_equal(draws, again)
    assert mean_by_group(np.array([1.0, 3, NAN, NAN]), np.array(["b", "b", "b", "a"])).tolist()[1] == 2


def test_limits_of_agreement():
    found = limits_of_agreement(np.array([1.0, 3.0, NAN]))
    assert (found["n"], found["bias"]) == (2, 2.0)
    assert found["sd"] == pytest.approx(np.sqrt(2), abs=1e-4)
    assert found["high"] == pytest.approx(2 + 1.96 * np.sqrt(2), abs=1e-4)
    assert limits_of_agreement(np.array([1.0]))["sd"] is None


def test_three_raters_by_hand():
    assert sorted(union_errors(rater_pairs(RATERS))) == [-1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 1, 1]
    found = compare_with_raters(RATERS, {"method": np.array([1.2, 2.2, 3.0, 4.2])})
    between, method = found["inter_observer"], found["method"]
    assert isinstance(between, dict)
    assert isinstance(method, dict)
    assert (between["n"], method["n"]) == (12, 12)
    assert between["mae"] == 0.5
    assert between["accuracy"] == 0.5
    assert between["share_by_error"] == {"0": 0.5, "1": 0.5, "2": 0.0, "3": 0.0, "4": 0.0}
    # |1.2-1|, |1.2-1|, |1.2-2|, |2.2-2|, |2.2-3|, |2.2-2|, 0, 0, 0, |4.2-4|, |4.2-5|, |4.2-4|
    assert method["mae"] == pytest.approx((0.2 + 0.2 + 0.8 + 0.2 + 0.8 + 0.2 + 0.2 + 0.8 + 0.2) / 12, abs=1e-4)
    assert method["accuracy"] == 0.75
    expected = np.mean([spearmanr(a, b)[0] for a, b in rater_pairs(RATERS)])
    assert between["spearman"] == pytest.approx(expected, abs=1e-4)
    assert method["error_against_raters"]["effect"] < 0, "it lies between the raters"


def test_a_file_of_ratings(tmp_path: Path):
    names = ("ann", "bob", "cid")
    rows = [f"item{i},{name},{int(RATERS[r, i])}" for r, name in enumerate(names) for i in range(4)]
    rows += ["item0,net,1.2", "item1,net,2.2", "item2,net,3", "item3,net,4.2", "item4,ann,0"]
    path = tmp_path / "r.csv"
    path.write_text("item,rater,rating\n" + "\n".join(rows) + "\n")
    items, raters = read_ratings(path)
    assert items == [f"item{i}" for i in range(5)]
    assert np.isnan(raters["ann"][4]), "out of the sector is no rating"
    assert evaluate_raters(path, ["net"])["inter_observer"]["mae"] == 0.5  # type: ignore[index]
    with pytest.raises(DataError, match="no rater other"):
        evaluate_raters(path, ["other"])
    with pytest.raises(DataError, match="two or more"):
        evaluate_raters(path, ["net", "ann", "bob"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("item,rater\n1,a\n", "no column rating"),
        ("item,rater,rating\n", "no rows"),
        ("item,rater,rating\n1,a,7\n", "line 2"),
        ("item,rater,rating\n1,a,good\n", "'good'"),
        ("item,rater,rating\n1,a,3\n1,a,4\n", "twice"),
    ],
)
def test_a_bad_file_of_ratings_is_told(tmp_path: Path, text: str, told: str):
    path = tmp_path / "r.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        evaluate_raters(path, [])


def test_a_missing_file_and_raters_without_common_items_are_told(tmp_path: Path):
    with pytest.raises(DataError, match="cannot read"):
        read_ratings(tmp_path / "none.csv")
    with pytest.raises(DataError, match="same items"):
        compare_with_raters(np.array([[1, NAN], [NAN, 2]]), {})
