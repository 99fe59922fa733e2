"""The score's networks, losses, both recipes and the release, in the small."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

import torch

from capture.errors import DataError, SettingsError
from models.runtime.manifest import load_manifest
from models.runtime.picture_statistics import FEATURES, picture_statistics
from models.runtime.precision import open_model
from models.runtime.score import open_score
from models.score.network import ResNet18, StatisticsNet
from models.score.paper_recipe import PaperPictures, PaperRecipe, as_jpeg, blurred, train_paper
from models.score.pictures import BreastImage
from models.score.recipe import ScoreRecipe
from models.score.release import linear_correction, release_score
from models.score.released import evaluate_released, stored_run
from models.score.train import load_score, order_loss, severities, train_score
from models.training import Optimisation
from tests.support.made_up_organs import speckle, write_organs

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]

PHASE = Optimisation(epochs=1, learning_rate=2e-3, weight_decay=0, average_decay=0)
SMALL = ScoreRecipe(optimisation=PHASE, batch=8, versions={"echo": 3, "breast": 3, "fetal": 2}, val_versions=3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_organs(tmp_path_factory.mktemp("organs"))


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train_score(data, folder, replace(SMALL, optimisation=PHASE.of(3)))
    return folder


def test_resnet18_is_the_one_of_its_paper():
    network = ResNet18(start=63)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size != (1, 1)]
    assert len(convolutions) == 17, "and one fully connected layer"
    assert sum(p.numel() for p in network.parameters()) == 11_170_753
    assert network.eval()(torch.zeros(2, 1, 224, 224)).shape == (2, 1)


def test_statistics_are_counted_in_their_own_spreads():
    torch.manual_seed(0)
    shown = torch.cat([torch.rand(64, 1) * 1e4, torch.rand(64, FEATURES - 1)], dim=1)
    network = StatisticsNet().eval()
    network.fit(shown)
    first = next(iter(network.layers))
    seen: list[torch.Tensor] = []
    first.register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0]))
    assert network(shown).shape == (64, 1)
    assert seen[0].mean(dim=0).abs().max() < 0.1
    assert network(1e9 * shown[:1]).isfinite().all()
    assert seen[1].abs().max() <= 4, "an odd picture goes no further than the oddest ones known"


@pytest.mark.slow
def test_resnet18_learns_from_pictures_and_is_no_live_score(data: Path, tmp_path: Path):
    train_score(data, tmp_path, replace(SMALL, network="resnet18"))
    with pytest.raises(DataError, match="train without --net"):
        release_score(tmp_path, tmp_path / "weights")


def test_the_order_term_is_zero_in_order_and_grows_out_of_order():
    wanted = torch.tensor([0.0, 0.5, 0.52, 1.0])
    assert order_loss(wanted.clone(), wanted, 0.1) == 0
    assert order_loss(wanted.flip(0), wanted, 0.1) > order_loss(torch.full((4,), 0.5), wanted, 0.1) > 0
    assert order_loss(wanted, torch.full((4,), 0.3), 0.1) == 0, "no pair to compare"


def test_calibration_is_the_least_squared_error_and_refuses_what_does_not_rise():
    severity = np.linspace(0, 1, 50)
    correction = linear_correction(0.4 * severity + 0.2, severity)
    assert correction == {"slope": pytest.approx(0.4), "intercept": pytest.approx(0.2)}
    for raw in (-severity, np.ones(50)):
        with pytest.raises(DataError, match="train longer"):
            linear_correction(raw, severity)


def test_the_papers_versions_are_normalised_one_by_one():
    pictures = PaperPictures([BreastImage("a", "a", speckle(1, None)), BreastImage("b", "b", speckle(2, None))])
    assert pictures.scores.tolist() == [100, 60, 30, 100, 60, 30]
    assert np.array_equal(pictures.images[1], as_jpeg(pictures.images[0]))
    assert np.array_equal(pictures.images[2], blurred(pictures.images[0]))
    for index in range(len(pictures)):
        picture, _ = pictures[index]
        assert picture.shape == (1, 224, 224)
        assert float(picture.mean()) == pytest.approx(0, abs=1e-3)
        assert float(picture.std()) == pytest.approx(1, abs=1e-2)


@pytest.mark.slow
def test_the_papers_recipe_runs_resumes_and_stores_its_figures(data: Path, tmp_path: Path):
    recipe = PaperRecipe(batch=6)
    one = replace(recipe, optimisation=recipe.optimisation.of(1))
    figures = json.loads(train_paper(data, tmp_path, one).read_text())
    assert figures == stored_run(tmp_path / "figures.json")
    assert (figures["epochs"], figures["n"], figures["groups"], figures["n_train"]) == (1, 6, 2, 6)
    assert -1 <= figures["lcc_recipe"] <= 1
    assert figures["command"].startswith("sonogauge train score --recipe paper")
    two = replace(recipe, optimisation=recipe.optimisation.of(2))
    assert json.loads(train_paper(data, tmp_path, two).read_text())["epochs"] == 2
    assert len((tmp_path / "score_paper.jsonl").read_text().splitlines()) == 2, "went on"
    with pytest.raises(SettingsError, match="another seed"):
        train_paper(data, tmp_path, replace(two, seed=1))


@pytest.mark.slow
def test_a_run_resumes_and_refuses_another_recipe(data: Path, run: Path):
    lines = [json.loads(line) for line in (run / "score.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert "val_lcc" in lines[-1]
    made = (run / "score_pool.npz").stat().st_mtime_ns
    train_score(data, run, replace(SMALL, optimisation=PHASE.of(4)))
    assert (run / "score_pool.npz").stat().st_mtime_ns == made
    assert len((run / "score.jsonl").read_text().splitlines()) == 4
    with pytest.raises(SettingsError, match="another order_weight"):
        train_score(data, run, replace(SMALL, order_weight=0.1))
    with pytest.raises(DataError, match="sonogauge train score"):
        load_score(run / "nowhere")


@pytest.mark.slow
def test_a_release_scores_as_its_network_and_is_evaluated(
    data: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    raw_rises = {"slope": 0.5, "intercept": -0.2}  # so short a training need not tell good from bad
    monkeypatch.setattr("models.score.release.linear_correction", lambda raw, severity: raw_rises)
    report = release_score(run, tmp_path)
    assert report["mean_abs"] < 5e-3
    entry = load_manifest(tmp_path).entry("score")
    assert (entry.correction.slope, entry.correction.intercept) == (0.5, -0.2)
    crop = np.pad(speckle(5, None), ((0, 74), (0, 24)))
    wanted = 100 * (1 - np.clip((severities(load_score(run), picture_statistics(crop)[None]) + 0.2) / 0.5, 0, 1))
    score = open_score(lambda name: open_model(tmp_path, name, precision="float32", provider="cpu", threads=1))
    assert score.scores([crop]) == pytest.approx(wanted, abs=0.3)
    score.close()
    stored = tmp_path / "figures.json"
    stored.write_text(json.dumps({"lcc_recipe": 0.9, "mse_recipe": 1, "n": 3, "date": "d", "command": "c"}))
    monkeypatch.setattr("models.score.released.lcc_and_mse", lambda found, wanted: {"lcc": 0.0, "mse": 0.0})
    figures = evaluate_released(data, tmp_path, stored)
    assert (figures["lcc_recipe"], figures["mse_recipe"], figures["recipe"]["date"]) == (0.9, 1, "d")
    assert figures["n"] == 4 * 6
    assert figures["n_unseen"] == 5 * 7
    assert set(figures["by_organ"]) == {"echo", "breast", "fetal"}
    assert figures["ms"] > 0
    json.dumps(figures, allow_nan=False)


def test_figures_that_are_missing_or_damaged_are_told(tmp_path: Path):
    path = tmp_path / "figures.json"
    with pytest.raises(DataError, match="train score --recipe paper"):
        stored_run(path)
    path.write_text("{")
    with pytest.raises(DataError, match="reinstall"):
        stored_run(path)
    path.write_text('{"lcc_recipe": 0.9}')
    with pytest.raises(DataError, match="lacks command, date, mse_recipe, n"):
        stored_run(path)
