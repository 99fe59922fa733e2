"""``sonogauge score --saliency``: what lowers the score of each judged frame, as pictures."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from make_mock_clusters import add_mock_clusters
from make_mock_models import write_mock_models
from make_mock_score import add_mock_score
from media import write_video

from calibration.crop import SectorCrop
from capture.virtual.scanner import VirtualScanner

Sonogauge = Callable[..., Any]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_mock_clusters(write_mock_models(tmp_path_factory.mktemp("base")))


@pytest.fixture(scope="module")
def rough(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights whose score dislikes roughness, so that speckle costs points."""
    folder = add_mock_clusters(write_mock_models(tmp_path_factory.mktemp("rough")))
    return add_mock_score(folder, rough=True)


@pytest.fixture
def exam(tmp_path: Path, screens: list[np.ndarray]) -> Path:
    """A video, a still, and a still that shows nothing."""
    folder = tmp_path / "exam"
    (folder / "stills").mkdir(parents=True)
    cv2.imwrite(str(folder / "stills" / "a.png"), screens[0])
    cv2.imwrite(str(folder / "stills" / "black.png"), np.zeros((100, 120), np.uint8))
    write_video(folder / "clip.mkv", [np.asarray(cv2.cvtColor(screen, cv2.COLOR_BGR2GRAY)) for screen in screens[:3]])
    return folder


def test_one_picture_per_judged_frame_of_its_sector_alone(
    sonogauge: Sonogauge,
    exam: Path,
    rough: Path,
    tmp_path: Path,
    scanner: VirtualScanner,
    caplog: pytest.LogCaptureFixture,
):
    out, maps = tmp_path / "scores.csv", tmp_path / "maps"
    ended = sonogauge("score", exam, "--out", out, "--saliency", maps, "--weights", rough)
    assert ended.code == 0, ended.err
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["verdict"] for row in rows] == ["ok"] * 4 + ["cannot_judge"]
    assert "frames without a saliency map: 1 (" in caplog.text
    found = {str(path.relative_to(maps)): cv2.imread(str(path)) for path in maps.rglob("*.png")}
    assert set(found) == {"clip_0.png", "clip_1.png", "clip_2.png", "stills/a.png"}
    crop = SectorCrop(scanner.sector, 480, 640)
    picture = found["stills/a.png"]
    assert picture.shape[:2] == pytest.approx((crop.rect.height, crop.rect.width), abs=12)
    coloured = picture.max(axis=2).astype(int) - picture.min(axis=2) > 12
    height, width = coloured.shape
    assert coloured[height // 4 : height // 2, width // 2 - 20 : width // 2 + 20].mean() > 0.3
    assert not picture[-height // 8 :, : width // 12].any(), "black beside the sector: nothing of the screen is kept"


def test_without_a_score_model_it_says_so_before_it_scores(
    sonogauge: Sonogauge, exam: Path, base: Path, tmp_path: Path
):
    out = tmp_path / "scores.csv"
    ended = sonogauge("score", exam, "--out", out, "--saliency", tmp_path / "maps", "--weights", base)
    assert ended.code == 1
    assert "no model 'score'" in ended.err
    assert not out.exists()


def test_a_folder_that_cannot_be_is_told(sonogauge: Sonogauge, exam: Path, rough: Path, tmp_path: Path):
    arguments = ("score", exam / "stills" / "a.png", "--out", tmp_path / "scores.csv", "--weights", rough)
    ended = sonogauge(*arguments, "--saliency", tmp_path / "both", "--masks", tmp_path / "both")
    assert ended.code == 2
    assert "choose two folders" in ended.err
    (tmp_path / "file").write_text("")
    ended = sonogauge(*arguments, "--saliency", tmp_path / "file")
    assert ended.code == 2
    assert "another --saliency" in ended.err


def test_pictures_that_would_overwrite_each_other_are_refused(sonogauge: Sonogauge, exam: Path, rough: Path):
    again = exam / "again" / "a.png"
    again.parent.mkdir()
    again.write_bytes((exam / "stills" / "a.png").read_bytes())
    paths = (exam / "stills" / "a.png", again)
    ended = sonogauge(
        *("score", *paths, "--out", exam / "s.csv", "--saliency", exam / "maps", "--weights", rough),
    )
    assert ended.code == 2
    assert "would both write" in ended.err
