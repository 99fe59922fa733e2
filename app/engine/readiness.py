"""Which measurements the picture is good enough for, from the eight region scores.

EF, volumes and strain need the whole myocardium, MAPSE the annulus alone (regional quality paper, introduction). How
good is good enough is an engineering choice, not the paper's: EF needs every wall region "ok" (the endocardium must be
seen all around), strain needs every wall region "ok" and all but one "good" (speckle must be followed inside the wall).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.settings import ReadinessSettings
from models.runtime.contract import REGION_NAMES, Assessment, Readiness

WALL_REGIONS, ANNULUS_REGIONS = REGION_NAMES[:6], REGION_NAMES[6:]

Scores = Mapping[str, float | None]
"""Region -> score 1..5, None out of the sector or not judged."""


class ReadinessJudge:
    """Fills ``readiness`` into assessments, in order of time. Not thread-safe.

    A measurement that was possible in the frame before stays so until a score falls below its limit by the margin:
    without that, a score at a limit would make the answer flicker. A frame that cannot be judged says nothing, and
    the next one begins anew.
    """

    def __init__(self, settings: ReadinessSettings | None = None) -> None:
        self.settings = settings or ReadinessSettings()
        self.reset()

    def reset(self) -> None:
        """Forget the frame before."""
        self._last = Readiness()

    def fill(self, assessment: Assessment) -> Assessment:
        """The assessment with its readiness; regions out of the sector or without a score are not good enough.

        Without any regions, in an exam of other organs, nothing of the heart can be measured or ruled out.
        """
        judged = assessment.is_judged and bool(assessment.regions)
        self._last = self._judge(assessment) if judged else Readiness()
        return replace(assessment, readiness=self._last)

    def _judge(self, assessment: Assessment) -> Readiness:
        limits, before = self.settings, self._last
        scores = {region.name: region.score if region.label else None for region in assessment.regions}
        ef, strain, mapse = (limits.margin if yes else 0.0 for yes in (before.ef, before.strain, before.mapse))
        return Readiness(
            ef=_weaker(scores, WALL_REGIONS, limits.ef_score - ef) == 0,
            strain=_weaker(scores, WALL_REGIONS, limits.strain_score - strain) == 0
            and _weaker(scores, WALL_REGIONS, limits.strain_good_score - strain) <= limits.strain_weaker,
            mapse=_weaker(scores, ANNULUS_REGIONS, limits.mapse_score - mapse) == 0,
        )


def _weaker(scores: Scores, names: Sequence[str], limit: float) -> int:
    """How many of the named regions do not reach a limit."""
    found = (scores.get(name) for name in names)
    return sum(score is None or score < limit for score in found)
