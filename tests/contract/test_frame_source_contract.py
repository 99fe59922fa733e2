"""One suite over every frame source: what ``capture.source.FrameSource`` promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_v4l2 import FakeCard
from media import numbered_picture, write_images, write_video
from source_checks import CHECKS

from capture.discovery import open_source
from capture.errors import CaptureError
from capture.image_folder import ImageFolderSource
from capture.source import FrameSource
from capture.v4l2 import V4L2Source
from capture.video_file import VideoFileSource


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    pictures = [numbered_picture(k) for k in range(20)]
    write_video(folder / "grey.mkv", pictures)
    write_video(folder / "colour.mkv", pictures, pix_fmt="yuv420p")
    write_images(folder / "stills", [f"still{k}.png" for k in range(12)])
    return folder


MAKERS: dict[str, Callable[[Path], FrameSource]] = {
    "video_real": lambda media: VideoFileSource(media / "grey.mkv"),
    "video_fast": lambda media: VideoFileSource(media / "colour.mkv", pace="fast"),
    "video_loop": lambda media: VideoFileSource(media / "colour.mkv", loop=True),
    "video_grey": lambda media: VideoFileSource(media / "colour.mkv", grey=True),
    "folder": lambda media: ImageFolderSource(media / "stills"),
    "virtual": lambda media: open_source("virtual:seed=3,width=640,height=360"),
}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
@pytest.mark.parametrize("kind", MAKERS)
def test_source(kind: str, check: Callable[[Callable[[], FrameSource]], None], media: Path) -> None:
    if kind == "virtual":
        pytest.importorskip("capture.virtual.source")
    check(lambda: MAKERS[kind](media))


@pytest.fixture(scope="module")
def card_results(preload_library: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    card = FakeCard(tmp_path_factory.mktemp("card"), preload_library)
    names = [f"contract_{name}" for name in CHECKS]
    done = card.run("tests/support/v4l2_scenarios.py", *names, timeout_s=120)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", CHECKS)
def test_capture_card(name: str, card_results: dict[str, Any]) -> None:
    result = card_results[f"contract_{name}"]
    assert "error" not in result, result.get("error")
    assert result["handles"] == 0, "the device is released"


def _text_file(folder: Path) -> Path:
    path = folder / "not_a_video.mp4"
    path.write_text("this is no video\n" * 50)
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: VideoFileSource(folder / "missing.mp4"),
        VideoFileSource,
        lambda folder: VideoFileSource(_text_file(folder)),
        lambda folder: ImageFolderSource(folder / "missing"),
        ImageFolderSource,
        lambda folder: V4L2Source(str(folder / "video9")),
        lambda folder: V4L2Source(str(_text_file(folder))),
        lambda folder: V4L2Source("/dev/null"),
    ],
    ids=[
        "missing video",
        "folder as video",
        "text as video",
        "missing folder",
        "empty folder",
        "missing card",
        "file as card",
        "other device",
    ],
)
def test_what_cannot_be_opened_is_a_capture_error_with_its_name(
    make: Callable[[Path], FrameSource], tmp_path: Path
) -> None:
    source = make(tmp_path)
    with pytest.raises(CaptureError) as error:
        source.open()
    assert source.source_id.split(":", 1)[1] in str(error.value)
    source.close()
    with pytest.raises(CaptureError):
        source.read(0.01)
