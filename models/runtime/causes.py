"""Why regions are bad, and one plain sentence about it.

Severity maps come from the network that scores; what geometry tells (regions outside the sector, depth) is added here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.runtime.contract import REGION_NAMES, WALLS, Cause
from models.runtime.dense import CAUSE_CHANNELS

LEAST_FORESHORTENING = 0.5  # in shares of ``FORESHORTENED_FULL``
OUTSIDE_SHARE = 0.5
DEPTH_RANGE = (0.29, 0.80)
"""Length of the ventricle as a share of the sector's height: below it the depth is set too large, above it too
small. One in a hundred CAMUS training frames lies below, none above."""
SHOWN_CAUSES = tuple(cause for cause in CAUSE_CHANNELS if cause != "processing")


class Told(NamedTuple):
    """What is named to a user: causes with a map that are told well enough, from what strength of a region on.

    What geometry tells is named in any case.
    """

    causes: tuple[str, ...]
    least: float


BY_SEVERITY = Told(("gain_high", "noise", "defocus"), 0.25)
"""Plain severities: haze is seen everywhere, and low gain and shadow, both darkness, are taken for each other."""
BY_LIKELIHOOD = Told(BY_SEVERITY.causes, 0.9)
"""Likelihoods of the network that reads regions: how often what is named so is right, says card_quality.md."""

_APEX = ("apical_left", "apical_right")
_ANNULUS = ("annulus_left", "annulus_right")
_ADVICE = {
    "gain_low": "Gain too low: turn it up",
    "gain_high": "Gain too high: turn it down",
    "shadow": "{where} in shadow: move the probe to a window between the ribs",
    "haze": "Haze over {where}: change the window, or ask to hold the breath",
    "noise": "Noise over {where}: less depth or a lower frequency",
    "defocus": "{where} blurred: set the focus there",
    "outside": "{where} outside the sector: tilt or rock towards it, or widen the sector",
    "foreshortened": "Apex foreshortened: slide one rib space down",
}
_DEPTH_ADVICE = ("Depth too large: the ventricle is small in the picture", "Depth too small: the heart does not fit")


def region_causes(severity: np.ndarray, outside_share: Sequence[float], told: Told) -> tuple[str | None, ...]:
    """The strongest cause of each region.

    Parameters
    ----------
    severity : (6 or more, 8), by cause (``SHOWN_CAUSES`` first) and region, NaN where not judged; or likelihoods
    outside_share : eight shares outside the sector
    told : causes with a map that may be named, and from where on
    """
    known = _told(severity, told)
    best = known.argmax(axis=0)
    found: list[str | None] = []
    for region, outside in enumerate(outside_share):
        if outside > OUTSIDE_SHARE:
            found.append("outside")
        else:
            strong = known[best[region], region] >= told.least
            found.append(SHOWN_CAUSES[int(best[region])] if strong else None)
    return tuple(found)


def frame_causes(
    severity: np.ndarray,
    outside_share: Sequence[float],
    foreshortening: float,
    length_share: float,
    told: Told,
) -> tuple[Cause, ...]:
    """All causes that reach their threshold, the strongest first.

    Parameters
    ----------
    severity, outside_share, told : as for ``region_causes``
    foreshortening : 0..1, in shares of ``FORESHORTENED_FULL``
    length_share : length of the ventricle over the sector's height
    """
    known = _told(severity, told)
    strong = known >= told.least
    causes = [
        Cause(SHOWN_CAUSES[channel], strength_of(known[channel]), tuple(REGION_NAMES[i] for i in np.flatnonzero(row)))
        for channel, row in enumerate(strong)
        if row.any()
    ]
    outside = tuple(name for name, share in zip(REGION_NAMES, outside_share, strict=True) if share > OUTSIDE_SHARE)
    if outside:
        causes.append(Cause("outside", float(max(outside_share)), outside))
    if foreshortening >= LEAST_FORESHORTENING:
        causes.append(Cause("foreshortened", foreshortening, _APEX))
    if not DEPTH_RANGE[0] <= length_share <= DEPTH_RANGE[1]:
        causes.append(Cause("depth", 1.0 if length_share < DEPTH_RANGE[0] else 0.5))
    return tuple(sorted(causes, key=lambda cause: -cause.strength))


def _told(severity: np.ndarray, told: Told) -> np.ndarray:
    """Severity (6, 8) of the causes with a map, 0 where unknown or not to be named."""
    allowed = np.array([[name in told.causes] for name in SHOWN_CAUSES])
    return np.asarray(np.nan_to_num(severity[: len(SHOWN_CAUSES)]) * allowed)


def strength_of(severity: np.ndarray) -> float:
    """Strength of one cause in the frame: mean of its two worst regions, so that one bad wall is enough; (8,) in."""
    return float(np.sort(np.nan_to_num(severity))[-2:].mean())


def advice_of(causes: Sequence[Cause], view: str | None, length_share: float) -> str:
    """One plain sentence on the strongest cause; empty when there is none."""
    if not causes:
        return ""
    cause = causes[0]
    if cause.name == "depth":
        return _DEPTH_ADVICE[length_share > DEPTH_RANGE[1]]
    where = _place(cause.regions, view)
    sentence = _ADVICE[cause.name].format(where=where)
    return sentence[0].upper() + sentence[1:]


def _place(regions: Sequence[str], view: str | None) -> str:
    """Words for a set of regions: a wall by its name when the view is known."""
    left, right = WALLS.get(view or "", ("left", "right"))
    sides = {name.rsplit("_", 1)[1] for name in regions}
    if set(regions) <= set(_APEX):
        return "apex"
    if set(regions) <= set(_ANNULUS):
        return "annulus"
    if sides == {"left"}:
        return f"{left} wall"
    if sides == {"right"}:
        return f"{right} wall"
    return "both walls"
