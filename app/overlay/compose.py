"""From an assessment to the display list of its overlay."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.overlay.display_list import (
    HATCHES,
    Cue,
    DisplayList,
    Fade,
    Hatch,
    Item,
    Polygon,
    Text,
    with_alpha,
)
from app.overlay.gauge import gauge
from app.overlay.names import wall_names
from app.overlay.palettes import CALM_GREY, DEFAULT, Palette, ink_on
from models.runtime.contract import Assessment, RegionAssessment

FILL_ALPHA = 0.38
"""Weak enough that speckle and borders stay visible under the colour."""

PLATE_ALPHA = 0.72
CHIP_GAP_PX = 19.0
NAME_GAP_PX = 46.0


@dataclass(frozen=True)
class OverlayOptions:
    """How an overlay looks.

    Attributes
    ----------
    palette : colours of the labels
    cue : number or pattern beside the colour
    wall_names : write the names of the walls when the view is known
    fade : full, dimmed or none, from the result's age
    filled : colour the inside of regions; without, outlines are left, with numbers instead of patterns
    """

    palette: Palette = DEFAULT
    cue: Cue = Cue.NUMBER
    wall_names: bool = True
    fade: Fade = Fade.FULL
    filled: bool = True


def compose(assessment: Assessment, options: OverlayOptions | None = None) -> DisplayList:
    """Overlay of an assessment: regions in the colour of their label, numbers or patterns, wall names.

    A judged frame without regions (another organ) gives the gauge of its global quality, one that was not judged its
    sector in calm grey; a fade of ``NONE`` gives an empty list.
    """
    options = options or OverlayOptions()
    if not options.filled and options.cue is Cue.PATTERN:
        options = replace(options, cue=Cue.NUMBER)
    if options.fade is Fade.NONE:
        return DisplayList(assessment.frame_size)
    items = _judged(assessment, options) if assessment.is_judged else _refused(assessment, options)
    return DisplayList(assessment.frame_size, tuple(items))


def _refused(assessment: Assessment, options: OverlayOptions) -> list[Item]:
    if assessment.sector is None:
        return []
    outline = assessment.sector.outline().astype(np.float32)
    return [Polygon(outline, outline=with_alpha(CALM_GREY, 0.8, options.fade), width_px=1.5, dashed=True)]


def _judged(assessment: Assessment, options: OverlayOptions) -> list[Item]:
    if not assessment.regions:
        return gauge(assessment, options.palette, options.fade)
    shapes: list[Item] = []
    words: list[Item] = []
    centre = _heart_centre(assessment)
    for region in assessment.regions:
        shapes += [_shape(region, points, options) for points in region.polygons if len(points) >= 3]
        words += _chip(region, centre, options)
    return shapes + _wall_names(assessment, centre, options) + words


def _shape(region: RegionAssessment, points: np.ndarray, options: OverlayOptions) -> Polygon:
    colour = options.palette.colour(region.label)
    edge = colour or CALM_GREY
    hatch: Hatch | None = HATCHES.get(region.label or 0) if options.cue is Cue.PATTERN else None
    return Polygon(
        points,
        fill=None if colour is None or not options.filled else with_alpha(colour, FILL_ALPHA, options.fade),
        outline=with_alpha(edge, 1.0, options.fade),
        width_px=1.8,
        dashed=not region.label,
        hatch=hatch,
    )


def _chip(region: RegionAssessment, centre: np.ndarray, options: OverlayOptions) -> list[Item]:
    points = _points(region)
    if options.cue is not Cue.NUMBER or region.label is None or len(points) == 0:
        return []
    x, y, direction = _beside(points, centre)
    colour = options.palette.colour(region.label) or CALM_GREY
    return [
        Text(
            str(region.label),
            x,
            y,
            with_alpha(ink_on(colour), 1.0, options.fade),
            dx_px=float(direction[0]) * CHIP_GAP_PX,
            dy_px=float(direction[1]) * CHIP_GAP_PX,
            plate=with_alpha(colour, 1.0, options.fade),
            round_plate=True,
        )
    ]


def _wall_names(assessment: Assessment, centre: np.ndarray, options: OverlayOptions) -> list[Item]:
    names = wall_names(assessment.view)
    if names is None or not options.wall_names:
        return []
    regions = {region.name: region for region in assessment.regions}
    items: list[Item] = []
    for name, side, sign in zip(names, ("left", "right"), (-1.0, 1.0), strict=True):
        anchor = _wall_anchor(regions, side)
        if anchor is None:
            continue
        width_px = 8.0 * len(name)  # about half of the plate: the painter knows the exact width, the anchor needs none
        items.append(
            Text(
                name,
                anchor[0],
                anchor[1],
                with_alpha((235, 240, 245), 1.0, options.fade),
                dx_px=sign * (NAME_GAP_PX + width_px / 2),
                plate=with_alpha((12, 14, 18), PLATE_ALPHA, options.fade),
            )
        )
    return items


def _wall_anchor(regions: dict[str, RegionAssessment], side: str) -> tuple[float, float] | None:
    """Outer edge of a wall between its mid and its basal region, where no number stands."""
    parts = [_points(regions[f"{level}_{side}"]) for level in ("mid", "basal") if f"{level}_{side}" in regions]
    if len(parts) < 2 or any(len(part) == 0 for part in parts):
        return None
    both = np.vstack(parts)
    x = both[:, 0].min() if side == "left" else both[:, 0].max()
    return float(x), float((parts[0][:, 1].mean() + parts[1][:, 1].mean()) / 2)


def _points(region: RegionAssessment) -> np.ndarray:
    """All points of a region, (K, 2); (0, 2) without polygons."""
    return np.vstack(region.polygons) if region.polygons else np.zeros((0, 2), np.float32)


def _heart_centre(assessment: Assessment) -> np.ndarray:
    """Middle of the regions, (2,): numbers are put outside, seen from here."""
    parts = [_points(region) for region in assessment.regions if region.polygons]
    if not parts:
        return np.zeros(2)
    everything = np.vstack(parts)
    return np.asarray((everything.min(axis=0) + everything.max(axis=0)) / 2, dtype=np.float64)


def _beside(points: np.ndarray, centre: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Where the ray from the heart through the middle of a region leaves it, and the ray's direction, (2,)."""
    middle = points.mean(axis=0)
    away = middle - centre
    direction = away / max(float(np.hypot(*away)), 1e-6)
    along = (points - middle) @ direction
    across = (points - middle) @ np.array([-direction[1], direction[0]])
    x, y = middle + direction * _furthest_crossing(along, across)
    return float(x), float(y), direction


def _furthest_crossing(along: np.ndarray, across: np.ndarray) -> float:
    """Largest ``along`` at which a closed outline, both (K,), crosses ``across`` = 0; 0 when it never does."""
    following = np.arange(1, len(along) + 1) % max(len(along), 1)
    along_next, across_next = along[following], across[following]
    crosses = (across <= 0) != (across_next <= 0)
    if not crosses.any():
        return 0.0
    share = across[crosses] / (across[crosses] - across_next[crosses])
    return max(float((along[crosses] + share * (along_next[crosses] - along[crosses])).max()), 0.0)
