"""``sonogauge train``, ``export`` and ``evaluate`` from a folder of pictures to models that score, in the small."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from made_up_camus import write_backbone, write_camus

from models.regional.dense.network import DenseRegionalNet
from models.regional.end_to_end.network import RegionalQualityNet
from models.regional.segmentation.network import SegmentationUNet

Sonogauge = Callable[..., Any]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_backbone(write_camus(tmp_path_factory.mktemp("data")))


@pytest.mark.parametrize(
    ("what", "file", "network"),
    [("segmentation", "segmentation.pt", SegmentationUNet), ("regional", "quality.pt", RegionalQualityNet)],
)
def test_one_epoch(
    sonogauge_alone: Sonogauge,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    file: str,
    network: type,
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "run"
    ended = sonogauge_alone("train", what, "--data", data, "--out", out, "--epochs", 1)
    assert ended.code == 0, ended.err
    assert ended.out.strip() == str(out / file)
    made = network()
    made.load_state_dict(torch.load(out / file, weights_only=True)["average"])
    assert all(torch.isfinite(value).all() for value in made.state_dict().values())
    (line,) = (out / file).with_suffix(".jsonl").read_text().splitlines()
    assert json.loads(line)["loss"] > 0


def test_virtual_frames_alone_and_going_on_from_there(
    sonogauge: Sonogauge, sonogauge_alone: Sonogauge, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = sonogauge("virtual", "dataset", "--n", 4, "--out", tmp_path / "set", "--jobs", 1, "--views", "A4C")
    assert made.code == 0, made.err
    common = ("train", "segmentation", "--data", data, "--virtual", tmp_path / "set", "--epochs", 1)
    alone = sonogauge_alone(*common, "--virtual-only", "--out", tmp_path / "alone")
    assert alone.code == 0, alone.err
    first = tmp_path / "alone" / "segmentation.pt"
    assert alone.out.strip() == str(first)
    both = sonogauge_alone(*common, "--start", first, "--out", tmp_path / "both")
    assert both.code == 0, both.err
    assert both.out.strip() == str(tmp_path / "both" / "segmentation.pt")
    wrong = sonogauge_alone(*common, "--start", tmp_path / "none.pt", "--out", tmp_path / "third")
    assert wrong.code != 0
    assert "give the checkpoint of a run of this kind" in wrong.err


def test_one_epoch_of_the_dense_network_on_all_kinds_of_pictures(
    sonogauge: Sonogauge, sonogauge_alone: Sonogauge, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = sonogauge("virtual", "dataset", "--n", 4, "--out", tmp_path / "set", "--jobs", 1)
    assert made.code == 0, made.err
    common = ("train", "dense", "--data", data, "--virtual", tmp_path / "set", "--epochs", 1, "--items", 8)
    ended = sonogauge_alone(*common, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert ended.out.strip() == str(tmp_path / "run" / "dense.pt")
    made_network = DenseRegionalNet()
    made_network.load_state_dict(torch.load(tmp_path / "run" / "dense.pt", weights_only=True)["average"])
    wrong = sonogauge_alone(*common, "--start", tmp_path / "none.pt", "--out", tmp_path / "third")
    assert wrong.code != 0
    assert "give the checkpoint of a segmentation run" in wrong.err


def test_untrained_networks_become_files_that_the_program_runs(sonogauge: Sonogauge, data: Path, tmp_path: Path):
    torch.manual_seed(0)
    made = {"segmentation.pt": SegmentationUNet, "dense.pt": DenseRegionalNet, "quality.pt": RegionalQualityNet}
    for file, network in ((file, kind()) for file, kind in made.items()):
        torch.save({"average": network.state_dict()}, tmp_path / file)
    weights = tmp_path / "weights"
    ended = sonogauge("export", "regional", tmp_path, "--out", weights, "--data", data)
    assert ended.code == 0, ended.err
    report = ended.json
    reading = report.pop("regional_reading")
    assert reading["pictures"] > 0
    assert max(reading["max_abs"].values()) < 0.05
    assert set(report) == {"segmentation", "regional_dense", "regional_quality"}
    assert all(set(files) == {"int8", "float32", "float16"} for files in report.values())
    assert max(report["regional_quality"]["float32"]["max_abs"]) < 0.05
    assert report["regional_dense"]["float32"]["label_agreement"] > 0.98
    assert sonogauge("models", "verify", "--weights", weights).code == 0
    still = data / "camus" / "val" / "images" / "patient0005_4CH_ED.png"
    assert sonogauge("score", still, "--out", tmp_path / "o.jsonl", "--weights", weights, "--provider", "cpu").code == 0
    row = json.loads((tmp_path / "o.jsonl").read_text())
    assert row["verdict"] == "cannot_judge", "an untrained network draws no heart"


@pytest.mark.parametrize("what", ["segmentation", "regional"])
def test_a_missing_data_set_is_told(sonogauge: Sonogauge, tmp_path: Path, what: str):
    ended = sonogauge("train", what, "--data", tmp_path, "--out", tmp_path / "run", "--epochs", 1)
    assert (ended.code, ended.out) == (1, "")
    assert "point --data at" in ended.err


def test_one_epoch_of_an_ablation(
    sonogauge_alone: Sonogauge, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    network = ("--recipe", "paper", "--backbone", "cvc", "--task", "classification", "--attention", "none")
    ended = sonogauge_alone("train", "regional", *network, "--data", data, "--out", tmp_path, "--epochs", 1)
    assert ended.code == 0, ended.err
    assert ended.out.strip() == str(tmp_path / "quality_cvc_classification_none.pt")
    assert 0 <= json.loads((tmp_path / "quality_cvc_classification_none.jsonl").read_text())["val_mae"] <= 4


@pytest.mark.parametrize(
    ("options", "advice"),
    [(("--attention", "none"), "add --recipe paper"), (("--backbone", "cvc"), "add --attention none, soft or hard")],
)
def test_a_recipe_that_does_not_fit_the_network_is_told(
    sonogauge: Sonogauge, tmp_path: Path, options: tuple[str, ...], advice: str
):
    ended = sonogauge("train", "regional", *options, "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (2, "")
    assert advice in ended.err


def test_a_missing_checkpoint_is_told(sonogauge: Sonogauge, data: Path, tmp_path: Path):
    ended = sonogauge("export", "regional", tmp_path / "none", "--out", tmp_path / "out", "--data", data)
    assert (ended.code, ended.out) == (1, "")
    assert "sonogauge train dense" in ended.err
