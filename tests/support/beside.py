"""Stand-ins for the second thread of an assessor whose moments a test decides, however slow the machine is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from models.runtime.beside import Beside, Timed

Found = TypeVar("Found")


class AtOnce(Beside):
    """Work is done when it was begun."""

    def start(self, work: Callable[[], Found]) -> Future[Timed[Found]]:
        begun = super().start(work)
        wait([begun])
        return begun


class Held(Beside):
    """Work is not done before ``let_go``, and then soon."""

    def __init__(self) -> None:
        super().__init__()
        self._may, self._begun = threading.Event(), list[Future[object]]()

    def start(self, work: Callable[[], Found]) -> Future[Timed[Found]]:
        def held() -> Found:
            self._may.wait(20)
            return work()

        begun = super().start(held)
        self._begun.append(begun)  # type: ignore[arg-type]
        return begun

    def let_go(self) -> None:
        """Returns when all that was begun is done; what begins later is not held."""
        self._may.set()
        wait(self._begun)
