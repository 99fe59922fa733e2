"""``sonogauge bench``: the live engine with both panes painted, measured on this machine."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
from typing import Any

import psutil

from app.bootstrap import ModelOptions, make_engine
from app.commands.live import FIRST_PICTURE_TIMEOUT_S, MODELS_TIMEOUT_S, renderer_figures
from capture.discovery import open_source
from capture.errors import ModelError
from capture.source import FrameSource
from capture.virtual.replay import ReplaySource
from models.runtime.precision import cpu_name

log = logging.getLogger(__name__)

LOOP_SECONDS = 10.0


def run_bench(source_name: str, seconds: float, options: ModelOptions) -> int:
    """Measure for ``seconds`` and print one JSON object; 1 when nothing was assessed.

    Raises
    ------
    ModelError
        When the models cannot be used.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from app.ui.bench_view import run_offscreen

    source = _source(source_name)
    engine = make_engine(source, options)
    try:
        engine.start(models_first=True)
        if not engine.wait_ready(MODELS_TIMEOUT_S):
            raise ModelError(f"the models were not ready within {MODELS_TIMEOUT_S:.0f} s: run 'sonogauge doctor'")
        if engine.model_error is not None:  # refusals are quick: their times would mislead
            raise engine.model_error
        engine.wait_started(FIRST_PICTURE_TIMEOUT_S)
        run_offscreen(engine, seconds)
        renderer = renderer_figures(source)
    finally:
        engine.stop()
    figures: dict[str, Any] = engine.summary() | renderer | {"machine": _machine()}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0 if figures["frames_assessed"] else 1


def _source(name: str) -> FrameSource:
    if name != "replay":
        return open_source(name)
    replay = ReplaySource(seconds=LOOP_SECONDS)
    log.info("rendering the %.0f s loop before the clock starts", LOOP_SECONDS)
    replay.prepare()
    return replay


def _machine() -> dict[str, Any]:
    return {"cpu": cpu_name(), "cores": psutil.cpu_count(), "system": platform.platform()}
