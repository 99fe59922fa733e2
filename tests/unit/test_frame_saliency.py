"""A frame's map asks the score about the very pixels that it saw, and lies on the frame's own pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hearts import CROP, SECTOR, SIZE, heart, heart_frame

from calibration.levels import LIMITED_RANGE
from calibration.profile import ScannerProfile
from capture.errors import PictureError
from capture.frame import Frame
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import Assessment, Verdict
from models.runtime.frame_saliency import FrameSaliency
from models.runtime.picture_statistics import of_known_size
from models.runtime.score import PictureScore
from tests.support.make_mock_clusters import add_mock_clusters
from tests.support.make_mock_models import write_mock_models
from tests.support.make_mock_score import add_mock_score


class LeftCounts:
    """Scores by the grey levels of the left half, and keeps the first picture that it was asked about."""

    def __init__(self) -> None:
        self.picture: np.ndarray | None = None
        self.closed = 0

    def scores(self, pictures: np.ndarray) -> np.ndarray:
        self.picture = pictures[0].copy()
        steps = np.abs(np.diff(pictures[:, :, : pictures.shape[2] // 2].astype(np.float64), axis=2))
        return np.asarray(100 - steps.mean(axis=(1, 2)))

    def close(self) -> None:
        self.closed += 1


def speckle() -> Frame:
    pixels = np.clip(np.random.default_rng(0).rayleigh(80, SIZE), 17, 230).astype(np.uint8)
    pixels[0] = 16
    return Frame(pixels, 3, 9, "test")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Crops that the live score was asked about."""
    found: list[np.ndarray] = []
    score = PictureScore.score

    def noted(self: PictureScore, crop: np.ndarray) -> float:
        found.append(crop.copy())
        return score(self, crop)

    monkeypatch.setattr(PictureScore, "score", noted)
    return found


@pytest.fixture(params=[False, True], ids=["as it is", "mirrored, limited range"])
def assessor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RegionalAssessor]:
    told = {"levels": LIMITED_RANGE, "mirrored": True} if request.param else {}
    profile = ScannerProfile.of("test", SECTOR, SIZE, **told)
    weights = add_mock_score(add_mock_clusters(write_mock_models(tmp_path / "w")))
    options = {"provider": "cpu", "precision": "float32", "threads": 1, "cache_dir": tmp_path, "per_frame": True}
    with RegionalAssessor(weights, profile=profile, **options) as made:
        yield made


def test_the_picture_is_that_of_the_live_score(assessor: RegionalAssessor, seen: list[np.ndarray]):
    frame = speckle()
    assessment = assessor.assess(frame)
    assert (assessment.verdict, assessment.reason) == (Verdict.OK, "")
    score = LeftCounts()
    found = FrameSaliency(score).map_of(frame, assessment)
    np.testing.assert_array_equal(score.picture, of_known_size(seen[0]))
    assert (found.crop, found.sector) == (assessment.crop, assessment.sector)
    assert (found.source_id, found.of.index, found.of.t_mono_ns) == ("test", 3, 9)
    third = found.points.shape[1] // 3
    left, right = np.abs(found.points[:, :third]).max(), np.abs(found.points[:, -third:]).max()
    assert left > right, "on the screen as the user sees it"
    assert found.lies_on(assessment)


def test_what_cannot_be_mapped_is_told():
    maker = FrameSaliency(LeftCounts())
    with pytest.raises(PictureError, match="one colour"):
        maker.map_of(heart_frame(), heart(heart_frame()))
    frame = speckle()
    with pytest.raises(PictureError, match="no sector"):
        maker.map_of(frame, Assessment(0, 0, "test", SIZE, Verdict.OK, crop=CROP))


def test_closing_closes_the_score():
    score = LeftCounts()
    FrameSaliency(score).close()
    assert score.closed == 1
