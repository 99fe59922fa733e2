"""Files that say what they are: a visible corner mark and the word SYNTHETIC in the PNG's text."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from capture.errors import DataError

WORD = "SYNTHETIC"
_SIGNATURE_AND_HEADER = 8 + 25  # bytes of the PNG signature and its first chunk
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PAD = 2


def marked(picture: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """A copy with a white mark in the lower right corner: ``SYNTHETIC``, or ``SYN`` on a small picture.

    Parameters
    ----------
    picture : (H, W) uint8

    Returns
    -------
    The copy, and x, y, width, height of the mark in pixels: what lies there is no part of the picture.
    """
    height, width = picture.shape
    text = WORD if width >= 100 else WORD[:3]
    scale = 0.3
    (across, tall), _ = cv2.getTextSize(text, _FONT, scale, 1)
    box_width, box_height = min(across + 2 * _PAD, width), min(tall + 2 * _PAD, height)
    x, y = width - box_width, height - box_height
    found = picture.copy()
    found[y:, x:] = 255
    cv2.putText(found, text, (x + _PAD, height - _PAD), _FONT, scale, 0, 1, cv2.LINE_AA)
    return found, (x, y, box_width, box_height)


def png_bytes(picture: np.ndarray, text: Mapping[str, str]) -> bytes:
    """PNG of a picture (H, W) uint8 with keywords and texts of plain ASCII right behind its header."""
    done, encoded = cv2.imencode(".png", picture)
    assert done, "a picture in memory can always be written as PNG"
    plain = encoded.tobytes()
    chunks = b"".join(_text_chunk(keyword, value) for keyword, value in text.items())
    return plain[:_SIGNATURE_AND_HEADER] + chunks + plain[_SIGNATURE_AND_HEADER:]


def png_text(content: bytes) -> dict[str, str]:
    """The texts of a PNG, keyword -> text.

    Raises
    ------
    DataError
        When the bytes are no sound PNG.
    """
    found, position = {}, 8
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        kind, body = content[position + 4 : position + 8], content[position + 8 : position + 8 + length]
        checked = content[position + 8 + length : position + 12 + length]
        if checked != struct.pack(">I", zlib.crc32(kind + body)):
            raise DataError("the PNG file is damaged: write it again")
        if kind == b"tEXt":
            keyword, _, value = body.partition(b"\0")
            found[keyword.decode("latin-1")] = value.decode("latin-1")
        position += 12 + length
    return found


def write_synthetic(path: Path, picture: np.ndarray, about: str) -> tuple[int, int, int, int]:
    """Write one marked picture; returns where the mark is.

    Parameters
    ----------
    about : what made it

    Raises
    ------
    DataError
        When the file cannot be written.
    """
    shown, box = marked(picture)
    text = {"Title": WORD, "Description": f"{WORD} ultrasound picture of no patient, {about}", "Software": "sonogauge"}
    try:
        path.write_bytes(png_bytes(shown, text))
    except OSError as error:
        raise DataError(f"cannot write {path} ({error.strerror}): check the folder and the free space") from error
    return box


def _text_chunk(keyword: str, value: str) -> bytes:
    body = b"tEXt" + keyword.encode("ascii") + b"\0" + value.encode("ascii", "replace")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
