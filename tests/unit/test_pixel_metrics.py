"""The classical metrics, against figures worked out by hand."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from calibration.score_map import PUBLISHED
from models.runtime.methods import RegionalInput, RegionalMethod
from models.runtime.pixel_metrics import (
    METRICS,
    PixelMetric,
    cnr,
    cr,
    gcnr,
    gcnr_paper,
    histogram,
    intensity,
    match_histogram,
    measure_all,
)

SIZE = 256


def counts(*levels: int) -> np.ndarray:
    return histogram(np.array(levels))


def scene(seed: int = 1, walls: float = 130.0, blood: float = 30.0) -> RegionalInput:
    """Eight bright regions in a row above dark blood."""
    rng = np.random.default_rng(seed)
    image = rng.rayleigh(60, (SIZE, SIZE))
    masks = np.zeros((8, SIZE, SIZE), bool)
    for index in range(8):
        masks[index, 40:70, index * 30 + 8 : index * 30 + 30] = True
    lumen = np.zeros((SIZE, SIZE), bool)
    lumen[100:180, 60:190] = True
    image[masks.any(axis=0)] += walls - 60
    image[lumen] *= blood / 75
    inside = np.ones((SIZE, SIZE), bool)
    inside[:, :6] = False
    return RegionalInput((np.clip(image, 0, 255) * inside).astype(np.uint8), inside, masks, lumen)


def with_image(given: RegionalInput, image: np.ndarray) -> RegionalInput:
    return RegionalInput(image, given.inside, given.masks, given.lumen)


def test_the_formulas_by_hand():
    region, lumen = counts(100, 140), counts(20, 40, 60, 80)  # means 120 and 50, variances 400 and 500
    assert intensity(region, lumen) == 120
    assert cr(region, lumen) == pytest.approx(2.4)
    assert cnr(region, lumen) == pytest.approx(70 / 30)
    assert cnr(lumen, region) == pytest.approx(-70 / 30), "darker than blood is negative"


def test_both_forms_of_gcnr_by_hand():
    region, lumen = counts(10, 10, 200, 200), counts(10, 50, 60, 70)  # a quarter in common
    assert gcnr(region, lumen) == pytest.approx(0.75)
    assert gcnr_paper(region, lumen) == pytest.approx(0.875)
    assert (gcnr(region, region), gcnr_paper(region, region)) == (0.0, 0.5)
    assert (gcnr(counts(1), counts(2)), gcnr_paper(counts(1), counts(2))) == (1.0, 1.0)


def test_how_many_pixels_there_are_does_not_matter():
    few, many = counts(10, 30), counts(*([10, 30] * 50))
    lumen = counts(10, 20, 20, 40)
    for name, metric in METRICS.items():
        assert metric(few, lumen) == pytest.approx(metric(many, lumen)), name


def test_constant_regions():
    black, grey = counts(0, 0), counts(90, 90, 90)
    assert cnr(grey, grey) == 0.0
    assert math.isnan(cnr(grey, counts(50))), "contrast without any noise to divide by"
    assert math.isnan(cr(grey, black)), "nothing to divide by"
    assert cr(grey, counts(45)) == 2.0


def test_matching_by_hand():
    image = np.array([[7, 7, 9, 200], [3, 99, 99, 99]], np.uint8)
    inside = np.array([[1, 1, 1, 1], [0, 0, 0, 0]], bool)
    quantile = NormalDist(127, 32).inv_cdf
    ties, *others = (round(quantile(p)) for p in (1 / 4, 5 / 8, 7 / 8))  # middle ranks of 4 pixels
    assert match_histogram(image, inside).tolist() == [[ties, ties, *others], [0, 0, 0, 0]]


def test_matched_levels_are_those_of_the_target():
    given = scene()
    matched = match_histogram(given.image, given.inside)
    assert matched.dtype == np.uint8
    assert (matched[~given.inside] == 0).all()
    levels = matched[given.inside].astype(float)
    assert levels.mean() == pytest.approx(127, abs=0.5)
    assert levels.std() == pytest.approx(32, abs=0.5)
    for share, level in ((0.1587, 95), (0.5, 127), (0.8413, 159)):
        assert np.quantile(levels, share) == pytest.approx(level, abs=2)


def test_matching_depends_on_no_order_of_the_pixels():
    given = scene()
    order = np.random.default_rng(3).permutation(SIZE * SIZE)
    shuffled = match_histogram(*(a.ravel()[order].reshape(SIZE, SIZE) for a in (given.image, given.inside)))
    there = match_histogram(given.image, given.inside).ravel()[order].reshape(SIZE, SIZE)
    np.testing.assert_array_equal(shuffled, there)


def test_a_monotone_change_of_grey_levels_changes_nothing():
    """Gain and compression are what the matching takes away."""
    given = scene()
    image = np.where(given.inside, given.image // 4, 0).astype(np.uint8)
    brighter = np.where(given.inside, np.rint(30 * np.sqrt(image.astype(float)) + 3), 0).astype(np.uint8)
    assert np.unique(brighter[given.inside]).size == np.unique(image[given.inside]).size
    before, after = (measure_all(with_image(given, picture)) for picture in (image, brighter))
    for name in METRICS:
        np.testing.assert_array_equal(before[name], after[name])


def test_pixels_outside_the_sector_do_not_count():
    given = scene()
    marked = with_image(given, np.where(given.inside, given.image, 255).astype(np.uint8))
    for name, values in measure_all(given).items():
        np.testing.assert_array_equal(values, measure_all(marked)[name])


def test_metrics_rise_with_the_contrast_and_fall_within_their_range():
    faint, clear = measure_all(scene(walls=70)), measure_all(scene(walls=150))
    for name in METRICS:
        assert clear[name].shape == (8,)
        assert clear[name].dtype == np.float32
        assert (clear[name] > faint[name]).all(), name
    np.testing.assert_allclose(clear["gcnr"], 2 * clear["gcnr_paper"] - 1, atol=1e-6)
    assert ((clear["gcnr"] >= 0) & (clear["gcnr"] <= 1)).all()


def test_nothing_to_measure_gives_nan():
    given = scene()
    masks = given.masks.copy()
    masks[3] = False
    found = measure_all(RegionalInput(given.image, given.inside, masks, given.lumen))
    for name, values in found.items():
        assert np.isnan(values[3]), name
        assert np.isfinite(np.delete(values, 3)).all(), name
    bloodless = measure_all(RegionalInput(given.image, given.inside, masks, np.zeros_like(given.lumen)))
    assert np.isfinite(np.delete(bloodless.pop("intensity"), 3)).all(), "needs no blood"
    assert all(np.isnan(values).all() for values in bloodless.values())


def test_a_picture_of_one_grey_level_has_no_contrast():
    given = scene()
    found = measure_all(with_image(given, np.where(given.inside, 50, 0).astype(np.uint8)))
    wanted = {"intensity": 127, "cr": 1, "cnr": 0, "gcnr_paper": 0.5, "gcnr": 0}
    for name, value in wanted.items():
        assert (found[name] == np.float32(value)).all(), name
    empty = measure_all(RegionalInput(given.image, np.zeros_like(given.inside), given.masks, given.lumen))
    assert (empty["gcnr"] == 0).all(), "no sector: all black"


@pytest.mark.parametrize("name", METRICS)
def test_each_is_a_regional_method(name: str):
    method: RegionalMethod = PixelMetric(name)
    given = scene()
    np.testing.assert_array_equal(method.measure(given), measure_all(given)[name])


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="choose one of intensity, cr, cnr, gcnr_paper, gcnr"):
        PixelMetric("snr")


def test_the_published_lines_are_of_these_metrics():
    assert set(PUBLISHED.methods) <= set(METRICS)
