"""What the map of quality clusters is drawn of: dots of reference frames, names, the curves of the trail."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QBrush, QColor, QFont
from PySide6.QtWidgets import QGraphicsItem

from app.overlay.palettes import CALM_GREY, Palette, label_of_rank
from app.ui.theme import TEXT
from app.ui.widgets.map_points import MapPoints

DOT_PX, TRAIL_PX = 3.0, 2.5
MOST_POINTS = 4000
"""A map of more reference frames than this shows every second, third, ... of them."""

TRAIL_CURVES = 6
"""Steps in which the trail fades."""

_TRAIL_ALPHA = 0.85
_PLATE = (12, 14, 18, 190)


def reference_items(points: MapPoints, palette: Palette) -> list[Any]:
    """Items of a plot: the dots of each cluster in its colour, and its name in their middle.

    The dots keep a picture of themselves, so that a moving live point does not have them drawn anew.
    """
    step = -(-len(points.points) // MOST_POINTS)
    places, ranks = points.points[::step], points.ranks[::step]
    items = [
        _dots(places[ranks == rank], _dot_colour(palette, rank, len(points.names)))
        for rank in range(-1, len(points.names))
    ]
    for item in items:
        item.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
    middles = [(name, points.middle(rank)) for rank, name in enumerate(points.names)]
    return items + [name_plate(name, middle) for name, middle in middles if middle is not None]


def trail_curves() -> list[Any]:
    """Empty curves, the newest and strongest first."""
    curves = []
    for k in range(TRAIL_CURVES):
        colour = QColor(TEXT)
        colour.setAlphaF(_TRAIL_ALPHA * (1 - (k + 0.5) / TRAIL_CURVES))
        curves.append(pg.PlotCurveItem(pen=pg.mkPen(colour, width=TRAIL_PX), antialias=True))
    return curves


@lru_cache(maxsize=64)
def live_brush(palette: Palette, rank: int, count: int) -> QBrush:
    """Fill of the live point in the cluster of a rank among ``count``, calm grey for none.

    The same object for the same cluster: the plot keeps a picture of the point for each brush that it meets.
    """
    return QBrush(_colour(palette, rank, count))


def _colour(palette: Palette, rank: int, count: int) -> QColor:
    colour = CALM_GREY if rank < 0 else palette.colour(label_of_rank(rank, count))
    return QColor(*(colour or CALM_GREY))


def _dot_colour(palette: Palette, rank: int, count: int) -> QColor:
    colour = _colour(palette, rank, count)
    colour.setAlphaF(0.25 if rank < 0 else 0.55)
    return colour


def _dots(places: np.ndarray, colour: QColor) -> Any:
    return pg.ScatterPlotItem(pos=places, size=DOT_PX, pen=None, brush=pg.mkBrush(colour), pxMode=True, antialias=True)


def name_plate(name: str, middle: np.ndarray, size_px: int = 15, anchor: tuple[float, float] = (0.5, 0.5)) -> Any:
    """A name on a dark plate; ``anchor`` is the part of it that stands at a place, (2,)."""
    item = pg.TextItem(name, color=TEXT, anchor=anchor, fill=pg.mkBrush(_PLATE))
    font = QFont()
    font.setPixelSize(size_px)
    font.setWeight(QFont.Weight.DemiBold)
    item.setFont(font)
    item.setPos(*middle.tolist())
    return item
