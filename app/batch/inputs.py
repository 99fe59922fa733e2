"""What ``sonogauge score`` was asked to score: files, in a stable order, each a still or a video."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from capture.errors import SettingsError

STILL_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv"})


@dataclass(frozen=True)
class Input:
    """One file to score; ``name`` is how rows call it, relative to what was asked for."""

    path: Path
    name: str

    @property
    def is_still(self) -> bool:
        """One picture, scored without temporal smoothing."""
        return self.path.suffix.lower() in STILL_SUFFIXES


def find_inputs(paths: list[Path]) -> list[Input]:
    """Files and, for each folder, the pictures and videos in it and below, in natural order.

    A file that was named is taken whatever its ending: what is not a picture is tried as a video.

    Raises
    ------
    SettingsError
        When a path is missing or a folder holds nothing to score.
    """
    found: list[Input] = []
    for path in paths:
        if path.is_dir():
            found += _in_folder(path)
        elif path.exists():
            found.append(Input(path, path.name))
        else:
            raise SettingsError(f"{path} does not exist: check the path")
    return found


def _in_folder(folder: Path) -> list[Input]:
    known = STILL_SUFFIXES | VIDEO_SUFFIXES
    files = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in known and path.is_file() and not _is_hidden(path.relative_to(folder))
    ]
    if not files:
        raise SettingsError(f"{folder} holds no picture or video that can be scored")
    return [Input(path, str(path.relative_to(folder))) for path in sorted(files, key=_natural)]


def _is_hidden(path: Path) -> bool:
    """Files that systems and programs keep for themselves, such as ``._NAME.png``."""
    return any(part.startswith(".") for part in path.parts)


def _natural(path: Path) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", str(path).lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]
