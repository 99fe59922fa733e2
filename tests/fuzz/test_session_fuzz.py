"""Damaged sessions: read, or one SessionError; never anything else, and never a hang."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from mocks import make_assessment

from app.engine.state import Assessed
from app.session.frame_reader import FrameReader
from app.session.info import SessionInfo
from app.session.reader import Session
from app.session.recorder import Recorder
from app.session.recorder_state import RecorderSettings
from app.session.recover import recover_session
from app.session.review import ReviewFile
from app.session.store import Library
from app.session.verify import verify_session
from app.session.video_writer import VideoCodec
from capture.errors import SessionError
from capture.frame import Frame
from capture.geometry import Sector

ROUNDS = int(os.environ.get("SONOGAUGE_FUZZ_ROUNDS", "60"))
SECTOR = Sector(80.0, -4.0, 10, 110, -0.6, 0.6)
LONGEST_S = 2.0


@pytest.fixture(scope="module", params=list(VideoCodec))
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("library")
    info = SessionInfo(session_id="S-1", started_at="2026-11-22T10:00:00+00:00")
    recorder = Recorder(library, info, RecorderSettings(codec=request.param))
    recorder.start()
    for k in range(12):
        picture = np.random.default_rng(k).integers(0, 256, (120, 160)).astype(np.uint8)
        frame = Frame(picture, k, 10**9 + k * 33_000_000, "mock:0")
        recorder.take_frame(frame)
        recorder.take_result(Assessed(frame, make_assessment(frame, 3.0, sector=SECTOR), frame.t_mono_ns))
    recorder.close("test")
    assert recorder.wait(20)
    with ReviewFile(Session.open(library / "S-1").folder) as review:
        review.add("ratings", {"frame": 1, "score": 3})
    return library / "S-1"


def damage(path: Path, rng: np.random.Generator) -> None:
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    start = int(rng.integers(0, max(data.size - 200, 1))) if rng.random() < 0.5 else 0
    span = data.size - start if rng.random() < 0.5 else min(200, data.size - start)
    at = start + rng.integers(0, span, int(rng.integers(1, 30)))
    data[at] = rng.integers(0, 256, at.size)
    cut = int(rng.integers(0, data.size + 1)) if rng.random() < 0.2 else data.size
    path.write_bytes(data[:cut].tobytes())


def read_everything(path: Path) -> None:
    with Session.open(path) as opened, FrameReader(opened) as reader:
        _ = opened.events, opened.drops, opened.seconds
        opened.figures()
        for k in range(min(len(opened), 20)):
            with contextlib.suppress(SessionError):
                opened.assessment(k)
            with contextlib.suppress(SessionError):
                reader.grey(k)


def test_damaged_sessions(session: Path, tmp_path: Path):
    rng = np.random.default_rng(7)
    names = [path.name for path in sorted(session.iterdir())]
    slowest = 0.0
    for k in range(ROUNDS):
        path = tmp_path / "S-1"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(session, path)
        damage(path / names[k % len(names)], rng)
        if rng.random() < 0.2:
            (path / names[int(rng.integers(len(names)))]).unlink()
        began = time.process_time()
        with contextlib.suppress(SessionError):
            read_everything(path)
        verify_session(path)
        Library(tmp_path).sessions()
        (path / "seal.json").unlink(missing_ok=True)
        with contextlib.suppress(SessionError):
            recover_session(path)
        slowest = max(slowest, time.process_time() - began)
    assert slowest < LONGEST_S
