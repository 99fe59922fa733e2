"""Where a recording takes part in the engine: it hears of everything before any viewer does."""

from __future__ import annotations

from typing import Any

from app.engine.sink import Sink
from app.engine.state import Assessed
from capture.frame import Frame, SourceInfo


class RecordingTap:
    """Passes on to a sink while there is one. Any thread."""

    def __init__(self) -> None:
        self._sink: Sink | None = None
        self._told_view: tuple[str | None] | None = None

    def open(self, sink: Sink, info: SourceInfo | None) -> None:
        """Pass everything on to a sink from now on; first what it must know of the source and of the view."""
        if info is not None:
            sink.take_source(info)
        if self._told_view is not None:
            sink.note("view_fixed", view=self._told_view[0])
        self._sink = sink

    def close(self) -> None:
        """Pass on no more; nothing happens without a sink. Returns at once: what was given is still kept."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close("the recording was stopped")

    def view(self, view: str | None) -> None:
        """The user fixed the view; a later sink is told as well."""
        self._told_view = (view,)
        self.note("view_fixed", view=view)

    def note(self, kind: str, **details: Any) -> None:
        """Something happened."""
        sink = self._sink
        if sink is not None:
            sink.note(kind, **details)

    def source(self, info: SourceInfo) -> None:
        """A source was opened."""
        sink = self._sink
        if sink is not None:
            sink.take_source(info)

    def frame(self, frame: Frame) -> None:
        """A frame was read."""
        sink = self._sink
        if sink is not None:
            sink.take_frame(frame)

    def result(self, assessed: Assessed) -> None:
        """A frame was assessed."""
        sink = self._sink
        if sink is not None:
            sink.take_result(assessed)
