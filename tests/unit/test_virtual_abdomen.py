"""The bladder scene: geometry and labels are exact, and every cause lowers the class."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from capture.errors import CaptureError
from capture.virtual.abdomen.anatomy import Bladder
from capture.virtual.abdomen.parameters import HABITUS_MM, QUALITIES, AbdomenParameters, curved_probe
from capture.virtual.abdomen.scanner import AbdomenScanner, _drawn_case
from capture.virtual.abdomen.truth import AbdomenQuality, abdomen_quality
from tests.support.stopwatch import cpu_ms

GOOD = AbdomenParameters(seed=3)
# Each over the range in which the bladder fits into the sector: a thinner wall or more urine only cuts its sides off.
CAUSES: dict[str, np.ndarray] = {
    "gas": np.linspace(0, 1, 11),
    "haze_db": np.linspace(-34, -4, 11),
    "noise_db": np.linspace(-30, 6, 13),
    "habitus_mm": np.linspace(24, 56, 9),
    "filling_ml": np.linspace(120, 15, 8),
    "reverberation_db": np.linspace(-22, 14, 11),
}


def judged(parameters: AbdomenParameters) -> AbdomenQuality:
    """Quality with the probe's settings held still, so that one cause alone changes."""
    probe = curved_probe(parameters.seed, 165.0)
    return abdomen_quality(parameters, probe, Bladder.of(parameters, probe.face_mm))


@pytest.mark.parametrize("seed", [1, 3, 8])
@pytest.mark.parametrize("cause", CAUSES)
def test_quality_falls_with_every_cause(cause: str, seed: int) -> None:
    values: list[dict[str, Any]] = [{"seed": seed, cause: float(value)} for value in CAUSES[cause]]
    found = [judged(replace(GOOD, **value)).quality for value in values]
    assert np.all(np.diff(found) <= 1e-3), found
    assert found[-1] < 0.75 * found[0]


@pytest.mark.parametrize("direction", [-1, 1])
def test_wrong_gain_lowers_quality(direction: int) -> None:
    found = [judged(replace(GOOD, gain_db=float(direction * step))).quality for step in (1, 6, 12, 18, 24)]
    assert np.all(np.diff(found) <= 5e-3), found
    assert found[-1] < 0.5 * found[0]


def test_quantities_name_their_cause() -> None:
    good = judged(GOOD)
    assert judged(replace(GOOD, gas=0.6)).shadow_share > good.shadow_share + 0.2
    assert judged(replace(GOOD, haze_db=-10.0)).lumen_grey > good.lumen_grey + 0.1
    assert judged(replace(GOOD, filling_ml=60.0)).lumen_cm2 < 0.6 * good.lumen_cm2
    assert judged(GOOD.with_habitus("large")).outline_visibility < good.outline_visibility
    assert list(HABITUS_MM) == ["slim", "average", "large"]


def test_every_wanted_class_is_drawn_and_all_classes_come_by_chance() -> None:
    for seed in range(12):
        assert [_drawn_case(seed, wanted).quality.quality_class for wanted in QUALITIES] == list(QUALITIES)
    found = Counter(_drawn_case(seed, None).quality.quality_class for seed in range(40))
    assert min(found[name] for name in QUALITIES) >= 6
    with pytest.raises(CaptureError, match="no picture quality"):
        AbdomenScanner(1, 640, 480, quality="B")
    with pytest.raises(CaptureError, match="not possible"):
        AbdomenScanner(1, 64, 48)


def test_curved_probe_is_in_range() -> None:
    for seed in range(40):
        scene = _drawn_case(seed, None)
        assert 40 <= scene.probe.face_mm <= 60
        assert 55 <= np.degrees(2 * scene.probe.half_angle) <= 75
        assert 80 <= scene.probe.depth_mm <= 180


@pytest.fixture(scope="module")
def scanner() -> AbdomenScanner:
    return AbdomenScanner(4, 640, 480, quality="A+")


def test_same_arguments_give_the_same_bytes(scanner: AbdomenScanner) -> None:
    again = AbdomenScanner(4, 640, 480, quality="A+")
    assert np.array_equal(again.render(7), scanner.render(7))
    assert not np.array_equal(scanner.render(7), scanner.render(8))
    assert scanner.render(0).shape == (480, 640, 3)
    assert scanner.view == "BLADDER"
    assert scanner.ground_truth(0).quality_class == "A+"


