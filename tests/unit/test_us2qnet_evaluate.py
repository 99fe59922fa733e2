"""Tables from networks that are trained on the way: runs reused, stages, sets, notes, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("umap", reason="umap-learn is not installed (extra 'train')")

from calibration.cluster_map import ClusterMap, centroids_of
from capture.errors import DataError, SettingsError
from models.training import Optimisation
from models.us2qnet.baselines import MethodResult
from models.us2qnet.evaluate import Experiment, echo_set, evaluate_us2qnet, write_findings
from models.us2qnet.experiments import Variant
from models.us2qnet.recipe import Us2QRecipe
from models.us2qnet.samples import as_is
from models.us2qnet.tables import METHODS, NOT_THEIR_SET, TABLE_1, TABLE_2, TRANSDUCTIVE
from models.us2qnet.trained import TrainedNetworks, epochs_of
from tests.support.made_up_camus import write_camus
from tests.unit.test_us2qnet_data import write_digits

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]

PHASE = Optimisation(epochs=1, learning_rate=1e-2, weight_decay=0, average_decay=0)


def darker(picture: np.ndarray) -> np.ndarray:
    """Stands in for the filter."""
    return as_is(picture) / 2


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_camus(tmp_path_factory.mktemp("echo"), train=2, val=2)


@pytest.fixture
def networks(digits: Path, tmp_path: Path) -> TrainedNetworks:
    recipe = Us2QRecipe(PHASE, replace(PHASE, epochs=3), patience=9)
    images = np.random.default_rng(0).integers(0, 256, (12, 28, 28)).astype(np.uint8)
    return TrainedNetworks("mnist", digits, tmp_path / "runs", recipe, 0, as_is, {False: images})


@pytest.fixture
def fast_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No UMAP: a picture's cluster is where its features are largest."""

    def stand_in_map(features: np.ndarray, clusters: int, seed: int, allow_none: bool) -> ClusterMap:
        assert allow_none, "hours of training are not lost to one map without clusters"
        labels = np.unique(features[:, :clusters].argmax(axis=1), return_inverse=True)[1]
        points = features[:, :2]
        names = tuple(str(number) for number in range(int(labels.max()) + 1))
        return ClusterMap(points, labels, centroids_of(points, labels), names, {"clusters": clusters})

    monkeypatch.setattr("models.us2qnet.experiments.fit_map", stand_in_map)


def test_a_run_is_trained_once_and_then_read(networks: TrainedNetworks):
    variant = Variant("vae", 5, preprocessing=False)
    first = networks(variant)
    assert first.features.shape == (12, 80)
    assert first.pictures is None
    checkpoint = networks.folder(variant) / "us2qnet_mnist.pt"
    assert checkpoint.parent.name == "mnist_alldigits_vae_1+3epochs_seed5"
    os.utime(checkpoint, ns=(1, 1))
    assert np.array_equal(networks(variant).features, first.features)
    assert checkpoint.stat().st_mtime_ns == 1, "trained again"
    asked = json.loads(checkpoint.with_suffix(".json").read_text())["asked"]
    assert (asked["seed"], asked["clusters"], asked["variational"], asked["filtered"]) == (5, 10, True, False)
    assert networks.epochs_done == {checkpoint.parent.name: {"pretraining_epochs": 1, "finish_epochs": 3}}


def test_the_pre_trained_state_needs_no_fine_tuning_and_comes_with_reconstructions(networks: TrainedNetworks):
    before = networks(Variant("vae", 5, preprocessing=False, epochs=0))
    checkpoint = networks.folder(Variant("vae", 5, preprocessing=False)) / "us2qnet_mnist.pt"
    assert epochs_of(checkpoint) == 0
    assert before.pictures is not None
    assert before.reconstructions is not None
    assert np.array_equal(before.pictures, networks.images[False])
    assert before.reconstructions.shape == before.pictures.shape
    assert 1 < before.reconstructions.max() <= 255
    after = networks(Variant("vae", 5, preprocessing=False))
    assert epochs_of(checkpoint) == 3
    assert not np.allclose(before.features, after.features)
    again = networks(Variant("vae", 5, preprocessing=False, epochs=0))
    assert np.array_equal(again.features, before.features)


