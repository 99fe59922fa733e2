"""A few frames in memory that two processes share. It has no name in the file system, so nothing can be left behind."""

from __future__ import annotations

import mmap
import os
import tempfile

import numpy as np

_HEADER_BYTES = 4096  # one page before the pixels, for the versions of the slots


class SharedRing:
    """Ring of pictures: one process writes, another copies out.

    A slot's version is odd while it is being written; a reader that sees it change takes its copy for torn.

    Parameters
    ----------
    descriptor : open file of ``size_bytes``; it is duplicated by the mapping and stays the caller's to close
    slots, height, width : shape of the ring; each picture is (height, width, 3) uint8
    """

    def __init__(self, descriptor: int, slots: int, height: int, width: int) -> None:
        self._map = mmap.mmap(descriptor, self.size_bytes(slots, height, width))
        self._versions: np.ndarray | None = np.frombuffer(self._map, np.int64, slots)
        count = slots * height * width * 3
        pixels = np.frombuffer(self._map, np.uint8, count, _HEADER_BYTES)
        self._pixels: np.ndarray | None = pixels.reshape(slots, height, width, 3)

    @staticmethod
    def size_bytes(slots: int, height: int, width: int) -> int:
        """Bytes of the file behind a ring."""
        return _HEADER_BYTES + slots * height * width * 3

    @classmethod
    def create_file(cls, slots: int, height: int, width: int) -> int:
        """Descriptor of a new nameless file of the right size, inheritable by a child process that it is passed to."""
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("sonogauge-virtual")
        else:
            with tempfile.TemporaryFile() as file:
                descriptor = os.dup(file.fileno())
        os.ftruncate(descriptor, cls.size_bytes(slots, height, width))
        return descriptor

    def write(self, slot: int, picture: np.ndarray) -> None:
        """Copy ``picture`` (height, width, 3) uint8 into a slot."""
        versions, pixels = self._open()
        versions[slot] += 1
        pixels[slot] = picture
        versions[slot] += 1

    def copy(self, slot: int) -> np.ndarray | None:
        """A copy of a slot, or None when it was written to meanwhile."""
        versions, pixels = self._open()
        before = int(versions[slot])
        picture = pixels[slot].copy()
        return picture if before % 2 == 0 and int(versions[slot]) == before else None

    def close(self) -> None:
        """Release the mapping."""
        self._versions = self._pixels = None
        self._map.close()

    def _open(self) -> tuple[np.ndarray, np.ndarray]:
        if self._versions is None or self._pixels is None:
            raise ValueError("the ring is closed")
        return self._versions, self._pixels
