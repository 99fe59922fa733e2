"""The view over a stream."""

import numpy as np
import pytest

from models.runtime.view_tracker import ViewTracker, is_other, view_of

A4C = np.array([0.96, 0.02, 0.01, 0.01], np.float32)
OTHER = np.array([0.02, 0.01, 0.01, 0.96], np.float32)
FRAME_NS = 33_333_333


def test_one_odd_frame_does_not_turn_the_view():
    tracker = ViewTracker()
    for index in range(30):
        found = tracker.update(OTHER if index == 20 else A4C, index * FRAME_NS)
        assert not is_other(found)
        assert view_of(found, None)[0] == "A4C"
        assert found.sum() == pytest.approx(1)


def test_another_view_is_taken_within_a_second():
    tracker = ViewTracker()
    tracker.update(A4C, 0)
    found = [tracker.update(OTHER, index * FRAME_NS) for index in range(1, 31)]
    assert is_other(found[-1])


def test_stills_speak_for_themselves():
    tracker = ViewTracker(per_frame=True)
    tracker.update(A4C, 0)
    assert is_other(tracker.update(OTHER, FRAME_NS))


def test_a_new_stream_or_a_rewound_one_begins_anew():
    tracker = ViewTracker()
    tracker.update(A4C, 10**9)
    assert is_other(tracker.update(OTHER, 0))
    tracker.update(A4C, 1)
    tracker.forget()
    assert is_other(tracker.update(OTHER, 2))


def test_an_unsure_view_is_not_named_and_a_fixed_one_is_kept():
    unsure = np.array([0.5, 0.45, 0.04, 0.01], np.float32)
    assert view_of(unsure, None) == (None, None)
    assert view_of(unsure, "A2C") == ("A2C", pytest.approx(0.45))
