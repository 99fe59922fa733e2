"""The global gauge: cluster, level and probability of a picture that has no regions to colour."""

from __future__ import annotations

from app.overlay.display_list import Fade, Item, Text, with_alpha
from app.overlay.palettes import CALM_GREY, LABELS, Palette, Rgb, ink_on, label_of_rank
from models.runtime.contract import Assessment, ClusterAssessment

WORD_PX, STEP_PX, SMALL_PX = 44.0, 18.0, 15.0
PITCH_PX = 34.0
MIDDLE_PX = 98.0
"""From the corner to the middle of the gauge: half of five steps and a margin."""

ROWS_PX = (48.0, 106.0, 142.0)
"""From the corner down to the word, the steps and the probability."""

WIDTH_PX = 2 * MIDDLE_PX

_DARK: Rgb = (12, 14, 18)
_EMPTY: Rgb = (58, 66, 76)
_SOFT: Rgb = (235, 240, 245)


def gauge(assessment: Assessment, palette: Palette, fade: Fade = Fade.FULL) -> list[Item]:
    """Cluster word, five steps filled up to the level, and the probability; empty without a cluster.

    It stands in the upper right corner of the crop, which a sector leaves free. Its sizes are output pixels throughout,
    so that the parts keep together at any scale of the picture; where that is small it shrinks as one.
    """
    cluster = assessment.cluster
    if cluster is None:
        return []
    word_row, step_row, small_row = ROWS_PX
    colour = palette.colour(label_of_rank(cluster.rank, len(cluster.names))) or CALM_GREY
    return [
        _text(assessment, cluster.name, 0.0, word_row, WORD_PX, ink_on(colour), colour, fade),
        *_steps(assessment, cluster, step_row, palette, fade),
        _text(assessment, probability_text(cluster), 0.0, small_row, SMALL_PX, _SOFT, _DARK, fade),
    ]


def probability_text(cluster: ClusterAssessment) -> str:
    """Probability of the frame's cluster in words, as in ``82 % sure``."""
    return f"{100 * cluster.p:.0f} % sure"


def _steps(
    assessment: Assessment, cluster: ClusterAssessment, row_px: float, palette: Palette, fade: Fade
) -> list[Item]:
    """Discs 1..5: filled in the level's colour up to the level, which alone carries its number."""
    filled = palette.colour(cluster.level) or CALM_GREY
    items: list[Item] = []
    for level in LABELS:
        plate = filled if level <= cluster.level else _EMPTY
        number = str(level) if level == cluster.level else " "
        items.append(_text(assessment, number, (level - 3) * PITCH_PX, row_px, STEP_PX, ink_on(plate), plate, fade))
    return items


def _text(
    assessment: Assessment, text: str, x_px: float, y_px: float, size_px: float, ink: Rgb, plate: Rgb, fade: Fade
) -> Text:
    x, y = _corner(assessment)
    return Text(
        text,
        x,
        y,
        with_alpha(ink, 1.0, fade),
        dx_px=x_px - MIDDLE_PX,
        dy_px=y_px,
        size_px=size_px,
        plate=with_alpha(plate, 0.8 if plate is _DARK else 1.0, fade),
        round_plate=size_px == STEP_PX,
        group_px=WIDTH_PX,
    )


def _corner(assessment: Assessment) -> tuple[float, float]:
    """Upper right corner of the crop, else of the frame, frame pixels (x, y)."""
    crop = assessment.crop
    return (assessment.frame_size[1] - 1.0, 0.0) if crop is None else (float(crop.x + crop.width - 1), float(crop.y))
