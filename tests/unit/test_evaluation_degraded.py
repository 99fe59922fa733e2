"""Degraded frames, the order of methods, and named causes, with methods whose answers are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from made_up_camus import write_camus
from made_up_evaluation import MeanGrey, Noise, made_up_images

from models.data.camus import squash
from models.data.degradations import KINDS, LEVELS, Degrader
from models.regional.evaluation.causes import CAUSE_OF_KIND, cause_figures
from models.regional.evaluation.degraded import (
    KINDS_PER_FRAME,
    InputMaker,
    Observation,
    Stopwatch,
    degraded_figures,
    observe,
    scorers_of,
)
from models.regional.evaluation.order import method_order
from models.regional.labelled import LabelledImage
from models.runtime.contract import CAUSES
from models.runtime.methods import RegionalInput

SCORED = np.ones(8, bool)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    found = made_up_images(write_camus(tmp_path_factory.mktemp("data"), train=0, val=3))
    assert len(found) == 3
    return found


def observation(series: int, patient: int, level: float, scores: dict[str, np.ndarray], region: int = 2) -> Observation:
    kind = list(KINDS)[series % len(KINDS)]
    return Observation(series, f"p{patient}", kind, level, region, series % 2 == 0, SCORED, scores)


def known_observations(seed: int = 0) -> list[Observation]:
    """Three methods that follow the severity well, somewhat, and hardly."""
    rng = np.random.default_rng(seed)
    spread = {"end_to_end": 0.1, "coherence": 0.5, "gcnr": 3.0}
    found = []
    for series in range(120):
        for level in LEVELS:
            scores = {name: np.full(8, 3.0) for name in spread}
            for name, sd in spread.items():
                scores[name][2] = 5 - level + sd * rng.standard_normal()
            found.append(observation(series, series // 4, level, scores))
    return found


def test_pictures_are_the_same_for_all_methods_and_as_frozen(images):
    seen: dict[str, list[np.ndarray]] = {"a": [], "b": []}

    def keep(name: str):
        def score(picture):
            seen[name].append(picture.given.image)
            return np.zeros(8)

        return score

    watch = Stopwatch({name: keep(name) for name in seen})
    observations = list(observe(images[:1], watch))
    assert len(observations) == KINDS_PER_FRAME * len(LEVELS)
    assert all(a is b for a, b in zip(seen["a"], seen["b"], strict=True))
    assert [o.kind for o in observations[:: len(LEVELS)]] == list(KINDS)[:KINDS_PER_FRAME]
    item, first = images[0], observations[4]
    degrader = Degrader(item.image, item.sector)
    expected = degrader.apply(first.kind, 1.0, item.masks_native()[first.region] if first.local else None, seed=0)
    assert np.array_equal(seen["a"][4], InputMaker(item).of(expected).image)
    assert set(watch.ms_per_picture()) == {"a", "b"}


def test_input_has_regions_inside_the_sector_and_the_whole_picture(images):
    given = InputMaker(images[0]).of(images[0].image)
    assert (given.image.shape, given.image.dtype, given.masks.shape) == ((256, 256), np.uint8, (8, 256, 256))
    assert np.array_equal(given.image, squash(images[0].image, cv2.INTER_AREA))
    assert not (given.masks & ~given.inside).any()
    assert given.lumen.sum() > 500
    assert not (given.lumen & given.masks[:6].any(axis=0)).any(), "walls are no lumen"


def test_mean_grey_follows_a_shadow_and_knows_where_it_falls(images):
    watch = Stopwatch(scorers_of({"grey": MeanGrey(), "nothing": Noise()}))
    observations = list(observe(images, watch))
    figures = degraded_figures(observations, "grey")
    assert figures["spearman_by_kind"]["shadow"] > 0.3  # type: ignore[index]
    assert figures["spearman_by_kind"]["gain_high"] is None or figures["spearman_by_kind"]["gain_high"] < 0  # type: ignore[index]
    shadow = [o for o in observations if o.kind == "shadow" and o.local]
    assert degraded_figures(shadow, "grey")["locality"] in (None, 1.0)
    assert figures["n_observations"] == len(observations)


def test_figures_of_a_perfect_and_of_a_blind_method():
    perfect, blind = [], []
    for series in range(40):
        for level in LEVELS:
            scores = np.full(8, 4.0)
            scores[2] -= level
            perfect.append(observation(series, series // 4, level, {"m": scores}))
            blind.append(observation(series, series // 4, level, {"m": np.full(8, np.nan)}))
    figures = degraded_figures(perfect, "m")
    assert (figures["spearman"], figures["locality"], figures["judged_share"]) == (1.0, 1.0, 1.0)
    assert figures["spearman_reserved_kinds"] == 1.0
    assert figures["n_locality"] == 20 * (len(LEVELS) - 1)
    assert figures["mean_score_by_level"]["1.0"] == 3.0  # type: ignore[index]
    figures = degraded_figures(blind, "m")
    assert (figures["spearman"], figures["locality"], figures["judged_share"]) == (None, None, 0.0)


def test_a_wrong_region_is_no_hit():
    scores = np.full(8, 4.0)
    lower = scores.copy()
    lower[5] = 1
    pair = [observation(0, 0, 0.0, {"m": scores}), observation(0, 0, 1.0, {"m": lower})]
    assert degraded_figures(pair, "m")["locality"] == 0.0


def test_the_order_of_methods_with_intervals():
    found = method_order(known_observations(), ["gcnr", "end_to_end", "coherence"])
    rows = found["method_order"]
    assert isinstance(rows, list)
    assert [row["method"] for row in rows] == ["end_to_end", "coherence", "gcnr"]
    assert all(row["low"] < row["spearman"] < row["high"] for row in rows)
    assert found["order_holds"] is True
    assert found["n_common"] == 600
    for pair in found["order_differences"]:  # type: ignore[attr-defined]
        assert pair["low"] > 0
        assert pair["wilcoxon_by_patient"]["p"] < 0.01
        assert pair["wilcoxon_by_patient"]["effect"] > 0


def test_an_order_that_does_not_hold_is_said():
    swapped = [
        observation(o.series, int(o.patient[1:]), o.level, {**o.scores, "end_to_end": o.scores["gcnr"]})
        for o in known_observations()
    ]
    found = method_order(swapped, ["end_to_end", "coherence", "gcnr"])
    assert found["order_holds"] is False
    assert found["order_differences"][0]["difference"] < 0  # type: ignore[index]
    assert method_order(swapped, ["coherence", "gcnr"])["order_holds"] is None
    assert method_order([], ["coherence"])["method_order"] == []


def blank_strengths(cause: str | None) -> np.ndarray:
    strengths = np.full(len(CAUSES), 0.1)
    if cause is not None:
        strengths[CAUSES.index(cause)] = 0.9
    return strengths


def test_causes_named_by_one_who_always_says_shadow(images):
    def always(given: RegionalInput) -> tuple[np.ndarray, np.ndarray]:
        # What cannot be put in may be strongest of all: it is no answer to the question.
        frame = blank_strengths("shadow")
        frame[CAUSES.index("foreshortened")] = 1.0
        return frame, np.tile(blank_strengths("shadow"), (8, 1))

    found = cause_figures(images * 4, always)
    by_kind = found["cause_top1_by_kind"]
    assert isinstance(by_kind, dict)
    assert by_kind["shadow"] == 1.0
    assert all(by_kind[kind] == 0.0 for kind in CAUSE_OF_KIND if kind != "shadow" and by_kind[kind] is not None)
    assert found["cause_chance"] == pytest.approx(1 / 6, abs=1e-4)
    assert 0 < found["cause_top1"] < 0.5  # type: ignore[operator]
    assert set(found["cause_confusion"]["shadow"]) == {"shadow"}  # type: ignore[index]


def test_gain_told_by_the_mean_grey_level_of_the_right_place(images):
    """A reader that compares with the untouched frame can tell gain, region by region."""
    clean = {item.sample.patient: InputMaker(item).of(item.image).image.astype(float) for item in images}

    def read(given: RegionalInput) -> tuple[np.ndarray, np.ndarray]:
        before = min(clean.values(), key=lambda image: np.median(np.abs(image - given.image)[given.inside]))
        change = given.image - before

        def strengths(place: np.ndarray) -> np.ndarray:
            found = blank_strengths(None)
            found[CAUSES.index("gain_high")] = max(change[place].mean(), 0)
            found[CAUSES.index("gain_low")] = max(-change[place].mean(), 0)
            return found

        return strengths(given.inside), np.array([strengths(mask) for mask in given.masks])

    found = cause_figures(images * 4, read)
    assert found["cause_top1_by_kind"]["gain_high"] == 1.0  # type: ignore[index]
    assert found["cause_n"] + found["cause_n_invisible"] == 12 * 2 * 3  # type: ignore[operator]
    assert found["cause_top1_one_region"] is not None
    assert found["cause_top1_whole_sector"] is not None


def test_a_degradation_that_changes_nothing_is_left_out(images, monkeypatch):
    monkeypatch.setattr(Degrader, "apply", lambda self, kind, level, region, seed: self.image.copy())
    found = cause_figures(images, lambda given: (blank_strengths("haze"), np.tile(blank_strengths("haze"), (8, 1))))
    assert (found["cause_n"], found["cause_n_invisible"], found["cause_top1"]) == (0, 18, None)
