"""What the map of quality clusters is drawn of: dots of reference frames, names, the curves of the trail."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QBrush, QColor, QFont
from PySide6.QtWidgets import QGraphicsItem, QGraphicsSimpleTextItem

from app.overlay.palettes import CALM_GREY, Palette, label_of_rank
from app.ui.theme import MUTED, TEXT
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
    return items + [_name(name, middle) for name, middle in middles if middle is not None]


def trail_curves() -> list[Any]:
    """Empty curves, the newest and strongest first."""
    curves = []
    for k in range(TRAIL_CURVES):
        colour = QColor(TEXT)
        colour.setAlphaF(_TRAIL_ALPHA * (1 - (k + 0.5) / TRAIL_CURVES))
        curves.append(pg.PlotCurveItem(pen=pg.mkPen(colour, width=TRAIL_PX), antialias=True))
    return curves


def caption(text: str, parent: QGraphicsItem) -> None:
    """Write a title into the upper left corner of an item."""
    item = QGraphicsSimpleTextItem(text, parent)
    item.setFont(_font(13, QFont.Weight.Normal))
    item.setBrush(QBrush(QColor(MUTED)))
    item.setPos(8, 4)


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


def _name(name: str, middle: np.ndarray) -> Any:
    item = pg.TextItem(name, color=TEXT, anchor=(0.5, 0.5), fill=pg.mkBrush(_PLATE))
    item.setFont(_font(15, QFont.Weight.DemiBold))
    item.setPos(*middle.tolist())
    return item


def _font(size_px: int, weight: QFont.Weight) -> QFont:
    font = QFont()
    font.setPixelSize(size_px)
    font.setWeight(weight)
    return font
