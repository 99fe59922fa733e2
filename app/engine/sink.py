"""What the engine tells someone who keeps everything, such as a recorder; called from several threads."""

from __future__ import annotations

from typing import Any, Protocol

from app.engine.state import Assessed
from capture.frame import Frame, SourceInfo


class Sink(Protocol):
    """Takes frames, results and events; never waits, never raises."""

    def take_frame(self, frame: Frame) -> None:
        """Take a captured frame, before any viewer hears of it."""
        ...

    def take_result(self, assessed: Assessed) -> None:
        """Take a result, before any viewer hears of it."""
        ...

    def take_source(self, info: SourceInfo) -> None:
        """A source was opened; the frames that follow are its own."""
        ...

    def note(self, kind: str, **details: Any) -> None:
        """Something happened: ``view_fixed``, ``freeze``, ``source_switched``, ``new_exam``, ``signal``."""
        ...

    def close(self, reason: str) -> None:
        """Nothing follows; what was taken is still kept. Returns at once, twice is fine."""
        ...
