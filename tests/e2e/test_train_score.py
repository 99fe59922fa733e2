"""``sonogauge train score`` to a checkpoint and to the recipe's figures, in the small."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from tests.support.made_up_organs import write_organs

Sonogauge = Callable[..., Any]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]


def test_both_recipes(sonogauge: Sonogauge, tmp_path: Path):
    data = write_organs(tmp_path / "data")
    asked = ("train", "score", "--data", data, "--epochs", 1, "--out")
    ours = sonogauge(*asked, tmp_path / "ours")
    assert ours.code == 0, ours.err
    assert ours.out.strip() == str(tmp_path / "ours" / "score.pt")
    made = json.loads((tmp_path / "ours" / "score.json").read_text())["asked"]
    assert made["network"] == "statistics"
    other = sonogauge(*asked, tmp_path / "ours", "--net", "resnet18")
    assert (other.code, other.out) == (2, "")
    assert "another network: give another folder" in other.err
    paper = sonogauge(*asked, tmp_path / "paper", "--recipe", "paper")
    assert paper.code == 0, paper.err
    assert json.loads(Path(paper.out.strip()).read_text())["epochs"] == 1


def test_what_is_missing_is_told(sonogauge: Sonogauge, tmp_path: Path):
    missing = sonogauge("train", "score", "--data", tmp_path, "--out", tmp_path / "run")
    assert (missing.code, missing.out) == (1, "")
    assert "point --data at" in missing.err
    unfinished = sonogauge("export", "score", tmp_path, "--out", tmp_path / "weights")
    assert (unfinished.code, unfinished.out) == (1, "")
    assert "sonogauge train score" in unfinished.err
