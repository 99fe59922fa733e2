"""Which view a stream shows: probabilities of single frames, steadied over time."""

from __future__ import annotations

import numpy as np

from models.runtime.contract import OTHER_VIEW, VIEWS
from models.runtime.dense import VIEW_CHANNELS

TIME_CONSTANT_S = 0.4
SETTLED_P = 0.9  # of an apical view: from then on the view is looked at now and then
LOOK_EVERY_S = 0.3
LEAST_P = 0.6  # below it no view is named
OTHER_P = 0.3  # above it the picture is no apical view; 99 of 100 CAMUS validation frames lie below 0.02
_OTHER = VIEW_CHANNELS.index(OTHER_VIEW)


class ViewTracker:
    """Averages view probabilities with a time constant of 0.4 s; called from one thread.

    Parameters
    ----------
    per_frame : pictures have nothing to do with each other: each speaks for itself
    """

    def __init__(self, per_frame: bool = False) -> None:
        self._per_frame = per_frame
        self.forget()

    def forget(self) -> None:
        """Another stream begins."""
        self._mean: np.ndarray | None = None
        self._last_ns = 0

    @property
    def is_settled(self) -> bool:
        """Whether the stream surely shows one apical view."""
        if self._mean is None or self._per_frame:
            return False
        return bool(np.max(self._mean[: len(VIEWS)]) >= SETTLED_P)

    def is_due(self, t_ns: int) -> bool:
        """Whether the view should be looked at in the frame of this time: always, until it has settled."""
        if not self.is_settled:
            return True
        return not 0 <= t_ns - self._last_ns < LOOK_EVERY_S * 1e9

    @property
    def current(self) -> np.ndarray | None:
        """The average so far, (4,) float32; None before the first frame."""
        return self._mean

    def update(self, view_p: np.ndarray, t_ns: int) -> np.ndarray:
        """Take one frame's probabilities (4,) at its time; returns the average, (4,) float32, sum 1."""
        step_s = (t_ns - self._last_ns) / 1e9
        if self._mean is None or self._per_frame or step_s < 0:
            self._mean = np.asarray(view_p, np.float32)
        else:
            share = np.float32(1 - np.exp(-step_s / TIME_CONSTANT_S))
            self._mean = np.asarray(self._mean + share * (view_p - self._mean), np.float32)
        self._last_ns = t_ns
        return self._mean


def is_other(view_p: np.ndarray) -> bool:
    """Whether the picture is no apical view."""
    return bool(view_p[_OTHER] > OTHER_P)


def view_of(view_p: np.ndarray, fixed: str | None) -> tuple[str | None, float | None]:
    """The view and its probability: the fixed one when there is one, else the likeliest if it is likely enough."""
    if fixed is not None:
        return fixed, float(view_p[VIEW_CHANNELS.index(fixed)])
    best = int(np.argmax(view_p[: len(VIEWS)]))
    p = float(view_p[best])
    return (VIEWS[best], p) if p >= LEAST_P else (None, None)
