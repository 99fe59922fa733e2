"""Whose turn it is."""

from __future__ import annotations

import pytest

from models.runtime.turns import Turns

ALL = ("cluster", "score", "gate")


def given(turns: Turns, behind: list[bool]) -> list[str]:
    """Name of each frame's network, - for none."""
    return ["+".join(turns.next(is_behind)) or "-" for is_behind in behind]


@pytest.mark.parametrize(
    ("names", "in_time", "behind"),
    [
        (ALL, "cluster score gate cluster score gate cluster", "cluster - score - gate - cluster"),
        (ALL[:2], "cluster score cluster score cluster", "cluster - score - cluster"),
        (ALL[:1], "cluster - cluster - cluster", "cluster - - - cluster"),
        ((), "- - -", "- - -"),
    ],
)
def test_a_live_frame_has_one_network_at_most_and_every_other_when_behind(
    names: tuple[str, ...], in_time: str, behind: str
):
    for is_behind, wanted in ((False, in_time), (True, behind)):
        frames = [is_behind] * len(wanted.split())
        assert given(Turns(names, is_live=True), frames) == wanted.split()


def test_falling_behind_delays_turns_and_skips_none():
    turns = Turns(ALL, is_live=True)
    behind = [False, True, True, True, False, False]
    assert given(turns, behind) == ["cluster", "-", "score", "-", "gate", "cluster"]
    turns.reset()
    assert given(turns, [True]) == ["cluster"]


def test_frames_of_recordings_and_stills_have_all():
    assert given(Turns(ALL, is_live=False), [False, True]) == ["cluster+score+gate"] * 2
