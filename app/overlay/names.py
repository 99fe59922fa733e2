"""Words for regions, and the one sentence that sums up an assessment."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.runtime.contract import LABEL_TEXT, WALLS, Assessment, RegionAssessment

ENOUGH = 3
"""A region with this label ("ok") or a better one counts as usable."""

LEVEL_TEXT = ("very poor", "poor", "ok", "good", "excellent")
"""Text of the levels 1..5 of a whole picture."""


@dataclass(frozen=True)
class Summary:
    """What the strip below the pictures says.

    Attributes
    ----------
    sentence : one plain sentence: what to do about the strongest cause, else the weakest region; the reason when the
        frame was not judged
    usable, total : regions that are "ok" or better, of how many; the level of 5 of a picture without regions; both None
        when not judged
    label : label of the weakest region, or the level, which sets the colour; None when not judged
    caption : what the number counts
    """

    sentence: str
    usable: int | None = None
    total: int | None = None
    label: int | None = None
    caption: str = "regions ok or better"


def score_word(value: float) -> str:
    """Word of a score of 0..100; the same severity has the same word as a level, halves go to the worse one."""
    return LEVEL_TEXT[4 - math.floor(4 * (1 - value / 100) + 0.5)]


def wall_names(view: str | None) -> tuple[str, str] | None:
    """Left and right wall for people, None when the view is not known."""
    return WALLS.get(view) if view else None


def region_text(name: str, view: str | None) -> str:
    """Region in words: wall name when the view is known, side of the image otherwise.

    ``mid_right`` gives "anterolateral wall, mid" in the A4C view, "mid right" in an unknown one.
    """
    level, side = name.rsplit("_", 1)
    walls = wall_names(view)
    if walls is None:
        return f"{level} {side}"
    wall = walls[0 if side == "left" else 1]
    return f"annulus, {wall} side" if level == "annulus" else f"{wall} wall, {level}"


def as_sentence(text: str) -> str:
    """First letter in upper case, full stop at the end; a file name or a device at the start keeps its letters."""
    if not text:
        return ""
    first = text.split(maxsplit=1)[0].rstrip(",:;.")
    start = text[0].upper() if first.isalpha() else text[0]
    return f"{start}{text[1:]}" if text.endswith((".", "!", "?")) else f"{start}{text[1:]}."


def summarise(assessment: Assessment) -> Summary:
    """Sentence and count for an assessment.

    Among equal labels the first region in the published order is named, not the one with the lowest score: scores move
    with every frame, and the sentence would flicker.
    """
    if not assessment.is_judged:
        return Summary(assessment.reason or "This frame cannot be judged.")
    if not assessment.regions:
        return _of_the_whole(assessment)
    judged = [region for region in assessment.regions if region.label]
    outside = [region for region in assessment.regions if region.label == 0]
    if not judged:
        return Summary("No region lies inside the sector: centre the left ventricle.")
    usable = sum(1 for region in judged if (region.label or 0) >= ENOUGH)
    worst = min(region.label or 0 for region in judged)
    sentence = assessment.advice or _sentence(assessment.view, [r for r in judged if r.label == worst], outside, worst)
    return Summary(sentence, usable, len(assessment.regions), worst)


def _of_the_whole(assessment: Assessment) -> Summary:
    cluster = assessment.cluster
    if cluster is None:
        return Summary(as_sentence(assessment.cluster_reason) or "This frame cannot be judged.")
    sentence = assessment.advice or f"Picture quality: {LEVEL_TEXT[cluster.level - 1]}"
    return Summary(sentence, cluster.level, len(LEVEL_TEXT), cluster.level, "quality level")


def _sentence(view: str | None, weakest: list[RegionAssessment], outside: list[RegionAssessment], worst: int) -> str:
    if worst > ENOUGH and outside:
        return _phrase(outside, view, LABEL_TEXT[0])
    if worst > ENOUGH:
        return "All regions are good or excellent." if worst == 4 else "All regions are excellent."
    if len(weakest) >= 5:
        return f"Most regions are {LABEL_TEXT[worst]}."
    return _phrase(weakest, view, LABEL_TEXT[worst])


def _phrase(regions: list[RegionAssessment], view: str | None, quality: str) -> str:
    text = region_text(regions[0].name, view)
    others = f" (and {len(regions) - 1} more)" if len(regions) > 1 else ""
    return f"{text[0].upper()}{text[1:]}: {quality}{others}"
