"""``sonogauge live``: the window, or without one a run that ends with its figures."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.bootstrap import ModelOptions, make_engine
from app.commands.recording import RecordOptions, begin_recording, end_recording, recording_for
from app.engine.pipeline import Engine
from app.session.control import report_cut_off
from app.settings import of_this_user
from capture.discovery import open_source
from capture.errors import SettingsError
from capture.frame import EXAMS
from capture.source import FrameSource
from models.runtime.providers import ProviderError

log = logging.getLogger(__name__)

MODELS_TIMEOUT_S = 60.0
FIRST_PICTURE_TIMEOUT_S = 5.0
FAILURE = 1
DEFAULT_HEADLESS_SOURCE = "virtual"
_NOTHING: dict[str, Any] = {
    **{"verdict": "none", "reason": "no frame was assessed"},
    **{"cluster": None, "cluster_reason": "", "regions": {}},
}
_WHOLE = {"score, 0 to 100": "score_0_100", "log density of the artifact gate": "artifact_logp"}


@dataclass(frozen=True)
class LiveOptions:
    """What ``live`` was asked; an empty source means: choose in the window. ``seconds`` 0: no limit."""

    source: str
    headless: bool
    seconds: float
    as_json: bool
    models: ModelOptions
    screenshot: Path | None = None
    record: RecordOptions = field(default_factory=RecordOptions)


def run_live(options: LiveOptions) -> int:
    """Run until the window is closed, the time is over, or the source has ended; returns the exit code."""
    if options.as_json and not options.headless:
        raise SettingsError("--json prints the figures of a run without a window: add --headless")
    if options.record.pre_roll_s and options.headless:
        raise SettingsError("--pre-roll keeps what was before R is pressed in the window: leave --headless out")
    if options.screenshot is not None and options.headless:
        raise SettingsError("--screenshot needs the window: leave --headless out")
    return _headless(options) if options.headless else _window(options)


def with_virtual_options(source: str, view: str, patient: str, probe: str, path: Path | None) -> str:
    """``source`` with options for the virtual scanner written into it; other sources stay as they are.

    Raises
    ------
    SettingsError
        Patient or probe are given for a source that has none.
    """
    is_virtual = source.partition(":")[0] == "virtual"
    if not is_virtual and (patient or probe or path):
        raise SettingsError("--patient, --probe and --probe-path steer the virtual scanner: give 'virtual' as source")
    extra = [f"patient={patient}" * bool(patient), probe, f"path={path}" * bool(path)]
    if is_virtual and view and "view=" not in source:
        extra.insert(0, f"view={view}")
    added = ",".join(filter(None, extra))
    if not added:
        return source
    return f"{source}{',' if ':' in source else ':'}{added}"


def _window(options: LiveOptions) -> int:
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM")):
        raise SettingsError("there is no screen (DISPLAY is not set): use --headless, or run it in a desktop session")
    from app.ui.run import run_window

    open_looped = partial(open_source, loop=True)  # a clip of a few beats is watched again and again
    source = open_looped(options.source) if options.source else None
    engine = make_engine(source, options.models, of_this_user().readiness)
    profile = options.models.load_profile()
    control = recording_for(engine, options.record, options.models)
    begin_recording(control, options.record)
    try:
        return run_window(
            engine,
            open_looped,
            view=options.models.view,
            profile=profile.name if profile else "",
            exam=options.models.exam or (profile and profile.exam) or EXAMS[0],
            recording=control,
            seconds=options.seconds or None,
            screenshot=options.screenshot,
        )
    finally:
        end_recording(control)


def _headless(options: LiveOptions) -> int:
    source = open_source(options.source or DEFAULT_HEADLESS_SOURCE)
    engine = make_engine(source, options.models, of_this_user().readiness)
    control = recording_for(engine, options.record, options.models)
    report_cut_off(control.library, log.warning)
    begin_recording(control, options.record)
    try:
        figures = run_engine(engine, source, options.seconds)
    finally:
        recorded = end_recording(control)
    if recorded is not None:
        figures["recording"] = recorded
    if options.as_json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        Console(width=100).print(summary_table(figures))
    if not figures["frames_assessed"]:
        sys.stderr.write("sonogauge: no frame was assessed; " + "; ".join(figures["banners"]) + "\n")
        return FAILURE
    return 0


def run_engine(engine: Engine, source: FrameSource, seconds: float) -> dict[str, Any]:
    """Start, wait for the end or ``seconds`` from the first picture on, stop; the summary of the run.

    Raises
    ------
    ProviderError
        When a provider was asked for by name and is not granted. Other faults of the models are shown with every frame.
    """
    try:
        engine.start(models_first=True)
        engine.wait_ready(MODELS_TIMEOUT_S)
        if isinstance(engine.model_error, ProviderError):  # asked for by name: no run without it
            raise engine.model_error
        engine.wait_started(FIRST_PICTURE_TIMEOUT_S)
        engine.wait_over(seconds or threading.TIMEOUT_MAX)
        renderer = renderer_figures(source)
    except KeyboardInterrupt:
        renderer = renderer_figures(source)
    finally:
        engine.stop()
    return engine.summary() | renderer


def renderer_figures(source: FrameSource) -> dict[str, Any]:
    """CPU of a source that renders in a process of its own, in percent of one core; empty for all others."""
    percent = getattr(source, "renderer_cpu_percent", None)
    return {"renderer_cpu_percent": round(float(percent()), 1)} if callable(percent) else {}


def summary_table(figures: dict[str, Any]) -> Table:
    """The run in one table."""
    table = Table("sonogauge", "", title=f"{figures['source']}, {figures['mode']}")
    rows = {
        "provider, precision": f"{figures['provider']}, {figures['precision']}",
        "frames captured / assessed": f"{figures['frames_captured']} / {figures['frames_assessed']}",
        "fps captured / assessed": f"{figures['fps_captured']} / {figures['fps_assessed']}",
        "drops": _pairs(figures["drops"]),
        "assessment, ms": _pairs(figures["assess_ms"]),
        "memory, MB": str(figures["rss_mb"]),
        "signal": str(figures["signal"]),
    }
    if "renderer_cpu_percent" in figures:
        rows["virtual scanner's CPU, % of a core"] = str(figures["renderer_cpu_percent"])
    for name, value in rows.items():
        table.add_row(name, value)
    table.add_section()
    last = figures["last_assessment"] or _NOTHING
    table.add_row("last verdict", f"{last['verdict']} {last['reason']}".strip())
    table.add_row("quality cluster", _cluster_text(last))
    for name, key in _WHOLE.items():
        if last.get(key) is not None:
            table.add_row(name, f"{last[key]:.1f}")
    for name, region in last["regions"].items():
        table.add_row(name, "-" if region["score"] is None else f"{region['score']:.1f}")
    return table


def _cluster_text(last: dict[str, Any]) -> str:
    """Word, level and shares of the last frame's cluster, or why there is none."""
    cluster = last["cluster"]
    if cluster is None:
        return last["cluster_reason"] or "-"
    return f"{cluster['name']}, level {cluster['level_1_5']} of 5 ({_pairs(cluster['shares'])})"


def _pairs(values: dict[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (values or {}).items()) or "-"
