"""``sonogauge calibrate gate``: fit, undo, and what it refuses; on stand-in gates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from make_mock_gate import MIDDLE, TAU_5, add_mock_gates

from calibration.profile import ScannerProfile, load_profile, save_profile
from capture.geometry import LinearField

Sonogauge = Callable[..., Any]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_mock_gates(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty screens, most of them of the known grey, every eighth much brighter."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for number in range(80):
        level = MIDDLE + (0.3 if number % 8 == 0 else 0.08 * random.standard_normal())
        cv2.imwrite(str(folder / f"{number}.png"), np.full((96, 128), round(255 * np.clip(level, 0, 1)), np.uint8))
    return folder


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "ward.toml"
    save_profile(ScannerProfile.of("Ward", LinearField(4, 4, 120, 90), (96, 128)), path)
    return path


def test_a_site_fits_tau_and_goes_back(sonogauge: Sonogauge, weights: Path, pictures: Path, profile: Path):
    told = ("--name", profile, "--weights", weights)
    ended = sonogauge("calibrate", "gate", pictures, *told, "--share", 20, "--json")
    assert ended.code == 0, ended.err
    report = ended.json
    assert (report["family"], report["frames"], report["failed"]) == ("echo", 80, [])
    assert report["before"]["log_density"] == TAU_5
    assert report["after"]["below_share"] == pytest.approx(0.2, abs=0.02)
    found = load_profile(profile).gate
    assert found is not None
    assert (found.model, found.share) == ("artifact_echo@0.0.1", 20)
    assert found.log_density == pytest.approx(report["after"]["log_density"], abs=1e-3)

    ended = sonogauge("calibrate", "gate", pictures, *told)
    assert ended.code == 0, ended.err
    assert f"before  tau {found.log_density:9.3f}" in ended.out
    assert "--undo goes back" in ended.out.replace("\n", " ")
    assert sonogauge("calibrate", "gate", "--undo", "--name", profile).code == 0
    assert load_profile(profile).gate == found
    ended = sonogauge("calibrate", "gate", "--undo", "--profile", profile, "--json")
    assert (ended.code, ended.json["log_density"], load_profile(profile).gate) == (0, None, None)


def test_frames_that_are_mostly_unknown_are_doubted(
    sonogauge: Sonogauge, weights: Path, pictures: Path, profile: Path, tmp_path: Path
):
    bright = tmp_path / "bright"
    bright.mkdir()
    for number in range(70):
        cv2.imwrite(str(bright / f"{number}.png"), np.full((96, 128), 150 + number, np.uint8))
    told = ("--name", profile, "--weights", weights, "--exam", "abdomen", "--json")
    ended = sonogauge("calibrate", "gate", bright, *told)
    assert ended.code == 0, ended.err
    assert ended.json["family"] == "any"
    assert "unlike anything the released gate knows" in ended.json["doubts"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to fit the threshold to"),
        (("PICTURES", "--undo"), "leave the sources out"),
        (("--undo",), "nothing to undo"),
        (("ONE",), "60 or more: give more recordings"),
        (("PICTURES", "--exam", "abdomen"), "is for echo, not abdomen"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    sonogauge: Sonogauge, weights: Path, pictures: Path, profile: Path, arguments: tuple[str, ...], said: str
):
    save_profile(load_profile(profile).model_copy(update={"exam": "echo"}), profile)
    before = profile.read_bytes()
    named = {"PICTURES": pictures, "ONE": pictures / "1.png"}
    told = (named.get(word, word) for word in arguments)
    ended = sonogauge("calibrate", "gate", *told, "--name", profile, "--weights", weights)
    assert ended.code in (1, 2)
    assert said in ended.err.replace("\n", " ")
    assert profile.read_bytes() == before
