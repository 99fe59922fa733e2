"""Waiting for what an engine's state tells."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.engine.channels import ChannelClosed, Snapshot
from app.engine.state import EngineState
from app.engine.worker import WorkerState


def wait_for(states: Snapshot[EngineState], holds: Callable[[EngineState], bool], timeout_s: float) -> bool:
    """Wait for a state of which something holds, or for the engine's end; False when time is over first."""
    end_s = time.monotonic() + timeout_s
    version = -1
    while (left_s := end_s - time.monotonic()) > 0:
        try:
            version, state = states.wait_newer(version, left_s)
        except ChannelClosed:
            return True
        if holds(state):
            return True
    return False


def is_drained(state: EngineState) -> bool:
    """Whether every captured frame was assessed or counted as dropped, or nobody is left to assess it."""
    broken = any(w.name == "assess" and w.state is WorkerState.DEGRADED for w in state.workers)
    return broken or state.frames_captured == state.frames_assessed + state.drops.get("assess", 0)
