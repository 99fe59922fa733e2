"""Score and artifact gate in ``sonogauge score``, ``live``, ``doctor`` and ``models verify``, with stand-in models."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from make_mock_clusters import add_mock_clusters
from make_mock_gate import add_mock_gates
from make_mock_models import write_mock_models
from make_mock_score import add_mock_score
from media import write_video

from models.runtime.contract import REGION_NAMES

Sonogauge = Callable[..., Any]
UNKNOWN = "cannot judge: unlike anything known (looks like "
VIRTUAL = "virtual:width=640,height=480"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return add_mock_clusters(write_mock_models(tmp_path / "weights"), ("echo", "abdomen"))


def with_gate(base: Path, tau_5: float) -> Path:
    return add_mock_gates(add_mock_score(base), tau_5=tau_5)


def score(sonogauge: Sonogauge, path: Path, weights: Path) -> list[dict[str, str]]:
    out = path.with_suffix(".csv")
    ended = sonogauge("score", path, "--out", out, "--weights", weights)
    assert ended.code == 0, ended.err
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def clip(tmp_path: Path, screens: list[np.ndarray]) -> Path:
    write_video(tmp_path / "clip.mkv", [np.asarray(cv2.cvtColor(screen, cv2.COLOR_BGR2GRAY)) for screen in screens])
    return tmp_path / "clip.mkv"


def test_every_frame_of_a_recording_has_both(sonogauge: Sonogauge, clip: Path, base: Path):
    rows = score(sonogauge, clip, with_gate(base, -1e3))
    assert len(rows) == 6
    for row in rows:
        assert row["verdict"] == "ok"
        assert 0 < float(row["score_0_100"]) < 100
        assert float(row["artifact_logp"]) < 0
        assert (row["score_reason"], row["artifact_reason"]) == ("", "")
        assert {"score@", "artifact_echo@"} <= {f"{name.partition('@')[0]}@" for name in row["model_ids"].split()}


def test_frames_like_nothing_known_are_refused_each_by_itself(sonogauge: Sonogauge, clip: Path, base: Path):
    rows = score(sonogauge, clip, with_gate(base, 1.0))
    for row in rows:
        assert row["verdict"] == "cannot_judge"
        assert row["reason"].startswith(UNKNOWN)
        assert {row[name] for name in (*REGION_NAMES, "cluster", "score_0_100")} == {""}
        assert row["score_reason"] == row["reason"]
        assert float(row["artifact_logp"]) < 1


def test_a_still_is_refused_as_well(sonogauge: Sonogauge, screens: list[np.ndarray], base: Path, tmp_path: Path):
    cv2.imwrite(str(tmp_path / "heart.png"), screens[0])
    (row,) = score(sonogauge, tmp_path / "heart.png", with_gate(base, 1.0))
    assert row["reason"].startswith(UNKNOWN)


def test_without_the_models_the_columns_are_empty_with_a_reason(sonogauge: Sonogauge, clip: Path, base: Path):
    for row in score(sonogauge, clip, base):
        assert (row["verdict"], row["score_0_100"], row["artifact_logp"]) == ("ok", "", "")
        assert "no model 'score'" in row["score_reason"]
        assert "no model 'artifact_echo'" in row["artifact_reason"]


def test_live_tells_both_and_how_old_they_are(sonogauge_alone: Sonogauge, base: Path):
    weights = with_gate(base, -1e3)
    ended = sonogauge_alone("live", VIRTUAL, "--headless", "--seconds", 3, "--json", "--weights", weights)
    assert ended.code == 0, ended.err
    figures, last = ended.json, ended.json["last_assessment"]
    assert 0 < last["score_0_100"] < 100
    assert last["artifact_logp"] < 0
    assert (last["score_reason"], last["artifact_reason"]) == ("", "")
    for name in ("cluster", "score", "gate"):
        assert figures[f"{name}_age_ms"]["p99"] > 0, "they take turns"
    assert {"clusters", "score", "gate"} <= set(figures["stages_ms"])


def test_live_refuses_what_is_like_nothing_known(sonogauge_alone: Sonogauge, base: Path):
    weights = with_gate(base, 1.0)
    ended = sonogauge_alone("live", VIRTUAL, "--headless", "--seconds", 3, "--json", "--weights", weights)
    assert ended.code == 0, ended.err
    last = ended.json["last_assessment"]
    assert (last["verdict"], last["regions"], last["cluster"], last["score_0_100"]) == ("cannot_judge", {}, None, None)
    assert last["reason"].startswith(UNKNOWN)


def test_doctor_and_verify_know_the_files_by_the_manifest(sonogauge: Sonogauge, base: Path):
    weights = with_gate(base, -4.0)
    findings = {finding["what"]: finding for finding in sonogauge("doctor", "--json", "--weights", weights).json}
    assert {findings[f"speed {name}"]["level"] for name in ("score", "artifact_echo", "artifact_any")} == {"ok"}
    damaged = weights / "artifact_any_map.npz"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    ended = sonogauge("models", "verify", "--json", "--weights", weights)
    assert ended.code == 1
    assert [check["file"] for check in ended.json if check["problem"]] == [damaged.name]
