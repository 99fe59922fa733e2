"""Which of the less urgent networks a frame gets, so that a live picture never waits for all of them."""

from __future__ import annotations

from collections.abc import Sequence

LEAST_ROUND = 2
"""Frames of a round at least: what changes within half a second is not asked in every frame, even when alone."""


class Turns:
    """Frames of a live stream get one of the networks at most, in turn; those of recordings and stills all of them.

    Parameters
    ----------
    names : of the networks, in the order of their turns
    is_live : whether frames are lost to a machine that is too slow
    """

    def __init__(self, names: Sequence[str], *, is_live: bool) -> None:
        self._names, self._is_live = tuple(names), is_live
        self._round: tuple[str | None, ...] = (*self._names, *[None] * (LEAST_ROUND - len(self._names)))
        self.reset()

    def reset(self) -> None:
        """Begin the round anew, with the next frame."""
        self._place, self._left_out = 0, True

    def next(self, is_behind: bool) -> tuple[str, ...]:
        """Networks of the next frame; a machine that is behind leaves out every other turn."""
        if not self._is_live:
            return self._names
        self._left_out = is_behind and not self._left_out
        if self._left_out:
            return ()
        name = self._round[self._place]
        self._place = (self._place + 1) % len(self._round)
        return () if name is None else (name,)
