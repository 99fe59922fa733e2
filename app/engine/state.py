"""What the engine knows of itself at one moment, as one immutable record for windows and logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.engine.exam import ExamState
from app.engine.timing import Percentiles, Usage
from app.engine.worker import WorkerStatus
from calibration.cluster_map import ClusterMap
from capture.frame import Frame, SourceInfo
from models.runtime.contract import Assessment, ModelInfo
from models.runtime.gate_plane import GatePlane


class SignalState(StrEnum):
    """Whether pictures come in that can be believed."""

    NONE = "none"
    OPENING = "opening"
    OK = "ok"
    NO_SIGNAL = "no_signal"
    STALLED = "stalled"
    LOST = "lost"
    FAILED = "failed"
    ENDED = "ended"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Assessed:
    """An assessment with the frame it was computed from, and when it was ready (monotonic ns)."""

    frame: Frame
    assessment: Assessment
    t_ready_ns: int


@dataclass(frozen=True)
class SourceStatus:
    """What the capture worker says of its source.

    Attributes
    ----------
    phase : ``opening``, ``ok``, ``lost`` (tried again), ``failed`` (given up), ``ended`` or ``none``
    sentence : what to tell the user, empty when all is well
    info : what the source said when it was opened last, None before
    since_ns : monotonic time of the last change of phase
    openings : how often the source was opened
    """

    phase: SignalState = SignalState.NONE
    sentence: str = "no source chosen"
    info: SourceInfo | None = None
    since_ns: int = 0
    openings: int = 0


@dataclass(frozen=True)
class EngineState:
    """The engine at one moment.

    Attributes
    ----------
    signal, sentence : whether pictures can be believed, and why not, in one sentence for the user
    source : description of the open source, None before the first opening
    workers : one status per worker
    fps_captured, fps_assessed : achieved over the last 2 s
    capture_age_ms : now minus the newest frame's capture time, None before the first frame
    result_age_ms : newest frame's capture time minus that of the newest assessed frame, None before the first
    assess_ms, capture_to_paint_ms, stages_ms : over the last 10 s, None or missing when nothing was measured
    ages_ms : by field of an assessment, how much older than the assessed frame its own was at most in the last 10 s
    frames_captured, frames_assessed, drops : counts since the start; drops by channel name
    source_drops : what the present source lost before the engine saw it, not part of frames_captured
    models, provider, precision : models in use; provider and precision empty until they are ready
    cluster_map : the map that the places of clusters lie on, None when there are no clusters
    gate_plane : the plane that the places of the artifact gate lie on, None when there is no gate
    missing : by field of an assessment, one sentence why it has no network
    models_ready : models are loaded, or it is known that they cannot be
    exam : best cycle of the last minute and bull's-eye
    abandoned : threads left behind because a native call did not return
    banners : everything that the user should know, most important first
    """

    signal: SignalState = SignalState.NONE
    sentence: str = "no source chosen"
    source: SourceInfo | None = None
    workers: tuple[WorkerStatus, ...] = ()
    fps_captured: float = 0.0
    fps_assessed: float = 0.0
    capture_age_ms: float | None = None
    result_age_ms: float | None = None
    assess_ms: Percentiles | None = None
    capture_to_paint_ms: Percentiles | None = None
    ages_ms: Mapping[str, float] = field(default_factory=dict)
    stages_ms: Mapping[str, Percentiles] = field(default_factory=dict)
    frames_captured: int = 0
    frames_assessed: int = 0
    drops: Mapping[str, int] = field(default_factory=dict)
    source_drops: int = 0
    models: tuple[ModelInfo, ...] = ()
    provider: str = ""
    precision: str = ""
    cluster_map: ClusterMap | None = None
    gate_plane: GatePlane | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    models_ready: bool = False
    usage: Usage | None = None
    abandoned: int = 0
    exam: ExamState = field(default_factory=ExamState)
    banners: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether the source has nothing more to give."""
        return self.signal in (SignalState.ENDED, SignalState.FAILED, SignalState.STOPPED)


def judge_signal(
    source: SourceStatus, is_live: bool, idle_s: float | None, no_signal: str, stall_after_s: float
) -> tuple[SignalState, str]:
    """Signal state and sentence.

    Parameters
    ----------
    source : what the capture worker says
    is_live : recordings do not stall, they end or are paused
    idle_s : seconds since the last frame of this opening, None before the first: an older picture is no signal
    no_signal : sentence when the newest assessed frame is a card's "no signal" picture, else empty
    stall_after_s : longest healthy pause between frames
    """
    if source.phase is not SignalState.OK:
        return source.phase, source.sentence
    if idle_s is None:
        return SignalState.OPENING, "waiting for the first picture"
    if is_live and idle_s > stall_after_s:
        return SignalState.STALLED, f"no picture for {idle_s:.1f} s: check the cable and the scanner's video output"
    if no_signal:
        return SignalState.NO_SIGNAL, no_signal
    return SignalState.OK, ""


def unique_text(values: list[str]) -> str:
    """The distinct values in order, joined by ``+``."""
    return "+".join(dict.fromkeys(values))
