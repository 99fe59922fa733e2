"""Paints a display list with Qt: the thin half of the overlay that the window uses."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPainterPath, QPen, QPolygonF

from app.overlay.display_list import DisplayList, Hatch, Line, Polygon, Raster, Rgba, Text
from app.ui.widgets.fit import Fit


def paint(painter: QPainter, display_list: DisplayList, fit: Fit, pane: QRectF) -> None:
    """Paint all items; positions go through ``fit``, texts stay inside ``pane`` (pane pixels)."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    for item in display_list.items:
        if isinstance(item, Polygon):
            _polygon(painter, item, fit)
        elif isinstance(item, Line):
            _line(painter, item, fit)
        elif isinstance(item, Raster):
            _raster(painter, item, fit)
        else:
            _text(painter, item, fit, pane)
    painter.restore()


def colour(rgba: Rgba) -> QColor:
    """Qt's colour."""
    return QColor(*rgba)


def _to_qt(points: np.ndarray, fit: Fit) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in fit.to_pane(points).tolist()])


def _pen(rgba: Rgba, width_px: float, dashed: bool) -> QPen:
    pen = QPen(colour(rgba), width_px)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if dashed:
        pen.setDashPattern([4.0, 4.0])
    return pen


def _polygon(painter: QPainter, item: Polygon, fit: Fit) -> None:
    """Fill without antialiasing (a quarter of the cost, and the border hides the steps), then the border with it."""
    shape = _to_qt(item.points, fit)
    if item.fill is not None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, item.outline is None)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(item.fill))
        painter.drawPolygon(shape)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    if item.outline is not None:
        painter.setPen(_pen(item.outline, item.width_px, item.dashed))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolygon(shape)
    if item.hatch is not None and item.outline is not None:
        _hatch(painter, shape, item.hatch, item.outline)


def _hatch(painter: QPainter, shape: QPolygonF, hatch: Hatch, rgba: Rgba) -> None:
    clip = QPainterPath()
    clip.addPolygon(shape)
    painter.save()
    painter.setClipPath(clip)
    paint_hatch(painter, shape.boundingRect(), hatch, rgba)
    painter.restore()


def paint_hatch(painter: QPainter, area: QRectF, hatch: Hatch, rgba: Rgba) -> None:
    """Fill a rectangle with the lines of a hatch; the caller clips."""
    painter.setPen(QPen(colour(rgba), 1.3))
    reach = math.hypot(area.width(), area.height()) / 2
    steps = int(reach / hatch.spacing_px) + 1
    middle = area.center()
    for angle in hatch.angles_deg:
        along = QPointF(math.cos(math.radians(angle)), -math.sin(math.radians(angle)))
        across = QPointF(-along.y(), along.x())
        for step in range(-steps, steps + 1):
            start = middle + across * (step * hatch.spacing_px)
            painter.drawLine(start - along * reach, start + along * reach)


def _line(painter: QPainter, item: Line, fit: Fit) -> None:
    painter.setPen(_pen(item.colour, item.width_px, item.dashed))
    painter.drawPolyline(_to_qt(item.points, fit))


def _raster(painter: QPainter, item: Raster, fit: Fit) -> None:
    place = item.place
    corners = np.array([[place.x, place.y], [place.x + place.width, place.y + place.height]]) - 0.5
    (left, top), (right, bottom) = np.rint(fit.to_pane(corners)).astype(int).tolist()
    if right <= left or bottom <= top:
        return
    painter.save()
    painter.setClipRect(QRect(fit.x, fit.y, fit.width, fit.height))
    painter.drawImage(left, top, _image(item, right - left, bottom - top)[0])
    painter.restore()


@lru_cache(maxsize=2)
def _image(item: Raster, width: int, height: int) -> tuple[QImage, np.ndarray]:
    """A raster in the size in which it is painted, with the pixels that the image does not own.

    Stretched once for all frames that it is painted over: 30 in a second of a live map.
    """
    pixels = item.stretched(width, height)
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_ARGB32_Premultiplied), pixels


@lru_cache(maxsize=16)
def _font(size_px: float) -> tuple[QFont, QFontMetricsF]:
    font = QFont()
    font.setPixelSize(round(size_px))
    font.setWeight(QFont.Weight.DemiBold)
    return font, QFontMetricsF(font)


def _text(painter: QPainter, whole: Text, fit: Fit, pane: QRectF) -> None:
    item = whole.within(fit.width)
    if item is None:
        return
    font, metrics = _font(item.size_px)
    anchor = fit.to_pane(np.array([[item.x, item.y]]))[0]
    centre = QPointF(float(anchor[0]) + item.dx_px, float(anchor[1]) + item.dy_px)
    height = item.size_px * 1.5
    width = height if item.round_plate else metrics.horizontalAdvance(item.text) + item.size_px * 0.9
    box = _inside(QRectF(centre.x() - width / 2, centre.y() - height / 2, width, height), pane)
    if item.plate is not None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(item.plate))
        painter.drawRoundedRect(box, height / 2 if item.round_plate else 4, height / 2 if item.round_plate else 4)
    painter.setFont(font)
    painter.setPen(colour(item.colour))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, item.text)


def _inside(box: QRectF, pane: QRectF) -> QRectF:
    """The same box, moved so that it does not leave the pane."""
    x = min(max(box.x(), pane.left() + 2), max(pane.right() - box.width() - 2, pane.left()))
    y = min(max(box.y(), pane.top() + 2), max(pane.bottom() - box.height() - 2, pane.top()))
    return QRectF(x, y, box.width(), box.height())
