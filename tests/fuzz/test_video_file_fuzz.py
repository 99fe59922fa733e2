"""Damaged video files: frames or one CaptureError, never anything else and never a hang."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from media import numbered_picture, write_video

from capture.errors import CaptureError
from capture.source import EndOfStream
from capture.video_file import VideoFileSource

ROUNDS = 40


def _damage(raw: bytes, rng: np.random.Generator) -> bytes:
    data = np.frombuffer(raw, np.uint8).copy()
    at = rng.integers(0, data.size, int(rng.integers(1, 40)))
    data[at] = rng.integers(0, 256, at.size)
    return data[: int(rng.integers(1, data.size + 1))].tobytes() if rng.random() < 0.3 else data.tobytes()


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("a.mkv", "ffv1", "gray"), ("a.mp4", "mpeg4", "yuv420p"), ("a.avi", "mjpeg", "yuvj420p")],
)
def test_damaged_files(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    rng = np.random.default_rng(7)
    pictures = [numbered_picture(k) for k in range(6)]
    raw = write_video(tmp_path / name, pictures, codec=codec, pix_fmt=pix_fmt).read_bytes()
    for _ in range(ROUNDS):
        (tmp_path / name).write_bytes(_damage(raw, rng))
        source = VideoFileSource(tmp_path / name, pace="fast")
        with contextlib.suppress(CaptureError):
            source.open()
            with contextlib.suppress(EndOfStream):
                for _ in range(100):
                    source.read(0.0)
                source.seek(0.1)
                source.read(0.0)
        source.close()
