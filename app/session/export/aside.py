"""Files and folders that appear when they are whole, and leave nothing behind when they are not."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from capture.errors import SessionError


@contextlib.contextmanager
def file_aside(target: Path) -> Iterator[Path]:
    """A path to write to; it takes the target's place at the end, and is gone after any error or Ctrl+C.

    Raises
    ------
    SessionError
        When the folder cannot be written to, or its disk is full.
    """
    with _aside(target) as aside:
        yield aside
        with aside.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(aside, target)


@contextlib.contextmanager
def folder_aside(target: Path) -> Iterator[Path]:
    """A new folder to write into, likewise; the target must not exist or be empty.

    Raises
    ------
    SessionError
        When the target holds something, or cannot be made.
    """
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise SessionError(f"{target} exists already: choose a new folder for --out")
    with _aside(target) as aside:
        aside.mkdir()
        yield aside
        os.replace(aside, target)


@contextlib.contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A path that does not exist yet, beside the target; whatever is there at the end is deleted."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder:
            yield Path(folder) / target.name
    except OSError as error:
        raise SessionError(
            f"{target} cannot be written ({error.strerror or error}): choose another place for --out, or make room"
        ) from error
