"""Watches the room on the disk: warns early, refuses to begin and ends a recording while it can still be closed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from capture.errors import SessionError

STOP_BYTES = 50_000_000
START_BYTES = 2 * STOP_BYTES
RED_BYTES = 1_000_000_000
AMBER_BYTES = 5_000_000_000
CHECK_EVERY_S = 0.5  # the message of a full disk is due within a second

FreeBytes = Callable[[Path], int]


class DiskLevel(StrEnum):
    """How much room there is."""

    OK = "ok"
    AMBER = "amber"
    RED = "red"
    FULL = "full"


@dataclass(frozen=True)
class DiskState:
    """Room on the disk: level, and free bytes."""

    level: DiskLevel
    free_bytes: int

    def minutes_left(self, bytes_per_s: float) -> float | None:
        """How long a recording at this rate may go on, None when nothing is known of the rate."""
        return max(self.free_bytes - STOP_BYTES, 0) / bytes_per_s / 60 if bytes_per_s > 0 else None


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write where a folder lies."""
    return shutil.disk_usage(folder).free


class DiskGuard:
    """Checks a folder's disk, at most twice a second.

    Parameters
    ----------
    folder : exists
    free : tells the free bytes; another one serves tests
    """

    def __init__(self, folder: Path, free: FreeBytes = free_bytes) -> None:
        self._folder, self._free = folder, free
        self._checked_s = float("-inf")
        self.state = self._look()

    def check_start(self) -> None:
        """Refuse to begin a recording that would end at once.

        Raises
        ------
        SessionError
            When less than 100 MB are free.
        """
        self.state = self._look()
        if self.state.free_bytes < START_BYTES:
            raise SessionError(
                f"only {self.state.free_bytes / 1e6:.0f} MB are free where sessions are kept and a recording needs "
                f"{START_BYTES / 1e6:.0f} MB to begin: delete old sessions or choose another library"
            )

    def check(self, now_s: float) -> DiskState:
        """The state, looked at anew when half a second has passed."""
        if now_s - self._checked_s >= CHECK_EVERY_S:
            self._checked_s = now_s
            self.state = self._look()
        return self.state

    def _look(self) -> DiskState:
        try:
            free = self._free(self._folder)
        except OSError as error:
            raise SessionError(f"the disk of {self._folder} cannot be asked for its room ({error.strerror})") from error
        limits = ((STOP_BYTES, DiskLevel.FULL), (RED_BYTES, DiskLevel.RED), (AMBER_BYTES, DiskLevel.AMBER))
        return DiskState(next((level for limit, level in limits if free < limit), DiskLevel.OK), free)