def test_bladder_is_black_between_brighter_walls(scanner: AbdomenScanner) -> None:
    truth, picture = scanner.ground_truth(20), scanner.picture(20)
    label = truth.labels
    inside = scanner.console.converter.mask > 0
    assert set(np.unique(label)) == {0, 1}
    assert not label[~inside].any()
    core = cv2.erode(label, np.ones((15, 15), np.uint8)) > 0
    around = (cv2.dilate(label, np.ones((15, 15), np.uint8)) > 0) & (label == 0) & inside
    assert picture[core].mean() < 0.25 * picture[around].mean()
    below, side = _posterior(label), inside & (label == 0)
    assert picture[below].mean() > 1.1 * picture[side].mean()  # enhancement behind urine
    screen = truth.on_screen(480, 640)
    assert screen.sum() == label.sum()
    assert not screen[~scanner.sector.mask(480, 640)].any()


def _posterior(label: np.ndarray) -> np.ndarray:
    """Twelve rows right below the bladder in its middle third of columns."""
    columns = np.flatnonzero(label.any(axis=0))
    third = len(columns) // 3
    mask = np.zeros(label.shape, bool)
    for column in columns[third : 2 * third]:
        last = int(np.flatnonzero(label[:, column]).max())
        mask[last + 2 : last + 14, column] = True
    return mask


def test_filling_sets_the_area(scanner: AbdomenScanner) -> None:
    areas = []
    for filling in (100.0, 200.0, 400.0):
        made = AbdomenScanner(4, 640, 480, parameters=replace(scanner.parameters, filling_ml=filling))
        areas.append(made.ground_truth(0).labels.sum() * made.spacing_mm**2 / 100)
        assert areas[-1] == pytest.approx(made.quality.lumen_cm2, rel=0.06)
    assert areas[0] < areas[1] < areas[2]


def test_breathing_and_hand_move_the_bladder_but_not_the_skin(scanner: AbdomenScanner) -> None:
    quarter = round(scanner.period_s * scanner.fps / 4)
    first, later = scanner.ground_truth(0).labels, scanner.ground_truth(quarter).labels
    rows = [float(np.flatnonzero(label.any(axis=1)).max()) for label in (first, later)]
    moved_mm = (rows[1] - rows[0]) * scanner.spacing_mm
    assert moved_mm == pytest.approx(scanner.parameters.breath_mm, abs=0.8)
    assert 0.01 < (first != later).mean() / first.mean() < 0.2
    skin = [scanner.level_db(index)[3:8] for index in (0, 1)]
    deep = [scanner.level_db(index)[300:420] for index in (0, quarter)]
    assert np.corrcoef(skin[0].ravel(), skin[1].ravel())[0, 1] > 0.98
    assert np.corrcoef(deep[0].ravel(), deep[1].ravel())[0, 1] < 0.9


def test_labels_follow_the_picture(scanner: AbdomenScanner) -> None:
    restless = replace(scanner.parameters, breath_mm=7.0, hand_mm=6.0, reverberation_db=-30.0)
    made = AbdomenScanner(4, 640, 480, parameters=restless)
    still = made.ground_truth(0).labels > 0
    quarter = round(made.period_s * made.fps / 4)
    for index in (quarter, 3 * quarter):
        truth = made.ground_truth(index).labels > 0
        dark = cv2.GaussianBlur(made.picture(index), (0, 0), 2) < 55
        near = cv2.dilate((truth | still).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        own, old = ((dark & near & mask).sum() / ((dark & near) | mask).sum() for mask in (truth, still))
        assert own > 0.9
        assert own > old + 0.03


def test_limited_range_and_clean_settings() -> None:
    made = AbdomenScanner(2, 640, 480, quality="A", limited_range=True)
    screen = made.render(0)
    assert screen.min() >= 16
    assert screen.max() <= 235
    assert made.console.truth.ecg_box is None
    assert not any("bpm" in box.text or "Echo" in box.text for box in made.console.truth.texts)


def test_a_frame_is_rendered_in_little_time() -> None:
    made = AbdomenScanner(1, 1920, 1080)
    threads, indices = cv2.getNumThreads(), iter(range(9))
    cv2.setNumThreads(1)
    try:
        assert cpu_ms(lambda: made.render(next(indices)), turns=8) <= 20
    finally:
        cv2.setNumThreads(threads)
