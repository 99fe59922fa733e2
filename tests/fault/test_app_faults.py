"""The whole program under faults: OpenCV's real V4L2 code, the real checks and the runtime with stand-in models.

A signal that is lost is shown within 1 s, its scores are hidden, and they are back within 2 s of its return.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_on_card import DARK
from fake_v4l2 import DEVICE, FakeCard
from make_mock_models import write_mock_models

from calibration.crop import SectorCrop
from capture.virtual.scanner import VirtualScanner

Play = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def scanner() -> VirtualScanner:
    return VirtualScanner(width=640, height=480)


@pytest.fixture(scope="module")
def pictures(scanner: VirtualScanner) -> np.ndarray:
    """A loop of four screens, (4, 480, 640, 3) uint8."""
    return np.stack([scanner.render(index) for index in range(4)])


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_mock_models(tmp_path / "weights")


@pytest.fixture
def play(
    fake_card: FakeCard, pictures: np.ndarray, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Play:
    """Play scenes of app_on_card.py; what each saw, checked for what must hold after every one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    np.save(tmp_path / "pictures.npy", pictures)

    def run(*scenes: str) -> dict[str, Any]:
        script = "tests/support/app_on_card.py"
        done = fake_card.run(script, str(tmp_path / "pictures.npy"), str(weights), *scenes, timeout_s=150)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        assert set(found) == set(scenes)
        assert {scene["lost_count"] for scene in found.values()} == {0}, "captured = assessed + drops"
        assert {scene["handles"] for scene in found.values()} == {0}
        return found

    return run


SIGNALS = {
    "unplugged": ("lost", f"{DEVICE}"),
    "stalled": ("stalled", "check the cable"),
    "cable_out": ("no_signal", "check the video cable"),
    "cable_out_at_another_size": ("no_signal", "check the video cable"),
    "black": ("no_signal", "check that the scanner is on"),
}


def test_a_signal_that_is_lost_hides_the_scores_and_its_return_brings_them_back(play: Play):
    found = play(*SIGNALS)
    for scene, (signal, sentence) in SIGNALS.items():
        seen = found[scene]
        assert seen["signal"] == signal, found
        assert sentence in seen["sentence"], found
        assert seen["banners"][0] == seen["sentence"]
        assert seen["stayed"], "a hidden score does not come back before the signal does"
        assert seen["hidden_s"] < 1.0, found
        assert seen["back_s"] < 2.0, found


def test_a_busy_card_is_told_and_taken_when_it_is_free(play: Play):
    seen = play("busy_at_first")["busy_at_first"]
    assert seen["signal"] == "lost"
    assert "in use by another program" in seen["banners"][0]
    assert seen["back_s"] < 2.0


def test_another_resolution_in_mid_stream(play: Play):
    seen = play("other_size")["other_size"]
    assert seen["size"] == [460, 600]
    assert seen["inside"], "outlines lie on the new picture"
    assert seen["took_s"] < 2.0


def test_a_worker_that_raises_is_restarted(play: Play):
    seen = play("worker_raises")["worker_raises"]
    assert seen["restarts"] == 1
    assert seen["back_s"] < 2.0


def test_nan_from_a_model_is_a_reason_and_no_score(
    play: Play, scanner: VirtualScanner, pictures: np.ndarray, weights: Path
):
    crop = SectorCrop(scanner.sector, 480, 640)
    plain = float(crop.extract(pictures[0]).mean())
    shutil.rmtree(weights)
    write_mock_models(weights, nan_below=(1 + DARK) / 2 * plain)
    seen = play("nan_in_dark_pictures")["nan_in_dark_pictures"]
    assert seen["signal"] == "ok", "the picture goes on"
    assert "regional_dense@0.0.1" in seen["reason"], "it is asked first"
    assert "NaN" in seen["reason"]
    assert seen["stayed"]
    assert seen["hidden_s"] < 1.0
    assert seen["back_s"] < 2.0


def test_a_model_with_one_flipped_bit_is_named_while_the_picture_goes_on(play: Play, weights: Path):
    path = weights / "segmentation-int8.onnx"
    content = bytearray(path.read_bytes())
    content[100] ^= 4
    path.write_bytes(content)
    seen = play("damaged_model")["damaged_model"]
    assert seen["picture"]
    assert not seen["shows"]
    assert seen["signal"] == "ok"
    assert "segmentation-int8.onnx is damaged" in seen["reason"]
    assert any("segmentation-int8.onnx" in banner for banner in seen["banners"])


def test_a_run_from_the_command_line_through_an_unplugged_card(
    fake_card: FakeCard, pictures: np.ndarray, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fake_card.show(pictures)
    arguments = ("live", DEVICE, "--headless", "--seconds", "5", "--json", "--weights", str(weights))
    with fake_card.sonogauge(*arguments) as program:
        try:
            assert fake_card.wait_for(lambda: fake_card.frames > 30)
            fake_card.unplug()
            assert fake_card.wait_for(lambda: fake_card.handles == 0)
            fake_card.plug()
            out, err = program.communicate(timeout=90)
        except (AssertionError, subprocess.TimeoutExpired):
            program.kill()
            raise
    assert program.returncode == 0, err
    figures = json.loads(out)
    assert figures["frames_captured"] == figures["frames_assessed"] + sum(figures["drops"].values())
    assert figures["last_assessment"]["verdict"] == "ok"
    assert fake_card.opens >= 2
    assert "unplugged" in err
    assert "Traceback" not in err
