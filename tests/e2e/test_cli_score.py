"""``sonogauge score`` from files to rows and masks."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from make_mock_models import SCORES, heart_labels, write_mock_models
from media import write_video

from calibration.crop import SectorCrop
from capture.virtual.scanner import VirtualScanner
from models.runtime.contract import REGION_NAMES

READINESS = ["readiness_ef", "readiness_strain", "readiness_mapse"]
COLUMNS = [
    *("file", "frame", "t_s", "verdict", "reason", "view", "view_p", "cause"),
    *REGION_NAMES,
    *READINESS,
    *("cluster", "cluster_p", "level_1_5"),
    *("score_0_100", "score_reason", "artifact_logp", "artifact_reason"),
    "model_ids",
]
Sonogauge = Callable[..., Any]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert reader.fieldnames == COLUMNS
    return rows


def grey(screen: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(screen, cv2.COLOR_BGR2GRAY))


def mask(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None, path
    assert found.dtype == np.uint8
    assert found.ndim == 2
    assert set(np.unique(found)) <= {0, 1, 2, 3, 4}
    return found


@pytest.fixture
def exam(tmp_path: Path, screens: list[np.ndarray]) -> Path:
    """Two stills (one shows nothing), one video, one file that is no video."""
    folder = tmp_path / "exam"
    (folder / "stills").mkdir(parents=True)
    cv2.imwrite(str(folder / "stills" / "a.png"), screens[0])
    cv2.imwrite(str(folder / "stills" / "black.png"), np.zeros((100, 120), np.uint8))
    write_video(folder / "clip.mkv", [grey(screen) for screen in screens])
    (folder / "damaged.mp4").write_bytes(b"no video at all" * 100)
    return folder


def test_one_damaged_file_costs_only_itself(sonogauge: Sonogauge, exam: Path, weights: Path, tmp_path: Path):
    out, masks = tmp_path / "scores.csv", tmp_path / "masks"
    ended = sonogauge("score", exam, "--out", out, "--masks", masks, "--view", "A4C", "--weights", weights)
    assert (ended.code, ended.out) == (3, "")
    rows = read_csv(out)
    assert [(row["file"], row["frame"]) for row in rows] == [
        *(("clip.mkv", str(k)) for k in range(6)),
        ("stills/a.png", "0"),
        ("stills/black.png", "0"),
    ]
    *judged, black = rows
    assert {row["verdict"] for row in judged} == {"ok"}
    assert {row["view"] for row in rows} == {"A4C"}
    assert [float(judged[-1][name]) for name in REGION_NAMES] == pytest.approx(SCORES, abs=1e-3)
    assert [float(row["t_s"]) for row in rows[:6]] == pytest.approx([k / 30 for k in range(6)], abs=2e-3)
    assert judged[-1]["t_s"] == ""
    assert black["verdict"] == "cannot_judge"
    assert black["reason"]
    assert {black[name] for name in REGION_NAMES} == {""}
    assert all(
        "regional_dense@0.0.1" in row["model_ids"] and "regional_quality@0.0.1" in row["model_ids"] for row in rows
    )
    found = {str(path.relative_to(masks)): mask(path).shape for path in masks.rglob("*.png")}
    videos = {f"clip_{k}.png": (480, 640) for k in range(6)}
    assert found == videos | {"stills/a.png": (480, 640), "stills/black.png": (100, 120)}


def test_masks_lie_where_the_models_looked(
    sonogauge: Sonogauge, exam: Path, weights: Path, tmp_path: Path, scanner: VirtualScanner
):
    still = exam / "stills" / "a.png"
    arguments = ("--out", tmp_path / "one.jsonl", "--masks", tmp_path / "masks", "--weights", weights)
    assert sonogauge("score", still, *arguments).code == 0
    found = mask(tmp_path / "masks" / "a.png")
    crop = SectorCrop(scanner.sector, 480, 640).rect
    ys, xs = np.nonzero(heart_labels() == 1)
    wanted = crop.x + (xs.mean() + 0.5) * crop.width / 256, crop.y + (ys.mean() + 0.5) * crop.height / 256
    ys, xs = np.nonzero(found == 1)
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx(wanted, abs=4)


def test_stills_have_nothing_to_do_with_each_other(sonogauge: Sonogauge, screens: list[np.ndarray], tmp_path: Path):
    weights = write_mock_models(tmp_path / "weights", scores=[1.5] * 8, gain=0.02)
    folder = tmp_path / "stills"
    folder.mkdir()
    for name, share in (("1.png", 1.0), ("2.png", 0.5), ("3.png", 0.8)):
        cv2.imwrite(str(folder / name), (screens[0] * share).astype(np.uint8))
    whole, alone = tmp_path / "whole.jsonl", tmp_path / "alone.jsonl"
    assert sonogauge("score", folder, "--out", whole, "--weights", weights).code == 0
    assert sonogauge("score", folder / "3.png", "--out", alone, "--weights", weights).code == 0
    rows = [json.loads(line) for line in whole.read_text().splitlines()]
    assert rows[2] == json.loads(alone.read_text())
    assert rows[0]["basal_left"] > rows[2]["basal_left"] > rows[1]["basal_left"]


def test_nothing_readable_is_a_failure(sonogauge: Sonogauge, exam: Path, weights: Path, tmp_path: Path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG but no more")
    paths = exam / "damaged.mp4", broken
    ended = sonogauge("score", *paths, "--out", tmp_path / "none.csv", "--weights", weights)
    assert (ended.code, ended.out) == (1, "")
    assert read_csv(tmp_path / "none.csv") == []


def test_frames_before_the_damage_are_kept(sonogauge: Sonogauge, exam: Path, weights: Path, tmp_path: Path):
    clip = exam / "clip.mkv"
    content = bytearray(clip.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    clip.write_bytes(content)
    ended = sonogauge("score", clip, "--out", tmp_path / "some.csv", "--weights", weights)
    assert 1 <= len(read_csv(tmp_path / "some.csv")) < 6
    assert ended.code == 3


def test_a_model_with_one_flipped_bit_stops_the_run_and_older_results_stay(
    sonogauge: Sonogauge, exam: Path, tmp_path: Path
):
    weights = write_mock_models(tmp_path / "weights")
    for path in weights.glob("regional_quality-*.onnx"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    out = tmp_path / "scores.csv"
    out.write_text("of yesterday")
    ended = sonogauge("score", exam, "--out", out, "--weights", weights)
    assert (ended.code, ended.out) == (1, "")
    assert "regional_quality-" in ended.err
    assert "damaged" in ended.err
    assert out.read_text() == "of yesterday"


@pytest.mark.parametrize(
    ("names", "clash"),
    [
        (("a.png", "a.jpg"), "a"),
        (("clip.mkv", "clip.mp4"), "clip_0"),
        (("clip.mkv", "clip_7.png"), "clip_7"),
        (("clip_12.png", "clip.mkv"), "clip_12"),
    ],
)
def test_masks_that_would_overwrite_each_other_are_refused(
    sonogauge: Sonogauge, weights: Path, tmp_path: Path, names: tuple[str, ...], clash: str
):
    for name in names:
        (tmp_path / name).touch()
    paths = [tmp_path / name for name in names]
    out = tmp_path / "o.csv"
    ended = sonogauge("score", *paths, "--out", out, "--masks", tmp_path / "masks", "--weights", weights)
    assert ended.code == 2
    assert f"{clash}.png" in ended.err or "clip_0.png" in ended.err
    assert not out.exists()


def test_a_masks_folder_that_cannot_be_made_is_told(sonogauge: Sonogauge, exam: Path, weights: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    still, out = exam / "stills" / "a.png", tmp_path / "o.csv"
    ended = sonogauge("score", still, "--out", out, "--masks", tmp_path / "file", "--weights", weights)
    assert ended.code != 0
    assert "choose another --masks" in ended.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("score", "{exam}"), "--out"),
        (("score", "{exam}", "--out", "o.xlsx"), "use .csv, .jsonl or .parquet"),
        (("score", "{exam}/gone.png", "--out", "o.csv"), "gone.png does not exist"),
        (("score", "{exam}", "--out", "o.csv", "--provider", "tpu"), "tpu"),
        (("score", "{exam}", "--out", "o.csv", "--view", "PLAX"), "PLAX"),
    ],
)
def test_usage_errors(sonogauge: Sonogauge, exam: Path, arguments: tuple[str, ...], told: str):
    ended = sonogauge(*(text.format(exam=exam) for text in arguments))
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_as_a_program_of_its_own_the_log_stays_on_stderr(
    sonogauge_alone: Sonogauge, exam: Path, weights: Path, tmp_path: Path
):
    out = tmp_path / "scores.parquet"
    ended = sonogauge_alone("score", exam, "--out", out, "--weights", weights)
    assert (ended.code, ended.out) == (3, "")
    assert "damaged.mp4" in ended.err
    assert "8 rows from 3 of 4 files" in ended.err
    assert "Traceback" not in ended.err
    assert out.stat().st_size > 500
