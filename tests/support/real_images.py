"""Real ultrasound pictures for tests; a test that asks for them skips with a reason where they are absent."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest


def data_root() -> Path:
    """Folder of the data sets: SONOGAUGE_DATA, or shared/data beside the repository."""
    default = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
    return Path(os.environ.get("SONOGAUGE_DATA", default)).resolve()


def stills(pattern: str, step: int = 1) -> list[np.ndarray]:
    """Every ``step``-th grey picture (H, W) uint8 whose path below the root matches; skips when there is none."""
    paths = sorted(path for path in data_root().glob(pattern) if "mask" not in path.name)[::step]
    if not paths:
        pytest.skip(f"no {pattern} below the data folder: set SONOGAUGE_DATA to where the data sets are")
    images = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
    return [np.asarray(image) for image in images if image is not None]


def a4c_frames(step: int = 40) -> list[np.ndarray]:
    """Every ``step``-th frame of the real A4C clip, (H, W, 3) BGR uint8; skips when it is absent."""
    path = data_root() / "ntnu_e95_a4c" / "a4c.mp4"
    if not path.is_file():
        pytest.skip("no ntnu_e95_a4c/a4c.mp4 below the data folder: set SONOGAUGE_DATA to where the data sets are")
    import av

    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    return frames[::step]
