"""What the quality network is corrected by: learnt on training frames, written into the manifest, read from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up_camus import write_camus
from make_mock_models import write_mock_models

from capture.errors import DataError
from models.data.camus import read_split
from models.regional.calibrate import NONE, calibrate_quality, fit_cause_map, region_levels
from models.regional.evaluation.degraded import InputMaker
from models.regional.labelled import LabelledImage, labelled_images
from models.runtime.causes import SHOWN_CAUSES, likelihoods
from models.runtime.end_to_end import REGIONAL_QUALITY, EndToEnd
from models.runtime.manifest import load_manifest
from models.runtime.precision import open_model


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_camus(tmp_path_factory.mktemp("data"), train=3, val=1)


@pytest.fixture(scope="module")
def images(data: Path) -> list[LabelledImage]:
    return labelled_images(read_split(data, "train"))


def rated(weights: Path, images: list[LabelledImage]) -> np.ndarray:
    network = EndToEnd(open_model(weights, REGIONAL_QUALITY, provider="cpu"))
    ratings = [network.measure(InputMaker(item).of(item.image)) for item in images]
    network.close()
    return np.nanmean(ratings, axis=0)


def test_regions_that_are_rated_apart_are_level_afterwards(tmp_path: Path, data: Path, images: list[LabelledImage]):
    weights = write_mock_models(tmp_path, scores=[2.0, 2.5, 3.0, 3.5, 3.0, 3.0, 3.0, 4.0])
    calibrate_quality(weights, data)
    levels = load_manifest(weights).entry(REGIONAL_QUALITY).correction.region_levels
    assert levels == pytest.approx((-1.0, -0.5, 0, 0.5, 0, 0, 0, 1.0), abs=0.02)
    assert rated(weights, images) == pytest.approx([3.0] * 8, abs=0.02)
    calibrate_quality(weights, data)
    assert load_manifest(weights).entry(REGIONAL_QUALITY).cause_map is not None
    again = load_manifest(weights).entry(REGIONAL_QUALITY).correction.region_levels
    assert again == pytest.approx(levels, abs=0.02), "what is level stays so"


def test_without_frames_nothing_is_learnt(tmp_path: Path):
    network = EndToEnd(open_model(write_mock_models(tmp_path), REGIONAL_QUALITY, provider="cpu"))
    with pytest.raises(DataError, match="none of 0 training frames"):
        region_levels(network, [])
    network.close()


def test_a_cause_that_hides_behind_another_is_told_apart_by_the_fit():
    """Haze has the highest severity everywhere; what tells noise is that its own is raised."""
    rng = np.random.default_rng(3)
    severity = np.full((6, 300), 0.01)
    haze, noise = SHOWN_CAUSES.index("haze"), SHOWN_CAUSES.index("noise")
    cause = np.repeat([haze, noise, NONE], 100)
    severity[haze] = np.repeat([0.6, 0.3, 0.05], 100)
    severity[noise, 100:200] = 0.1
    odds = np.log(severity / (1 - severity)).T + 0.2 * rng.standard_normal((300, 6))
    cause_map = fit_cause_map(odds, cause, np.ones(300))
    found = likelihoods(1 / (1 + np.exp(-odds.T)), cause_map)
    named = np.where(found.max(axis=0) > 0.5, found.argmax(axis=0), NONE)
    assert (named == cause).mean() > 0.97
    assert found[SHOWN_CAUSES.index("shadow")].max() < 1e-6, "no picture showed it"
    with pytest.raises(DataError, match="fewer than two causes"):
        fit_cause_map(odds[:100], cause[:100], np.ones(100))
