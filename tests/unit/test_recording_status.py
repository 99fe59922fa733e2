"""What the window says of recordings, and in which order the banner shows it; without a window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.engine.channels import Snapshot
from app.engine.state import EngineState
from app.session.disk_guard import DiskLevel, DiskState
from app.session.recorder_meter import RATE_OVER_S, RecorderMeter
from app.session.recorder_state import RecorderPhase, RecorderSettings, RecorderState
from app.ui.live.messages import Messages, Tone
from app.ui.live.recording_status import RecordingStatus, status_of, time_left

PLAIN = RecorderSettings()
OK = DiskState(DiskLevel.OK, 10**12)
RECORDING = RecorderState(RecorderPhase.RECORDING, frames=300, elapsed_s=12.9, disk=OK, minutes_left=43.7)


def test_elapsed_and_left_are_rounded_down():
    found = status_of([RECORDING], PLAIN, True)
    assert (found.text, found.left, found.is_on, found.can_clip) == ("REC 00:12", "43 min left", True, True)
    assert status_of([replace(RECORDING, elapsed_s=3725.0)], PLAIN, True).text == "REC 1:02:05"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0.4, "less than 1 min left"), (1.0, "1 min left"), (119.9, "119 min left"), (300.5, "5 h left")],
)
def test_time_left(minutes: float, text: str):
    assert time_left(minutes) == text


def test_nothing_is_said_of_time_that_was_not_measured():
    starting = RecorderState(RecorderPhase.STARTING, minutes_left=12.0)
    assert status_of([starting], PLAIN, True).left == ""
    assert status_of([], PLAIN, True) == RecordingStatus(True, text="REC 00:00")
    assert status_of([], PLAIN, False) == RecordingStatus()


def test_a_whole_screen_is_said_all_the_time():
    settings = replace(PLAIN, whole_screen=True)
    assert status_of([RECORDING], settings, True).left == "43 min left, whole screen"
    assert status_of([replace(RECORDING, minutes_left=None)], settings, True).left == "whole screen"


def test_standby_saving_saved():
    standby = RecorderState(RecorderPhase.STANDBY, disk=OK)
    sealing = RecorderState(RecorderPhase.SEALING, sealed_share=0.4, disk=OK)
    done = RecorderState(RecorderPhase.DONE, sealed_share=1.0, disk=OK)
    settings = replace(PLAIN, pre_roll_s=30.0)
    assert status_of([standby], settings, False).text == "keeps the last 30 s"
    assert status_of([standby], settings, False).can_clip
    assert status_of([sealing, standby], settings, False).text == "saving 40 %"
    assert status_of([done], PLAIN, False).text == "saved"
    assert not status_of([done], PLAIN, False).can_clip
    assert status_of([replace(done, sentence="the disk is full")], PLAIN, False).text == ""
    assert status_of([RecorderState(RecorderPhase.DONE)], PLAIN, False).text == "", "a standby saved nothing"


def test_a_low_disk_is_said_while_something_is_written():
    def warned(level: DiskLevel, phase: RecorderPhase = RecorderPhase.RECORDING) -> tuple[str, Tone]:
        found = status_of([replace(RECORDING, phase=phase, disk=DiskState(level, 1))], PLAIN, True)
        return found.warning[:16], found.tone

    assert warned(DiskLevel.AMBER) == ("less than 5 GB a", Tone.CAUTION)
    assert warned(DiskLevel.RED) == ("less than 1 GB i", Tone.URGENT)
    assert warned(DiskLevel.OK) == ("", Tone.CAUTION)
    assert warned(DiskLevel.RED, RecorderPhase.DONE) == ("", Tone.CAUTION)


def test_a_recording_of_nothing_is_an_alarm():
    empty = replace(RECORDING, frames=0, dropped=90)
    assert status_of([empty], PLAIN, True).warning.startswith("nothing of the picture is recorded")
    assert status_of([empty], PLAIN, True).tone is Tone.URGENT
    assert status_of([replace(empty, elapsed_s=1.0)], PLAIN, True).warning == "", "the first sector takes a moment"
    assert status_of([replace(empty, frames=1)], PLAIN, True).warning == ""
    assert status_of([replace(empty, frames=1)], PLAIN, True).lost == 90


class Writer:
    """As much of a session's writer as is measured."""

    acknowledged = 0
    bytes_written = bytes_ever = 0


def test_the_rate_is_that_of_the_last_half_minute():
    now_s = [1000.0]
    state = Snapshot("recorder", RecorderState())
    meter = RecorderMeter(state, lambda: round(now_s[0] * 1e9), lambda: 0)
    meter.writer = writer = Writer()
    meter.began_ns = round(now_s[0] * 1e9)
    for rate in (1_000_000, 4_000_000):
        for _ in range(round(RATE_OVER_S) + 2):
            meter.publish(OK)
            now_s[0] += 1.0
            writer.bytes_ever += rate
            writer.bytes_written = 5  # old segments are deleted: what is there tells nothing of the rate
        assert state.get().bytes_per_s == pytest.approx(rate)
        assert state.get().minutes_left == pytest.approx((10**12 - 5e7) / rate / 60)


def test_urgent_sentences_come_first_and_standing_ones_last_as_long_as_their_cause():
    messages = Messages()
    state = EngineState(banners=("60 fps were asked for",))
    messages.say("kept as S-1", Tone.INFO)
    messages.stand("little room", Tone.URGENT)
    assert messages.current(state) == ("little room", "kept as S-1", "60 fps were asked for")
    assert [messages.tone(text) for text in messages.current(state)] == [Tone.URGENT, Tone.INFO, Tone.CAUTION]
    messages.forget("kept as S-1")
    messages.dismiss(state)
    assert messages.current(state) == ()
    messages.stand("", Tone.CAUTION)
    assert messages.current(state) == ()
    messages.stand("little room", Tone.URGENT)
    assert messages.current(state) == ("little room",), "it comes back when its cause returns"


def test_another_source_clears_what_was_said_but_not_that_a_recording_ended():
    messages = Messages()
    messages.say("bad.mp4 cannot be opened")
    messages.say("recording was stopped", Tone.URGENT)
    messages.forget_own()
    assert messages.current(EngineState(banners=())) == ("recording was stopped",)
