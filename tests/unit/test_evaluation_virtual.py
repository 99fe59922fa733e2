"""Methods on virtual frames, volumes, views and the report, with made-up answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_up_camus import write_camus
from made_up_evaluation import MeanGrey, Noise, made_up_images, made_up_scores, write_virtual
from make_mock_models import heart_labels

from calibration.score_map import LinearMap, ScoreMap
from capture.errors import DataError
from models.data.camus import read_split
from models.data.other_organs import read_others
from models.data.virtual_dataset import VirtualDataset
from models.metrics.volume import ejection_fraction, single_plane_volume
from models.regional.evaluation.measurement import (
    Measured,
    Reading,
    Recording,
    Still,
    camus_recordings,
    measure,
    reader_of,
    virtual_recordings,
)
from models.regional.evaluation.view import CLASSES, other_pictures, view_figures
from models.regional.evaluation.virtual import fit_score_map, measure_virtual, rate_virtual, virtual_figures
from models.regional.evaluation.virtual_set import structure_dice, virtual_input
from models.runtime.contract import STRUCTURE_VALUES
from models.runtime.regions import FailureReason, RegionFailure


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> VirtualDataset:
    folder = tmp_path_factory.mktemp("virtual") / "set"
    write_virtual(folder, 6, {"A4C": 1.0, "ALAX": 1.0})
    return VirtualDataset(folder)


@pytest.fixture(scope="module")
def camus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_camus(tmp_path_factory.mktemp("data"), train=0, val=2)


def smaller(labels: np.ndarray, share: float) -> np.ndarray:
    """The same heart with its cavity narrowed to ``share`` of its width; the rest becomes wall."""
    found = np.where(labels == 1, 2, labels).astype(np.uint8)
    y, x = np.mgrid[0:256, 0:256]
    inner = (labels == 1) & (((x - 128) / (34 * share)) ** 2 + ((y - 152) / 90) ** 2 < 1)
    found[inner] = 1
    return found


def test_virtual_frames_are_measured_region_by_region(dataset):
    scores = measure_virtual(dataset, {"grey": MeanGrey(), "noise": Noise()})
    assert 1 <= len(scores.truth) <= 6
    assert scores.metrics["grey"].shape == scores.truth.shape
    finite = scores.truth[np.isfinite(scores.truth)]
    assert finite.min() >= 1
    assert finite.max() <= 5
    assert set(scores.scanner) == {0}
    assert set(scores.patient) <= {0, 1}
    with pytest.raises(DataError, match="halves"):
        scores.halves()


def test_a_virtual_input_is_what_a_method_expects(dataset):
    record = next(dataset[i] for i in range(6) if dataset[i].info["regions"]["failure"] is None)
    given = virtual_input(record)
    assert (given.image.dtype, given.masks.shape, given.lumen.dtype) == (np.uint8, (8, 256, 256), bool)
    assert not (given.masks & ~given.inside).any()
    assert not given.image[~given.inside].any()


def test_held_out_scanners_are_neither_fitted_on_nor_forgotten():
    scores = made_up_scores()
    fitted, tested = scores.halves()
    assert not (fitted & tested).any()
    assert not (fitted & scores.held_out).any()
    assert (tested & scores.held_out).any()
    assert not set(scores.scanner[fitted]) & set(scores.scanner[tested])


def test_virtual_figures_of_a_good_and_a_weak_method():
    scores = made_up_scores()
    ratings = rate_virtual(scores, fit_score_map(scores))
    assert all(np.nanmin(found) >= 1 and np.nanmax(found) <= 5 for found in ratings.values())
    found = virtual_figures(scores, ratings)
    good, weak = found["methods"]["end_to_end"], found["methods"]["gcnr"]  # type: ignore[index]
    assert good["spearman"] > 0.95
    assert good["mae"] < 0.3 < weak["mae"]
    assert good["accuracy"] > weak["accuracy"]
    assert abs(good["style_loss"]) < 0.05
    assert weak["style_loss"] > 0.3
    assert found["mae_constant"] == pytest.approx(1.0, abs=0.15), "of uniform ratings"
    test = found["wilcoxon"]["end_to_end - gcnr"]  # type: ignore[index]
    assert test["p"] < 0.01
    assert test["effect"] == -1
    assert test["n"] == found["n_patients"] == 12
    assert found["n_held_out"] == 16


def test_a_given_score_map_is_used():
    scores = made_up_scores()
    steep = ScoreMap(source="test", methods={"gcnr": LinearMap(slope=1e-9, intercept=-9.0)})
    ratings = rate_virtual(scores, steep)
    assert np.nanmin(ratings["gcnr"]) == 5
    assert not (ratings["end_to_end"] == 5).all(), "it gives ratings and needs no line"
    assert np.isnan(rate_virtual(scores, steep, frozenset())["end_to_end"]).all(), "there is no line for it"


def test_a_metric_that_says_nothing_gets_no_line(caplog):
    scores = made_up_scores()
    flat = replace(scores, metrics={"flat": np.ones_like(scores.truth), "gcnr": scores.metrics["gcnr"]})
    assert set(fit_score_map(flat).methods) == {"gcnr"}
    assert "flat has no line" in caplog.text
    with pytest.raises(DataError, match="no metric changes"):
        fit_score_map(replace(scores, metrics={"flat": np.ones_like(scores.truth)}))


def test_dice_of_structures_of_one_view(dataset):
    labels = iter([np.array(dataset[i].labels) for i in range(6) if dataset[i].view == "ALAX"])
    shown = [dataset[i] for i in range(6) if dataset[i].view == "ALAX"]
    if not shown:
        pytest.fail("the made set has no ALAX frame: choose another seed")
    found = structure_dice(dataset, "ALAX", lambda image: next(labels))
    assert (found["mean"], found["n"]) == (1.0, len(shown))
    assert structure_dice(dataset, "ALAX", np.zeros_like)["LV"] == 0.0
    assert structure_dice(dataset, "A2C", np.zeros_like) == {"mean": None, "n": 0}


def test_volume_of_half_an_ellipsoid():
    labels = heart_labels()
    found = single_plane_volume(labels, (0.5, 0.5))
    # Ellipse about y = 152 of half axes 34 x 90, cut at y = 178: slices of a body of revolution, 0.5 mm pixels.
    y = np.arange(62, 178) + 0.5
    width = 2 * 34 * np.sqrt(np.clip(1 - ((y - 152) / 90) ** 2, 0, None)) * 0.5
    assert found == pytest.approx(np.pi / 4 * (width**2).sum() * 0.5 / 1000, rel=0.04)
    assert single_plane_volume(labels, (1.0, 1.0)) == pytest.approx(8 * found, rel=1e-6)


def test_ejection_fraction_of_a_narrowed_cavity():
    full = heart_labels()
    found = ejection_fraction((full, smaller(full, 0.7)), ((1.0, 1.0), (1.0, 1.0)))
    assert found == pytest.approx(100 * (1 - 0.7**2), abs=3)
    with pytest.raises(RegionFailure):
        ejection_fraction((full, np.zeros_like(full)), ((1.0, 1.0), (1.0, 1.0)))


def recording(image_level: int, share: float = 0.7) -> Recording:
    inside, unit = np.ones((256, 256), bool), (1.0, 1.0)
    full = heart_labels()
    stills = (
        Still(np.full((256, 256), image_level, np.uint8), inside, labels, unit)
        for labels in (full, smaller(full, share))
    )
    return Recording("p", "A4C", "made up", *stills)


def test_errors_by_quality_category():
    full = heart_labels()

    def read(still: Still) -> Reading:
        """The darker the picture, the lower the quality and the more is cut off a cavity in systole."""
        if not still.image.any():
            raise RegionFailure(FailureReason.NO_LV)
        quality = still.image[0, 0] / 50
        systole = (still.labels == 1).sum() < (full == 1).sum()
        return Reading(smaller(full, 0.7 - 0.04 * (5 - quality)) if systole else full, quality)

    found = measure([recording(level) for level in (250, 245, 100, 95, 0)], read)
    figures = found.figures()
    assert (figures["n_failed"], figures["all"]["n"]) == (1, 4)  # type: ignore[index]
    by_quality = figures["by_quality"]
    assert isinstance(by_quality, dict)
    assert {label: entry["n"] for label, entry in by_quality.items() if entry["n"]} == {"excellent": 2, "poor": 2}
    assert abs(by_quality["excellent"]["bias"]) < abs(by_quality["poor"]["bias"])
    assert figures["spearman_quality_error"] == -1.0
    empty = Measured(np.zeros(0), np.zeros(0), 0).figures()
    assert empty["spearman_quality_error"] is None
    assert measure([], read).figures() == empty


def test_a_reader_rates_the_regions_that_it_segments():
    found = reader_of(lambda image: heart_labels(), MeanGrey(0.02).measure)(recording(100).full)
    assert found.quality == pytest.approx(2.0, abs=0.01)
    with pytest.raises(RegionFailure):
        reader_of(np.zeros_like, MeanGrey().measure)(recording(100).full)


def test_recordings_of_camus_need_both_phases(camus, monkeypatch):
    images = made_up_images(camus)
    assert list(camus_recordings(images, degraded=False)) == [], "made-up patients have no end-systole"
    both = [*images, replace(images[0], sample=replace(images[0].sample, phase="ES"))]
    (clean,) = camus_recordings(both, degraded=False)
    assert clean.patient == images[0].sample.patient
    assert ejection_fraction((clean.full.labels, clean.empty.labels), (clean.full.unit_xy,) * 2) == 0
    worse = list(camus_recordings(both, degraded=True))
    assert [found.condition for found in worse] == ["shadow 0.5", "shadow 1.0"]
    assert worse[1].full.image.sum() < worse[0].full.image.sum() < clean.full.image.sum()


def test_virtual_recordings_differ_in_the_moment_alone():
    found = list(virtual_recordings(3))
    assert found
    for item in found:
        truth = ejection_fraction((item.full.labels, item.empty.labels), (item.full.unit_xy, item.empty.unit_xy))
        assert 5 < truth < 90
        assert item.full.unit_xy == item.empty.unit_xy
        lumen = STRUCTURE_VALUES["LV"]
        assert (item.empty.labels == lumen).sum() < (item.full.labels == lumen).sum()


def test_views_and_refusals(camus, dataset):
    samples = read_split(camus, "val")

    def recognise(image: np.ndarray) -> np.ndarray:
        """Bright pictures are of no heart."""
        return np.array([0.1, 0.05, 0.05, 0.8]) if image.mean() > 150 else np.array([0.6, 0.2, 0.1, 0.1])

    others = {"bright": [np.full((256, 256), 200, np.uint8)] * 3, "dark": [np.zeros((256, 256), np.uint8)], "none": []}
    found = view_figures(samples, others, None, recognise)
    assert (found["view_accuracy"], found["apical_rejected"], found["other_rejected"]) == (1.0, 0.0, 0.75)
    assert found["other_rejected_by_set"] == {"bright": 1.0, "dark": 0.0, "none": None}
    assert found["view_n"] == {"view_accuracy": 2, "apical_rejected": 2, "other_rejected": 4}
    with_virtual = view_figures([], {}, dataset, recognise)
    assert with_virtual["virtual_view_accuracy"]["A4C"] == 1.0  # type: ignore[index]
    assert with_virtual["virtual_view_accuracy"]["ALAX"] == 0.0  # type: ignore[index]
    assert with_virtual["view_accuracy"] is None
    strict = view_figures(samples, others, None, recognise, is_other=lambda p: p[:3].max() < 0.7)
    assert strict["apical_rejected"] == 1.0
    with pytest.raises(ValueError, match="probabilities"):
        view_figures(samples, {}, None, lambda image: np.ones(3) / 3)
    assert CLASSES == ("A4C", "A2C", "ALAX", "other")


def test_other_pictures_are_of_held_out_examinations(tmp_path: Path):
    folder = tmp_path / "hc18"
    folder.mkdir()
    for number in range(40):
        cv2.imwrite(str(folder / f"{number:03d}_HC.png"), np.full((4, 6), number, np.uint8))
        cv2.imwrite(str(folder / f"{number:03d}_2HC.png"), np.full((4, 6), number, np.uint8))
    cv2.imwrite(str(folder / "000_HC_mask.png"), np.full((4, 6), 255, np.uint8))
    (folder / "999_HC.png").write_bytes(b"no picture")
    found = other_pictures(tmp_path)
    assert set(found) == {"fetal_head", "no_contact", "empty_screen"}
    held = {int(image[0, 0]) for image in found["fetal_head"]}
    trained = {int(picture.image[0, 0]) for picture in read_others(tmp_path, "train")}
    assert len(found["fetal_head"]) == 2 * len(held)
    assert held | trained == set(range(40))
    assert not held & trained


def test_figures_are_plain_json():
    found = virtual_figures(made_up_scores(), rate_virtual(made_up_scores(), fit_score_map(made_up_scores())))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
