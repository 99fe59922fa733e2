"""Times and limits of the engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.engine.capturing import CaptureSettings
from app.engine.smoothing import SmoothingSettings
from app.settings import ReadinessSettings


@dataclass(frozen=True)
class EngineSettings:
    """Times of the engine in seconds, and the limits of what can be measured.

    Attributes
    ----------
    stall_after_s : longest healthy pause between the frames of a live source
    publish_every_s : longest time between two states
    stuck_after_s, capture_stuck_after_s : a worker without a heartbeat for longer hangs; opening a card takes long
    stop_timeout_s : longest wait for one thread at the end; then it is left behind and counted
    keep_up_share : the part of the captured frames below which the engine says that the machine cannot keep up
    """

    capture: CaptureSettings = field(default_factory=CaptureSettings)
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    readiness: ReadinessSettings = field(default_factory=ReadinessSettings)
    stall_after_s: float = 0.5
    publish_every_s: float = 0.25
    stuck_after_s: float = 5.0
    capture_stuck_after_s: float = 15.0
    stop_timeout_s: float = 3.0
    keep_up_share: float = 0.8
