"""``sonogauge calibrate clusters``: fit, use in ``score`` and ``live``, undo, and what it refuses."""

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

from calibration.cluster_map import load_map
from calibration.profile import ScannerProfile, load_profile, save_profile
from capture.virtual.abdomen.scanner import AbdomenScanner

pytest.importorskip("umap", reason="umap-learn is not installed (extra 'refit')")

Sonogauge = Callable[..., Any]
LEVELS = (0.35, 0.8, 1.5)  # of the picture's brightness, by which the stand-in judges quality


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_mock_clusters(write_mock_models(tmp_path_factory.mktemp("weights")), ("echo", "abdomen"))


@pytest.fixture(scope="module")
def scanner() -> AbdomenScanner:
    return AbdomenScanner(1, 640, 480, quality="A")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, scanner: AbdomenScanner) -> Path:
    """Ninety screens of the virtual bladder at three brightnesses, and three that show nothing."""
    folder, screen = tmp_path_factory.mktemp("pictures"), scanner.render(0).astype(float)
    for number, gain in enumerate(np.concatenate([level + np.linspace(-0.05, 0.05, 30) for level in LEVELS])):
        cv2.imwrite(str(folder / f"{number}.png"), np.clip(screen * gain, 0, 255).astype(np.uint8))
    for number in range(3):
        cv2.imwrite(str(folder / f"0_black_{number}.png"), np.zeros((480, 640), np.uint8))
    return folder


@pytest.fixture
def profile(tmp_path: Path, scanner: AbdomenScanner) -> Path:
    path = tmp_path / "ward.toml"
    save_profile(ScannerProfile.of("Ward", scanner.sector, (480, 640)), path)
    return path


def words_of(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row["cluster"] for row in csv.DictReader(file)]


def test_a_site_fits_its_map_uses_it_and_goes_back(
    sonogauge: Sonogauge, weights: Path, pictures: Path, profile: Path, tmp_path: Path
):
    told = ("--profile", profile, "--weights", weights)
    picture = tmp_path / "figures" / "before_after.png"
    ended = sonogauge("calibrate", "clusters", pictures, *told, "--exam", "abdomen", "--out", picture, "--json")
    assert ended.code == 0, ended.err
    report = ended.json
    assert (report["frames"], report["frames_seen"], sum(report["left_out"].values())) == (90, 93, 3)
    assert [cluster["name"] for cluster in report["after"]["clusters"]] == list(NAMES)
    assert sum(cluster["frames"] for cluster in report["after"]["clusters"]) == 90
    severities = [cluster["severity"] for cluster in report["after"]["clusters"]]
    assert severities == sorted(severities, reverse=True)
    assert report["before"]["map"] == "released map"
    assert 0 <= report["changed_share"] <= 1
    assert cv2.imread(str(picture)).shape[1] > cv2.imread(str(picture)).shape[0], "two maps side by side"

    found = load_profile(profile)
    assert (found.cluster_map, found.exam) == (report["cluster_map"], "abdomen")
    assert load_map(profile.parent / report["cluster_map"]).parameters["features"] == "us2qnet_abdomen@0.0.1"

    one = pictures / "0.png"
    assert sonogauge("score", one, "--out", tmp_path / "site.csv", *told).code == 0
    assert words_of(tmp_path / "site.csv") == ["A-"]

    (profile.parent / report["cluster_map"]).write_bytes(b"damaged")
    assert sonogauge("score", one, "--out", tmp_path / "damaged.csv", *told).code == 0
    assert words_of(tmp_path / "damaged.csv") == [""], "no silent return to the released map"

    assert sonogauge("calibrate", "clusters", "--undo", "--profile", profile).code == 0
    assert load_profile(profile).cluster_map is None
    assert sonogauge("score", one, "--out", tmp_path / "back.csv", *told).code == 0
    assert words_of(tmp_path / "back.csv")[0] in NAMES


def test_a_run_without_a_window_uses_the_sites_map(
    sonogauge: Sonogauge, sonogauge_alone: Sonogauge, weights: Path, pictures: Path, profile: Path
):
    told = ("--profile", profile, "--weights", weights, "--exam", "abdomen")
    ended = sonogauge("calibrate", "clusters", pictures, *told, "--clusters", "2", "--frames", 90)
    assert ended.code == 0, ended.err
    assert "another word than before" in ended.out
    live = sonogauge_alone("live", pictures, "--headless", "--seconds", 5, "--json", *told)
    assert live.code == 0, live.err
    assert set(live.json["last_assessment"]["cluster"]["shares"]) == {"A-", "A+"}, "the released map has three"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (("--clusters", "9"), "2 to 8, or auto"),
        ((), "nothing to fit the map to"),
        (("SOURCE", "--undo"), "leave the sources out"),
        (("--undo",), "nothing to undo"),
        (("FEW", "--exam", "abdomen"), "60 or more: give more recordings"),
        (("missing/clip.mp4",), "no file or folder"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    sonogauge: Sonogauge, weights: Path, pictures: Path, profile: Path, extra: tuple[str, ...], said: str
):
    before = profile.read_bytes()
    named = {"SOURCE": pictures, "FEW": pictures / "0.png"}
    sources = () if "--undo" in extra or not extra or extra[0] in named or "/" in extra[0] else (pictures,)
    arguments = (*sources, *(named.get(word, word) for word in extra))
    ended = sonogauge("calibrate", "clusters", *arguments, "--profile", profile, *("--weights", weights))
    assert ended.code in (1, 2)
    assert said in ended.err.replace("\n", " ")
    assert profile.read_bytes() == before
    assert not list(profile.parent.glob("*.npz"))


def test_a_profile_of_another_exam_is_refused(sonogauge: Sonogauge, weights: Path, pictures: Path, profile: Path):
    save_profile(load_profile(profile).model_copy(update={"exam": "echo"}), profile)
    told = ("--profile", profile, "--weights", weights, "--exam", "abdomen")
    ended = sonogauge("calibrate", "clusters", pictures, *told)
    assert ended.code == 2
    assert "is for echo, not abdomen" in ended.err


def test_without_the_extra_the_remedy_is_named(
    sonogauge: Sonogauge, weights: Path, pictures: Path, profile: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.commands.calibrate.find_spec", lambda name: None if name == "umap" else object())
    ended = sonogauge("calibrate", "clusters", pictures, "--profile", profile, "--weights", weights)
    assert ended.code == 2
    assert "umap is not installed" in ended.err
    assert "sonogauge[refit]" in ended.err
