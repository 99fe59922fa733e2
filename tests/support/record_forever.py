"""A program that records numbered pictures at 30 fps into a library until it is killed, or its disk is full."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from mocks import make_assessment

from app.engine.state import Assessed
from app.session.disk_guard import free_bytes
from app.session.info import SessionInfo
from app.session.recorder import Recorder
from app.session.recorder_state import RecorderSettings
from app.session.video_writer import VideoCodec
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import Sector

SIZE = (240, 320)
SECTOR = Sector(160.0, -8.0, 20, 225, -0.6, 0.6)
FPS = 30.0


def numbered(k: int) -> np.ndarray:
    """Speckle, and within the sector the number as 16 bright or dark squares."""
    rng = np.random.default_rng(k % 7)
    picture = rng.integers(60, 120, SIZE).astype(np.uint8)
    for bit in range(16):
        x = 112 + 6 * bit
        picture[150:156, x : x + 6] = 250 if k >> bit & 1 else 5
    return picture


def number_of(picture: np.ndarray) -> int:
    """The number in a picture of ``numbered``."""
    return sum(int(picture[152:154, 114 + 6 * bit : 116 + 6 * bit].mean() > 128) << bit for bit in range(16))


def main(library: Path, codec: str, seconds: float, is_blind: bool = False) -> None:
    """Record; says so on stdout once the first frames are in. ``is_blind``: nobody watches the disk's room."""
    info = SessionInfo(session_id="S-killed", started_at="2026-11-22T10:00:00+00:00")
    free = (lambda _: 10**12) if is_blind else free_bytes
    recorder = Recorder(library, info, RecorderSettings(codec=VideoCodec(codec)), free=free)
    recorder.start()
    recorder.take_source(SourceInfo("numbered", "virtual:numbered", VideoMode(SIZE[1], SIZE[0], FPS)))
    began_s = time.monotonic()
    for k in range(round(seconds * FPS)):
        time.sleep(max(began_s + k / FPS - time.monotonic(), 0.0))
        frame = Frame(numbered(k), k, time.monotonic_ns(), "virtual:numbered")
        recorder.take_frame(frame)
        if k % 2 == 0:
            assessment = make_assessment(frame, 3.0, sector=SECTOR)
            recorder.take_result(Assessed(frame, assessment, time.monotonic_ns()))
        if k == 3:
            print("recording", flush=True)
        if recorder.state.get().is_over:
            break
    recorder.close("over")
    recorder.wait(20)
    print(recorder.state.get().phase, recorder.state.get().sentence, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), "blind" in sys.argv[4:])
