"""Refuses frames that are like nothing known, by what the artifact gate says of them."""

from __future__ import annotations

import math
from dataclasses import replace

from app.engine.smoothing import SteadyText, stream_time_s
from models.runtime.contract import Assessment, GateAssessment, refused

READINGS = 2
"""Readings in a row, of a stream, after which the gate shuts or opens: one frame is not worth a blank picture."""

LONGEST_S = 1.0
"""Time without a reading after which what the gate said before counts no more."""


def refuse_unknown(assessment: Assessment) -> Assessment:
    """The assessment of a still, refused when the gate does not know it."""
    gate = assessment.gate
    return assessment if gate is None or gate.is_known else refused(assessment, gate.reason)


class GateKeeper:
    """Refuses frames of a stream, where a reading holds until the gate's next turn. Not thread-safe."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything seen."""
        self._is_shut, self._against = False, 0
        self._last: GateAssessment | None = None
        self._seen_s = -math.inf
        self._text, self._sentence = SteadyText(LONGEST_S), ""

    def keep(self, assessment: Assessment) -> Assessment:
        """The assessment with the newest reading, refused while the gate is shut; called for each frame in order.

        A frame that is refused already, and that the gate could not read, keeps its own reason.
        """
        if assessment.gate_reason and not assessment.is_judged:
            return assessment
        t_s = stream_time_s(assessment)
        if not 0 <= t_s - self._seen_s <= LONGEST_S:
            self.reset()
        if assessment.gate is not None:
            self._take(assessment.gate, t_s)
        elif not assessment.gate_reason:  # not this frame's turn
            assessment = replace(assessment, gate=self._last)
        return refused(assessment, self._sentence) if self._is_shut else assessment

    def _take(self, gate: GateAssessment, t_s: float) -> None:
        if self._last is None:  # the first reading of a stream counts at once
            self._is_shut = not gate.is_known
        self._last, self._seen_s = gate, t_s
        self._against = self._against + 1 if gate.is_known == self._is_shut else 0
        if self._against == READINGS:
            self._is_shut, self._against = not self._is_shut, 0
        if not gate.is_known:
            self._sentence = self._text.follow(gate.reason, t_s)
