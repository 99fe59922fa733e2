"""Figures of the regional models: segmentation, the quality methods side by side, views, causes, measurements.

Everything is recomputed from model files. The networks come in as plain callables (``Candidates``), so that figures do
not know which file serves them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from calibration.score_map import ScoreMap, load_score_map
from models.data.camus import CamusSample, read_split
from models.data.virtual_dataset import VirtualDataset
from models.regional.evaluation.causes import CauseReader, cause_figures
from models.regional.evaluation.clean import assess_image, clean_figures, open_assessor, scores_of
from models.regional.evaluation.degraded import Observation, Stopwatch, degraded_figures, observe, scorers_of
from models.regional.evaluation.measurement import (
    PAIRS,
    Measured,
    camus_recordings,
    measure,
    reader_of,
    virtual_recordings,
)
from models.regional.evaluation.order import method_order
from models.regional.evaluation.released import coherence_figures, open_released, segmentation_ms
from models.regional.evaluation.view import Recogniser, other_pictures, view_figures
from models.regional.evaluation.virtual import (
    VirtualScores,
    fit_score_map,
    measure_virtual,
    rate_virtual,
    virtual_figures,
)
from models.regional.evaluation.virtual_set import open_or_make, structure_dice
from models.regional.labelled import LabelledImage, labelled_images
from models.runtime.manifest import default_weights_folder
from models.runtime.methods import RegionalMethod

log = logging.getLogger(__name__)

SCORE_MAP_FILE = "score_map.toml"

PIPELINE = "pipeline"
"""The released method as the live program runs it: sector, crop, segmentation and regions found, not given."""


@dataclass(frozen=True)
class EvaluationPlan:
    """What to evaluate.

    Attributes
    ----------
    data : folder that holds ``camus/`` and the other real sets
    weights : folder of model files, None for the released ones
    provider : ``auto``, ``cpu`` or ``cuda``
    limit : validation frames, of patients spread over the split; 0 for all
    virtual : folder of virtual frames, None for the evaluation's own
    """

    data: Path
    weights: Path | None = None
    provider: str = "auto"
    limit: int = 0
    virtual: Path | None = None


class Segmenter(Protocol):
    """Outlines a model square."""

    def __call__(self, image: np.ndarray, view: str | None = None) -> np.ndarray:
        """Labels (256, 256) uint8 of a square (256, 256) uint8 in a view, None for the one that it recognises."""
        ...


@dataclass(frozen=True, eq=False)
class Candidates:
    """The networks under evaluation; what is None gives no figures.

    Attributes
    ----------
    methods : name -> method; ``released`` names the one that the program shows
    segment : see ``Segmenter``
    recognise, causes : see ``view`` and ``causes``
    coherence : virtual frames -> figures ``coherence_*`` of the coherence network
    """

    methods: Mapping[str, RegionalMethod]
    segment: Segmenter
    released: str = "end_to_end"
    recognise: Recogniser | None = None
    causes: CauseReader | None = None
    coherence: Callable[[VirtualDataset], dict[str, object]] | None = None


@dataclass(frozen=True, eq=False)
class Findings:
    """Figures as one flat record for JSON, and what plots are drawn from."""

    figures: dict[str, Any]
    observations: Sequence[Observation]
    virtual: VirtualScores
    score_map: ScoreMap
    ratings: Mapping[str, np.ndarray]
    measured: Mapping[str, Measured]


@contextmanager
def released_candidates(plan: EvaluationPlan) -> Iterator[Candidates]:
    """The released networks, closed at the end."""
    with ExitStack() as stack:
        released = open_released(stack, plan.weights, plan.provider)
        yield Candidates(
            released.methods,
            released.segment,
            recognise=released.recognise,
            causes=released.causes,
            coherence=lambda dataset: coherence_figures(released, dataset),
        )


def evaluate_regional(plan: EvaluationPlan, candidates: Candidates) -> Findings:
    """All figures; see the modules of this package for the protocols.

    Raises
    ------
    DataError
        When a data set is missing or too small.
    ModelError
        When a model file cannot be trusted or fails.
    """
    laps = _Laps()
    samples = _spread(read_split(plan.data, "val"), plan.limit)
    images = labelled_images(samples)
    dataset = open_or_make(plan.virtual)
    laps.end("data")
    figures: dict[str, Any] = {"n_frames": len(samples), "n_patients": len({s.patient for s in samples})}
    figures |= clean_figures(plan.weights, plan.provider, samples)
    figures |= {"segmentation_ms": segmentation_ms(plan.weights)} | alax_figures(dataset, candidates)
    laps.end("segmentation")
    observations, found = _degraded(plan, candidates, images)
    figures |= found
    laps.end("degraded")
    scores = measure_virtual(dataset, candidates.methods)
    score_map = released_score_map(plan.weights) or fit_score_map(scores)
    ratings = rate_virtual(scores, score_map)
    figures |= _virtual(virtual_figures(scores, ratings), candidates.released)
    laps.end("virtual")
    measured = _measurements(plan, candidates, images)
    figures |= {f"ef_{name}": found.figures() for name, found in measured.items()}
    laps.end("measurement")
    figures |= _further(plan, candidates, samples, images, dataset)
    laps.end("views, causes, coherence")
    figures["seconds"] = laps.seconds
    figures["n"] = counts(figures, len(samples))
    return Findings(figures, observations, scores, score_map, ratings, measured)


def released_score_map(weights: Path | None) -> ScoreMap | None:
    """The lines that stand beside the model files; None when there are none yet.

    Raises
    ------
    CalibrationError
        When the file is not valid.
    """
    path = (weights or default_weights_folder()) / SCORE_MAP_FILE
    return load_score_map(path) if path.is_file() else None


def counts(figures: Mapping[str, Any], frames: int) -> dict[str, int]:
    """How many observations stand behind each figure of the acceptance."""
    virtual = figures["virtual"]
    found = {f"dice_{name}": frames for name in ("lv", "myo", "la")}
    found |= dict.fromkeys(("dice_alax", "dice_alax_recognised"), figures["n_dice_alax"])
    found |= {name: figures["n_observations"] for name in figures if name.startswith("spearman_")}
    found |= {"locality": figures["n_locality"], "mae_virtual": virtual["n_regions"]}
    found |= {"style_loss": virtual["n_held_out"]} | figures.get("view_n", {})
    if "cause_top1" in figures:
        found["cause_top1"] = figures["cause_n"]
    return found | figures.get("coherence_n", {})


def alax_figures(dataset: VirtualDataset, candidates: Candidates) -> dict[str, object]:
    """Dice on long-axis frames with the view given, as by a user, and as recognised: one missed loses its aorta."""
    dice = structure_dice(dataset, "ALAX", partial(candidates.segment, view="ALAX"))
    recognised = structure_dice(dataset, "ALAX", candidates.segment)
    return {
        "dice_alax": dice.pop("mean"),
        "dice_alax_recognised": recognised["mean"],
        "n_dice_alax": dice.pop("n"),
        "dice_alax_by_structure": dice,
    }


def _spread(samples: list[CamusSample], limit: int) -> list[CamusSample]:
    """All frames of patients spread over the split, until there are ``limit`` frames; all for 0."""
    patients = list(dict.fromkeys(sample.patient for sample in samples))
    step = max(len(samples) // limit, 1) if limit else 1
    chosen = set(patients[::step])
    return [sample for sample in samples if sample.patient in chosen][: limit or None]


def _degraded(
    plan: EvaluationPlan, candidates: Candidates, images: Sequence[LabelledImage]
) -> tuple[list[Observation], dict[str, object]]:
    """Every method and the whole pipeline on the same degraded frames."""
    with open_assessor(plan.weights, plan.provider, None) as assessor:
        scorers = scorers_of(candidates.methods)
        scorers[PIPELINE] = lambda picture: scores_of(assess_image(assessor, picture.native))
        watch = Stopwatch(scorers)
        observations = list(observe(images, watch))
        about = {"models": [info.model_id for info in assessor.models], "provider": assessor.models[0].provider}
    methods = {name: degraded_figures(observations, name) for name in candidates.methods}
    pipeline = degraded_figures(observations, PIPELINE)
    figures: dict[str, object] = {"spearman_released": pipeline.pop("spearman")} | pipeline
    figures |= {f"spearman_{name}": found["spearman"] for name, found in methods.items()}
    figures |= {"degraded": methods, "ms_per_picture": watch.ms_per_picture()} | about
    return observations, figures | method_order(observations, list(candidates.methods))


def _virtual(found: dict[str, Any], released: str) -> dict[str, object]:
    """The figures on virtual frames; the style loss is that of the method that loses most."""
    losses = {name: figures["style_loss"] for name, figures in found["methods"].items()}
    known = [loss for loss in losses.values() if loss is not None]
    return {
        "mae_virtual": found["methods"][released]["mae"],
        "style_loss": max(known) if known else None,
        "style_loss_by_method": losses,
        "virtual": found,
    }


def _measurements(plan: EvaluationPlan, candidates: Candidates, images: Sequence[LabelledImage]) -> dict[str, Measured]:
    reader = reader_of(candidates.segment, candidates.methods[candidates.released].measure)
    pairs = min(plan.limit or PAIRS, PAIRS)
    return {
        "camus": measure(camus_recordings(images, degraded=False), reader),
        "camus_degraded": measure(camus_recordings(images, degraded=True), reader),
        "virtual": measure(virtual_recordings(pairs), reader),
    }


def _further(
    plan: EvaluationPlan,
    candidates: Candidates,
    samples: Sequence[CamusSample],
    images: Sequence[LabelledImage],
    dataset: VirtualDataset,
) -> dict[str, object]:
    figures: dict[str, object] = {}
    if candidates.recognise is not None:
        figures |= view_figures(samples, other_pictures(plan.data), dataset, candidates.recognise)
    if candidates.causes is not None:
        figures |= cause_figures(images, candidates.causes)
    if candidates.coherence is not None:
        figures |= candidates.coherence(dataset)
    return figures


class _Laps:
    """Seconds that each part takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def end(self, part: str) -> None:
        """Note the time since the last part."""
        now = time.monotonic()
        self.seconds[part] = round(now - self._last, 1)
        self._last = now
        log.info("%s: %.1f s", part, self.seconds[part])
