"""``sonogauge evaluate us2qnet`` from digits to the table, in the small."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("umap", reason="umap-learn is not installed (extra 'train')")

from tests.unit.test_us2qnet_data import write_digits

Sonogauge = Callable[..., Any]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]


def test_reconstruction_of_digits_over_two_seeds(sonogauge: Sonogauge, tmp_path: Path):
    write_digits(tmp_path)
    out = tmp_path / "out"
    asked = ("evaluate", "us2qnet", "--table", 1, "--set", "mnist", "--data", tmp_path, "--runs", tmp_path / "runs")
    small = ("--seeds", 2, "--count", 0, "--epochs", 1)
    first = sonogauge(*asked, *small, "--json", "--out", out)
    assert first.code == 0, first.err
    values = first.json["rows"]["without pre-processing"]["MSE 3"]["values"]
    assert len(set(values)) == 2
    assert "transductive" in first.json["note"]
    assert json.loads((out / "figures.json").read_text()) == first.json
    trained = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.pt")}
    assert len(trained) == 2, "two seeds, pre-trained alone"
    again = sonogauge(*asked, *small)
    assert again.code == 0, again.err
    assert again.out.startswith("Table 1, mnist, seeds 0, 1\n")
    assert "transductive" in again.out
    assert {path: path.stat().st_mtime_ns for path in trained} == trained, "trained again"


def test_bad_options_are_told_before_anything_is_trained(sonogauge: Sonogauge, tmp_path: Path):
    runs = tmp_path / "runs"
    asked = ("evaluate", "us2qnet", "--data", tmp_path, "--runs", runs, "--set")
    counted = sonogauge(*asked, "ultrasound", "--table", 1, "--count", 9)
    assert (counted.code, counted.out) == (2, "")
    assert "leave it out with --set ultrasound" in counted.err
    assert sonogauge(*asked, "mnist", "--table", 4).code == 2
    (tmp_path / "file").write_text("")
    unwritable = sonogauge(*asked, "mnist", "--table", 1, "--out", tmp_path / "file")
    assert (unwritable.code, unwritable.out) == (2, "")
    assert "give another one" in unwritable.err
    assert not runs.exists()
    missing = sonogauge(*asked, "mnist", "--table", 1)
    assert (missing.code, missing.out) == (1, "")
    assert "point --data at" in missing.err
