"""``--published``: a site's own quality model through the command line."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from make_mock_models import SCORES
from media import write_video
from published_model import direct, network, put

from calibration.crop import SectorCrop
from capture.virtual.scanner import VirtualScanner
from models.runtime.contract import REGION_NAMES

Sonogauge = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put(tmp_path_factory.mktemp("site"), network().SerializeToString())


def test_score_uses_it(
    sonogauge: Sonogauge,
    screens: list[np.ndarray],
    scanner: VirtualScanner,
    weights: Path,
    site: Path,
    tmp_path: Path,
):
    grey = np.asarray(cv2.cvtColor(screens[0], cv2.COLOR_BGR2GRAY))
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    out = tmp_path / "scores.csv"
    ended = sonogauge("score", tmp_path / "a.png", "--out", out, "--weights", weights, "--published", site)
    assert ended.code == 0, ended.err
    with out.open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    found = np.array([float(row[name]) for name in REGION_NAMES])
    wanted = np.clip(direct(site, SectorCrop(scanner.sector, 480, 640).extract(grey)), 1, 5)
    assert "published@quality.onnx#" in row["model_ids"]
    assert "regional_quality@" not in row["model_ids"]
    assert ((wanted > 1) & (wanted < 5)).sum() >= 4
    np.testing.assert_allclose(found, wanted, atol=0.1)  # the sector is found in the still, not told
    assert np.abs(found - SCORES).max() > 0.5


def test_live_uses_it(sonogauge: Sonogauge, screens: list[np.ndarray], weights: Path, site: Path, tmp_path: Path):
    greys = [np.asarray(cv2.cvtColor(screen, cv2.COLOR_BGR2GRAY)) for screen in screens]
    clip = write_video(tmp_path / "clip.mkv", greys, fps=12.0)
    ended = sonogauge("live", clip, "--headless", "--json", "--weights", weights, "--published", site)
    assert ended.code == 0, ended.err
    assert [name.split("@")[0] for name in ended.json["models"]] == ["segmentation", "regional_dense", "published"]
    assert ended.json["last_assessment"]["verdict"] == "ok"


@pytest.mark.parametrize(
    "command", [("live", "virtual", "--headless"), ("bench", "--source", "virtual", "--seconds", "1")]
)
def test_a_folder_without_a_list_ends_the_run_before_it_begins(
    sonogauge: Sonogauge, weights: Path, tmp_path: Path, command: tuple[str, ...]
):
    ended = sonogauge(*command, "--weights", weights, "--published", tmp_path)
    assert (ended.code, ended.out) == (1, "")
    assert "cannot read list of published models" in ended.err
    assert "README" in ended.err


def test_score_refuses_a_damaged_model(sonogauge: Sonogauge, screens: list[np.ndarray], weights: Path, tmp_path: Path):
    cv2.imwrite(str(tmp_path / "a.png"), screens[0])
    folder = put(tmp_path / "site", network().SerializeToString()[:-9])
    ended = sonogauge(
        "score", tmp_path / "a.png", "--out", tmp_path / "o.csv", "--weights", weights, "--published", folder
    )
    assert ended.code == 1
    assert "quality.onnx" in ended.err
