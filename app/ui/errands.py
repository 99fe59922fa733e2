"""Work that may take long, one piece after another in a thread of its own; answers come back in the window's thread."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from capture.errors import SonogaugeError

_log = logging.getLogger(__name__)

T = TypeVar("T")
Say = Callable[[str], None]


class Errands(QObject):
    """A thread while there is something to do, and none otherwise.

    Parameters
    ----------
    name : of the thread
    say : told in one sentence what went wrong, in the window's thread
    """

    _ended = Signal(object, object)

    def __init__(self, name: str, say: Say, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name, self._say = name, say
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Callable[[], Any], Callable[[Any], None] | None]] = deque()
        self._runs = False
        self._open = 0
        self._ended.connect(self._answer, Qt.ConnectionType.QueuedConnection)

    @property
    def is_busy(self) -> bool:
        """Whether something is waiting, being done, or not answered yet."""
        return self._open > 0

    def run(self, work: Callable[[], T], then: Callable[[T], None] | None = None) -> None:
        """Do something once all before is done; ``then`` gets what it returned. Called in the window's thread."""
        self._open += 1
        with self._lock:
            self._waiting.append((work, then))
            if self._runs:
                return
            self._runs = True
        threading.Thread(target=self._work, name=f"sonogauge-{self._name}", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._runs = False
                    return
                work, then = self._waiting.popleft()
            outcome: Any = None
            try:
                outcome = work()
            except SonogaugeError as error:
                outcome = error
            except Exception as error:  # noqa: BLE001 - outer edge of the thread
                _log.exception("%s failed", self._name)
                outcome = error
            try:
                self._ended.emit(outcome, then)
            except RuntimeError:  # the window was deleted meanwhile
                _log.debug("%s ended after its window", self._name)

    def _answer(self, outcome: Any, then: Callable[[Any], None] | None) -> None:
        self._open -= 1
        if isinstance(outcome, Exception):
            known = isinstance(outcome, SonogaugeError)
            self._say(str(outcome) if known else f"{self._name} failed ({outcome}): the log says more")
        elif then is not None:
            then(outcome)
