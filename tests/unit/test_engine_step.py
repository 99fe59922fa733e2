"""Back in step with a live source after a stall: one frame left out, and counted."""

from __future__ import annotations

from app.engine.channels import Latest
from app.engine.keeping_step import AT_MOST_EVERY_NS, LATE, StepKeeper

FPS = 25.0
APART_NS = round(1e9 / FPS)
LATE_NS = round(LATE * APART_NS) + 1


def test_a_frame_that_lay_about_is_left_out():
    keeper = StepKeeper()
    assert not keeper.leaves_out(LATE_NS - 2, FPS, 0)
    assert keeper.leaves_out(LATE_NS, FPS, 0)


def test_not_too_many_are_left_out_on_a_machine_that_is_always_late():
    keeper = StepKeeper()
    left_out = [keeper.leaves_out(LATE_NS, FPS, index * APART_NS) for index in range(50)]
    assert (sum(left_out), AT_MOST_EVERY_NS) == (4, 500_000_000)


def test_a_source_that_does_not_tell_its_rate_is_left_alone():
    assert not StepKeeper().leaves_out(10 * APART_NS, 0.0, 0)


def test_what_is_left_out_is_a_drop_and_its_delay_is_known():
    frames = Latest[int]("frames")
    reader = frames.reader("assess")
    for item in (1, 2, 3):
        frames.put(item)
        assert reader.next(0) == item
        assert 0 <= reader.delay_ns < 5_000_000_000
        if item == 2:
            reader.leave_out()
    frames.close("over")
    assert reader.counts == (3, 2, 1)
