"""What is wrong with score or gate costs that field alone, and is told by name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from calibration.profile import GatePart, ScannerProfile
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import Sector
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import SIDE_FIELDS, Assessment, Verdict
from tests.support.make_mock_clusters import add_mock_clusters
from tests.support.make_mock_gate import add_mock_gates
from tests.support.make_mock_models import write_mock_models
from tests.support.make_mock_score import add_mock_score

SIZE = (540, 960)
SECTOR = Sector(480, 20, 4, 490, -0.65, 0.65)
STILL = SourceInfo("test", "test", VideoMode(SIZE[1], SIZE[0]), sector=SECTOR, view="A4C", is_live=False)

Maker = Callable[..., RegionalAssessor]


def screen(level: float = 110) -> Frame:
    speckle = np.clip(np.random.default_rng(0).rayleigh(level, SIZE), 0, 255)
    return Frame((speckle * SECTOR.mask(*SIZE)).astype(np.uint8), 0, 0, "test")


def only_missing(result: Assessment) -> str:
    """The one field that is not there; the frame is judged, and no other field has a reason."""
    assert (result.verdict, result.reason, len(result.regions)) == (Verdict.OK, "", 8)
    (missing,) = [name for name in SIDE_FIELDS if getattr(result, name) is None]
    assert [name for name in SIDE_FIELDS if getattr(result, f"{name}_reason")] == [missing]
    return missing


@pytest.fixture
def assessor_of(tmp_path: Path) -> Iterator[Maker]:
    made: list[RegionalAssessor] = []

    def make(folder: Path, **options: object) -> RegionalAssessor:
        settings = {"provider": "cpu", "precision": "float32", "threads": 1, "cache_dir": tmp_path, "method": "dense"}
        made.append(RegionalAssessor(folder, **{**settings, "per_frame": True, **options}))
        made[-1].use_source(STILL)
        return made[-1]

    yield make
    for assessor in made:
        assessor.close()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return add_mock_clusters(write_mock_models(tmp_path / "w"))


@pytest.fixture
def weights(base: Path) -> Path:
    return add_mock_score(add_mock_gates(base))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [flip, Path.unlink])
@pytest.mark.parametrize(
    ("field", "file"),
    [
        ("score", "score.float32.onnx"),
        ("gate", "artifact_echo.float32.onnx"),
        ("gate", "artifact_echo_map.npz"),
    ],
)
def test_a_flipped_bit_or_a_missing_file_is_named(
    weights: Path, assessor_of: Maker, field: str, file: str, damage: Callable
):
    damage(weights / file)
    result = assessor_of(weights).assess(screen())
    assert only_missing(result) == field
    assert file in getattr(result, f"{field}_reason")


def test_weights_without_score_and_gate_go_as_before(base: Path, assessor_of: Maker, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        result = assessor_of(base).assess(screen())
    assert (result.verdict, result.cluster is None, len(result.regions)) == (Verdict.OK, False, 8)
    assert result.score_reason.startswith("no score: no model 'score' in manifest.json")
    assert "artifact_echo" in result.gate_reason
    assert not {"score", "gate", "score_beside", "gate_beside"} & set(result.stages_ms)
    assert not caplog.records, "no warning about what was never there"


@pytest.mark.parametrize("field", ["score", "gate"])
def test_nan_costs_that_frame_the_field_alone(base: Path, assessor_of: Maker, field: str):
    add_mock_score(base, nan_below=0.15 if field == "score" else None)
    add_mock_gates(base, nan_below=0.15 if field == "gate" else None)
    assessor = assessor_of(base)
    bright, dark = assessor.assess(screen()), assessor.assess(screen(20))
    assert not any(getattr(bright, f"{name}_reason") for name in SIDE_FIELDS)
    assert only_missing(dark) == field
    assert "@0.0.1" in getattr(dark, f"{field}_reason")


def test_a_threshold_of_another_model_asks_for_a_new_fit(weights: Path, assessor_of: Maker):
    gate = GatePart(family="echo", log_density=-1.0, share=5, model="artifact_echo@9")
    profile = ScannerProfile.of("test", SECTOR, SIZE).model_copy(update={"gate": gate})
    result = assessor_of(weights, profile=profile).assess(screen())
    assert only_missing(result) == "gate"
    assert "calibrate gate" in result.gate_reason


def test_a_closed_assessor_says_so(weights: Path, assessor_of: Maker):
    assessor = assessor_of(weights, exam="abdomen")
    assessor.close()
    result = assessor.assess(screen())
    assert all("not open" in getattr(result, f"{name}_reason") for name in SIDE_FIELDS)
