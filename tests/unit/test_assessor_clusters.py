"""Quality clusters as a part of the assessor, for the heart and for other organs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.cluster_map import save_map
from calibration.crop import SectorCrop
from calibration.levels import Levels
from calibration.profile import ScannerProfile
from capture.errors import SettingsError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import Sector
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import ClusterAssessment, FrameStamp, Verdict
from tests.support.beside import AtOnce
from tests.support.make_mock_clusters import NAMES, add_mock_clusters, mock_map
from tests.support.make_mock_models import write_mock_models

SIZE = (540, 960)
SECTOR = Sector(480, 20, 4, 490, -0.65, 0.65)
MODE = VideoMode(SIZE[1], SIZE[0])
HEART = SourceInfo("test", "test", MODE, sector=SECTOR, spacing_mm=0.3, view="A4C", is_live=False)
LIVE_HEART = replace(HEART, is_live=True)
BLADDER = SourceInfo("test", "test", MODE, sector=SECTOR, exam="abdomen")

Maker = Callable[..., RegionalAssessor]


def screen(index: int = 0, level: float = 90) -> Frame:
    speckle = np.clip(np.random.default_rng(index).rayleigh(level, SIZE), 0, 255)
    return Frame((speckle * SECTOR.mask(*SIZE)).astype(np.uint8), index, round(index / 30 * 1e9), "test")


@pytest.fixture
def assessor_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    monkeypatch.setattr("models.runtime.assessor.Beside", AtOnce)
    made: list[RegionalAssessor] = []

    def make(folder: Path, info: SourceInfo | None = HEART, **options: object) -> RegionalAssessor:
        settings = {"provider": "cpu", "precision": "float32", "threads": 1, "cache_dir": tmp_path, "method": "dense"}
        assessor = RegionalAssessor(folder, **{**settings, **options})
        assessor.use_source(info)
        made.append(assessor)
        return assessor

    yield make
    for assessor in made:
        assessor.close()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return add_mock_clusters(write_mock_models(tmp_path / "w"), ("echo", "abdomen"))


def test_a_heart_frame_carries_its_cluster(weights: Path, assessor_of: Maker):
    assessor = assessor_of(weights)
    result = assessor.assess(screen())
    assert result.verdict is Verdict.OK
    assert result.cluster is not None
    assert result.cluster.names == NAMES
    assert result.cluster_reason == ""
    assert result.stages_ms["clusters"] > 0
    assert set(result.model_ids) == {"segmentation", "regional_dense", "us2qnet_echo"}
    assert assessor.cluster_map is not None
    assert assessor.cluster_map.names == NAMES


def test_the_clusters_see_what_they_were_trained_on(weights: Path, assessor_of: Maker, monkeypatch: pytest.MonkeyPatch):
    assessor, seen, frame = assessor_of(weights), [], screen()
    clusters = assessor._side._clusters.model
    assert clusters is not None
    assess = clusters.assess
    monkeypatch.setattr(clusters, "assess", lambda grey, of: seen.append(grey) or assess(grey, of))
    assessor.assess(frame)
    tracked = assessor._tracker.find(frame)
    assert tracked is not None
    wanted = SectorCrop(SECTOR, *SIZE, 224).extract(frame.pixels, tracked.levels)
    assert np.array_equal(seen[0], wanted)
    assert tracked.levels == Levels(0, 255)


def test_brighter_pictures_of_the_stand_in_are_better(weights: Path, assessor_of: Maker):
    assessor = assessor_of(weights, per_frame=True)
    severities = [assessor.assess(screen(0, level)).cluster.severity for level in (20, 60, 120)]
    assert severities == sorted(severities, reverse=True)


@pytest.mark.parametrize(("limit_ms", "every"), [(1e6, 2), (0.0, 4)])
def test_live_frames_take_turns_with_clusters(
    weights: Path, assessor_of: Maker, monkeypatch: pytest.MonkeyPatch, limit_ms: float, every: int
):
    monkeypatch.setattr("models.runtime.side_networks.BEHIND_MS", limit_ms)
    assessor, stamps = assessor_of(weights, LIVE_HEART), list[FrameStamp]()

    def cluster(index: int) -> ClusterAssessment | None:
        stamps.append(FrameStamp(index, round(index / 30 * 1e9)))
        result = assessor.assess(replace(screen(), index=index, t_mono_ns=stamps[-1].t_mono_ns))
        assert result.is_judged
        assert not result.cluster_reason
        return result.cluster

    found = [cluster(index) for index in range(9)]
    assert [one and one.of for one in found] == [
        stamps[index - 1] if index > 0 and (index - 1) % every == 0 else None for index in range(9)
    ], "of the frame before, which nothing had to wait for"
    assessor.use_source(HEART)
    for index in range(9, 12):
        of_it = cluster(index)
        assert of_it is not None
        assert of_it.of == stamps[-1], "recordings have one in every frame, of that frame"


def test_where_only_the_regions_fail_the_cluster_is_still_given(tmp_path: Path, assessor_of: Maker):
    folder = add_mock_clusters(write_mock_models(tmp_path / "w", labels=np.zeros((256, 256), np.uint8)))
    result = assessor_of(folder).assess(screen())
    assert (result.verdict, result.reason) == (Verdict.CANNOT_JUDGE, "no left ventricle found")
    assert result.cluster is not None
    assert result.cluster_reason == ""


def test_a_live_frame_without_regions_and_turn_says_nothing_against_its_cluster(tmp_path: Path, assessor_of: Maker):
    folder = add_mock_clusters(write_mock_models(tmp_path / "w", labels=np.zeros((256, 256), np.uint8)))
    assessor = assessor_of(folder, LIVE_HEART)
    results = [assessor.assess(replace(screen(), index=index)) for index in range(3)]
    assert [result.cluster is None for result in results] == [True, False, True]
    assert {result.reason for result in results} == {"no left ventricle found"}
    assert {result.cluster_reason for result in results} == {""}, "the cluster of the first is still shown with them"


def test_another_view_has_no_turn_of_the_clusters(tmp_path: Path, assessor_of: Maker):
    folder = add_mock_clusters(write_mock_models(tmp_path / "w", view="other"))
    assessor = assessor_of(folder, LIVE_HEART)
    assessor.assess(replace(screen(), index=0))
    assessor._view = "A4C"  # the next frame is of the heart, without a new round
    assert assessor.assess(replace(screen(), index=1)).cluster is None


def test_other_views_and_screens_without_sector_have_no_cluster(tmp_path: Path, assessor_of: Maker):
    folder = add_mock_clusters(write_mock_models(tmp_path / "w", view="other"))
    assessor = assessor_of(folder)
    result = assessor.assess(screen())
    assert (result.cluster, result.cluster_reason) == (None, "not an apical view of the heart")
    assessor.set_view("A4C")
    assert assessor.assess(screen()).cluster is not None
    black = assessor_of(folder, info=None).assess(Frame(np.zeros(SIZE, np.uint8), 0, 0, "test"))
    assert black.cluster is None
    assert black.cluster_reason == black.reason != ""


@pytest.mark.parametrize("told", ["option", "profile", "source"])
def test_other_organs_go_without_the_hearts_part(weights: Path, assessor_of: Maker, told: str):
    profile = ScannerProfile.of("test", SECTOR, SIZE).model_copy(update={"exam": "abdomen"})
    options = {"option": {"exam": "abdomen"}, "profile": {"profile": profile}, "source": {}}[told]
    assessor = assessor_of(weights, BLADDER if told == "source" else HEART, keep_label_map=True, **options)
    assessor.set_view("A4C")
    result = assessor.assess(screen())
    assert (result.verdict, result.reason, result.regions) == (Verdict.OK, "", ())
    assert (result.view, result.contours, result.label_map) == (None, {}, None)
    assert result.sector == SECTOR
    assert result.cluster is not None
    assert set(result.model_ids) == {"us2qnet_abdomen"}
    assert [info.name for info in assessor.models] == ["us2qnet_abdomen"]
    assert set(result.stages_ms) == {"sector", "crop", "clusters", "clusters_beside"}


def test_an_option_wins_over_the_source(weights: Path, assessor_of: Maker):
    result = assessor_of(weights, BLADDER, exam="echo").assess(screen())
    assert len(result.regions) == 8
    assert "us2qnet_echo" in result.model_ids


def test_the_exam_follows_the_sources(weights: Path, assessor_of: Maker):
    assessor = assessor_of(weights)
    for info, regions in ((BLADDER, 0), (HEART, 8)):
        assessor.use_source(info)
        assert len(assessor.assess(screen()).regions) == regions


def test_an_abdomen_needs_no_heart_models(tmp_path: Path, assessor_of: Maker):
    (tmp_path / "w").mkdir()
    folder = add_mock_clusters(tmp_path / "w", ("abdomen",))
    assert assessor_of(folder, BLADDER, exam="abdomen").assess(screen()).cluster is not None


def test_an_unknown_exam_is_refused(weights: Path, assessor_of: Maker):
    with pytest.raises(SettingsError, match="echo, abdomen"):
        assessor_of(weights, exam="brain")


def test_a_sites_map_is_used_for_its_exam_alone(tmp_path: Path, weights: Path, assessor_of: Maker):
    save_map(mock_map(latents=True, reverse=True), tmp_path / "site.npz")
    assessor = assessor_of(weights, site_map=tmp_path / "site.npz")
    assert assessor.assess(screen()).cluster.place[0] < 0
    assessor.use_source(BLADDER)
    assert assessor.assess(screen()).cluster.place[0] > 0
