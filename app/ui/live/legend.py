"""What the colours mean, in the words of the scale."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.overlay.display_list import HATCHES, Cue, with_alpha
from app.overlay.palettes import CALM_GREY, DEFAULT, LABELS, Palette, ink_on
from app.ui import qt_painter
from app.ui.theme import MUTED
from models.runtime.contract import LABEL_TEXT

SWATCH = 22


class Legend(QWidget):
    """Labels 5 to 1 and 0, each with its colour, number or pattern, and word."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("legend")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._palette, self._cue = DEFAULT, Cue.NUMBER
        words = ", ".join(f"{label} {LABEL_TEXT[label]}" for label in (*reversed(LABELS), 0))
        self.setAccessibleName(f"Legend: {words}")

    def show_look(self, palette: Palette, cue: Cue) -> None:
        """Use the colours and the cue of the overlay."""
        if (palette, cue) != (self._palette, self._cue):
            self._palette, self._cue = palette, cue
            self.update()

    def sizeHint(self) -> QSize:
        """Room for all entries on one line."""
        return QSize(round(sum(self._widths())) + 8, SWATCH + 8)

    def _widths(self) -> list[float]:
        metrics = self.fontMetrics()
        return [SWATCH + 6 + metrics.horizontalAdvance(text) + 16.0 for text in LABEL_TEXT]

    def paintEvent(self, event: QPaintEvent) -> None:
        """All entries, best first."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        widths, x = self._widths(), 2.0
        for label in (*reversed(LABELS), 0):
            box = QRectF(x, (self.height() - SWATCH) / 2, SWATCH, SWATCH)
            self._swatch(painter, box, label)
            painter.setPen(QColor(MUTED))
            text = QRectF(box.right() + 6, 0, widths[label], self.height())
            painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, LABEL_TEXT[label])
            x += widths[label]
        painter.end()

    def _swatch(self, painter: QPainter, box: QRectF, label: int) -> None:
        colour = self._palette.colour(label)
        pen = QPen(QColor(*(colour or CALM_GREY)), 1.5)
        if colour is None:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush if colour is None else QColor(*colour))
        painter.drawRoundedRect(box, 4, 4)
        ink = ink_on(colour) if colour else CALM_GREY
        hatch = HATCHES.get(label)
        if self._cue is Cue.PATTERN and hatch is not None:
            painter.save()
            painter.setClipRect(box)
            qt_painter.paint_hatch(painter, box, hatch, with_alpha(ink, 0.8))
            painter.restore()
        elif self._cue is Cue.NUMBER:
            painter.setPen(QColor(*ink))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(label))
