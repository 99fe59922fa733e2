"""What the window needs of an engine."""

from __future__ import annotations

from typing import Protocol

from app.engine.timing import EngineTiming
from app.ui.live.bridge import Rings
from capture.source import FrameSource


class LiveEngine(Rings, Protocol):
    """The part of ``app.engine.pipeline.Engine`` that the window pulls from and passes wishes on to."""

    timing: EngineTiming

    def switch(self, source: FrameSource) -> None:
        """Leave the present source for another."""
        ...

    def set_view(self, view: str | None) -> None:
        """Fix the view, None for unknown."""
        ...

    def freeze(self, frozen: bool) -> None:
        """Hold what is shown, or go on."""
        ...

    def new_exam(self) -> None:
        """Forget what the exam has shown."""
        ...

    def show_saliency(self, on: bool) -> None:
        """Make saliency maps of what is shown, or no more."""
        ...
