"""The contract of every frame source, and the two ways in which reading can end."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from capture.errors import CaptureError
from capture.frame import Frame, SourceInfo


class EndOfStream(CaptureError):
    """A recording has no further frame."""


class SourceLost(CaptureError):
    """A live source was there and is gone (unplugged, process ended); opening it again may succeed."""


@runtime_checkable
class FrameSource(Protocol):
    """Where frames come from: card, file, folder, virtual scanner.

    ``open`` may be called again after ``close``. ``read`` is called from one thread at a time; ``close`` from any
    thread, twice is fine, and it wakes a waiting ``read``.
    """

    @property
    def source_id(self) -> str:
        """Stable id, known before opening."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether frames come at their own time."""
        ...

    def open(self) -> SourceInfo:
        """Open the source.

        Raises
        ------
        CaptureError
            When it is missing, busy, or not readable, with what the user can do.
        """
        ...

    def read(self, timeout_s: float) -> Frame | None:
        """Next frame, or None when none came within ``timeout_s`` seconds.

        Never blocks longer than ``timeout_s`` plus 50 ms, whatever the device does.

        Raises
        ------
        EndOfStream
            A recording is over.
        SourceLost
            A live source went away.
        CaptureError
            The source was not opened, or the data are damaged beyond this frame.
        """
        ...

    def close(self) -> None:
        """Release the device or file."""
        ...
