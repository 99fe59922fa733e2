"""Whether the newest result may be painted, dimmed, or must be hidden: one rule for every window and export."""

from __future__ import annotations

from dataclasses import dataclass

from app.engine.state import Assessed, SignalState
from capture.frame import Frame

DIM_AFTER_MS = 150.0
REMOVE_AFTER_MS = 500.0

_SCORES_MAY_SHOW = frozenset({SignalState.OK, SignalState.ENDED})


@dataclass(frozen=True)
class Presentation:
    """How to paint the assessed pane.

    Attributes
    ----------
    show_scores : whether scores and colours may be seen at all
    dim : paint them dimmed, because the result is older than 150 ms
    age_ms : result age; 0 when frozen or without a result
    reason : one sentence when scores are hidden, else empty
    is_current : the result is neither too old nor of a lost signal; a refusal may be
    """

    show_scores: bool
    dim: bool
    age_ms: float
    reason: str
    is_current: bool = False


def result_age_ms(assessed: Assessed, newest: Frame | None) -> float:
    """Newest frame's capture time minus that of the assessed frame, in ms, never negative."""
    return 0.0 if newest is None else max((newest.t_mono_ns - assessed.frame.t_mono_ns) / 1e6, 0.0)


def present(
    assessed: Assessed | None, newest: Frame | None, signal: SignalState, sentence: str = "", frozen: bool = False
) -> Presentation:
    """Apply the age rule, fail closed.

    Parameters
    ----------
    assessed : newest result, None before the first
    newest : newest captured frame
    signal, sentence : of the ``EngineState``
    frozen : the user holds this result; its age is then 0 and the signal does not matter
    """
    if assessed is None:
        return _hidden(sentence or "waiting for the first assessment")
    age_ms = 0.0 if frozen else result_age_ms(assessed, newest)
    if not frozen and signal not in _SCORES_MAY_SHOW:
        return _hidden(sentence or f"signal: {signal}", age_ms)
    if not frozen and newest is not None and newest.source_id != assessed.frame.source_id:
        return _hidden("waiting for the first assessment of this source", age_ms)
    if age_ms > REMOVE_AFTER_MS:
        return _hidden(f"the last assessment is {age_ms / 1000:.1f} s old", age_ms)
    if not assessed.assessment.is_judged:
        return Presentation(False, False, age_ms, assessed.assessment.reason, is_current=True)
    return Presentation(True, age_ms > DIM_AFTER_MS, age_ms, "", is_current=True)


def _hidden(reason: str, age_ms: float = 0.0) -> Presentation:
    return Presentation(False, False, age_ms, reason)
