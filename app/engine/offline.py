"""The same assessment without threads, frame by frame and with none dropped: for files and folders."""

from __future__ import annotations

from collections.abc import Iterator

from app.engine.assessing import SignalCheck, StreamWatch, require_finite
from app.engine.gate_keeping import GateKeeper, refuse_unknown
from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from app.engine.state import Assessed
from capture.errors import ModelError
from capture.frame import Frame
from capture.source import EndOfStream, FrameSource
from models.runtime.contract import Assessment, Assessor, cannot_judge


def frames_of(source: FrameSource, timeout_s: float = 10.0) -> Iterator[Frame]:
    """All frames of a source that is open, to its end; the caller opens and closes it.

    Raises
    ------
    CaptureError
        The data are damaged, or a live source went away.
    """
    while True:
        try:
            frame = source.read(timeout_s)
        except EndOfStream:
            return
        if frame is not None:
            yield frame


def assess_stream(
    source: FrameSource,
    assessor: Assessor,
    smoother: Smoother | None,
    signal_check: SignalCheck | None = None,
    readiness: ReadinessJudge | None = None,
) -> Iterator[Assessed]:
    """Assess every frame of an open source in order.

    Parameters
    ----------
    source : opened by the caller
    assessor : asked from the calling thread; what it learnt of a stream is dropped when the frame size changes
    smoother : None for stills, where frames have nothing to do with each other
    signal_check : refuses "no signal" pictures when given
    readiness : says what can be measured, by its own limits; None for the usual ones

    Raises
    ------
    CaptureError
        From the source. A ModelError of a single frame becomes a refusal instead.
    """
    stream, readiness, gate = StreamWatch(), readiness or ReadinessJudge(), GateKeeper()
    readiness.reset()
    for count, frame in enumerate(frames_of(source), start=1):
        if smoother is None or stream.is_new(frame, count):
            assessor.forget_stream()
            readiness.reset()
            gate.reset()
        no_signal = signal_check(frame) if signal_check else ""
        assessment = cannot_judge(frame, no_signal) if no_signal else _assess(frame, assessor)
        shown = refuse_unknown(assessment) if smoother is None else smoother.smooth(gate.keep(assessment))
        yield Assessed(frame, readiness.fill(shown), frame.t_mono_ns)


def _assess(frame: Frame, assessor: Assessor) -> Assessment:
    try:
        return require_finite(assessor.assess(frame), frame)
    except ModelError as error:
        return cannot_judge(frame, str(error))