def test_stages_are_states_of_one_run(networks: TrainedNetworks):
    assert networks.stages == (1, 2)
    states = [networks(Variant("vae", 0, preprocessing=False, epochs=epochs)).features for epochs in (0, 1, 2, None)]
    assert len(list(networks.runs.iterdir())) == 1
    assert all(not np.allclose(one, other) for one, other in pairwise(states))
    with pytest.raises(DataError, match="ask for one of"):
        networks(Variant("vae", 0, preprocessing=False, epochs=70))
    next(networks.runs.glob("*/us2qnet_mnist_epoch1.pt")).unlink()
    with pytest.raises(DataError, match="to train it anew"):
        networks(Variant("vae", 0, preprocessing=False, epochs=1))


def test_a_run_whose_loss_stagnated_is_at_its_end_in_the_later_stages(networks: TrainedNetworks):
    finish = replace(PHASE, epochs=30, learning_rate=0.0)  # nothing can be learnt, so that patience ends it
    stuck = replace(networks, recipe=Us2QRecipe(PHASE, finish, patience=2, kl_weight=0.0, gamma=0.0))
    variant = Variant("ae", 0, preprocessing=False)
    last = stuck(variant).features
    assert stuck.epochs_done[stuck.folder(variant).name]["finish_epochs"] < min(stuck.stages)
    assert np.array_equal(stuck(replace(variant, epochs=20)).features, last)


def test_variants_do_not_share_a_folder(networks: TrainedNetworks):
    plain = Variant("vae", 0, preprocessing=False)
    changed = ({"network": "ae"}, {"seed": 1}, {"preprocessing": True}, {"pretraining": False}, {"clusters": 4})
    others = [networks.folder(replace(plain, **change)) for change in changed]
    assert len({networks.folder(plain), *others}) == 6
    assert networks.folder(replace(plain, epochs=0)) == networks.folder(plain), "a state of the same run"
    assert replace(networks, count=9).folder(plain) != networks.folder(plain)
    longer = replace(networks.recipe, finish=PHASE.of(9))
    assert replace(networks, recipe=longer).folder(plain) != networks.folder(plain)


def test_echo_is_tested_on_other_patients_at_three_levels(echo: Path, tmp_path: Path):
    asked = Experiment(1, "ultrasound", echo, tmp_path)
    found = echo_set(asked, darker)
    assert found.labelled.truth.tolist() == [2, 2, 1, 1, 0, 0], "best first, and A+ is the last class"
    assert found.labelled.class_names == ("A-", "A", "A+")
    assert found.images[False].shape == (6, 224, 224)
    assert np.abs(found.images[True].astype(int) - found.images[False] / 2).max() <= 1
    assert np.array_equal(found.labelled.pixels, found.images[True].reshape(6, -1) / np.float32(255))
    assert "trained on 2 patients, tested on 2 others" in found.source


def test_a_patient_in_both_splits_is_refused(tmp_path: Path):
    data = write_camus(tmp_path / "data", train=1, val=1)
    index = data / "camus" / "index.csv"
    index.write_text(index.read_text().replace("patient0002", "patient0001"))
    for folder in ("images", "labels"):
        for path in (data / "camus" / "val" / folder).iterdir():
            path.rename(path.with_name(path.name.replace("0002", "0001")))
    with pytest.raises(DataError, match="patient0001 are in both splits"):
        echo_set(Experiment(1, "ultrasound", data, tmp_path), as_is)


def test_table_1_of_echo_says_that_the_set_is_another(echo: Path, tmp_path: Path):
    runs = tmp_path / "runs"
    found = evaluate_us2qnet(Experiment(1, "ultrasound", echo, runs, seeds=1, epochs=1), darker)
    rows = found.figures["rows"]
    assert set(rows) == set(TABLE_1)
    assert rows["with pre-processing"]["MSE A+"]["paper"] == TABLE_1["with pre-processing"]["MSE A+"]
    without, with_it = (rows[f"{word} pre-processing"]["MSE A+"]["mean"] for word in ("without", "with"))
    assert with_it > 1.1 * without, "almost without training grey is drawn, and darker pictures are further from it"
    assert found.figures["note"] == NOT_THEIR_SET
    assert NOT_THEIR_SET in found.text
    assert found.figures["data"] in found.text
    assert found.figures["recipe"]["versions"] == 9
    assert {folder.name for folder in runs.iterdir()} == {
        "echo_pictures",
        "echo_pictures_filtered",
        *found.figures["trained"],
    }
    assert found.pictures == {}


