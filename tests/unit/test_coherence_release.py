"""From a virtual set to a coherence network that runs in regions: training resumes, files keep the contract."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from capture.errors import DataError
from models.data.camus import read_split
from models.data.virtual_dataset import VirtualDataset
from models.data.virtual_generate import generate
from models.regional.coherence import train
from models.regional.coherence.data import NO_COHERENCE, degraded_triple
from models.regional.coherence.export import NAME, export_coherence
from models.regional.coherence.network import CoherenceUNet
from models.regional.coherence.train import CoherenceRecipe, train_coherence
from models.regional.dense.real import real_frame
from models.regional.labelled import labelled_images
from models.runtime.coherence import CoherenceMethod
from models.runtime.manifest import load_manifest
from models.training import Optimisation, load_average
from tests.support.made_up_camus import write_camus

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    # torch's TorchScript exporter, which the quantiser's node names rest on, announces that it will go one day
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
ONE_EPOCH = CoherenceRecipe(Optimisation(1, 5e-3, 1e-4, 0.5), batch=2)


@pytest.fixture(scope="module")
def virtual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("virtual") / "set"
    generate(folder, seed=4, samples=6, jobs=1, views={"A4C": 1.0})
    return folder


@pytest.fixture(scope="module")
def run_dir(virtual: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    assert train_coherence(virtual, folder, ONE_EPOCH) == folder / "coherence.pt"
    return folder


def test_a_run_goes_on_where_it_stopped(virtual: Path, run_dir: Path):
    two = CoherenceRecipe(Optimisation(2, 5e-3, 1e-4, 0.5), batch=2)
    train_coherence(virtual, run_dir, two)
    story = [json.loads(line) for line in (run_dir / "coherence.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in story] == [1, 2]
    assert all(0 < line["loss"] < 3 for line in story)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("data")
    write_camus(folder, train=3, val=1)
    return folder


def test_the_second_phase_takes_real_frames_as_well(virtual: Path, run_dir: Path, data_dir: Path, tmp_path: Path):
    recipe = replace(ONE_EPOCH, finish=ONE_EPOCH.optimisation)
    made = train_coherence(virtual, tmp_path, recipe, data_dir=data_dir, start=run_dir / "coherence.pt")
    network = CoherenceUNet()
    load_average(network, made)
    assert not (tmp_path / "coherence_main.pt").exists()
    with pytest.raises(DataError, match="--data"):
        train_coherence(virtual, tmp_path, recipe, start=made)


def test_a_degradation_takes_coherence_away_and_nothing_else_does(data_dir: Path):
    frame = real_frame(labelled_images(read_split(data_dir, "train"))[0])
    untouched = np.full((256, 256), 0.6, np.float16)
    lowest, highest = [], []
    for seed in range(30):
        picture, target, inside = degraded_triple(frame, untouched, np.random.default_rng(seed))
        assert picture.shape == target.shape == inside.shape == (1, 256, 256)
        seen = target[inside > 0]
        lowest.append(float(seen.min()))
        highest.append(float(seen.max()))
    assert NO_COHERENCE - 0.01 < min(lowest) < 0.3
    assert max(highest) == pytest.approx(0.6, abs=1e-3)


def test_a_set_of_the_held_out_style_alone_is_refused(virtual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train, "seen_styles", lambda _samples: [])
    with pytest.raises(DataError, match="held-out style"):
        train_coherence(virtual, tmp_path, ONE_EPOCH)


def test_released_files_agree_with_the_network_in_every_region(virtual: Path, run_dir: Path, tmp_path: Path):
    report = export_coherence(run_dir, virtual, tmp_path)
    assert {name: report[name]["mean_abs"] < 0.02 for name in report} == dict.fromkeys(
        ("int8", "float32", "float16"), True
    )
    entry = load_manifest(tmp_path).entry(NAME)
    assert (entry.task, entry.licence, len(entry.training_data)) == ("other", "Apache-2.0", 1)
    assert entry.parity is not None
    network = CoherenceUNet()
    load_average(network, run_dir / "coherence.pt")
    image = np.array(VirtualDataset(virtual)[0].image)
    with torch.no_grad():
        truth = network.eval()(torch.from_numpy(image)[None, None].float())[0, 0].numpy()
    for precision, limit in (("float32", 3e-3), ("int8", 0.15)):
        method = CoherenceMethod.open(tmp_path, "cpu", precision)
        assert np.abs(method.coherence_map(image) - truth).max() < limit


def test_a_run_without_a_checkpoint_is_named(virtual: Path, tmp_path: Path):
    with pytest.raises(DataError, match="checkpoint"):
        export_coherence(tmp_path, virtual, tmp_path)
