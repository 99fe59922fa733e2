"""Quality clusters in ``sonogauge score`` and ``sonogauge live``, for the heart and for other organs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from make_mock_clusters import NAMES, add_mock_clusters
from make_mock_models import write_mock_models

from capture.virtual.abdomen.scanner import AbdomenScanner
from models.runtime.contract import REGION_NAMES

Sonogauge = Callable[..., Any]
BLADDER = "virtual:view=BLADDER,patient=A,width=640,height=480"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return add_mock_clusters(write_mock_models(tmp_path / "weights"), ("echo", "abdomen"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_score_tells_cluster_probability_and_level(
    sonogauge: Sonogauge, screens: list[np.ndarray], weights: Path, tmp_path: Path
):
    cv2.imwrite(str(tmp_path / "heart.png"), screens[0])
    ended = sonogauge("score", tmp_path / "heart.png", "--out", tmp_path / "out.csv", "--weights", weights)
    assert ended.code == 0, ended.err
    (row,) = rows_of(tmp_path / "out.csv")
    assert row["verdict"] == "ok"
    assert row["cluster"] in NAMES
    assert 1 / 3 < float(row["cluster_p"]) <= 1
    assert row["level_1_5"] in {"1", "2", "3", "4", "5"}
    assert "us2qnet_echo@" in row["model_ids"]


def test_score_of_other_organs_has_no_regions(sonogauge: Sonogauge, weights: Path, tmp_path: Path):
    cv2.imwrite(str(tmp_path / "bladder.png"), AbdomenScanner(1, 640, 480, quality="A").render(0))
    out, masks = tmp_path / "out.csv", tmp_path / "masks"
    options = ("--exam", "abdomen", "--masks", masks, "--weights", weights)
    ended = sonogauge("score", tmp_path / "bladder.png", "--out", out, *options)
    assert ended.code == 0, ended.err
    (row,) = rows_of(out)
    assert (row["verdict"], row["view"], row["readiness_ef"]) == ("ok", "", "")
    assert {row[name] for name in REGION_NAMES} == {""}
    assert row["cluster"] in NAMES
    assert "segmentation" not in row["model_ids"]
    assert not cv2.imread(str(masks / "bladder.png"), cv2.IMREAD_UNCHANGED).any()


def test_the_virtual_bladder_says_itself_that_it_is_no_heart(sonogauge_alone: Sonogauge, weights: Path):
    ended = sonogauge_alone("live", BLADDER, "--headless", "--seconds", 2, "--json", "--weights", weights)
    assert ended.code == 0, ended.err
    figures = ended.json
    last = figures["last_assessment"]
    assert (last["verdict"], last["regions"], last["cluster_reason"]) == ("ok", {}, "")
    assert set(last["cluster"]["shares"]) == set(NAMES)
    assert sum(last["cluster"]["shares"].values()) == pytest.approx(1, abs=0.01)
    assert "clusters" in figures["stages_ms"]
    assert [name.partition("@")[0] for name in figures["models"]] == ["us2qnet_abdomen"]


def test_the_table_of_a_run_shows_the_shares(sonogauge_alone: Sonogauge, weights: Path):
    ended = sonogauge_alone("live", BLADDER, "--headless", "--seconds", 1, "--weights", weights)
    assert ended.code == 0, ended.err
    assert "quality cluster" in ended.out
    assert "level" in ended.out
    assert all(f"{name} 0." in ended.out or f"{name} 1." in ended.out for name in NAMES)


def test_doctor_measures_the_cluster_models_on_their_own_input(sonogauge: Sonogauge, weights: Path):
    findings = sonogauge("doctor", "--json", "--weights", weights).json
    speeds = {finding["what"]: finding for finding in findings if finding["what"].startswith("speed")}
    assert {"speed us2qnet_echo", "speed us2qnet_abdomen", "speed segmentation"} <= set(speeds)
    assert {finding["level"] for finding in speeds.values()} == {"ok"}
