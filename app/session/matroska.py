"""Finds the packets of a Matroska file by their place, without reading them, however the file ends.

A recording that was cut off has no table of contents. Its clusters lie one behind the other all the same: walking over
their headers tells which pictures are whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_SEGMENT, _CLUSTER, _GROUP = 0x18538067, 0x1F43B675, 0xA0
_TIME, _SIMPLE_BLOCK, _BLOCK = 0xE7, 0xA3, 0xA1
_HEADER_BYTES = 12
_KEY_FLAG = 0x80


class Block(NamedTuple):
    """One packet: time in ms, where its bytes begin in the file, how many, and whether it stands alone."""

    pts_ms: int
    offset: int
    size: int
    is_key: bool


def blocks(file: BinaryIO, start: int = 0) -> Iterator[Block]:
    """Packets of a file with one track, in the order of the file.

    Parameters
    ----------
    file : open for reading, best without a buffer; as our own writer makes them, in units of 1 ms
    start : where to begin: 0, or the start of a cluster

    Yields
    ------
    Every packet that is whole; ends at the end, at a packet that is cut off, and at anything that is no Matroska.
    """
    size, at, cluster_ms = file.seek(0, os.SEEK_END), start, 0
    while at < size:
        element = _element(_read(file, at, _HEADER_BYTES))
        if element is None:
            return
        name, length, header = element
        at += header
        if name in (_SEGMENT, _CLUSTER, _GROUP):
            continue
        if length is None or at + length > size:
            return
        if name == _TIME and length <= 8:
            cluster_ms = int.from_bytes(_read(file, at, length))
        elif name in (_SIMPLE_BLOCK, _BLOCK) and length > 4:
            track, high, low, flags = _read(file, at, 4)
            if track & _KEY_FLAG:  # a track number of one byte, the only one that our writer makes
                pts_ms = cluster_ms + int.from_bytes(bytes((high, low)), signed=True)
                yield Block(pts_ms, at + 4, length - 4, bool(flags & _KEY_FLAG))
        at += length


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _element(head: bytes) -> tuple[int, int | None, int] | None:
    """(name, length or None when unknown, bytes of the header) of the element that starts here."""
    name_bytes = _width(head[:1])
    if not 1 <= name_bytes <= 4:
        return None
    length_bytes = _width(head[name_bytes : name_bytes + 1])
    end = name_bytes + length_bytes
    if not 1 <= length_bytes <= 8 or len(head) < end:
        return None
    bits = 7 * length_bytes
    length = int.from_bytes(head[name_bytes:end]) & ((1 << bits) - 1)
    return int.from_bytes(head[:name_bytes]), None if length == (1 << bits) - 1 else length, end


def _width(first: bytes) -> int:
    """Bytes of a number of variable length by its first byte; 9 for none."""
    return 9 - first[0].bit_length() if first else 9
