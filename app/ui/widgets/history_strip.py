"""The last minute as thin rows of colour: the cluster, and each region."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.overlay.names import wall_names
from app.overlay.palettes import CALM_GREY, DEFAULT, LABELS, Palette
from app.ui.theme import BACKGROUND, MUTED, SURFACE
from app.ui.widgets.history import COLUMNS, ROWS, SPAN_S, History
from app.ui.widgets.throttle import Throttle
from models.runtime.contract import REGION_NAMES, Assessment

PAUSE_MS = 200
NAMES_PX, FOOT_PX, GAP_PX, SET_OFF_PX, MOST_PX = 148, 16, 3, 6, 44.0
HEART_ROWS = ("cluster", *REGION_NAMES)
OTHER_ROWS = ("cluster", "level")
UNJUDGED_SHARE = 0.45
"""Calm grey is mixed with the ground: a row that was not judged must not outshine one that was."""


class HistoryStrip(QWidget):
    """Repaints at most five times a second, and not at all while hidden."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("history")
        self.setAccessibleName(f"Quality of the last {SPAN_S} s")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.history = History()
        self._palette, self._of_heart = DEFAULT, True
        self.view: str | None = None
        self._throttle = Throttle(self, PAUSE_MS)

    def sizeHint(self) -> QSize:
        """Two pixels per column."""
        return QSize(NAMES_PX + 2 * COLUMNS, 220)

    @property
    def rows(self) -> tuple[str, ...]:
        """What is shown, from the top; some of ``history.ROWS``."""
        return HEART_ROWS if self._of_heart else OTHER_ROWS

    def clear(self) -> None:
        """Begin anew."""
        self.history.clear()
        self._throttle.ask()

    def note(self, t_mono_ns: int, judged: Assessment | None) -> None:
        """Take what is shown of the frame captured then; None when it cannot be judged."""
        if self.history.note(t_mono_ns, judged):
            self._throttle.ask()

    def show_look(self, palette: Palette, view: str | None, of_heart: bool) -> None:
        """Use the colours of a palette, name the walls of a view, show the rows of a heart or of another organ."""
        if (palette, view, of_heart) != (self._palette, self.view, self._of_heart):
            self._palette, self.view, self._of_heart = palette, view, of_heart
            self._throttle.ask()

    def paintEvent(self, event: QPaintEvent) -> None:
        """All rows with their names, and the time below."""
        painter = QPainter(self)
        font = painter.font()
        font.setPixelSize(12)
        painter.setFont(font)
        painter.setPen(QColor(MUTED))
        image = as_image(self.history.columns(), self._palette)
        for row, box in zip(self.rows, self._boxes(), strict=True):
            name = QRectF(0, box.y(), NAMES_PX - 8, box.height())
            painter.drawText(
                name, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, row_text(row, self.view)
            )
            painter.drawImage(box, image, QRectF(0, ROWS.index(row), COLUMNS, 1))
        self._paint_time(painter)
        painter.end()

    def _boxes(self) -> list[QRectF]:
        """Where each row lies; the cluster's is set off from the others, and few rows stand in the middle."""
        room = self.height() - FOOT_PX - SET_OFF_PX
        pitch = min(room / len(self.rows), MOST_PX)
        top_px = (room - pitch * len(self.rows)) / 2
        width = max(self.width() - NAMES_PX, 1)
        tops = [top_px + k * pitch + (SET_OFF_PX if k else 0) for k in range(len(self.rows))]
        return [QRectF(NAMES_PX, top, width, pitch - GAP_PX) for top in tops]

    def _paint_time(self, painter: QPainter) -> None:
        foot = QRectF(NAMES_PX, self._boxes()[-1].bottom(), self.width() - NAMES_PX, FOOT_PX)
        words = {Qt.AlignmentFlag.AlignLeft: f"{SPAN_S} s ago", Qt.AlignmentFlag.AlignHCenter: f"{SPAN_S // 2} s"}
        for side, text in {**words, Qt.AlignmentFlag.AlignRight: "now"}.items():
            painter.drawText(foot, side | Qt.AlignmentFlag.AlignVCenter, text)


def row_text(row: str, view: str | None) -> str:
    """Name of a row, short: the wall when the view is known, the side of the image otherwise."""
    level, _, side = row.partition("_")
    walls = wall_names(view)
    return f"{level} {walls[0 if side == 'left' else 1]}" if walls and side else f"{level} {side}".strip()


def as_image(columns: np.ndarray, palette: Palette) -> QImage:
    """Codes (rows, columns) uint8 as a picture of one pixel each; it owns its pixels."""
    ground = _rgb(SURFACE)
    grey = np.rint(UNJUDGED_SHARE * np.array(CALM_GREY) + (1 - UNJUDGED_SHARE) * ground)
    labels = [palette.colour(label) or CALM_GREY for label in LABELS]
    colours = np.array([_rgb(SURFACE), *labels, grey, _rgb(BACKGROUND)], np.uint8)  # labels 0..5, UNJUDGED, BLANK
    pixels = colours[columns]
    rows, width = columns.shape
    return QImage(pixels.data, width, rows, 3 * width, QImage.Format.Format_RGB888).copy()


def _rgb(colour: str) -> np.ndarray:
    value = QColor(colour)
    return np.array([value.red(), value.green(), value.blue()])
