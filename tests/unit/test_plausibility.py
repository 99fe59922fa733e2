"""What is taken for a left ventricle, and what is refused, on drawn, expert and virtual outlines."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from make_mock_models import heart_labels
from real_images import data_root

from capture.errors import DataError
from models.data.camus import read_split
from models.runtime.plausibility import (
    ImplausibleReason,
    PlausibilityGate,
    PlausibilityLimits,
    heart_confidence,
    heart_figures,
)
from models.runtime.regions import RegionFailure, divide
from tests.support.stopwatch import cpu_ms

WHOLE = np.ones((256, 256), bool)
UNIT = (0.6, 0.5)
FRAME_NS = 33_000_000
Reason = ImplausibleReason


def verdict(
    labels: np.ndarray,
    gate: PlausibilityGate | None = None,
    t_ns: int = 0,
    inside: np.ndarray = WHOLE,
    unit: tuple[float, float] = UNIT,
) -> str | None:
    """Reason of the gate, or of the division before it; None for a heart."""
    try:
        division = divide(labels, unit, inside, spacing_known=True)
    except RegionFailure as failure:
        return failure.reason
    return (gate or PlausibilityGate()).check(labels, division, inside, unit, t_ns)


def moved(labels: np.ndarray, x: float, y: float, scale: float = 1.0) -> np.ndarray:
    matrix = np.array([[scale, 0, 128 * (1 - scale) + x], [0, scale, 128 * (1 - scale) + y]], np.float32)
    return cv2.warpAffine(labels, matrix, (256, 256), flags=cv2.INTER_NEAREST)


def two_ventricles() -> np.ndarray:
    labels = moved(heart_labels(), -60, 0, 0.9)
    other = moved(heart_labels(), 60, 0, 0.8)
    return np.where(other > 0, other, labels)


def atrium_above() -> np.ndarray:
    return heart_labels()[::-1].copy()


def half_moon() -> np.ndarray:
    """A lumen bent around a bay that comes in from one side."""
    labels = heart_labels()
    bay = cv2.ellipse(np.zeros((256, 256), np.uint8), (172, 132), (64, 44), 0, 0, 360, 1, -1)
    labels[(bay > 0) & (labels == 1)] = 2
    return labels


def tiny() -> np.ndarray:
    return moved(heart_labels(), 0, 0, 0.25)


def outside_its_wall() -> np.ndarray:
    labels = heart_labels()
    lumen = moved((labels == 1).astype(np.uint8), 110, 0)
    return np.where(lumen > 0, np.uint8(1), np.where(labels == 1, np.uint8(0), labels))


def thread() -> np.ndarray:
    """A lumen as thin as a line in a thick wall."""
    labels = heart_labels()
    x = np.arange(256)[None]
    labels[(labels == 1) & (np.abs(x - 128) > 5)] = 2
    return labels


@pytest.mark.parametrize("make", [two_ventricles, atrium_above, half_moon, tiny, outside_its_wall, thread])
def test_what_no_heart_shows_is_refused(make) -> None:
    reason = verdict(make())
    assert reason is not None
    assert len(reason) < 70
    assert reason[0].islower()


def test_the_reasons_name_what_is_wrong() -> None:
    assert verdict(two_ventricles()) is Reason.PARTS
    assert verdict(atrium_above()) is Reason.UPSIDE_DOWN
    assert verdict(half_moon()) is Reason.SHAPE


def test_a_drawn_heart_passes_small_large_tilted_and_with_specks() -> None:
    for scale in (0.5, 0.8, 1.15):
        assert verdict(moved(heart_labels(), 0, 0, scale)) is None
    turn = cv2.getRotationMatrix2D((127.5, 127.5), 35, 0.85)
    assert verdict(cv2.warpAffine(heart_labels(), turn, (256, 256), flags=cv2.INTER_NEAREST)) is None
    specks = heart_labels()
    specks[5:20, 5:20] = 1
    specks[230:250, 5:30] = 2
    assert verdict(specks) is None


def test_a_heart_outside_the_sector_is_refused() -> None:
    inside = WHOLE.copy()
    inside[:, :140] = False
    assert verdict(heart_labels(), inside=inside) is Reason.OUTSIDE


def test_a_jump_by_a_quarter_of_the_picture_is_refused_once() -> None:
    gate, small = PlausibilityGate(), moved(heart_labels(), -30, 0, 0.8)
    assert verdict(small, gate) is None
    jumped = moved(small, 64, 0)
    assert verdict(jumped, gate, FRAME_NS) is Reason.JUMP
    assert verdict(jumped, gate, 2 * FRAME_NS) is None


def test_a_sudden_growth_is_a_jump_and_a_reset_or_a_pause_is_none() -> None:
    gate = PlausibilityGate()
    small, large = moved(heart_labels(), 0, 0, 0.6), heart_labels()
    assert verdict(small, gate) is None
    assert verdict(large, gate, FRAME_NS) is Reason.JUMP
    assert verdict(small, gate, FRAME_NS + 500_000_000) is None
    gate.reset()
    assert verdict(large, gate, FRAME_NS + 510_000_000) is None
    assert verdict(small, gate, 0) is None  # a recording that was rewound


def test_a_beating_heart_does_not_jump() -> None:
    """Half of the area goes in 0.3 s while the whole heart slides by 15 mm and back."""
    gate = PlausibilityGate()
    for frame in range(60):
        phase = 2 * math.pi * frame / 30 / 0.6
        beat = moved(heart_labels(), 20 * math.sin(phase), 0, 0.85 + 0.15 * math.cos(phase))
        assert verdict(beat, gate, frame * FRAME_NS) is None


def test_a_refused_shape_is_not_what_the_next_frame_is_compared_with() -> None:
    gate = PlausibilityGate()
    assert verdict(heart_labels(), gate) is None
    assert verdict(atrium_above(), gate, FRAME_NS) is Reason.UPSIDE_DOWN
    assert verdict(heart_labels(), gate, 2 * FRAME_NS) is None


@pytest.mark.parametrize("name", ["lv_share", "myo_to_lv", "length_to_width"])
def test_limits_can_be_set(name: str) -> None:
    gate = PlausibilityGate(replace(PlausibilityLimits(), **{name: (100.0, 200.0)}))
    assert verdict(heart_labels(), gate) in {Reason.SIZE, Reason.SHAPE}


def test_figures_of_the_drawn_heart() -> None:
    labels = heart_labels()
    figures = heart_figures(labels, divide(labels, UNIT, WHOLE, spacing_known=True), WHOLE, UNIT)
    assert figures.lv_share == pytest.approx((labels == 1).mean())
    assert figures.myo_to_lv == pytest.approx((labels == 2).sum() / (labels == 1).sum())
    assert figures.lv_apart == figures.myo_apart == figures.outside == 0
    assert figures.upright == pytest.approx(1, abs=0.02)
    assert figures.solidity > 0.97
    labels[labels == 3] = 0
    without = heart_figures(labels, divide(labels, UNIT, WHOLE, spacing_known=True), WHOLE, UNIT)
    assert math.isnan(without.atrium_below)
    assert verdict(labels) is None


def test_confidence_is_the_mean_probability_inside_the_heart() -> None:
    labels = heart_labels()
    sure = 10.0 * (labels[None] == np.arange(5)[:, None, None]).astype(np.float32)
    assert heart_confidence(sure, labels) == pytest.approx(1 / (1 + 4 * math.exp(-10)), abs=1e-5)
    unsure = sure.copy()
    unsure[:, labels == 1] = 0
    assert 0.2 < heart_confidence(unsure, labels) < heart_confidence(sure, labels)
    assert heart_confidence(sure * 0, labels) == pytest.approx(0.2)
    assert math.isnan(heart_confidence(sure, np.zeros_like(labels)))


def test_the_check_is_cheap() -> None:
    labels, gate = heart_labels(), PlausibilityGate()
    division = divide(labels, UNIT, WHOLE, spacing_known=True)
    indices = iter(range(30))
    assert cpu_ms(lambda: gate.check(labels, division, WHOLE, UNIT, next(indices) * FRAME_NS), turns=29) < 0.5


def test_expert_outlines_pass() -> None:
    try:
        samples = read_split(data_root(), "val")[::4]
    except DataError as error:
        pytest.skip(f"no CAMUS here: {error}")
    refused = {}
    for sample in samples:
        label = sample.label()
        unit = label.shape[1] / 256, label.shape[0] / 256
        reason = verdict(cv2.resize(label, (256, 256), interpolation=cv2.INTER_NEAREST), unit=unit)
        if isinstance(reason, ImplausibleReason):
            refused[sample.stem] = reason
    assert len(refused) <= 0.01 * len(samples), refused
