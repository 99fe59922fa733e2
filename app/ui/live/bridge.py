"""From the engine's threads to the window's thread: a bell without a payload."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.ui.live.presenter import Shown

_log = logging.getLogger(__name__)

PAUSE_MS = 3
"""Between a new frame and the look at it. Painting holds Python's lock: the assess worker, which begins with the frame
at that moment, gets into its networks first, which do without the lock, and both then go on side by side. A result is
painted at once: the worker waits for the next frame then."""


class Rings(Shown, Protocol):
    """An engine that rings a bell when there is something new."""

    on_news: Callable[[], None] | None


class EngineBridge(QObject):
    """Rings in the window's thread when the engine has news.

    No frame travels in the signal, and no second ring is queued before the first one was answered: a window that is
    busy finds the newest result when it looks, not a queue of old ones.
    """

    news = Signal()
    _rung = Signal()

    def __init__(self, engine: Rings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._waiting = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setTimerType(Qt.TimerType.PreciseTimer)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._answer)
        self._rung.connect(self._begin, Qt.ConnectionType.QueuedConnection)
        engine.on_news = self._ring

    def close(self) -> None:
        """Ask the engine for no more news."""
        self._engine.on_news = None

    def _ring(self) -> None:
        if not self._waiting:
            self._waiting = True
            try:
                self._rung.emit()
            except RuntimeError:  # the window was deleted while a worker was on its way here
                _log.debug("news after the window was closed")

    def _begin(self) -> None:
        frame, result = self._engine.shown_frame(), self._engine.shown()
        if frame is not None and result is not None and result.frame is frame:
            self._answer()
        else:
            self._pause.start()

    def _answer(self) -> None:
        self._waiting = False  # before the look: what comes during it rings again
        self.news.emit()
