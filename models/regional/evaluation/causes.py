"""Whether the strongest cause named is the one that was put in: single-cause degradations of real frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from models.data.degradations import Degrader
from models.metrics.agreement import rounded
from models.regional.evaluation.degraded import InputMaker
from models.regional.labelled import LabelledImage
from models.runtime.contract import CAUSES
from models.runtime.methods import RegionalInput

CAUSE_OF_KIND = {kind: kind for kind in ("shadow", "haze", "noise", "defocus", "gain_low", "gain_high")}
"""Kind of degradation -> the cause it stands for."""

LEVELS = (0.5, 0.75, 1.0)
VISIBLE_GREY = 4.0  # mean change of the grey levels in question below which there is nothing to name
_TURNS = 2  # per frame: once in one region, once in the whole sector
_SEED = 11
_PLACES = np.array([CAUSES.index(cause) for cause in CAUSE_OF_KIND.values()])
CauseReader = Callable[[RegionalInput], tuple[np.ndarray, np.ndarray]]
"""Strengths in the order of ``CAUSES``: of the frame (causes,) and of each region (8, causes); NaN where unknown."""


@dataclass(frozen=True)
class Case:
    """One degraded picture: what was done, where, and whether it shows; ``region`` is None for the whole sector."""

    kind: str
    level: float
    region: int | None
    visible: bool
    given: RegionalInput


def cause_figures(images: Sequence[LabelledImage], read: CauseReader) -> dict[str, object]:
    """Share of pictures whose strongest cause, among those that can be put in, is the one put in.

    A picture degraded in one region is judged by that region's strengths, one degraded as a whole by the frame's.
    Pictures in which the degradation changes the place by less than ``VISIBLE_GREY`` are left out and counted.

    Returns
    -------
    ``cause_top1``, the same for both modes, by kind and level, ``cause_chance``, ``cause_confusion`` (put in -> named
    -> count), ``cause_n`` and ``cause_n_invisible``. Figures of nothing are None.
    """
    named, invisible = [], 0
    for case in cases(images):
        if not case.visible:
            invisible += 1
            continue
        frame, regions = read(case.given)
        named.append((case, _strongest(frame if case.region is None else regions[case.region])))
    hits = [(case, CAUSE_OF_KIND[case.kind] == cause) for case, cause in named]
    confusion: dict[str, dict[str, int]] = {}
    for case, cause in named:
        row = confusion.setdefault(CAUSE_OF_KIND[case.kind], {})
        row[cause] = row.get(cause, 0) + 1
    return {
        "cause_top1": _share([hit for _, hit in hits]),
        "cause_top1_one_region": _share([hit for case, hit in hits if case.region is not None]),
        "cause_top1_whole_sector": _share([hit for case, hit in hits if case.region is None]),
        "cause_top1_by_kind": {
            kind: _share([hit for case, hit in hits if case.kind == kind]) for kind in CAUSE_OF_KIND
        },
        "cause_top1_by_level": {str(t): _share([hit for case, hit in hits if case.level == t]) for t in LEVELS},
        "cause_chance": rounded(1 / len(CAUSE_OF_KIND)),
        "cause_confusion": confusion,
        "cause_n": len(hits),
        "cause_n_invisible": invisible,
    }


def cases(images: Sequence[LabelledImage], seed: int = _SEED) -> Iterator[Case]:
    """Each frame with two causes at three levels: the one in one region, the other in the whole sector."""
    kinds = list(CAUSE_OF_KIND)
    for index, item in enumerate(images):
        maker, degrader = InputMaker(item), Degrader(item.image, item.sector)
        masks = item.masks_native()
        for turn in range(_TURNS):
            series = index * _TURNS + turn
            # Both modes meet every kind: the turn alone would give each mode every second kind.
            kind = kinds[(index + turn * len(kinds) // 2) % len(kinds)]
            region = int(np.random.default_rng((seed, series)).choice(np.flatnonzero(item.scored)))
            place = masks[region] if turn == 0 else degrader.inside
            for level in LEVELS:
                picture = degrader.apply(kind, level, masks[region] if turn == 0 else None, seed=series)
                change = cv2.absdiff(picture, item.image)[place].mean()
                yield Case(kind, level, region if turn == 0 else None, bool(change >= VISIBLE_GREY), maker.of(picture))


def _strongest(strengths: np.ndarray) -> str:
    """Name of the strongest of the causes that can be put in; ``none`` when nothing is known."""
    candidates = np.asarray(strengths, float)[_PLACES]
    if not np.isfinite(candidates).any():
        return "none"
    return CAUSES[int(_PLACES[np.nanargmax(candidates)])]


def _share(flags: Sequence[bool]) -> float | None:
    return rounded(np.mean(flags)) if flags else None
