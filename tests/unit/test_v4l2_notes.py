from __future__ import annotations

from pathlib import Path

import pytest

from capture.frame import VideoMode
from capture.v4l2 import mode_notes
from capture.v4l2_node import fourcc_text, why_not_open
from capture.v4l2_reader import CardState

WISH = VideoMode(1920, 1080, 30.0, "YUYV")


def notes(granted: VideoMode, **state: bool) -> tuple[str, ...]:
    return mode_notes(WISH, CardState("Card", granted, **state))


def test_mode_as_asked_needs_no_note() -> None:
    assert notes(WISH) == ()
    assert notes(VideoMode(1920, 1080, 29.97, "YUYV")) == (), "29.97 is 30 to a person"
    assert mode_notes(VideoMode(), CardState("Card", WISH)) == (), "no wish, no difference"


def test_each_difference_is_one_sentence() -> None:
    assert notes(VideoMode(1280, 720, 25.0, "MJPG")) == (
        "The card gives 1280x720 instead of 1920x1080.",
        "The card gives 25 instead of 30 frames per second.",
        "The card sends MJPG instead of YUYV.",
    )


def test_slow_port_and_untrusted_times_are_told() -> None:
    assert any("USB 3" in note for note in notes(VideoMode(1920, 1080, 5.0, "YUYV")))
    assert any("times" in note for note in notes(WISH, has_driver_time=False))


@pytest.mark.parametrize(("code", "text"), [(0, ""), (0x56595559, "YUYV"), (0x20203859, "Y8"), (0x47504A4D, "MJPG")])
def test_fourcc(code: int, text: str) -> None:
    assert fourcc_text(code) == text


def test_why_not_open_names_device_and_remedy(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    assert why_not_open("/dev/none7") == (
        "There is no device /dev/none7. Plug the capture card in, or choose another source."
    )
    assert "not a capture device" in why_not_open(str(plain))
    assert why_not_open("/dev/null").startswith("/dev/null is not a V4L2 capture device.")
