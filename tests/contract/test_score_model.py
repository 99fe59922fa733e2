"""What the live score promises, on a stand-in and on the released model where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from capture.errors import ModelError, PictureError
from models.runtime.manifest import default_weights_folder, load_manifest
from models.runtime.precision import open_model
from models.runtime.saliency import saliency
from models.runtime.score import MODEL, PictureScore, open_score
from tests.support.make_mock_score import add_mock_score

SIDE = 224


def grey(level: float, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    """Noise around a level 0..1, uint8."""
    return np.clip(np.random.default_rng(0).normal(255 * level, 8, shape), 1, 255).astype(np.uint8)


def opened(folder: Path, cache: Path) -> PictureScore:
    return open_score(lambda name: open_model(folder, name, provider="cpu", threads=1, cache_dir=cache))


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[PictureScore]:
    score = opened(add_mock_score(tmp_path / "weights"), tmp_path)
    yield score
    score.close()


@pytest.fixture(params=["stand-in", "released"])
def score(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PictureScore]:
    folder = default_weights_folder()
    if request.param == "stand-in":
        folder = add_mock_score(tmp_path / "weights")
    elif MODEL not in load_manifest(folder).models:
        pytest.fail("the released weights have no score")
    found = opened(folder, tmp_path)
    yield found
    found.close()


def test_a_score_is_between_0_and_100_and_always_the_same(score: PictureScore):
    for level in (0.02, 0.2, 0.5, 0.98):
        first = score.score(grey(level))
        assert 0 <= first <= 100
        assert score.score(grey(level)) == first
    assert score.info.name == MODEL


def test_many_in_one_run_score_as_each_alone(score: PictureScore):
    squares = np.stack([grey(level) for level in (0.1, 0.3, 0.45)])
    alone = [score.score(square) for square in squares]
    assert score.scores(squares) == pytest.approx(alone, abs=0.5)


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (np.zeros((SIDE, SIDE), np.uint8), "one colour"),
        (np.full((300, 200), 90, np.uint8), "one colour"),
        (np.zeros((SIDE, SIDE), np.float32), "float32"),
        (np.zeros((SIDE, SIDE, 3), np.uint8), "3"),
        (np.zeros((7, 100), np.uint8), r"\(7, 100\)"),
        (np.zeros((0, 0), np.uint8), r"\(0, 0\)"),
    ],
)
def test_pictures_that_cannot_be_judged_are_told(score: PictureScore, picture: np.ndarray, told: str):
    with pytest.raises(PictureError, match=told):
        score.score(picture)


def test_the_calibration_of_the_manifest_makes_the_score(mock: PictureScore):
    assert mock.score(grey(0.25)) == pytest.approx(25, abs=1)
    assert mock.score(grey(0.4)) == pytest.approx(40, abs=1)


def test_a_crop_of_any_size_is_judged(score: PictureScore, mock: PictureScore):
    for shape in ((8, 8), (9, 700), (480, 640), (1080, 1920)):
        assert 0 <= score.score(grey(0.3, shape)) <= 100
        assert mock.score(grey(0.3, shape)) == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    "changes",
    [
        {"correction": {"slope": 0.0, "intercept": 0.0}},
        {"correction": {"slope": -1.0, "intercept": 0.0}},
    ],
)
def test_a_calibration_that_is_none_is_refused(tmp_path: Path, changes: dict[str, object]):
    with pytest.raises(ModelError, match="turns the score around"):
        opened(add_mock_score(tmp_path / "weights", **changes), tmp_path)


def test_another_model_in_its_place_is_refused(tmp_path: Path):
    contract = {
        "input": {"name": "statistics", "shape": [None, 12]},
        "outputs": [{"name": "severity", "shape": [None, 1]}],
    }
    with pytest.raises(ModelError, match="expected float32"):
        opened(add_mock_score(tmp_path / "weights", contract=contract), tmp_path)


def test_a_closed_score_is_told(mock: PictureScore):
    mock.close()
    mock.close()
    with pytest.raises(ModelError, match="closed"):
        mock.score(grey(0.3))


def test_a_map_of_what_drives_the_score_comes_from_the_same_session(score: PictureScore):
    found = saliency(score.scores, grey(0.3))
    assert found.shape == (SIDE, SIDE)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 100
