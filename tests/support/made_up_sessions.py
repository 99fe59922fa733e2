"""Recorded sessions with known pictures, for tests of what is done with them afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from mocks import make_assessment, wait_until

from app.engine.state import Assessed
from app.session.info import ModelRecord, SessionInfo
from app.session.layout import SessionFolder
from app.session.recorder import Recorder
from app.session.recorder_state import RecorderSettings
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import Sector, SectorShape
from models.runtime.contract import Assessment, ScoreAssessment

SIZE = (240, 320)
SECTOR = Sector(160.0, -4.0, 14, 225, -0.6, 0.6)
STEP_NS = (33_000_000, 41_000_000, 29_500_000)
"""Times between frames: no even rate."""

MODEL = ModelRecord(name="mock", model_id="mock@1-int8#0", version="1", sha256="ab" * 32, precision="int8")


def tissue(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Soft, dim blobs, (H, W) uint8: nothing that looks like text."""
    noise = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 4.0)
    return np.clip(60 + 200 * soft, 0, 160).astype(np.uint8)


def scored(frame: Frame, sector: SectorShape | None = SECTOR, view: str | None = "A4C") -> Assessment:
    """Eight regions in a ring with scores 1..5, and a 0-100 score."""
    made = make_assessment(frame, [1.0 + (k + frame.index) % 5 for k in range(8)], sector=sector, view=view)
    regions = tuple(replace(region, polygons=(_square(k),)) for k, region in enumerate(made.regions))
    score = ScoreAssessment(40.0 + frame.index % 50)
    return replace(made, regions=regions, score=score, model_ids={"mock": MODEL.model_id})


def _square(k: int) -> np.ndarray:
    x, y = 130 + 30 * (k % 3), 80 + 30 * (k // 3)
    return np.array([[x, y], [x + 20, y], [x + 20, y + 20], [x, y + 20]], np.float32)


def record(
    library: Path,
    pictures: Sequence[np.ndarray],
    name: str = "S-1",
    *,
    settings: RecorderSettings | None = None,
    sector: SectorShape | Callable[[int], SectorShape] | None = SECTOR,
    spacing_mm: float | None = 0.25,
    assessed_every: int = 2,
    view: str | None = "A4C",
) -> SessionFolder:
    """Record pictures of one size, sealed; every so many of them are assessed."""
    info = SessionInfo(session_id=name, started_at="2026-11-22T10:00:00+00:00", models=(MODEL,))
    patient = replace(settings or RecorderSettings(), hold_s=3.0)  # a busy machine must cost no frame
    recorder = Recorder(library, info, patient)
    recorder.start()
    height, width = pictures[0].shape[:2]
    recorder.take_source(SourceInfo("mock", "virtual:0", VideoMode(width, height, 30.0, "GREY"), spacing_mm=spacing_mm))
    t_ns = 5_000_000_000
    for k, picture in enumerate(pictures):
        shape = sector(k) if callable(sector) else sector
        frame = Frame(picture, k, t_ns, "virtual:0")
        wait_until(lambda: len(recorder._frames) < 20 and len(recorder._results) < 20)
        recorder.take_frame(frame)
        if k % assessed_every == 0:
            recorder.take_result(Assessed(frame, scored(frame, shape, view), t_ns + 20_000_000))
        t_ns += STEP_NS[k % 3]
    recorder.close("test")
    assert recorder.wait(30)
    return SessionFolder(library / name)
