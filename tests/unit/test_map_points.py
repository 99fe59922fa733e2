"""Reference frames of the map of quality clusters, and where they land in a widget."""

from __future__ import annotations

import numpy as np
import pytest

from app.ui.widgets.map_points import MapPoints, map_fit
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


def test_the_map_keeps_its_aspect_fills_the_widget_and_points_upward():
    placed = map_fit(MapPoints(POINTS, RANKS, NAMES), 240, 200, 20)
    assert placed.to_pixels(POINTS).tolist() == [[20, 150], [220, 150], [220, 50], [70, 100]]


def test_a_live_frame_unlike_any_other_stays_at_the_border():
    placed = map_fit(MapPoints(POINTS, RANKS, NAMES), 240, 200, 20)
    assert placed.inside(placed.to_pixels(np.array([[99.0, -99.0]])), 7.0).tolist() == [[233, 193]]


def test_one_point_alone_has_a_place():
    placed = map_fit(MapPoints(POINTS[:1], RANKS[:1], NAMES), 240, 200, 20)
    x, y = placed.to_pixels(POINTS[:1])[0]
    assert 0 < x < 240
    assert 0 < y < 200
