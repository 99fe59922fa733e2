"""The seal of a session: SHA-256 of everything that was recorded, in a file that proves itself."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.session.layout import SessionFolder
from calibration.toml_file import swap_in
from capture.errors import SessionError

_CHUNK = 4 << 20
_LARGEST_SEAL = 1 << 20

Progress = Callable[[float], None]
"""Told the share that is done, 0..1."""


def no_progress(share: float) -> None:
    """Tells nobody."""


def sha256_of(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """Hash of a file in hexadecimal digits; ``on_bytes`` is told how many were read each time."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if on_bytes is not None:
                on_bytes(len(chunk))
    return digest.hexdigest()


def hashes_of(paths: Iterable[Path], progress: Progress = no_progress) -> dict[str, str]:
    """Hash of each file by its name."""
    paths = list(paths)
    total, done = max(sum(path.stat().st_size for path in paths), 1), 0

    def note(count: int) -> None:
        nonlocal done
        done += count
        progress(done / total)

    return {path.name: sha256_of(path, note) for path in paths}


def write_seal(folder: SessionFolder, hashes: dict[str, str], recovered: bool) -> None:
    """Seal a session whose files are closed; OSError when the disk does not take it.

    Parameters
    ----------
    hashes : of every file in ``folder.recorded_files`` by name
    recovered : the recording was not ended in order
    """
    content: dict[str, Any] = {
        "format": 1,
        "sealed_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "recovered": recovered,
        "files": {
            path.name: {"sha256": hashes[path.name], "bytes": path.stat().st_size} for path in folder.recorded_files
        },
    }
    swap_in(folder.seal, _text(content | {"seal": _own_hash(content)}))


def read_seal(folder: SessionFolder) -> dict[str, Any]:
    """The seal, proven to be as it was written.

    Raises
    ------
    SessionError
        When it is missing or one bit of it has changed.
    """
    try:
        with folder.seal.open("rb") as file:
            data = file.read(_LARGEST_SEAL)
        content = json.loads(data)
        is_sound = data == _text(content) and content.pop("seal") == _own_hash(content)
        is_sound = is_sound and isinstance(content["recovered"], bool) and isinstance(content["files"], dict)
    except OSError as error:
        raise SessionError(
            f"session {folder.session_id} has no seal ({error.strerror}): run 'sonogauge sessions recover'"
        ) from error
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        is_sound = False
    if not is_sound:
        raise SessionError(f"{folder.seal} was changed: what it says of the other files cannot be trusted")
    return dict(content)


def _own_hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(_text(content)).hexdigest()


def _text(content: Any) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()
