"""``train``, ``export`` and ``evaluate artifact`` in the small, from sets on disk to figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models.artifact.recipe as recipes
from models.artifact.kinds import FAMILIES
from models.runtime.artifact_gate import open_gate
from models.runtime.manifest import load_manifest, verify
from models.runtime.precision import open_model
from tests.support.made_up_sets import write_sets

Sonogauge = Callable[..., Any]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "OURS", replace(recipes.OURS, steps=2, pairs=2, versions=1, flow_steps=60))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sets(tmp_path_factory.mktemp("sets"))


def test_from_pictures_to_figures(sonogauge: Sonogauge, sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run, weights = tmp_path / "run", tmp_path / "weights"
    asked = ("train", "artifact", "--family", "echo", "--data", sets, "--out", run, "--epochs", 1)
    ended = sonogauge(*asked, "--labelled", 7)
    assert ended.code == 0, ended.err
    assert ended.out.strip() == str(run / "artifact_echo_gate.pt")
    assert len((run / "artifact_echo.jsonl").read_text().splitlines()) == 1

    again = sonogauge(*asked, "--labelled", 7, "--pull", 0.5)
    assert again.code == 0, again.err
    assert len((run / "artifact_echo.jsonl").read_text().splitlines()) == 1, "the encoder was kept"
    other = sonogauge(*asked)
    assert other.code == 2
    assert "another labelled" in other.err

    ended = sonogauge("export", "artifact", run, "--family", "echo", "--out", weights)
    assert ended.code == 0, ended.err
    assert set(ended.json["files"]) == {"int8", "float32", "float16"}
    assert ended.json["files"]["float32"]["latent_mean_abs"] < 0.05
    assert all(check.is_ok for check in verify(weights))
    manifest = load_manifest(weights)
    entry = manifest.entry("artifact_echo")
    assert entry.thresholds is not None
    assert entry.thresholds.tau_3 <= entry.thresholds.tau_5
    assert any("7 labelled artifacts" in data for data in entry.training_data)
    gate = open_gate("echo", weights, manifest, lambda name: open_model(weights, name, precision="float32"))
    reading = gate.read(np.full((300, 400), 90, np.uint8))
    assert gate.density.at(np.array([reading.latent]))[0] == pytest.approx(reading.log_density, rel=0.1, abs=0.5)
    assert set(FAMILIES["echo"].training_kinds) < set(gate.references.names)
    gate.close()

    monkeypatch.setattr("models.artifact.evaluate.FRAMES_PER_KIND", 4)
    ended = sonogauge("evaluate", "artifact", "--family", "echo", "--data", sets, "--weights", weights, "--json")
    assert ended.code == 0, ended.err
    figures = ended.json
    assert {"sensitivity", "specificity", "auc", "per_kind", "n", "tau_5", "tau_3", "paper"} <= set(figures)
    assert set(figures["per_kind"]) == set(FAMILIES["echo"].held_out_kinds)
    assert all(0 <= share <= 1 for share in figures["per_kind"].values())
    assert (figures["n"]["known"], figures["patients"], figures["labelled"]) == (40, 5, 7)
    assert json.loads((run / "artifact_echo.json").read_text())["asked"]["labelled"] == 7
