"""The strip that is read from two metres: one number, one sentence, one colour, and what can be measured."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.overlay.names import Summary
from app.overlay.palettes import CALM_GREY, Palette
from app.ui.live.chips import ReadinessChips
from app.ui.theme import MUTED, TEXT

HEIGHT_PX = 92
BAR_PX = 10
SENTENCE_PX, LONG_SENTENCE_PX = 28, 19
LONG = 110
"""Letters from which a sentence is set smaller: verdicts are shorter, error messages may not be."""


class VerdictStrip(QFrame):
    """Usable regions as a number, the weakest region or the reason as a sentence, its colour as a bar.

    Its height never changes, so that the pictures do not jump when a sentence takes two lines.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("verdict")
        self.setFixedHeight(HEIGHT_PX)
        self.number = _label("Usable regions", 40, TEXT)
        self.caption = _label("", 13, MUTED)
        self.sentence = _label("Verdict", SENTENCE_PX, TEXT)
        self.sentence.setWordWrap(True)
        self.chips = ReadinessChips()
        self._bar = QColor(*CALM_GREY)
        self._shown: tuple[Summary, Palette] | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(BAR_PX + 18, 4, 18, 4)
        layout.setSpacing(22)
        layout.addLayout(self._number_column())
        layout.addWidget(self.sentence, 1)
        layout.addWidget(self.chips)

    def _number_column(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addStretch(1)
        for label in (self.number, self.caption):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setMinimumWidth(140)
            column.addWidget(label)
        column.addStretch(1)
        return column

    def show_summary(self, summary: Summary, palette: Palette) -> None:
        """Show a summary; the bar takes the colour of the weakest region, calm grey without one."""
        if self._shown == (summary, palette):
            return
        self._shown = (summary, palette)
        judged = summary.usable is not None
        self.number.setText(f"{summary.usable}/{summary.total}" if judged else "–")
        self.caption.setText("regions ok or better" if judged else "not judged")
        self.sentence.setText(summary.sentence)
        size_px = SENTENCE_PX if len(summary.sentence) <= LONG else LONG_SENTENCE_PX
        self.sentence.setStyleSheet(f"font-size: {size_px}px; font-weight: 600; color: {TEXT if judged else MUTED};")
        self._bar = QColor(*(palette.colour(summary.label) or CALM_GREY))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame, then the bar."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.fillRect(0, 1, BAR_PX, self.height() - 1, self._bar)
        painter.end()


def _label(name: str, size_px: int, colour: str) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setAccessibleName(name)
    weight = 600 if size_px > 20 else 400
    label.setStyleSheet(f"font-size: {size_px}px; font-weight: {weight}; color: {colour};")
    return label
