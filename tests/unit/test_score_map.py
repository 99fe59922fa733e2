"""Lines from metric to rating: their values, their fit and their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.score_map import (
    PUBLISHED,
    LinearMap,
    ScoreMap,
    fit_line,
    load_score_map,
    save_score_map,
)
from capture.errors import CalibrationError

MAP = ScoreMap(source="a test", methods={"gcnr": LinearMap(slope=0.1, intercept=0.3)})


def test_ratings_are_clipped_and_nan_stays():
    metrics = np.array([0.4, 0.55, 0.8, -3, 9, np.inf, np.nan], np.float32)
    found = MAP.rating("gcnr", metrics)
    np.testing.assert_allclose(found, [1, 2.5, 5, 1, 5, 5, np.nan], atol=1e-6)
    np.testing.assert_allclose(MAP.line("gcnr").unclipped(np.array([1.3])), [10])


def test_the_shape_of_the_metrics_is_kept():
    assert MAP.rating("gcnr", np.full((3, 8), 0.5)).shape == (3, 8)


def test_a_metric_that_falls_with_the_rating_is_turned_round():
    falling = LinearMap(slope=-2.0, intercept=10.0)
    np.testing.assert_allclose(falling.rating(np.array([8.0, 2.0])), [1, 4])


def test_the_published_lines():
    """Metric of rating 3, worked out by hand from slope and intercept."""
    threes = {"gcnr_paper": 0.81186, "cnr": 1.12022, "cr": 1.15902, "intensity": 165.88962}
    assert set(PUBLISHED.methods) == set(threes)
    for name, metric in threes.items():
        assert PUBLISHED.rating(name, np.array([metric])) == pytest.approx(3, abs=1e-3)


def test_an_unknown_method_is_named_with_those_there_are():
    with pytest.raises(CalibrationError, match=r"no line for 'coherence' \(it has gcnr\)"):
        MAP.rating("coherence", np.zeros(8))


def test_the_fit_finds_the_line_back():
    rng = np.random.default_rng(4)
    rating = rng.uniform(1, 5, 4000)
    found = fit_line(0.2 * rating + 0.5 + 0.05 * rng.standard_normal(4000), rating)
    assert (found.slope, found.intercept) == pytest.approx((0.2, 0.5), abs=0.01)


def test_the_fit_is_least_squares_of_metric_on_rating():
    found = fit_line(np.array([1.0, 2.0, 2.0, 5.0]), np.array([1.0, 1.0, 3.0, 3.0]))
    assert (found.slope, found.intercept) == pytest.approx((1.0, 0.5))


def test_incomplete_pairs_are_left_out():
    metric, rating = np.array([1.0, 2.0, 3.0, np.nan, 99.0]), np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    found = fit_line(metric, rating)
    assert (found.slope, found.intercept) == pytest.approx((1.0, 0.0))


@pytest.mark.parametrize(
    ("metric", "rating", "complaint"),
    [
        ([1, 2, 3], [1, 2], "do not pair up"),
        ([[1, 2, 3]], [[1, 2, 3]], "do not pair up"),
        ([], [], "0 pairs"),
        ([1, 2], [1, 2], "2 pairs with 2 different ratings"),
        ([1, 2, np.nan], [1, 2, 3], "2 pairs with 2 different ratings"),
        ([1, 2, 3], [4, 4, 4], "3 pairs with 1 different ratings"),
        ([7, 7, 7], [1, 2, 3], "does not change with the rating"),
        ([0.1, 0.3, 0.1, 0.3], [1, 1, 5, 5], "does not change with the rating"),
        ([0, 0, 0], [1, 2, 3], "does not change with the rating"),
        ([1, np.inf, 2], [1, 2, 3], "infinite or a rating outside 1..5"),
        ([1, 2, 3], [0, 2, 3], "infinite or a rating outside 1..5"),
    ],
)
def test_a_fit_that_means_nothing_is_refused(metric: list, rating: list, complaint: str):
    with pytest.raises(CalibrationError, match=complaint):
        fit_line(np.array(metric, float), np.array(rating, float))


@pytest.mark.parametrize("score_map", [MAP, PUBLISHED])
def test_a_file_gives_back_what_was_saved(tmp_path: Path, score_map: ScoreMap):
    path = tmp_path / "new" / "score_map.toml"
    save_score_map(score_map, path)
    assert load_score_map(path) == score_map


@pytest.mark.parametrize(
    ("line", "changed", "complaint"),
    [
        ("slope = 0.1", "slope = 0", "methods.gcnr.slope: .*must not be 0"),
        ("slope = 0.1", "slope = nan", "methods.gcnr.slope: .*finite"),
        ("slope = 0.1", "", "methods.gcnr.slope: Field required"),
        ("intercept = 0.3", "intercept = 0.3\nn = 4", "methods.gcnr.n: Extra"),
        ("[methods.gcnr]", "[methods.gCNR]", "methods.gCNR"),
        ('source = "a test"', "", "source: Field required"),
        ("schema_version = 1", "schema_version = 2", "newer than this program"),
        ("schema_version = 1", "", "schema_version must be"),
        ("slope = 0.1", "slope = = 0.1", "is no TOML"),
    ],
)
def test_each_problem_names_file_field_and_rule(tmp_path: Path, line: str, changed: str, complaint: str):
    path = tmp_path / "score_map.toml"
    save_score_map(MAP, path)
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, changed))
    with pytest.raises(CalibrationError, match=complaint) as caught:
        load_score_map(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_that_takes_nothing(tmp_path: Path):
    with pytest.raises(CalibrationError, match=r"cannot read score map .*fit it again"):
        load_score_map(tmp_path / "absent.toml")
    (tmp_path / "taken").write_text("")
    with pytest.raises(CalibrationError, match="cannot save score map"):
        save_score_map(MAP, tmp_path / "taken" / "score_map.toml")
