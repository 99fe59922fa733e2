"""Which frames a site's map is fitted to."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.batch.site_frames import FEWEST, EvenSample, SiteSource, find_sources, gather
from app.bootstrap import ModelOptions
from capture.errors import CaptureError, DataError, ModelError, SettingsError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.source import SourceLost
from models.runtime.contract import ClusterAssessment
from tests.support.make_mock_clusters import add_mock_clusters
from tests.support.make_mock_models import write_mock_models


def numbered(number: int) -> ClusterAssessment:
    return ClusterAssessment("A", 0, (1.0,), ("A",), (float(number), 0.0), 0.5, 3, np.full(80, number, np.float32))


def sampled(length: int, most: int) -> tuple[list[int], int]:
    """Numbers of the frames chosen, and how many were looked at."""
    sample, looked = EvenSample(most), 0
    for number in range(length):
        if sample.wants_next():
            looked += 1
            sample.add(numbered(number))
    return [int(found.place[0]) for found in sample.chosen()], looked


@pytest.mark.parametrize("length", [1, 100, 199, 200, 201, 12345])
def test_frames_are_taken_evenly_from_a_stream_of_any_length(length: int):
    chosen, looked = sampled(length, 100)
    assert len(chosen) == min(length, 100)
    assert len(set(chosen)) == len(chosen)
    steps = np.diff(chosen)
    assert length < 3 or steps.max() <= 2 * max(steps.min(), 1)
    assert chosen[0] == 0
    assert chosen[-1] >= length - 1 - length / 50
    assert looked <= 200 + 100 * np.log2(max(length / 100, 1)), "a long archive is not read whole by the networks"


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelOptions:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    weights = add_mock_clusters(write_mock_models(tmp_path / "weights"), ("abdomen",))
    return ModelOptions(weights=weights, provider="cpu", precision="float32", exam="abdomen")


def stills(folder: Path, count: int, level: int) -> Path:
    """Screens of noise in a fan, or black ones for level 0."""
    folder.mkdir(exist_ok=True)
    fan = cv2.ellipse(np.zeros((240, 320), np.uint8), (160, 10), (210, 210), 90, -38, 38, 255, cv2.FILLED) > 0
    for number in range(count):
        noise = np.random.default_rng(number).rayleigh(max(level, 1), fan.shape)
        cv2.imwrite(
            str(folder / f"{level}_{number}.png"), (np.clip(noise, 0, 255) * fan * (level > 0)).astype(np.uint8)
        )
    return folder


def test_frames_that_cannot_be_judged_are_left_out_and_counted(options: ModelOptions, tmp_path: Path):
    folder = stills(tmp_path / "stills", FEWEST, 70)
    stills(folder, 5, 0)
    (folder / "torn.png").write_bytes(b"no picture")
    told: list[float] = []
    found = gather(find_sources([str(folder)]), options, "abdomen", 1500, 1, told.append)
    assert (found.seen, sum(found.left_out.values()), found.failed) == (FEWEST + 5, 5, ("torn.png",))
    assert (found.latents.shape, found.latents.dtype) == ((FEWEST, 80), np.float32)
    assert found.severity == pytest.approx(np.clip(1 - 2 * found.latents[:, 0], 0, 1), abs=1e-5)
    assert found.places == pytest.approx(found.latents[:, :1] * [1, 2], abs=1e-5)
    assert told == sorted(told)
    assert told[-1] == 1


def test_too_few_frames_are_refused_with_the_commonest_reason(options: ModelOptions, tmp_path: Path):
    folder = stills(tmp_path / "stills", FEWEST - 1, 70)
    stills(folder, 3, 0)
    with pytest.raises(
        DataError, match=r"59 of 62 frames .* 60 or more: give more recordings; 3 were left out, 3 of them because: \w"
    ):
        gather(find_sources([str(folder)]), options, "abdomen", 1500, 1, lambda share: None)


def test_no_model_of_an_exam_is_told_before_anything_is_read(options: ModelOptions, tmp_path: Path):
    (options.weights / "us2qnet_abdomen_map.npz").unlink()  # type: ignore[operator]
    sources = find_sources([str(stills(tmp_path / "stills", 1, 70))])
    with pytest.raises(ModelError, match="us2qnet_abdomen"):
        gather(sources, options, "abdomen", 1500, 1, lambda share: None)


def test_stills_come_first_and_other_sources_are_opened_as_live_takes_them(tmp_path: Path):
    folder = stills(tmp_path / "stills", 2, 70)
    found = find_sources(["virtual:seed=3", str(folder)])
    assert [item.name for item in found] == ["70_0.png", "70_1.png", "virtual:seed=3"]
    assert [item.is_still for item in found] == [True, True, False]
    with pytest.raises(CaptureError, match="nowhere"):
        find_sources([str(tmp_path / "nowhere" / "clip.mp4")])


class Bladder:
    """A source that knows what it shows."""

    source_id, is_live = "test", True

    def open(self) -> SourceInfo:
        return SourceInfo("test", "test", VideoMode(320, 240), exam="abdomen")

    def read(self, timeout_s: float) -> None:
        raise AssertionError("nothing is to be read")

    def close(self) -> None:
        pass


def test_a_source_of_another_exam_is_refused(options: ModelOptions):
    add_mock_clusters(options.weights, ("echo",))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="shows abdomen, and the map is for echo: give --exam abdomen"):
        gather([SiteSource("bladder", Bladder())], options, "echo", 1500, 1, lambda share: None)


class Ticking(Bladder):
    """A live source without end that loses its card after some frames, when asked to."""

    def __init__(self, frames: int = 10**9) -> None:
        self.left = frames

    def read(self, timeout_s: float) -> Frame | None:
        self.left -= 1
        if self.left < 0:
            raise SourceLost("the card is gone")
        time.sleep(0.001)
        return Frame(np.zeros((240, 320), np.uint8), 0, 0, "test")


@pytest.mark.parametrize(
    ("source", "told"), [(Ticking(), "were left out"), (Ticking(3), "could not be read to their end")]
)
def test_a_live_source_is_read_for_a_while_or_until_it_is_lost(options: ModelOptions, source: Ticking, told: str):
    start = time.monotonic()
    with pytest.raises(DataError, match=f"0 of .*{told}"):
        gather([SiteSource("card", source)], options, "abdomen", 60, 0.5, lambda share: None)
    assert time.monotonic() - start < 60
