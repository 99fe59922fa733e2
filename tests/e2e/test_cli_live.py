"""``sonogauge live``, ``bench``, ``models`` and ``doctor`` as their users call them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from make_mock_models import SCORES
from media import write_video

from models.runtime.contract import REGION_NAMES
from models.runtime.providers import cuda_problem

Sonogauge = Callable[..., Any]
SMALL = "virtual:width=640,height=480"
KEYS = {
    "source",
    "provider",
    "precision",
    "seconds",
    "frames_captured",
    "frames_assessed",
    "fps_captured",
    "fps_assessed",
    "drops",
    "assess_ms",
    "capture_to_paint_ms",
    "stages_ms",
    "rss_mb",
    "rss_growth_mb",
    "threads_min",
    "threads_max",
    "last_assessment",
}
STAGES = {"wait", "signal", "sector", "crop", "network", "labels", "regions", "quality", "contours", "smooth"}
PERCENTILES = {"p50", "p95", "p99"}


def assert_figures(figures: dict[str, Any]) -> None:
    assert set(figures) >= KEYS
    assert figures["frames_captured"] == figures["frames_assessed"] + sum(figures["drops"].values())
    assert figures["frames_assessed"] > 0
    assert figures["provider"] == "CPUExecutionProvider"
    assert set(figures["precision"].split("+")) <= {"int8", "float32"}
    assert set(figures["assess_ms"]) == PERCENTILES
    assert set(figures["stages_ms"]) >= STAGES
    assert all(set(stage) == PERCENTILES for stage in figures["stages_ms"].values())
    assert figures["rss_mb"] > 20


@pytest.fixture
def clip(tmp_path: Path, screens: list[np.ndarray]) -> Path:
    """Half a second at 12 fps."""
    return write_video(tmp_path / "clip.mkv", [cv2.cvtColor(s, cv2.COLOR_BGR2GRAY) for s in screens], fps=12.0)


def damaged(weights: Path, folder: Path, pattern: str) -> tuple[Path, str]:
    """A copy of the weights with one bit of one file turned over, and that file's name."""
    shutil.copytree(weights, folder)
    path = sorted(folder.glob(pattern))[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return folder, path.name


def test_three_seconds_of_the_virtual_scanner(sonogauge_alone: Sonogauge, weights: Path):
    arguments = ("--headless", "--seconds", 3, "--json", "--weights", weights, "--provider", "cpu", "--view", "A4C")
    ended = sonogauge_alone("live", "virtual", *arguments)
    assert ended.code == 0, ended.err
    figures = ended.json
    assert_figures(figures)
    assert figures["source"].startswith("virtual:")
    assert figures["mode"].startswith("1920x1080 30 fps")
    assert figures["capture_to_paint_ms"] is None, "nothing is painted without a window"
    assert figures["renderer_cpu_percent"] > 0
    last = figures["last_assessment"]
    assert (last["verdict"], last["view"]) == ("ok", "A4C")
    assert list(last["regions"]) == list(REGION_NAMES)
    found = [region["score"] for region in last["regions"].values()]
    assert found == pytest.approx(SCORES, abs=0.3)  # regions differ a little with the spacing
    assert "ready on CPUExecutionProvider" in ended.err
    assert "Traceback" not in ended.err


def test_a_recording_runs_to_its_end_and_ends_in_a_table(sonogauge: Sonogauge, weights: Path, clip: Path):
    ended = sonogauge("live", clip, "--headless", "--weights", weights)
    assert ended.code == 0, ended.err
    assert "frames captured / assessed" in ended.out
    assert all(name in ended.out for name in REGION_NAMES)


def test_a_recording_without_end_mark_is_stopped_after_its_seconds(sonogauge: Sonogauge, weights: Path):
    began = time.monotonic()
    ended = sonogauge("live", SMALL, "--headless", "--seconds", 1, "--json", "--weights", weights)
    assert ended.code == 0, ended.err
    assert 1.0 <= time.monotonic() - began < 30
    assert_figures(ended.json)


@pytest.mark.skipif(not cuda_problem(), reason="this machine may have a GPU")
@pytest.mark.parametrize("command", [("live", SMALL, "--headless", "--json"), ("bench", "--source", SMALL)])
def test_cuda_asked_for_and_not_there_is_an_error(sonogauge: Sonogauge, weights: Path, command: tuple[str, ...]):
    ended = sonogauge(*command, "--seconds", 2, "--provider", "cuda", "--weights", weights)
    assert (ended.code, ended.out) == (1, "")
    assert "CUDA was asked for" in ended.err
    assert "--provider cpu" in ended.err


def test_a_model_with_one_flipped_bit_lets_the_picture_go_on(sonogauge: Sonogauge, weights: Path, tmp_path: Path):
    folder, name = damaged(weights, tmp_path / "damaged", "regional_dense-*.onnx")
    ended = sonogauge("live", SMALL, "--headless", "--seconds", 1, "--json", "--weights", folder)
    figures = ended.json
    assert figures["frames_captured"] == figures["frames_assessed"] + sum(figures["drops"].values()) > 0
    last = figures["last_assessment"]
    assert last["verdict"] == "cannot_judge"
    assert name in last["reason"]
    assert last["regions"] == {}
    assert any(name in banner for banner in figures["banners"])


def test_bench_measures_painting(sonogauge_alone: Sonogauge, weights: Path):
    ended = sonogauge_alone("bench", "--source", SMALL, "--seconds", 3, "--weights", weights)
    assert ended.code == 0, ended.err
    figures = ended.json
    assert_figures(figures)
    assert set(figures["capture_to_paint_ms"]) == PERCENTILES
    assert 0 < figures["capture_to_paint_ms"]["p50"] < 1000
    assert set(figures["machine"]) == {"cpu", "cores", "system"}


def test_bench_refuses_models_that_cannot_judge(sonogauge: Sonogauge, weights: Path, tmp_path: Path):
    folder, name = damaged(weights, tmp_path / "damaged", "regional_dense-*.onnx")
    ended = sonogauge("bench", "--source", SMALL, "--seconds", 1, "--weights", folder)
    assert (ended.code, ended.out) == (1, "")
    assert name in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("live", "nonsense", "--headless"), 1, "no known source"),
        (("live", "gone/clip.mp4", "--headless"), 1, "There is no file or folder gone/clip.mp4"),
        (("live", "virtual:colour=red", "--headless"), 1, "'colour=red'"),
        (("live", "virtual", "--json"), 2, "add --headless"),
        (("live", "virtual", "--headless", "--seconds", "-1"), 2, "--seconds"),
        (("live", "virtual", "--headless", "--provider", "tpu"), 2, "tpu"),
        (("live", "virtual", "--headless", "--profile", "gone.toml"), 1, "gone.toml"),
        (("bench", "--source", "nonsense"), 1, "no known source"),
        (("models", "verify", "--weights", "gone"), 1, "gone"),
        (("fly",), 2, "fly"),
    ],
)
def test_mistakes_are_told_in_one_sentence(sonogauge: Sonogauge, arguments: tuple[str, ...], code: int, told: str):
    ended = sonogauge(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert "Traceback" not in ended.err


def test_a_source_that_never_comes_is_a_failure(sonogauge: Sonogauge, weights: Path):
    ended = sonogauge("live", "v4l2:/dev/video97", "--headless", "--seconds", 1, "--weights", weights)
    assert ended.code == 1
    assert "no frame was assessed" in ended.err
    assert "/dev/video97" in ended.err


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_ctrl_c_ends_a_run_with_its_figures(weights: Path, own_cache: Path):
    # a shell's background jobs ignore Ctrl+C, and so would what is started from one
    program = "import signal; signal.signal(2, signal.default_int_handler); from app.cli import main; main()"
    command = [sys.executable, "-c", program, "live", SMALL]
    with subprocess.Popen(
        [*command, "--headless", "--json", "--weights", str(weights)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "signal ok" in line:
                break
        time.sleep(0.5)  # some frames
        process.send_signal(2)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert_figures(json.loads(out))


def test_sound_models_are_listed_and_verified(sonogauge: Sonogauge, weights: Path):
    assert sonogauge("models", "verify", "--weights", weights).code == 0
    checks = sonogauge("models", "verify", "--weights", weights, "--json").json
    assert {check["problem"] for check in checks} == {""}
    records = sonogauge("models", "list", "--weights", weights, "--json").json
    assert [(r["model"], r["precision"]) for r in records] == [
        (model, precision)
        for model in ("regional_dense", "regional_quality", "regional_reading", "segmentation")
        for precision in (("float32",) if model == "regional_reading" else ("int8", "float32"))
    ]
    assert all(r["model_id"].startswith(f"{r['model']}@0.0.1-{r['precision']}#") for r in records)


@pytest.mark.parametrize("pattern", ["regional_dense-int8.onnx", "regional_quality-float32.onnx"])
def test_one_flipped_bit_is_found_and_named(sonogauge: Sonogauge, weights: Path, tmp_path: Path, pattern: str):
    folder, name = damaged(weights, tmp_path / "damaged", pattern)
    ended = sonogauge("models", "verify", "--weights", folder)
    assert ended.code == 1
    bad = [line for line in ended.out.splitlines() if line.startswith("BAD")]
    assert len(bad) == 1
    assert name in bad[0]
    checks = sonogauge("models", "verify", "--weights", folder, "--json").json
    assert [check["file"] for check in checks if check["problem"]] == [name]


def test_doctor_says_what_is_there(sonogauge: Sonogauge, weights: Path):
    ended = sonogauge("doctor", "--json", "--weights", weights)
    assert ended.code == 0, ended.out
    findings = {finding["what"]: finding for finding in ended.json}
    assert {"machine", "runtime", "providers", "window", "capture", "disk", "speed regional_dense"} <= set(findings)
    assert all(set(finding) == {"what", "level", "found", "advice"} for finding in ended.json)
    assert "ms, CPUExecutionProvider" in findings["speed regional_dense"]["found"]


def test_doctor_finds_a_damaged_model(sonogauge: Sonogauge, weights: Path, tmp_path: Path):
    folder, name = damaged(weights, tmp_path / "damaged", "regional_dense-int8.onnx")
    ended = sonogauge("doctor", "--json", "--weights", folder)
    assert ended.code == 1
    bad = [finding for finding in ended.json if finding["level"] == "bad"]
    assert any(name in finding["found"] for finding in bad)
    assert sonogauge("doctor", "--weights", tmp_path / "gone", "--json").code == 1
