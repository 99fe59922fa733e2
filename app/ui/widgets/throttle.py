"""Repaints a widget at most so often, and always once more for the last change."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget


class Throttle:
    """Asks a widget to repaint, with a least pause in ms between two repaints; a hidden widget is left alone.

    ``act`` replaces the widget's ``update``.
    """

    def __init__(self, widget: QWidget, pause_ms: int, act: Callable[[], object] | None = None) -> None:
        self._widget = widget
        self._act = act
        self._due = False
        self._pause = QTimer(widget)
        self._pause.setSingleShot(True)
        self._pause.setInterval(pause_ms)
        self._pause.timeout.connect(self._over)

    def ask(self) -> None:
        """Something has changed."""
        if not self._widget.isVisible():
            return  # Qt paints all of it when it is shown
        self._due = True
        if not self._pause.isActive():
            self._over()

    def _over(self) -> None:
        if self._due:
            self._due = False
            self._act() if self._act is not None else self._widget.update()
            self._pause.start()
