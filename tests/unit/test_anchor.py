"""What the absolute scale of the regional scores rests on."""

from __future__ import annotations

import numpy as np
import pytest

from models.regional.anchor import anchor_scores, gcnr

SIZE = 96


def scene(wall: float, blood: float, spread: float = 12.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, eight regions in a row on top, lumen below."""
    rng = np.random.default_rng(2)
    level = np.full((SIZE, SIZE), blood)
    regions = np.zeros((8, SIZE, SIZE), bool)
    for index in range(8):
        regions[index, :40, index * 12 : index * 12 + 12] = True
    level[:40] = wall
    lumen = np.zeros((SIZE, SIZE), bool)
    lumen[50:] = True
    image = np.clip(level + spread * rng.standard_normal(level.shape), 0, 255).astype(np.uint8)
    return image, regions, lumen


def test_gcnr_of_same_and_of_separate_grey_levels():
    rng = np.random.default_rng(0)
    same = rng.integers(0, 256, (2, 200_000))
    assert gcnr(same[0], same[1]) < 0.02
    assert gcnr(np.full(50, 200), np.full(80, 20)) == 1.0
    half = gcnr(np.repeat([10, 200], 50), np.full(100, 10))
    assert half == pytest.approx(0.5)
    assert gcnr(np.full(50, 255), np.full(50, 0)) == 1.0, "both ends of the scale count"


def test_a_bright_wall_against_dark_blood_is_excellent_and_one_that_is_not_seen_poor():
    clear = anchor_scores(*scene(150, 20))
    faint = anchor_scores(*scene(60, 45))
    none = anchor_scores(*scene(12, 12))
    assert clear.dtype == np.float32
    assert clear.shape == (8,)
    assert (clear > 4.7).all()
    assert ((faint > none) & (faint < clear)).all()
    assert ((none >= 1.9) & (none < 2.4)).all()


def test_scores_rise_with_the_contrast():
    rows = [anchor_scores(*scene(wall, 30)).mean() for wall in (35, 50, 70, 90, 120)]
    assert (np.diff(rows) > 0).all()


def test_a_wall_darker_than_blood_is_worth_less_than_one_as_much_brighter():
    assert anchor_scores(*scene(60, 100)).mean() < anchor_scores(*scene(100, 60)).mean()


def test_nothing_to_measure_gives_nan():
    image, regions, lumen = scene(150, 20)
    regions[3] = False
    scores = anchor_scores(image, regions, lumen)
    assert np.isnan(scores[3])
    assert np.isfinite(np.delete(scores, 3)).all()
    assert np.isnan(anchor_scores(image, regions, np.zeros_like(lumen))).all()
