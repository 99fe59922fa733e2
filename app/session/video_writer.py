"""One segment of a session's video: encoded, written so that a crash costs one picture, and told where each lies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np

from app.session.matroska import Block, blocks
from capture.errors import SessionError

_JPEG_RANGE = 2  # AVColorRange; without it x264 shifts grey levels
_MS = Fraction(1, 1000)
GOP = 15
"""Pictures between two H.264 pictures that stand alone."""


class VideoCodec(StrEnum):
    """How pictures are stored: FFV1 to the bit, H.264 smaller and not."""

    FFV1 = "ffv1"
    H264 = "h264"


@dataclass(frozen=True)
class _Recipe:
    encoder: str
    pixel_format: str
    even: bool
    options: dict[str, str]


_RECIPES = {
    VideoCodec.FFV1: _Recipe(
        "ffv1", "gray", False, {"coder": "0", "level": "3", "slices": "4", "slicecrc": "1", "g": "1"}
    ),
    VideoCodec.H264: _Recipe(
        "libx264",
        "yuv420p",
        True,
        {"preset": "superfast", "tune": "zerolatency", "crf": "16", "g": str(GOP), "sc_threshold": "0"},
    ),
}
_MUXER = {"flush_packets": "1", "cluster_time_limit": "0"}  # 0: a packet never waits for more than the next one

OpenFile = Callable[[Path], BinaryIO]


def check_codec(codec: VideoCodec) -> None:
    """Refuse a codec that this installation cannot write.

    Raises
    ------
    SessionError
        When FFmpeg was built without its encoder.
    """
    try:
        av.codec.Codec(_RECIPES[codec].encoder, "w")
    except ValueError as error:
        raise SessionError(f"this installation cannot write {codec} videos: record with ffv1") from error


def open_output(path: Path) -> BinaryIO:
    """A new file without a buffer, readable too."""
    return path.open("x+b", buffering=0)


class VideoWriter:
    """Writes grey pictures of one size into a new Matroska file.

    Parameters
    ----------
    path : does not exist yet
    codec : how to store
    size : (height, width) of the pictures
    open_file : opens the file; another one serves tests

    Raises
    ------
    OSError, av.error.FFmpegError
        Here and in every method: the disk is full, the file cannot be made. ``abandon`` then releases it.
    """

    def __init__(self, path: Path, codec: VideoCodec, size: tuple[int, int], open_file: OpenFile = open_output) -> None:
        recipe = _RECIPES[codec]
        self.path, self.size, self.codec = path, size, codec
        self.coded_size = (size[0] + size[0] % 2, size[1] + size[1] % 2) if recipe.even else size
        self._format = recipe.pixel_format
        self._output = _Output(open_file(path))
        self._scanned = 0
        self._last_ms = -1
        self._container = av.open(self._output, "w", format="matroska", options=_MUXER)
        self._stream = self._container.add_stream(recipe.encoder, options=recipe.options)
        self._stream.height, self._stream.width = self.coded_size
        self._stream.pix_fmt = recipe.pixel_format
        context = self._stream.codec_context
        context.time_base, context.color_range, context.thread_count = _MS, _JPEG_RANGE, 1
        self._container.start_encoding()

    @property
    def bytes_written(self) -> int:
        """Size of the file."""
        return self._output.size

    def write(self, picture: np.ndarray, t_ms: float) -> list[Block]:
        """Encode one picture.

        Parameters
        ----------
        picture : (h, w) uint8
        t_ms : from the first picture; at least 1 ms is put between two pictures

        Returns
        -------
        Packets that reached the file with it: not yet this one, as a rule.
        """
        frame = self._frame(picture)
        self._last_ms = frame.pts = max(round(t_ms), self._last_ms + 1)
        frame.time_base = _MS
        for packet in self._stream.encode(frame):
            self._container.mux_one(packet)
        return self._arrived()

    def close(self) -> list[Block]:
        """End the file in order; the packets that reached it with that."""
        for packet in self._stream.encode(None):
            self._container.mux_one(packet)
        self._container.close()
        last = self._arrived()
        self._output.close()
        return last

    def abandon(self) -> None:
        """Release the file after an error; what is in it stays as it is."""
        self._output.is_dead = True
        with contextlib.suppress(OSError, av.error.FFmpegError):
            self._container.close()
        self._output.close()

    def _frame(self, picture: np.ndarray) -> Any:
        if self.coded_size != self.size:
            rows, columns = (coded - own for coded, own in zip(self.coded_size, self.size, strict=True))
            picture = np.pad(picture, ((0, rows), (0, columns)))
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray")
        frame.color_range = _JPEG_RANGE
        if self._format != "gray":
            frame = frame.reformat(format=self._format, src_color_range=_JPEG_RANGE, dst_color_range=_JPEG_RANGE)
            frame.color_range = _JPEG_RANGE
        return frame

    def _arrived(self) -> list[Block]:
        """Packets that came to the file since the last call."""
        if self._output.size == self._scanned:
            return []
        with self.path.open("rb", buffering=0) as file:
            found = list(blocks(file, self._scanned))
        if found:
            self._scanned = found[-1].offset + found[-1].size
        return found


class _Output:
    """The file as the muxer sees it: whole writes, and none after an error."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = 0
        self.is_dead = False
        self._file = file

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left and not self.is_dead:  # a raw write may take a part
            left = left[self._file.write(left) :]
        self.size = max(self.size, self._file.tell())
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
