"""A disk that is full after so many bytes, for the recorder's ``open_file``."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

from app.session.video_writer import open_output


class FullDisk(io.RawIOBase):
    """A file on a disk that has room for so many bytes."""

    def __init__(self, path: Path, room: int) -> None:
        self._file, self._room = open_output(path), room

    def write(self, data: Any) -> int:
        if self._file.tell() + len(data) > self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
