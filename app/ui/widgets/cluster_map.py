"""The map of quality clusters: reference frames as a backdrop, the live frame as a point with a short trail."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.overlay.palettes import CALM_GREY, DEFAULT, Palette, label_of_rank
from app.ui.theme import BACKGROUND, MUTED, SURFACE, TEXT
from app.ui.widgets.map_points import MapFit, MapPoints, map_fit
from app.ui.widgets.throttle import Throttle
from models.runtime.contract import ClusterAssessment

TRAIL_S, GAP_S = 3.0, 0.5
"""Length of the trail; two points further apart in time are not joined."""

CAPTION = "Quality clusters"
PAUSE_MS = 100
MARGIN_PX, DOT_PX, LIVE_PX = 16, 3.0, 7.0
MOST_POINTS = 4000
"""A backdrop of more reference frames than this shows every second, third, ... of them."""


@dataclass(frozen=True)
class _Step:
    """One point of the trail: time in s, place (x, y)."""

    t_s: float
    place: tuple[float, float]


class ClusterMapWidget(QWidget):
    """Repaints at most ten times a second, never while hidden; the backdrop is drawn once per size and look."""

    def __init__(self, points: MapPoints | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cluster_map")
        self.setAccessibleName("Map of quality clusters")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self._points = points
        self._palette = DEFAULT
        self._backdrop: tuple[QSize, float, QPixmap] | None = None
        self._trail: deque[_Step] = deque()
        self._now: ClusterAssessment | None = None
        self._throttle = Throttle(self, PAUSE_MS)

    @property
    def points(self) -> MapPoints | None:
        """The reference frames, None when there is no map."""
        return self._points

    def sizeHint(self) -> QSize:
        """A little wider than high."""
        return QSize(280, 220)

    def set_points(self, points: MapPoints | None) -> None:
        """Show other reference frames; the trail belonged to the old ones."""
        self._points, self._backdrop = points, None
        self.clear()

    def set_palette(self, palette: Palette) -> None:
        """Use the colours of a palette."""
        if palette is not self._palette:
            self._palette, self._backdrop = palette, None
            self._throttle.ask()

    def clear(self) -> None:
        """Forget the live point and its trail."""
        self._trail.clear()
        self._now = None
        self._throttle.ask()

    def note(self, t_mono_ns: int, cluster: ClusterAssessment | None) -> None:
        """Show where a frame stands; None hides the point and lets the trail run out."""
        t_s = t_mono_ns / 1e9
        if self._trail and t_s < self._trail[-1].t_s:
            self._trail.clear()  # another clock, or a recording that begins again
        if cluster is not None and (not self._trail or t_s > self._trail[-1].t_s):
            self._trail.append(_Step(t_s, cluster.place))
        before = len(self._trail), self._now
        while self._trail and t_s - self._trail[0].t_s > TRAIL_S:
            self._trail.popleft()
        self._now = cluster
        if cluster is not None or before != (len(self._trail), cluster):
            self._throttle.ask()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Backdrop, trail, live point."""
        painter = QPainter(self)
        try:
            if self._points is None:
                painter.fillRect(self.rect(), QColor(BACKGROUND))
                return
            placed = map_fit(self._points, self.width(), self.height(), MARGIN_PX)
            painter.drawPixmap(0, 0, self._drawn_backdrop(self._points, placed))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_trail(painter, placed)
            self._paint_live(painter, placed)
        finally:
            painter.end()

    def _drawn_backdrop(self, points: MapPoints, placed: MapFit) -> QPixmap:
        size, ratio = self.size(), self.devicePixelRatioF()
        if self._backdrop is None or self._backdrop[:2] != (size, ratio):
            pixmap = QPixmap(size * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(QColor(BACKGROUND))
            paint_backdrop(pixmap, points, placed, self._palette)
            self._backdrop = size, ratio, pixmap
        return self._backdrop[2]

    def _paint_trail(self, painter: QPainter, placed: MapFit) -> None:
        if not self._trail:
            return
        steps = list(self._trail)
        spots = placed.inside(placed.to_pixels(np.array([step.place for step in steps])), LIVE_PX)
        pen = QPen(QColor(TEXT), 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        for k in range(1, len(steps)):
            if steps[k].t_s - steps[k - 1].t_s > GAP_S:
                continue
            colour = QColor(TEXT)
            colour.setAlphaF(max(0.85 * (1 - (steps[-1].t_s - steps[k].t_s) / TRAIL_S), 0.0))
            pen.setColor(colour)
            painter.setPen(pen)
            painter.drawLine(QPointF(*spots[k - 1]), QPointF(*spots[k]))

    def _paint_live(self, painter: QPainter, placed: MapFit) -> None:
        if self._now is None:
            return
        spot = QPointF(*placed.inside(placed.to_pixels(np.array([self._now.place])), LIVE_PX + 2)[0])
        painter.setPen(QPen(QColor(SURFACE), 6.0))
        painter.drawEllipse(spot, LIVE_PX, LIVE_PX)
        painter.setPen(QPen(QColor(TEXT), 2.5))
        painter.setBrush(_colour(self._palette, self._now.rank, len(self._now.names)))
        painter.drawEllipse(spot, LIVE_PX, LIVE_PX)


def paint_backdrop(pixmap: QPixmap, points: MapPoints, placed: MapFit, palette: Palette) -> None:
    """Reference points in the colour of their cluster, its name in their middle."""
    step = -(-len(points.points) // MOST_POINTS)
    spots, ranks = placed.to_pixels(points.points[::step]), points.ranks[::step]
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for rank in range(-1, len(points.names)):
        colour = _colour(palette, rank, len(points.names))
        colour.setAlphaF(0.25 if rank < 0 else 0.55)
        painter.setPen(QPen(colour, DOT_PX, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPoints([QPointF(x, y) for x, y in spots[ranks == rank].tolist()])
    painter.setPen(QColor(MUTED))
    painter.drawText(QPointF(8, 17), CAPTION)
    for rank, name in enumerate(points.names):
        middle = points.middle(rank)
        if middle is not None:
            _name(painter, name, QPointF(*placed.to_pixels(middle[None])[0]))
    painter.end()


def _name(painter: QPainter, name: str, at: QPointF) -> None:
    font = QFont(painter.font())
    font.setPixelSize(15)
    font.setWeight(QFont.Weight.DemiBold)
    width = QFontMetricsF(font).horizontalAdvance(name) + 14
    box = QRectF(at.x() - width / 2, at.y() - 12, width, 24)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(12, 14, 18, 190))
    painter.drawRoundedRect(box, 4, 4)
    painter.setFont(font)
    painter.setPen(QColor(TEXT))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)


def _colour(palette: Palette, rank: int, count: int) -> QColor:
    colour = CALM_GREY if rank < 0 else palette.colour(label_of_rank(rank, count))
    return QColor(*(colour or CALM_GREY))
