"""A label that sets its text in the largest letters that fit."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

LEAST_PX = 160


class FittedLabel(QLabel):
    """Plain text on several lines; its tool tip holds all of it.

    ``sizes_px`` of its letters come from the largest on; the last one is used in any case.
    """

    def __init__(self, name: str, sizes_px: Sequence[int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAccessibleName(name)
        self.setWordWrap(True)
        self.setMinimumWidth(LEAST_PX)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._sizes_px = tuple(sizes_px)
        self._colour = ""
        self._look: tuple[int, str] | None = None

    def show_text(self, text: str, colour: str) -> None:
        """Show a text in a colour."""
        self._colour = colour
        self.setText(text)
        self.setToolTip(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose the size anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        look = next(filter(self._fits, self._sizes_px), self._sizes_px[-1]), self._colour
        if look != self._look:
            self._look = look
            self.setStyleSheet(f"font-size: {look[0]}px; font-weight: 600; color: {look[1]};")

    def _fits(self, size_px: int) -> bool:
        """Whether all lines have room, and also a device's name or path, which has no place to break."""
        font = QFont(self.font())
        font.setPixelSize(size_px)
        font.setWeight(QFont.Weight.DemiBold)
        width, flags = self.contentsRect().width(), Qt.TextFlag.TextWordWrap
        needed = QFontMetrics(font).boundingRect(0, 0, width, 10_000, flags, self.text())
        return needed.height() <= self.height() and needed.width() <= width
