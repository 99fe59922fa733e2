"""Frames from still pictures: one file, or a folder of them."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import cv2
import numpy as np

from capture.errors import CaptureError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.source import EndOfStream

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Sort key by which ``frame2`` comes before ``frame10``."""
    parts = re.split(r"(\d+)", path.name.lower())
    return tuple((0, int(p)) if p.isdigit() else (1, p) for p in parts)


def read_image(path: Path) -> np.ndarray:
    """One still, (H, W) grey or (H, W, 3) BGR uint8; 16-bit files are scaled down, of several pages the first is read.

    Raises
    ------
    CaptureError
        The file is missing, no picture, or damaged.
    """
    try:
        raw = np.fromfile(path, np.uint8)
        picture = cv2.imdecode(raw, cv2.IMREAD_ANYCOLOR) if raw.size else None
    except (OSError, cv2.error) as error:
        reason = error.strerror if isinstance(error, OSError) else "it cannot be decoded"
        raise CaptureError(f"Cannot read the picture {path}: {reason}. Check the file or leave it out.") from error
    if picture is None:
        raise CaptureError(f"{path} is no picture that can be read, or is damaged. Check the file or leave it out.")
    return np.asarray(picture)


class ImageFolderSource:
    """Stills, each one a frame, in natural order of their names, as fast as they are asked for.

    Parameters
    ----------
    path : a folder (its own pictures, not those of folders inside) or one picture

    ``Frame.index`` is the place in ``paths``. A file that cannot be read raises CaptureError from its ``read``; the
    next ``read`` goes on with the next file.
    """

    is_live = False

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.paths: tuple[Path, ...] = ()
        self._lock = threading.Lock()
        self._next: int | None = None

    @property
    def source_id(self) -> str:
        """``file:`` and the path."""
        return f"file:{self.path}"

    def open(self) -> SourceInfo:
        """List the pictures; CaptureError when there is none."""
        paths = self._list()
        if not paths:
            wanted = ", ".join(IMAGE_SUFFIXES)
            raise CaptureError(f"{self.path} holds no picture. Choose a folder or file with one of {wanted}.")
        with self._lock:
            self.paths, self._next = paths, 0
        return SourceInfo(self.path.name, self.source_id, VideoMode(), is_live=False, frame_count=len(paths))

    def read(self, timeout_s: float) -> Frame | None:
        """Next picture, never None.

        Raises
        ------
        EndOfStream
            All were read.
        CaptureError
            The source is not open, or this one file cannot be read (its name is in the message).
        """
        with self._lock:
            if self._next is None:
                raise CaptureError(f"{self.path} is not open. Open it before reading.")
            index = self._next
            if index >= len(self.paths):
                raise EndOfStream(f"{self.path} has no further picture.")
            self._next += 1
        return Frame(read_image(self.paths[index]), index, time.monotonic_ns(), self.source_id)

    def close(self) -> None:
        """Forget the place; ``paths`` stays."""
        with self._lock:
            self._next = None

    def _list(self) -> tuple[Path, ...]:
        if self.path.is_file():
            return (self.path,)
        try:
            found = [p for p in self.path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()]
        except OSError as error:
            raise CaptureError(f"Cannot open {self.path}: {error.strerror}. Check the path.") from error
        return tuple(sorted((p for p in found if not p.name.startswith(".")), key=natural_key))
