"""Degraded real frames of known severity, shown to every method at once: equal pictures, equal regions.

Protocol: every frozen degradation equally often, four kinds a frame by turns, in one region or in the whole sector by
turns, at five levels. Regions come from the expert mask, so that no method gains or loses by a segmentation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from models.data.camus import squash
from models.data.degradations import KINDS, LEVELS, RESERVED_KINDS, Degrader
from models.metrics.agreement import rounded, spearman
from models.regional.labelled import LabelledImage
from models.runtime.contract import STRUCTURE_VALUES
from models.runtime.methods import RegionalInput, RegionalMethod

KINDS_PER_FRAME = 4  # by turns, so that every kind comes equally often
_SEED = 7


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture in both forms: ``native`` (H, W) uint8 as the program gets it, ``given`` as a method gets it."""

    native: np.ndarray
    given: RegionalInput


Scorer = Callable[[Picture], np.ndarray]
"""Gives eight metrics, (8,), higher for better; NaN where not judged."""


@dataclass(frozen=True, eq=False)
class Observation:
    """What every method says of one picture.

    Attributes
    ----------
    series : number of the five pictures of one frame, kind and place
    patient : unit of independence
    kind, level : of the degradation; level 0 is the untouched frame
    region : the one looked at
    local : degraded in that region alone, else in the whole sector
    scored : (8,) bool, regions inside the sector
    scores : name of the method -> (8,) float64, NaN where not judged
    """

    series: int
    patient: str
    kind: str
    level: float
    region: int
    local: bool
    scored: np.ndarray
    scores: Mapping[str, np.ndarray]

    def looked_at(self, name: str) -> float:
        """The method's score of the region looked at."""
        return float(self.scores[name][self.region])


class InputMaker:
    """Makes the methods' input from pictures of one frame, whose regions it knows."""

    def __init__(self, item: LabelledImage) -> None:
        height, width = item.image.shape
        self._inside = squash(item.sector.mask(height, width).astype(np.uint8), cv2.INTER_NEAREST) > 0
        self._masks = item.masks_square()
        lumen = squash(item.sample.label(), cv2.INTER_NEAREST) == STRUCTURE_VALUES["LV"]
        self._lumen = lumen & self._inside

    def of(self, image: np.ndarray) -> RegionalInput:
        """(H, W) uint8 in the frame's own grid, black outside its sector -> input on the model's square.

        It is not cut along the sector that was found: that takes the outermost echoes, and with them the apical walls.
        """
        return RegionalInput(squash(image, cv2.INTER_AREA), self._inside, self._masks, self._lumen)


class Stopwatch:
    """Scorers that add up the time each of them takes."""

    def __init__(self, scorers: Mapping[str, Scorer]) -> None:
        self._scorers = dict(scorers)
        self._spent_s = dict.fromkeys(scorers, 0.0)
        self._pictures = 0

    def scores(self, picture: Picture) -> dict[str, np.ndarray]:
        """What each scorer says, (8,) float64 each."""
        found = {}
        for name, score in self._scorers.items():
            start = time.perf_counter()
            found[name] = np.asarray(score(picture), float)
            self._spent_s[name] += time.perf_counter() - start
        self._pictures += 1
        return found

    def ms_per_picture(self) -> dict[str, float]:
        """Mean time of each scorer."""
        return {name: round(1e3 * spent / max(self._pictures, 1), 2) for name, spent in self._spent_s.items()}


def scorers_of(methods: Mapping[str, RegionalMethod]) -> dict[str, Scorer]:
    """Methods as scorers."""
    return {name: _scorer(method) for name, method in methods.items()}


def _scorer(method: RegionalMethod) -> Scorer:
    return lambda picture: method.measure(picture.given)


def observe(images: Sequence[LabelledImage], watch: Stopwatch) -> Iterator[Observation]:
    """Degrade each frame and ask every scorer; a picture is made once for all of them."""
    kinds = list(KINDS)
    for index, item in enumerate(images):
        maker, degrader = InputMaker(item), Degrader(item.image, item.sector)
        untouched = watch.scores(Picture(item.image, maker.of(item.image)))  # the same at level 0 of every series
        for turn in range(KINDS_PER_FRAME):
            series = index * KINDS_PER_FRAME + turn
            kind = kinds[series % len(kinds)]
            region = int(np.random.default_rng((_SEED, series)).choice(np.flatnonzero(item.scored)))
            local = (index + turn) % 2 == 0
            mask = item.masks_native()[region] if local else None
            for level in LEVELS:
                native = degrader.apply(kind, level, mask, seed=series)
                scores = watch.scores(Picture(native, maker.of(native))) if level > 0 else untouched
                yield Observation(series, item.sample.patient, kind, level, region, local, item.scored, scores)


def degraded_figures(observations: Sequence[Observation], name: str) -> dict[str, object]:
    """Figures of one method.

    Returns
    -------
    ``spearman`` of the region looked at with the severity (sign turned: higher is better) over all, for training and
    reserved kinds, for both modes and by kind; ``locality``; mean score by level; shares and counts. A figure that
    nothing was judged for is None.
    """
    figures: dict[str, object] = {
        "spearman": _spearman(observations, name),
        "spearman_training_kinds": _spearman([o for o in observations if o.kind not in RESERVED_KINDS], name),
        "spearman_reserved_kinds": _spearman([o for o in observations if o.kind in RESERVED_KINDS], name),
        "spearman_one_region": _spearman([o for o in observations if o.local], name),
        "spearman_whole_sector": _spearman([o for o in observations if not o.local], name),
        "spearman_by_kind": {kind: _spearman([o for o in observations if o.kind == kind], name) for kind in KINDS},
        "mean_score_by_level": {str(t): _mean([o for o in observations if o.level == t], name) for t in LEVELS},
        "judged_share": rounded(np.mean([np.isfinite(o.looked_at(name)) for o in observations])),
        "n_observations": len(observations),
    }
    return figures | locality_figures(observations, name)


def locality_figures(observations: Sequence[Observation], name: str) -> dict[str, object]:
    """Share of pictures with one degraded region in which that region's score falls most, over all and by kind."""
    clean = {o.series: o.scores[name] for o in observations if o.local and o.level == 0}
    hits: dict[str, list[bool]] = {}
    for o in observations:
        if not o.local or o.level == 0:
            continue
        drop = np.where(o.scored, clean[o.series] - o.scores[name], np.nan)
        if np.isfinite(drop[o.region]):
            hits.setdefault(o.kind, []).append(bool(np.nanargmax(drop) == o.region))
    every = [hit for kind in hits.values() for hit in kind]
    return {
        "locality": rounded(np.mean(every)) if every else None,
        "locality_by_kind": {kind: rounded(np.mean(found)) for kind, found in hits.items()},
        "n_locality": len(every),
    }


def _spearman(observations: Sequence[Observation], name: str) -> float | None:
    severity = np.array([-o.level for o in observations], float)
    return rounded(spearman(severity, np.array([o.looked_at(name) for o in observations], float)))


def _mean(observations: Sequence[Observation], name: str) -> float | None:
    found = np.array([o.looked_at(name) for o in observations], float)
    found = found[np.isfinite(found)]
    return rounded(found.mean()) if len(found) else None
