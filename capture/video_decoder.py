"""Pictures of a video file in order, with times that always advance, whatever state the file is in."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from capture.errors import CaptureError
from capture.frame import VideoMode

_LIMITED, _FULL = 1, 2  # AVColorRange: MPEG, JPEG
_LONGEST_GAP_S = 10.0
_EXPAND = np.clip((np.arange(256) - 16) * (255 / 219) + 0.5, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Decoded:
    """One picture, not yet converted.

    Attributes
    ----------
    picture : ``av.VideoFrame``
    t_s : seconds from the start of the file, greater than that of the picture before
    """

    picture: Any
    t_s: float


class VideoDecoder:
    """Decodes the first video stream of a file.

    Parameters
    ----------
    path : the file
    grey : pictures as grey even where the file has colour

    Raises
    ------
    CaptureError
        The file is missing, no video, or holds not one readable picture.
    """

    def __init__(self, path: Path, grey: bool = False) -> None:
        self._path, self._grey = path, grey
        self.damaged = 0
        self._open()

    def _open(self) -> None:
        self._container = _open_container(self._path)
        streams = self._container.streams.video
        if not streams or self._container.format.name == "tty":  # FFmpeg draws any text file as a video
            self._container.close()
            raise CaptureError(f"{self._path} holds no video. Choose a video file.")
        self._stream = streams[0]
        rate = float(self._stream.average_rate or self._stream.guessed_rate or 0)
        self.fps = rate if 0 < rate < 1000 else 25.0
        self._start_s = 0.0
        self._last_s: float | None = None
        self._pictures = self._decode()
        self._first = next(self._pictures, None)
        if self._first is None:
            self._container.close()
            raise CaptureError(f"{self._path} holds no picture that can be read; it may be cut short or damaged.")
        self._start_s = self._first.time or 0.0

    @property
    def mode(self) -> VideoMode:
        """Size, average rate and codec."""
        context = self._stream.codec_context
        return VideoMode(context.width, context.height, self.fps, str(context.name))

    @property
    def frame_count(self) -> int | None:
        """Number of frames; from the duration where the file does not say, None when that is unknown too."""
        if self._stream.frames:
            return int(self._stream.frames)
        stream, container = self._stream, self._container
        if stream.duration:
            return round(float(stream.duration * stream.time_base) * self.fps)
        return round(container.duration / av.time_base * self.fps) if container.duration else None

    def next(self) -> Decoded | None:
        """The next picture, None after the last. Pictures and packets that are damaged are left out and counted."""
        picture, self._first = self._first, None
        if picture is None:
            picture = next(self._pictures, None)
        return None if picture is None else Decoded(picture, self._time_of(picture))

    def rewind(self) -> None:
        """Back to the start; works for files that cannot be sought, too."""
        self.close()
        self._open()

    def seek(self, t_s: float) -> Decoded | None:
        """The picture shown at ``t_s`` seconds (the last one before it ends), None past the end of the file."""
        if t_s <= 0:
            self.rewind()
            return self.next()
        self._jump_before(t_s)
        half = 0.5 / self.fps
        decoded = self.next()
        while decoded is not None and decoded.t_s < t_s - half:
            decoded = self.next()
        return decoded

    def pixels(self, decoded: Decoded) -> np.ndarray:
        """(H, W) grey or (H, W, 3) BGR uint8 over the full range 0-255, whatever range the file is coded in."""
        picture = decoded.picture
        is_grey = picture.format.name.startswith("gray")
        target = "gray" if is_grey or self._grey else "bgr24"
        # FFmpeg treats grey as full range even when it is tagged as limited
        expand = is_grey and picture.color_range == _LIMITED
        source_range = None if is_grey else (picture.color_range or None)
        array = picture.reformat(
            format=target, src_color_range=source_range, dst_color_range=_FULL, threads=1
        ).to_ndarray()
        return np.ascontiguousarray(_EXPAND[array] if expand else array)

    def close(self) -> None:
        """Close the file."""
        self._pictures.close()
        self._container.close()

    def _jump_before(self, t_s: float) -> None:
        at = int((t_s + self._start_s) / self._stream.time_base)
        try:
            self._container.seek(at, stream=self._stream, backward=True)
        except av.error.FFmpegError as error:
            raise CaptureError(
                f"{self._path} cannot be positioned ({error.strerror}). Play it from the start."
            ) from error
        self._last_s = None
        self._first = None
        self._pictures = self._decode()

    def _decode(self) -> Generator[Any, None, None]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                pictures = packet.decode()
            except (StopIteration, av.error.EOFError):
                return
            except av.error.FFmpegError:
                self.damaged += 1
                if self.damaged > 100_000:
                    return  # a reader that never advances
                continue
            for picture in pictures:
                if picture.is_corrupt:
                    self.damaged += 1
                else:
                    yield picture

    def _time_of(self, picture: Any) -> float:
        """From the picture's own time where that makes sense, else one frame after the one before."""
        last_s, given_s = self._last_s, picture.time
        expected_s = 0.0 if last_s is None else last_s + 1 / self.fps
        if given_s is None:
            t_s = expected_s
        else:
            t_s = given_s - self._start_s
            if last_s is not None and not last_s < t_s < last_s + _LONGEST_GAP_S:
                t_s = expected_s
                self._start_s = given_s - t_s  # the clock of the file jumped: go on from here
        self._last_s = t_s
        return t_s


def _open_container(path: Path) -> Any:
    try:
        # "file:" and the white list keep odd names and playlists from reaching the network
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "unknown format"
        raise CaptureError(f"Cannot open {path}: {reason}. Check that it is a complete video file.") from error
