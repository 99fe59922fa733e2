"""What is wrong with the quality clusters costs them alone, and is told by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from calibration.cluster_map import save_map
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import Sector
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import Verdict
from models.runtime.providers import ProviderError, cuda_problem
from tests.support.make_mock_clusters import add_mock_clusters, mock_map
from tests.support.make_mock_models import write_mock_models

SIZE = (540, 960)
SECTOR = Sector(480, 20, 4, 490, -0.65, 0.65)
HEART = SourceInfo("test", "test", VideoMode(SIZE[1], SIZE[0]), sector=SECTOR, view="A4C")

Maker = Callable[..., RegionalAssessor]


def screen(level: float = 90) -> Frame:
    speckle = np.clip(np.random.default_rng(0).rayleigh(level, SIZE), 0, 255)
    return Frame((speckle * SECTOR.mask(*SIZE)).astype(np.uint8), 0, 0, "test")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return add_mock_clusters(write_mock_models(tmp_path / "w"), ("echo", "abdomen"))


@pytest.fixture
def assessor_of(tmp_path: Path) -> Iterator[Maker]:
    made: list[RegionalAssessor] = []

    def make(folder: Path, **options: object) -> RegionalAssessor:
        settings = {"provider": "cpu", "precision": "float32", "threads": 1, "cache_dir": tmp_path, "method": "dense"}
        made.append(RegionalAssessor(folder, **{**settings, **options}))
        made[-1].use_source(HEART)
        return made[-1]

    yield make
    for assessor in made:
        assessor.close()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def mutate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize("damage", [cut, mutate, Path.unlink])
@pytest.mark.parametrize("file", ["us2qnet_{exam}_map.npz", "us2qnet_{exam}.float32.onnx"])
@pytest.mark.parametrize("exam", ["echo", "abdomen"])
def test_a_damaged_or_missing_file_is_named(weights: Path, assessor_of: Maker, exam: str, file: str, damage: Callable):
    name = file.format(exam=exam)
    damage(weights / name)
    assessor = assessor_of(weights, exam=exam)
    result = assessor.assess(screen())
    assert result.cluster is None
    assert result.cluster_reason.startswith("cannot judge: ")
    assert name in result.cluster_reason
    assert assessor.cluster_map is None
    if exam == "echo":
        assert (result.verdict, len(result.regions)) == (Verdict.OK, 8)
    else:  # nothing else was judged
        assert (result.verdict, result.reason) == (Verdict.CANNOT_JUDGE, result.cluster_reason)


def test_weights_without_clusters_leave_the_heart_alone(tmp_path: Path, assessor_of: Maker):
    result = assessor_of(write_mock_models(tmp_path / "w")).assess(screen())
    assert (result.verdict, len(result.regions), result.cluster) == (Verdict.OK, 8, None)
    assert "us2qnet_echo" in result.cluster_reason
    assert "clusters" not in result.stages_ms


def test_nan_costs_that_frame_its_cluster_alone(tmp_path: Path, assessor_of: Maker):
    folder = add_mock_clusters(write_mock_models(tmp_path / "w"), nan_below=0.15)
    assessor = assessor_of(folder, per_frame=True)
    bright, dark = assessor.assess(screen(150)), assessor.assess(screen(20))
    assert bright.cluster is not None
    assert (dark.verdict, dark.cluster) == (Verdict.OK, None)
    assert "us2qnet_echo@" in dark.cluster_reason
    assert "shares" in dark.cluster_reason


def test_a_picture_of_one_colour_has_no_cluster(weights: Path, assessor_of: Maker):
    frame = Frame((SECTOR.mask(*SIZE) * 120).astype(np.uint8), 0, 0, "test")
    result = assessor_of(weights, exam="abdomen").assess(frame)
    assert result.cluster is None
    assert "one colour" in result.reason


@pytest.mark.parametrize("content", [None, b"", b"no map", "cut", "released"])
def test_a_broken_site_map_costs_only_itself(tmp_path: Path, weights: Path, assessor_of: Maker, content: object):
    path = tmp_path / "site.npz"
    save_map(mock_map(latents=content != "released"), path)
    if content is None:
        path.unlink()
    elif content == "cut":
        cut(path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    result = assessor_of(weights, site_map=path).assess(screen())
    assert (result.verdict, len(result.regions), result.cluster) == (Verdict.OK, 8, None)
    assert "fit" in result.cluster_reason, "no silent return to the released map: its clusters mean something else"


def test_a_closed_assessor_judges_no_other_organs(weights: Path, assessor_of: Maker):
    assessor = assessor_of(weights, exam="abdomen")
    assessor.close()
    assessor.close()
    result = assessor.assess(screen())
    assert (result.verdict, result.cluster) == (Verdict.CANNOT_JUDGE, None)
    assert "not open" in result.reason


def test_a_provider_asked_for_by_name_is_no_matter_of_the_clusters_alone(weights: Path, assessor_of: Maker):
    if not cuda_problem():
        pytest.skip("this machine has CUDA, so that asking for it is no fault")
    with pytest.raises(ProviderError):
        assessor_of(weights, exam="abdomen", provider="cuda", precision=None)
