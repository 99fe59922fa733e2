"""The sector of a stream: found once, refined, replaced when the picture moved; time comes from the frames."""

import threading

import numpy as np
import pytest

from calibration.levels import LIMITED_RANGE
from calibration.sector import SectorFinding
from capture.errors import CalibrationError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import LinearField, Sector
from models.runtime.sector_tracker import SectorTracker, StreamKnowledge

LEFT = Sector(200, 20, 5, 300, -0.6, 0.6)
NEAR_LEFT = Sector(201, 20, 5, 301, -0.6, 0.6)
RIGHT = Sector(420, 20, 5, 300, -0.6, 0.6)


class Detector:
    """Answers what it is told to; remembers how many frames it was shown."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), []

    def __call__(self, frames):
        self.calls.append(len(frames))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise CalibrationError(answer)
        return answer if isinstance(answer, SectorFinding) else SectorFinding(answer, False, 0.9)


def frame(second, size=(360, 640), level=0, source="test"):
    return Frame(np.full(size, level, np.uint8), round(second * 30), round(second * 1e9), source)


def tracker_with(*answers, **options):
    detector = Detector(*answers)
    return SectorTracker(detect=detector, **{"background": False, **options}), detector


def play(tracker, start, stop, step=0.1, judged=True):
    """Feed frames and give the sector after the last."""
    for second in np.arange(start, stop, step):
        one = frame(second)
        found = tracker.find(one)
        tracker.note(one, judged)
    return found.crop.sector if found else None


def test_the_first_frame_decides_at_once():
    tracker, detector = tracker_with(LEFT)
    found = tracker.find(frame(0))
    assert found.crop.sector == LEFT
    assert found.crop.frame_size == (360, 640)
    assert detector.calls == [1]


def test_a_second_look_at_several_frames_refines_it():
    tracker, detector = tracker_with(LEFT, NEAR_LEFT)
    assert play(tracker, 0, 1.5) == NEAR_LEFT
    assert detector.calls == [1, 5]


def test_a_steady_stream_is_looked_at_rarely():
    tracker, detector = tracker_with(LEFT)
    play(tracker, 0, 30)
    assert len(detector.calls) == 2 + 1


def test_another_sector_must_be_found_twice():
    tracker, detector = tracker_with(LEFT, LEFT, RIGHT, LEFT, LEFT)
    assert play(tracker, 0, 21.0) == LEFT
    assert len(detector.calls) == 3  # one outlier
    assert play(tracker, 21.0, 23.0) == LEFT
    tracker, _ = tracker_with(LEFT, LEFT, RIGHT)
    assert play(tracker, 0, 21.0) == LEFT
    assert play(tracker, 21.0, 22.5) == RIGHT


def test_a_stream_that_cannot_be_judged_is_looked_at_again_soon():
    tracker, _ = tracker_with(LEFT, LEFT, RIGHT)
    play(tracker, 0, 3)
    assert play(tracker, 3, 6.5, judged=False) == RIGHT


def test_another_layout_beside_the_sector_is_noticed():
    tracker, _ = tracker_with(LEFT, LEFT, RIGHT)
    play(tracker, 0, 3)
    for second in np.arange(3, 6, 0.1):
        bright = np.zeros((360, 640), np.uint8)
        bright[40:300, 500:640] = 200
        found = tracker.find(Frame(bright, 0, round(second * 1e9), "test"))
        tracker.note(frame(second), True)
    assert found.crop.sector == RIGHT


def test_without_a_sector_the_reason_is_told_and_it_is_tried_again():
    tracker, _ = tracker_with("the screen is black", "the screen is black", LEFT)
    assert tracker.find(frame(0)) is None
    assert tracker.reason == "the screen is black"
    assert play(tracker, 0.1, 3, judged=False) == LEFT
    assert tracker.reason == ""


def test_a_doubtful_finding_is_no_sector():
    tracker, _ = tracker_with(SectorFinding(LEFT, False, 0.1))
    assert tracker.find(frame(0)) is None
    assert "confidence" in tracker.reason


def test_a_failed_later_look_keeps_the_sector():
    tracker, _ = tracker_with(LEFT, LEFT, "nothing")
    assert play(tracker, 0, 25) == LEFT


def test_another_frame_size_starts_again():
    tracker, detector = tracker_with(LEFT)
    tracker.find(frame(0))
    found = tracker.find(frame(0.1, size=(400, 640)))
    assert found.crop.frame_size == (400, 640)
    assert detector.calls == [1, 1]


def test_forgetting_starts_again():
    tracker, detector = tracker_with(LEFT, RIGHT)
    tracker.find(frame(0))
    tracker.forget()
    assert tracker.find(frame(0.1)).crop.sector == RIGHT
    assert detector.calls == [1, 1]


def test_a_rewound_recording_is_looked_at_again():
    tracker, detector = tracker_with(LEFT)
    play(tracker, 100, 105)
    play(tracker, 0, 1.5)
    assert len(detector.calls) == 3


def test_stills_are_looked_at_one_by_one():
    tracker, detector = tracker_with(LEFT, RIGHT, per_frame=True)
    assert [tracker.find(frame(second)).crop.sector for second in (0, 1)] == [LEFT, RIGHT]
    assert detector.calls == [1, 1]


def test_a_source_that_knows_its_sector_is_believed_for_its_own_frames():
    tracker, detector = tracker_with(LEFT)
    info = SourceInfo("virtual", "test", VideoMode(640, 360), sector=RIGHT, spacing_mm=0.3)
    tracker.use_source(info)
    assert play(tracker, 0, 20) == RIGHT
    assert detector.calls == []
    assert tracker.spacing_mm(frame(0)) == 0.3
    assert tracker.spacing_mm(frame(0, source="other")) is None
    assert tracker.find(frame(0, size=(400, 640))).crop.sector == LEFT  # another size than the source told


def test_a_profile_counts_for_its_own_screen_size():
    known = StreamKnowledge(RIGHT, (360, 640), LIMITED_RANGE, 0.25, mirrored=True)
    tracker, detector = tracker_with(LEFT, knowledge=known)
    found = tracker.find(frame(0))
    assert (found.crop.sector, found.levels, found.crop.mirrored) == (RIGHT, LIMITED_RANGE, True)
    assert tracker.spacing_mm(frame(0)) == 0.25
    other = frame(1, size=(400, 640))
    assert tracker.find(other).crop.sector == LEFT
    assert tracker.spacing_mm(other) is None
    assert detector.calls == [1]


def test_a_sector_off_the_screen_is_a_reason():
    tracker, _ = tracker_with(LEFT, knowledge=StreamKnowledge(sector=LinearField(900, 900, 950, 950)))
    assert tracker.find(frame(0)) is None
    assert "does not lie on" in tracker.reason


def test_the_helper_thread_does_the_later_looks():
    threads = []

    def detect(frames):
        threads.append(threading.current_thread().name)
        return SectorFinding(NEAR_LEFT if len(threads) > 1 else LEFT, False, 0.9)

    tracker = SectorTracker(detect=detect)
    play(tracker, 0, 0.65)  # the last frame starts the look
    tracker._pending.result(timeout=10)
    assert play(tracker, 0.7, 0.8) == NEAR_LEFT
    assert threads[0] == threading.current_thread().name
    assert threads[1].startswith("sector")
    tracker.close()
    tracker.close()
    assert not any(thread.name.startswith("sector") for thread in threading.enumerate())


def test_a_look_that_belongs_to_a_stream_that_is_over_is_dropped():
    tracker, detector = tracker_with(LEFT, LEFT, RIGHT, background=True)
    play(tracker, 0, 0.65)  # the last frame starts the look
    pending = tracker._pending
    tracker.forget()
    pending.result(timeout=10)
    detector.answers = [LEFT]
    assert play(tracker, 1, 1.2) == LEFT
    tracker.close()


@pytest.mark.parametrize("shape", [(360, 640), (360, 640, 3)])
def test_grey_and_colour_frames_both_work(shape):
    tracker, _ = tracker_with(LEFT)
    for second in (0, 0.1, 0.2):
        found = tracker.find(Frame(np.zeros(shape, np.uint8), 0, round(second * 1e9), "test"))
    assert found.crop.sector == LEFT