@pytest.mark.usefixtures("fast_maps")
def test_table_3_of_digits_with_figures_4_and_5(digits: Path, tmp_path: Path):
    asked = Experiment(3, "mnist", digits, tmp_path / "runs", seeds=2, count=40, epochs=1, finish_epochs=3)
    found = evaluate_us2qnet(asked, as_is, draw=True)
    assert found.figures["seeds"] == [0, 1]
    assert set(found.figures["rows"]) == {"neither", "pre-training"}
    assert len(found.figures["rows"]["neither"]["acc"]["values"]) == 2
    assert found.figures["note"] == TRANSDUCTIVE
    assert len(found.figures["trained"]) == 4
    assert list(found.figures["stages"]) == ["pre-trained", "epoch 1", "epoch 2", "fine-tuned"]
    last = found.figures["stages"]["fine-tuned"]["acc"]
    assert last == pytest.approx(found.figures["rows"]["pre-training"]["acc"]["values"][0], abs=1e-4)
    assert f"ACC {last:.3f}" in found.text
    files = write_findings(found, tmp_path / "out")
    assert [path.name for path in files] == ["figures.json", "figure_4.png", "figure_5.png"]
    assert json.loads(files[0].read_text()) == found.figures
    assert cv2.imread(str(files[1])).shape == (680, 840, 3)


@pytest.mark.usefixtures("fast_maps")
def test_table_2_compares_the_methods_on_the_same_digits(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stand_in(pixels: np.ndarray, ae: np.ndarray, vae: np.ndarray, *others: int) -> Mapping[str, MethodResult]:
        assert pixels.shape == (40, 784)
        assert pixels.max() == pytest.approx(180 / 255)
        assert ae.shape == vae.shape == (40, 80)
        assert not np.allclose(ae, vae)
        nearest = np.rint(pixels[:, 0] * 255 / 20).astype(int)
        points = np.stack([nearest, nearest], axis=1).astype(np.float32)
        return {name: MethodResult(nearest, points, 0.5, {}) for name in METHODS}

    monkeypatch.setattr("models.us2qnet.experiments.run_methods", stand_in)
    asked = Experiment(2, "mnist", digits, tmp_path / "runs", seeds=1, count=40, epochs=2)
    found = evaluate_us2qnet(asked, as_is, draw=True)
    ours = found.figures["rows"]["US2QNet"]["acc"]
    assert (ours["mean"], ours["paper"]) == (1.0, TABLE_2["mnist"]["US2QNet"]["acc"]), "pixels and truth go together"
    assert list(found.pictures) == ["figure_4.png", "figure_5.png", "figure_6.png"]
    assert list(found.figures["stages"]) == ["pre-trained", "epoch 1", "fine-tuned"], "no stage twice"


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"table": 4}, "--table 1, 2 or 3"),
        ({"set_name": "liver"}, "--set mnist or ultrasound"),
        ({"seeds": 0}, "--seeds 1 or more"),
        ({"set_name": "ultrasound"}, "leave it out"),
        ({"count": -1}, "count from 0"),
        ({"epochs": -1}, "count from 0"),
    ],
)
def test_what_cannot_be_asked_for_is_told(change: dict[str, object], advice: str):
    asked = Experiment(1, "mnist", Path("data"), Path("runs"), count=50)
    with pytest.raises(SettingsError, match=advice):
        replace(asked, **change)


def test_digits_that_do_not_do_are_told(digits: Path, tmp_path: Path):
    asked = Experiment(1, "mnist", digits, tmp_path / "runs", epochs=1)
    with pytest.raises(SettingsError, match="10000 digits asked for, there are 50"):
        evaluate_us2qnet(asked, as_is)
    with pytest.raises(DataError, match="give more with --count"):
        evaluate_us2qnet(replace(asked, count=3), as_is)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="give another one"):
        evaluate_us2qnet(replace(asked, runs=tmp_path / "file"), as_is)
