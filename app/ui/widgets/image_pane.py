"""A pane that paints one picture, as it is, with a display list over it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.overlay.display_list import DisplayList
from app.ui import qt_painter
from app.ui.theme import BACKGROUND, MUTED, TEXT
from app.ui.widgets.fit import Fit, fit
from app.ui.widgets.scaler import Scaler
from capture.geometry import Rect


class ImagePane(QWidget):
    """Shows grey or BGR pixels 1:1 or smoothly scaled, aspect kept, contrast untouched.

    Panes that show the same frames may share a ``scaler``.
    """

    def __init__(self, name: str, caption: str, scaler: Scaler | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(caption)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self.on_painted: Callable[[], None] | None = None
        self._caption = caption
        self._pixels: np.ndarray | None = None
        self._source: Rect | None = None
        self._overlay: DisplayList | None = None
        self._message = self._note = ""
        self._scaler = scaler or Scaler()

    @property
    def pixels(self) -> np.ndarray | None:
        """The picture on show, (H, W) or (H, W, 3) BGR uint8; None when there is none."""
        return self._pixels

    @property
    def overlay(self) -> DisplayList | None:
        """The overlay on show."""
        return self._overlay

    @property
    def message(self) -> str:
        """The sentence over the picture, empty for none."""
        return self._message

    def sizeHint(self) -> QSize:
        """Half of a full-HD screen."""
        return QSize(960, 720)

    def set_picture(self, pixels: np.ndarray | None, source: Rect | None) -> None:
        """Show (H, W) or (H, W, 3) BGR uint8 that nobody changes later; ``source`` is the part to show, None: all."""
        if pixels is self._pixels and source == self._source:
            return
        self._pixels, self._source = pixels, source
        self.update()

    def set_overlay(self, overlay: DisplayList | None) -> None:
        """Paint a display list over the picture, None for none."""
        if overlay is not self._overlay:
            self._overlay = overlay
            self.update()

    def set_message(self, text: str) -> None:
        """Write a sentence over the picture."""
        if text != self._message:
            self._message = text
            self.update()

    @property
    def note(self) -> str:
        """The small sentence below the caption, empty for none."""
        return self._note

    def set_note(self, text: str) -> None:
        """Write a small sentence below the caption."""
        if text != self._note:
            self._note = text
            self.update()

    def current_fit(self) -> Fit | None:
        """Where the picture lands, in device pixels of this pane; None without a picture."""
        if self._pixels is None:
            return None
        height, width = self._pixels.shape[:2]
        whole = Rect(0, 0, width, height)
        source = whole if self._source is None else self._source.clipped(height, width)
        if source.width == 0 or source.height == 0:
            source = whole
        ratio = self.devicePixelRatioF()
        return fit(source, round(self.width() * ratio), round(self.height() * ratio))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Borders, picture, overlay, caption; then tell the listener that the paint has ended."""
        painter = QPainter(self)
        try:
            placed = self.current_fit()
            if placed is None:
                painter.fillRect(self.rect(), QColor(BACKGROUND))
            else:
                self._paint_picture(painter, placed)
            self._paint_words(painter)
        finally:
            painter.end()  # Qt crashes when a paint event leaves a painter at work
        if self.on_painted is not None:
            self.on_painted()

    def _paint_picture(self, painter: QPainter, placed: Fit) -> None:
        ratio = self.devicePixelRatioF()
        painter.scale(1 / ratio, 1 / ratio)
        assert self._pixels is not None
        image = self._scaler.image(self._pixels, placed)
        target = QRect(placed.x, placed.y, placed.width, placed.height)
        device = QRect(0, 0, round(self.width() * ratio), round(self.height() * ratio))
        for border in _around(device, target):
            painter.fillRect(border, QColor(BACKGROUND))
        painter.drawImage(target.topLeft(), image)
        if self._overlay:
            qt_painter.paint(painter, self._overlay, placed, QRectF(device))
        painter.resetTransform()

    def _paint_words(self, painter: QPainter) -> None:
        font = painter.font()
        font.setPixelSize(13)
        painter.setFont(font)
        painter.setPen(QColor(MUTED))
        painter.drawText(QPointF(12, 22), self._caption)
        wraps = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        if self._note:
            self._paint_on_plate(painter, self._note, self.rect().adjusted(18, 36, -self.width() // 2, -24), wraps, 6)
        if self._message:
            self._paint_message(painter)

    def _paint_message(self, painter: QPainter) -> None:
        font = painter.font()
        font.setPixelSize(18)
        painter.setFont(font)
        area = self.rect().adjusted(24, 24, -24, -24)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
        if self._pixels is not None:
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom | Qt.TextFlag.TextWordWrap
        self._paint_on_plate(painter, self._message, area, flags, 12)

    def _paint_on_plate(self, painter: QPainter, text: str, area: QRect, flags: Qt.AlignmentFlag, pad: int) -> None:
        box = painter.boundingRect(area, flags, text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(12, 14, 18, 200))
        painter.drawRoundedRect(box.adjusted(-pad, -pad // 2, pad, pad // 2), 6, 6)
        painter.setPen(QColor(TEXT))
        painter.drawText(area, flags, text)


def _around(outer: QRect, inner: QRect) -> list[QRect]:
    """The four strips between two rectangles (device pixels)."""
    right, bottom = inner.x() + inner.width(), inner.y() + inner.height()
    return [
        QRect(0, 0, outer.width(), inner.y()),
        QRect(0, bottom, outer.width(), outer.height() - bottom),
        QRect(0, inner.y(), inner.x(), inner.height()),
        QRect(right, inner.y(), outer.width() - right, inner.height()),
    ]
