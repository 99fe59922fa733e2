"""Small recordings made on the spot, so that no test depends on a file of unknown origin."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np


def numbered_picture(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Grey ramp whose first pixel tells its number, (H, W) uint8."""
    picture = np.add.outer(np.arange(height), np.arange(width) * 2) % 256
    picture[:16, :16] = 40 + number * 5
    return picture.astype(np.uint8)


def number_of(pixels: np.ndarray) -> int:
    """The number that ``numbered_picture`` drew, from a grey or BGR frame."""
    return round((float(pixels[4:12, 4:12].mean()) - 40) / 5)


def write_video(
    path: Path,
    pictures: Sequence[np.ndarray],
    fps: float = 30.0,
    codec: str = "ffv1",
    pix_fmt: str = "gray",
    color_range: int = 0,
    pts_ms: Sequence[int] | None = None,
) -> Path:
    """Write (H, W) grey pictures; ``pts_ms`` gives each its time, ``color_range`` 1 is limited and 2 full."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = pictures[0].shape
        stream.pix_fmt = pix_fmt
        stream.codec_context.color_range = color_range
        if pts_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            if pix_fmt != "gray":
                frame = frame.reformat(format=pix_fmt, dst_color_range=color_range or None)
            frame.color_range = color_range
            if pts_ms is not None:
                frame.pts, frame.time_base = pts_ms[k], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_images(folder: Path, names: Sequence[str]) -> Path:
    """A folder with one numbered picture per name."""
    folder.mkdir(exist_ok=True)
    for k, name in enumerate(names):
        cv2.imwrite(str(folder / name), numbered_picture(k))
    return folder
