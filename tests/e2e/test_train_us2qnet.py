"""``sonogauge train us2qnet`` from digits and from pictures to a checkpoint that loads, in the small."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_camus import write_camus

from models.us2qnet.train import encode, load_us2qnet
from tests.unit.test_us2qnet_data import write_digits

Sonogauge = Callable[..., Any]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]


def test_digits(sonogauge: Sonogauge, tmp_path: Path):
    write_digits(tmp_path)
    asked = ("train", "us2qnet", "--set", "mnist", "--data", tmp_path, "--out", tmp_path / "run", "--clusters", 4)
    ended = sonogauge(*asked, "--epochs", 1, "--recipe", "paper", "--autoencoder", "--seed", 3)
    assert ended.code == 0, ended.err
    checkpoint = tmp_path / "run" / "us2qnet_mnist.pt"
    assert ended.out.strip() == str(checkpoint)
    made = json.loads(checkpoint.with_suffix(".json").read_text())
    assert made["network"] == {"size": 28, "clusters": 4, "variational": False}
    assert (made["asked"]["seed"], made["asked"]["gamma"], made["asked"]["filtered"]) == (3, 0.1, False)
    other = sonogauge(*asked, "--epochs", 1, "--seed", 4)
    assert (other.code, other.out) == (2, "")
    assert "give another folder" in other.err


def test_echo(sonogauge: Sonogauge, tmp_path: Path):
    data = write_camus(tmp_path / "data")
    asked = ("train", "us2qnet", "--set", "echo", "--data", data, "--out", tmp_path / "run", "--no-filter")
    ended = sonogauge(*asked, "--epochs", 1)
    assert ended.code == 0, ended.err
    network = load_us2qnet(tmp_path / "run" / "us2qnet_echo.pt")
    picture = np.random.default_rng(0).integers(0, 256, (2, 224, 224)).astype(np.uint8)
    mean, shares = encode(network, picture)
    assert mean.shape == (2, 80)
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_what_is_no_count_and_what_is_no_set_is_told(sonogauge: Sonogauge, tmp_path: Path):
    out = ("--data", tmp_path, "--out", tmp_path / "run", "--no-filter")
    count = sonogauge("train", "us2qnet", "--set", "echo", "--clusters", "many", *out)
    assert (count.code, count.out) == (2, "")
    assert "give a number of clusters, or auto" in count.err
    missing = sonogauge("train", "us2qnet", "--set", "abdomen", *out)
    assert (missing.code, missing.out) == (1, "")
    assert "point --data at" in missing.err
