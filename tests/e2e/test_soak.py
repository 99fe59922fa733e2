"""Ten seconds of the live program: what would grow over hours shows here first.

The long run is ``sonogauge live virtual --headless --seconds 600 --json``: ``rss_growth_mb`` counts after the first
minute, ``threads_min`` and ``threads_max`` after the first three seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SECONDS, WARM_S = 10.0, 3.0


def memory_mb(process: psutil.Process) -> float:
    """Resident memory of a process and those that it started."""
    return float(sum(p.memory_info().rss for p in (process, *process.children(recursive=True)))) / 1e6


@pytest.mark.slow
def test_memory_and_threads_stay_as_they_are(weights: Path, own_cache: Path):
    command = [sys.executable, "-c", "from app.cli import main; main()", "live", "virtual", "--headless", "--json"]
    with subprocess.Popen(
        [*command, "--seconds", str(SECONDS), "--weights", str(weights)],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stderr is not None
        for line in program.stderr:
            if "signal ok" in line:
                break
        process = psutil.Process(program.pid)
        time.sleep(WARM_S)
        samples = [memory_mb(process)]
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends while it is asked
            while len(samples) < (SECONDS - WARM_S - 1) * 2:
                time.sleep(0.5)
                samples.append(memory_mb(process))
        out, err = program.communicate(timeout=60)
    assert program.returncode == 0, err
    assert len(samples) > 8
    assert max(samples) - samples[0] < 20, samples
    figures = json.loads(out)
    assert figures["threads_min"] == figures["threads_max"] is not None
    assert figures["rss_growth_mb"] is None, "this run is shorter than a minute"
    assert figures["frames_captured"] == figures["frames_assessed"] + sum(figures["drops"].values())
