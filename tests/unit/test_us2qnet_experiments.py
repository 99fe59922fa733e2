"""The paper's experiments with a stand-in network, and the figures of their results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("umap", reason="umap-learn is not installed (extra 'train')")

from made_up_blobs import made_up_blobs

from calibration.cluster_map import ClusterMap, centroids_of
from capture.errors import DataError
from models.metrics.clustering import clustering_figures
from models.us2qnet.baselines import MethodResult
from models.us2qnet.experiments import Embedding, LabelledSet, Stage, Variant, evaluate_table, training_stages
from models.us2qnet.figures import FIGURE_6, bar_panel, figure_4, figure_5, figure_6, map_panel, write_picture
from models.us2qnet.tables import METHODS, published

FEATURES, TRUTH = made_up_blobs(3, each=20)
NAMES = ("A-", "A", "A+")
PICTURES = np.random.default_rng(0).integers(0, 200, (len(TRUTH), 16, 16)).astype(np.float32)


class FakeNetworks:
    """Features that are clear only after pre-training on pre-processed pictures; reconstructions off by a constant."""

    def __init__(self) -> None:
        self.asked: list[Variant] = []

    def __call__(self, variant: Variant) -> Embedding:
        self.asked.append(variant)
        noise = np.random.default_rng(variant.seed).normal(size=FEATURES.shape)
        faults = (not variant.preprocessing) + (not variant.pretraining) + (variant.epochs == 0)
        made = PICTURES + (2 if variant.preprocessing else 4)
        return Embedding((FEATURES + 6 * faults * noise).astype(np.float32), PICTURES, made)


def labelled(name: str = "ultrasound") -> LabelledSet:
    return LabelledSet(name, PICTURES.reshape(len(TRUTH), -1), TRUTH, NAMES)  # type: ignore[arg-type]


def stand_in_map(features: np.ndarray, clusters: int, seed: int, allow_none: bool = True) -> ClusterMap:
    """Nearest of the first axes: enough for blobs, and fast."""
    labels = features[:, :clusters].argmax(axis=1)
    points = features[:, :2]
    names = tuple(str(number) for number in range(int(labels.max()) + 1))
    return ClusterMap(points, labels, centroids_of(points, labels), names, {"seed": seed, "clusters": clusters})


@pytest.fixture
def fast_maps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("models.us2qnet.experiments.fit_map", stand_in_map)


def test_table_1_is_reconstruction_by_class():
    networks = FakeNetworks()
    table = evaluate_table(1, labelled(), (0, 1), networks)
    assert set(table.rows) == set(published(1, "ultrasound"))
    assert list(table.rows["with pre-processing"]) == list(published(1, "ultrasound")["with pre-processing"])
    assert table.rows["with pre-processing"]["MSE A"] == pytest.approx([4, 4])
    assert table.rows["without pre-processing"]["MSE A+"] == pytest.approx([16, 16])
    assert 0.9 < table.rows["with pre-processing"]["SSIM A-"][0] < 1
    assert {variant.epochs for variant in networks.asked} == {0}, "the pre-trained network"


def test_table_2_runs_every_method_on_features_of_both_networks(monkeypatch: pytest.MonkeyPatch):
    def stand_in(pixels: np.ndarray, ae: np.ndarray, vae: np.ndarray, clusters: int, seed: int, jobs: int):
        assert (clusters, jobs) == (3, 2)
        labels = {name: np.zeros(len(TRUTH), int) for name in METHODS} | {"US2QNet": vae[:, :3].argmax(axis=1)}
        return {name: MethodResult(found, None, 0.5, {"seed": seed}) for name, found in labels.items()}

    monkeypatch.setattr("models.us2qnet.experiments.run_methods", stand_in)
    networks, seen = FakeNetworks(), {}

    def keep(seed: int, results: Mapping[str, MethodResult]) -> None:
        seen[seed] = results

    table = evaluate_table(2, labelled(), (3, 4), networks, jobs=2, seen=keep)
    assert tuple(table.rows) == METHODS
    assert min(table.rows["US2QNet"]["acc"]) > 0.9
    assert table.rows["k-means"]["acc"] == pytest.approx([1 / 3, 1 / 3])
    assert table.rows["k-means"]["seconds"] == [0.5, 0.5]
    assert table.parameters["4"]["HDBSCAN"] == {"seed": 4}
    assert sorted(seen) == [3, 4]
    assert [(v.network, v.seed) for v in networks.asked] == [("ae", 3), ("vae", 3), ("ae", 4), ("vae", 4)]


@pytest.mark.usefixtures("fast_maps")
def test_table_3_is_the_ablation_with_more_clusters():
    networks = FakeNetworks()
    table = evaluate_table(3, labelled(), (0,), networks)
    assert tuple(table.rows) == tuple(published(3, "ultrasound"))
    acc = {row: figures["acc"][0] for row, figures in table.rows.items()}
    assert acc["both"] > max(acc["pre-processing"], acc["pre-training"]) > acc["neither"]
    assert [variant.clusters for variant in networks.asked] == [None] * 4 + [4, 5]
    assert table.parameters["0"]["4 clusters"]["clusters"] == 4


@pytest.mark.usefixtures("fast_maps")
def test_digits_are_never_preprocessed():
    networks = FakeNetworks()
    assert tuple(evaluate_table(3, labelled("mnist"), (0,), networks).rows) == ("neither", "pre-training")
    assert tuple(evaluate_table(1, labelled("mnist"), (0,), networks).rows) == ("without pre-processing",)
    training_stages(labelled("mnist"), 0, networks)
    assert not any(variant.preprocessing for variant in networks.asked)


@pytest.mark.usefixtures("fast_maps")
def test_the_stages_of_training():
    networks = FakeNetworks()
    stages = training_stages(labelled(), 0, networks)
    assert tuple(stages) == ("pre-trained", "epoch 70", "epoch 140", "fine-tuned")
    assert [variant.epochs for variant in networks.asked] == [0, 70, 140, None]
    assert stages["fine-tuned"].figures["acc"] > stages["pre-trained"].figures["acc"]


def test_what_does_not_fit_is_told():
    with pytest.raises(DataError, match="ask for 1, 2 or 3"):
        evaluate_table(4, labelled(), (0,), FakeNetworks())
    with pytest.raises(DataError, match="0 seeds"):
        evaluate_table(2, labelled(), (), FakeNetworks())
    with pytest.raises(DataError, match="in order"):
        evaluate_table(3, labelled(), (0,), lambda variant: Embedding(FEATURES[:5]))
    with pytest.raises(DataError, match="reconstruction of every picture"):
        evaluate_table(1, labelled(), (0,), lambda variant: Embedding(FEATURES))


def test_points_and_bars_are_painted_in_their_colours():
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    panel = map_panel("two", points, np.array([0, 1]), ("a", "b"))
    again = map_panel("two", points, np.array([1, 1]), ("a", "b"))
    assert panel.shape == (340, 420, 3)
    assert (panel[30:40, 20:30] != again[30:40, 20:30]).any(), "the first point has another colour"
    assert np.array_equal(panel[275:285], again[275:285]), "the second has not"
    map_panel("one place", np.zeros((5, 2)), np.arange(5), [str(n) for n in range(20)])
    filled = [(bar_panel("b", {"x": {"acc": value}})[60:250] != 255).sum() for value in (0.2, 0.9)]
    assert filled[0] < filled[1]
    bar_panel("none", {"x": {"acc": float("nan"), "ari": -0.1}})


def test_figures_4_5_and_6_are_sheets_of_panels(tmp_path: Path):
    found = stand_in_map(FEATURES, 3, 0)
    stage = Stage(found, clustering_figures(TRUTH, found.labels))
    stages = {"pre-trained": stage, "epoch 70": stage, "epoch 140": stage, "fine-tuned": stage}
    assert figure_4(stages, TRUTH, NAMES).shape == (680, 840, 3)
    assert figure_5(stages, "ultrasound").shape == (340, 420, 3)
    results = {name: MethodResult(found.labels, found.points, 1.0, {}) for name in FIGURE_6}
    picture = figure_6(results, TRUTH, NAMES)
    assert picture.shape == (680, 840, 3)
    path = write_picture(picture, tmp_path / "new" / "figure_6.png")
    assert np.array_equal(cv2.imread(str(path)), picture)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        write_picture(picture, tmp_path / "file" / "figure.png")
