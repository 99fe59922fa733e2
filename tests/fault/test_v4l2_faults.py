"""Faults of a capture card, through OpenCV's real V4L2 back-end in a process that has the stand-in card loaded."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from fake_v4l2 import DEVICE, FakeCard


def play(card: FakeCard, name: str) -> dict[str, Any]:
    done = card.run("tests/support/v4l2_scenarios.py", name, timeout_s=90)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)[name]
    assert "error" not in result, result["error"]
    return dict(result)


def test_granted_mode_is_read_back_and_each_difference_is_told(fake_card: FakeCard) -> None:
    result = play(fake_card, "granted_mode")
    assert result["granted"] == [640, 480, 25.0, "YUYV"]
    assert result["requested"] == "1920x1080 30 fps MJPG"
    assert [note.split(" instead")[0] for note in result["notes"]] == [
        "The card gives 640x480",
        "The card gives 25",
        "The card sends YUYV",
    ]
    assert result["name"] == "Fake capture card"
    assert result["shape"] == [480, 640, 3]


def test_compressed_format_is_taken_when_the_raw_one_is_slow(fake_card: FakeCard) -> None:
    result = play(fake_card, "slow_raw_format")
    assert (result["fourcc"], result["fps"]) == ("MJPG", 30.0)
    assert result["shape"] == [480, 640, 3]
    assert result["kept"] == "YUYV", "no gain, so the raw format stays"
    assert any("USB 3" in note for note in result["notes"])


def test_every_format_shows_the_true_picture(fake_card: FakeCard) -> None:
    result = play(fake_card, "formats")
    assert {name: shape for name, (shape, _) in list(result.items())[:4]} == {
        "BGR3": [480, 640, 3],
        "YUYV": [480, 640, 3],
        "GREY": [480, 640],
        "MJPG": [480, 640, 3],
    }
    assert result["BGR3"][1] == result["GREY"][1] == 0
    assert result["YUYV"][1] <= 2
    assert result["MJPG"][1] <= 6


def test_frame_rate_and_age_are_the_drivers(fake_card: FakeCard) -> None:
    result = play(fake_card, "frame_rate")
    for fps in (25.0, 30.0):
        measured = result[f"{fps:g}"]
        assert measured["fps"] == pytest.approx(fps, rel=0.01)
        assert measured["age_ms"] < 500


def test_times_that_are_not_on_the_monotonic_clock_are_replaced_and_told(fake_card: FakeCard) -> None:
    result = play(fake_card, "driver_times")
    assert result["monotonic"]["notes"] == []
    for stamp in ("zero", "realtime"):
        assert 0 <= result[stamp]["age_s"] < 1
        assert len(result[stamp]["notes"]) == 1


def test_slow_reader_gets_the_newest_frame_and_a_count_of_the_others(fake_card: FakeCard) -> None:
    result = play(fake_card, "slow_reader")
    assert result["gap"] == result["dropped"] == result["after_close"]
    assert result["dropped"] >= 5
    assert result["age_s"] < 0.3


def test_unplugged_and_back(fake_card: FakeCard) -> None:
    result = play(fake_card, "unplugged_and_back")
    assert result["message"].startswith(f"{DEVICE} was unplugged")
    assert result["lost_after_s"] < 1.0
    assert result["still"].startswith("SourceLost"), "a lost card stays lost until it is opened again"
    assert result["absent"].startswith(f"CaptureError: There is no device {DEVICE}")
    assert result["back_after_s"] < 2.0
    assert (result["handles"], result["abandoned"]) == (0, 0)


def test_replug_that_is_faster_than_any_look_at_the_node(fake_card: FakeCard) -> None:
    result = play(fake_card, "quick_replug")
    assert result["message"]
    assert result["shape"] == [480, 640, 3]


def test_busy_card_is_named_with_what_to_do(fake_card: FakeCard) -> None:
    result = play(fake_card, "busy")
    for message in (result["message"], result["other"]):
        assert message == f"CaptureError: {DEVICE} is in use by another program. Close that program, then try again."
    assert result["shape"] == [480, 640, 3]
    assert result["handles"] == 0


def test_stalled_card_blocks_neither_read_nor_close(fake_card: FakeCard) -> None:
    result = play(fake_card, "stalled")
    assert result["nothing"]
    assert result["read_s"] < 0.3
    assert "sent no picture" in result["message"]
    assert result["lost_after_s"] < 4
    assert result["close_s"] < 0.8
    assert result["shape"] == [480, 640, 3], "works again when the card does"


def test_short_stall_goes_on_without_opening_again(fake_card: FakeCard) -> None:
    result = play(fake_card, "short_stall")
    assert result["reopened"] == 0
    assert result["back_after_s"] < 1.5


def test_driver_that_never_returns_is_left_behind_and_counted(fake_card: FakeCard) -> None:
    result = play(fake_card, "hanging_driver")
    assert result["read_s"] < 1.0
    assert result["close_s"] < 0.8
    assert result["abandoned"] == 1
    assert "in use" in result["again"], "the hung call still holds the card, and the message says so"
    assert result["shape"] == [480, 640, 3]
    assert result["handles"] == 0, "the thread that came back released the card"


@pytest.mark.parametrize("name", ["resize_keeps_sending", "resize_fails_until_set", "resize_of_jpeg"])
def test_resolution_change_in_mid_stream(fake_card: FakeCard, name: str) -> None:
    result = play(fake_card, name)
    assert result["took_s"] < 2.0
    assert result["torn"] == 0, "no frame mixes the old shape with the new content"
    assert result["indexes_increase"]
    assert result["granted"] == [1280, 720]
    assert result["number"] == pytest.approx(75, abs=3)


def test_no_signal_picture_comes_through_as_a_picture(fake_card: FakeCard) -> None:
    result = play(fake_card, "no_signal_picture")
    assert result["corner"] == [160, 30, 10]


def test_card_by_its_stable_link(fake_card: FakeCard) -> None:
    result = play(fake_card, "stable_link")
    assert result["source_id"] == result["expected"]


def test_listing_devices_disturbs_no_stream(fake_card: FakeCard) -> None:
    result = play(fake_card, "found_by_asking_the_node")
    assert result["found"] == [[f"v4l2:{DEVICE}", "Fake capture card (video42)"]]
    assert result["undisturbed"]


def test_opening_and_losing_the_card_many_times_leaves_nothing_behind(fake_card: FakeCard) -> None:
    result = play(fake_card, "opened_many_times")
    assert result["more_files"] <= 0
    assert result["more_threads"] <= 0
    assert (result["handles"], result["abandoned"]) == (0, 0)


@pytest.mark.parametrize("fault", ["ok", "stall", "hang", "unplug"])
def test_program_ends_cleanly_with_the_card_still_open(fake_card: FakeCard, fault: str) -> None:
    script = (
        "import time; from fake_v4l2 import DEVICE, FakeCard; from capture.v4l2 import V4L2Source\n"
        "source = V4L2Source(DEVICE); source.open(); source.read(2.0)\n"
        f"getattr(FakeCard.attach(), {fault!r}, lambda: None)(); time.sleep(0.1)"
    )
    done = fake_card.run("-c", script, timeout_s=30)
    assert done.returncode != -signal.SIGABRT
    assert done.returncode == 0, done.stderr
