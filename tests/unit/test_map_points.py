"""Reference frames of the map of quality clusters."""

from __future__ import annotations

import numpy as np
import pytest

from app.ui.widgets.map_points import MapPoints
from capture.errors import DataError

NAMES = ("A-", "A", "A+")
POINTS = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [1.0, 1.0]])
RANKS = np.array([0, 2, 2, -1])


@pytest.mark.parametrize(
    ("points", "ranks", "names"),
    [
        (POINTS[:, :1], RANKS, NAMES),
        (POINTS, RANKS[:3], NAMES),
        (POINTS[:0], RANKS[:0], NAMES),
        (POINTS * np.nan, RANKS, NAMES),
        (POINTS, RANKS, NAMES[:2]),
        (POINTS, RANKS - 1, NAMES),
    ],
)
def test_what_does_not_fit_together_is_refused(points: np.ndarray, ranks: np.ndarray, names: tuple[str, ...]):
    with pytest.raises(DataError, match="fit the map anew"):
        MapPoints(points, ranks, names)


def test_names_stand_in_the_middle_of_their_frames():
    points = MapPoints(POINTS, RANKS, NAMES)
    assert np.array_equal(points.middle(2), [4.0, 1.0])
    assert points.middle(1) is None


def test_the_bounds_of_one_point_alone_have_a_size():
    low, high = MapPoints(POINTS[:1], RANKS[:1], NAMES).bounds
    assert (low == POINTS[0]).all()
    assert (high > low).all()
