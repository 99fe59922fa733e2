"""Score and gate beside the clusters in the assessor: their turns, the family of an exam, a site's threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.profile import GatePart, ScannerProfile
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import Sector
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import SIDE_FIELDS, Assessment, FrameStamp, Verdict
from tests.support.beside import AtOnce, Held
from tests.support.make_mock_clusters import add_mock_clusters
from tests.support.make_mock_gate import NAMES, TAU_5, add_mock_gates
from tests.support.make_mock_models import write_mock_models
from tests.support.make_mock_score import add_mock_score

SIZE = (540, 960)
SECTOR = Sector(480, 20, 4, 490, -0.65, 0.65)
MODE = VideoMode(SIZE[1], SIZE[0])
HEART = SourceInfo("test", "test", MODE, sector=SECTOR, spacing_mm=0.3, view="A4C")
BLADDER = SourceInfo("test", "test", MODE, sector=SECTOR, exam="abdomen")

Maker = Callable[..., RegionalAssessor]


def screen(index: int = 0, level: float = 110, later_s: float = 0) -> Frame:
    speckle = np.clip(np.random.default_rng(0).rayleigh(level, SIZE), 0, 255)
    t_mono_ns = round((index / 30 + later_s) * 1e9)
    return Frame((speckle * SECTOR.mask(*SIZE)).astype(np.uint8), index, t_mono_ns, "test")


@pytest.fixture
def assessor_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    monkeypatch.setattr("models.runtime.assessor.Beside", AtOnce)
    made: list[RegionalAssessor] = []

    def make(folder: Path, info: SourceInfo | None = HEART, **options: object) -> RegionalAssessor:
        settings = {"provider": "cpu", "precision": "float32", "threads": 1, "cache_dir": tmp_path, "method": "dense"}
        made.append(RegionalAssessor(folder, **{**settings, **options}))
        made[-1].use_source(info)
        return made[-1]

    yield make
    for assessor in made:
        assessor.close()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = add_mock_clusters(write_mock_models(tmp_path / "w"), ("echo", "abdomen"))
    return add_mock_score(add_mock_gates(folder))


def fields(assessment: Assessment) -> list[str]:
    """Which are there; none of the others is missing for a reason."""
    assert not any(getattr(assessment, f"{name}_reason") for name in SIDE_FIELDS)
    return [name for name in SIDE_FIELDS if getattr(assessment, name) is not None]


def test_a_frame_of_a_recording_carries_all(weights: Path, assessor_of: Maker):
    assessor = assessor_of(weights, replace(HEART, is_live=False))
    results = [assessor.assess(screen(index)) for index in range(3)]
    assert [fields(result) for result in results] == [list(SIDE_FIELDS)] * 3
    for result in results:
        sides = {"us2qnet_echo", "score", "artifact_echo"}
        assert set(result.model_ids) == {"segmentation", "regional_dense", *sides}
        assert result.score is not None
        assert result.gate is not None
        assert result.score.of == result.gate.of == FrameStamp(result.frame_index, result.t_mono_ns)
        assert (result.gate.threshold, result.gate.is_known, result.gate.hint) == (TAU_5, True, None)
        assert result.ages_ms == dict.fromkeys(SIDE_FIELDS, 0.0)
        assert min(result.stages_ms[name] for name in ("score", "gate", "score_beside", "gate_beside")) > 0


@pytest.mark.parametrize(
    ("limit_ms", "wanted"), [(1e6, ["cluster", "score", "gate"] * 2), (0.0, ["cluster", "", "score", "", "gate", ""])]
)  # each carried by the frame after
def test_live_frames_take_turns(
    weights: Path, assessor_of: Maker, monkeypatch: pytest.MonkeyPatch, limit_ms: float, wanted: list[str]
):
    monkeypatch.setattr("models.runtime.side_networks.BEHIND_MS", limit_ms)
    assessor = assessor_of(weights)
    found = [fields(assessor.assess(screen(index))) for index in range(7)]
    assert ["+".join(names) for names in found] == ["", *wanted]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    beside = Held()
    monkeypatch.setattr("models.runtime.assessor.Beside", lambda core, gives_way=False: beside)
    yield beside
    beside.let_go()


def stamped(assessment: Assessment) -> list[tuple[str, int]]:
    """Fields that are there, and the frame each is of."""
    return [(name, getattr(assessment, name).of.index) for name in fields(assessment)]


def test_a_live_frame_waits_for_none_and_a_later_one_carries_it(weights: Path, assessor_of: Maker, held: Held):
    assessor = assessor_of(weights)
    early = [assessor.assess(screen(index)) for index in range(3)]
    assert [stamped(result) for result in early] == [[], [], []]
    assert all(result.is_judged for result in early)
    held.let_go()
    late = assessor.assess(screen(3))
    assert stamped(late) == [("cluster", 0)], "and none began while it was read"
    assert late.ages_ms["cluster"] > 0
    assert late.stages_ms["clusters_beside"] > 0


@pytest.mark.parametrize("event", ["gap", "view", "stream", "sector", "source"])
def test_what_was_said_before_does_not_count_after(weights: Path, assessor_of: Maker, held: Held, event: str):
    assessor, later_s = assessor_of(weights), 0.0
    assessor.assess(screen(0))
    held.let_go()
    if event == "gap":
        later_s = 1.0
    elif event == "view":
        assessor.set_view("A2C")
    elif event == "stream":
        assessor.forget_stream()
    elif event == "sector":
        assessor.use_source(None)
        assessor.assess(Frame(np.zeros(SIZE, np.uint8), 1, round(1e9 / 30), "test"))
        assessor.use_source(HEART)
    else:
        assessor.use_source(BLADDER)
    assert ("cluster", 0) not in stamped(assessor.assess(screen(2, later_s=later_s)))


def test_closing_waits_for_what_was_begun(weights: Path, assessor_of: Maker, held: Held):
    assessor = assessor_of(weights)
    assessor.assess(screen())
    held.let_go()
    assessor.close()
    assessor.close()


def test_brighter_pictures_of_the_stand_ins_score_higher_and_are_less_known(weights: Path, assessor_of: Maker):
    assessor = assessor_of(weights, per_frame=True)
    results = [assessor.assess(screen(level=level)) for level in (100, 110, 200)]
    scores = [result.score.value for result in results if result.score is not None]
    assert scores == sorted(scores)
    assert len(set(scores)) == 3
    assert all(0 <= score <= 100 for score in scores)
    assert [result.gate.is_known for result in results if result.gate] == [True, True, False]
    brightest = results[-1].gate
    assert brightest is not None
    assert (brightest.hint, brightest.reason.endswith("(looks like noise)")) == ("noise", True)
    assert brightest.place[0] > results[0].gate.place[0]  # type: ignore[union-attr]
    assert results[-1].verdict is Verdict.OK, "what follows from it is for the engine"


def test_clusters_are_all_that_an_abdomen_is_judged_by_and_of_each_frame(weights: Path, assessor_of: Maker):
    assessor = assessor_of(weights, BLADDER)
    results = [assessor.assess(screen(index)) for index in range(4)]
    assert [fields(result) for result in results] == [["cluster", "score"], ["cluster", "gate"]] * 2
    assert all(result.is_judged for result in results)
    assert "artifact_any" in results[0].model_ids


def test_another_exam_has_another_gate(weights: Path, assessor_of: Maker):
    assessor = assessor_of(weights, exam=None)
    assessor.use_source(BLADDER)
    assert {"artifact_any", "score"} <= set(assessor.assess(screen()).model_ids)


def test_the_plane_to_draw_follows_the_exam_and_the_profile(weights: Path, assessor_of: Maker):
    gate = GatePart(family="echo", log_density=-1.0, share=5, model="artifact_echo@0.0.1")
    profile = ScannerProfile.of("test", SECTOR, SIZE).model_copy(update={"gate": gate})
    assessor = assessor_of(weights, profile=profile)
    of_heart = assessor.gate_plane
    assert of_heart is not None
    assert (of_heart.tau, of_heart.references.names) == (-1.0, NAMES)
    assert of_heart is assessor.gate_plane, "the same one, for who compares"
    assessor.use_source(BLADDER)
    assert assessor.gate_plane is not None
    assert assessor.gate_plane is not of_heart
    assert assessor.gate_plane.tau == TAU_5, "the profile's is of the other family"


def test_what_has_no_network_is_told_without_a_frame(tmp_path: Path, assessor_of: Maker):
    assessor = assessor_of(add_mock_score(write_mock_models(tmp_path / "bare")))
    assert assessor.gate_plane is None
    assert list(assessor.missing) == ["cluster", "gate"]
    assert assessor.missing["gate"].startswith("not compared with known frames: no model 'artifact_echo'")
    assert assessor.missing["gate"] == assessor.assess(screen()).gate_reason


def test_the_profiles_threshold_is_used(weights: Path, assessor_of: Maker):
    profile = ScannerProfile.of("test", SECTOR, SIZE)
    gate = GatePart(family="echo", log_density=5.0, share=5, model="artifact_echo@0.0.1")
    assessor = assessor_of(weights, per_frame=True, profile=profile.model_copy(update={"gate": gate}))
    found = assessor.assess(screen()).gate
    assert found is not None
    assert (found.threshold, found.is_known) == (5.0, False)


def test_a_screen_without_sector_has_none_for_its_reason(weights: Path, assessor_of: Maker):
    result = assessor_of(weights, None).assess(Frame(np.zeros(SIZE, np.uint8), 0, 0, "test"))
    assert {getattr(result, f"{name}_reason") for name in SIDE_FIELDS} == {result.reason}
    assert result.ages_ms == {}
