"""Figures of the released regional models on CAMUS validation patients, through the same assessor as in live use.

Segmentation: Dice per structure in each frame's own pixel grid. Regional scores: every frozen degradation equally
often, four kinds a frame by turns, in one region or in the whole sector by turns, at five levels; Spearman of the score
with the severity, and locality.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from capture.frame import Frame
from models.data.camus import CamusSample, read_split
from models.data.degradations import KINDS, LEVELS, RESERVED_KINDS, Degrader
from models.metrics.segmentation import dice_per_class
from models.regional.labelled import LabelledImage, labelled_images
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import REGION_NAMES, Assessment

KINDS_PER_FRAME = 4  # by turns, so that every kind comes equally often
STRUCTURES = ("lv", "myo", "la")
SEGMENTATION_CLASSES = 1 + len(STRUCTURES)


@dataclass(frozen=True)
class Observation:
    """Scores of one picture: ``scores`` (8,) with NaN where not judged; ``region`` is the one looked at."""

    series: int
    kind: str
    level: float
    region: int
    local: bool
    scored: np.ndarray
    scores: np.ndarray


def evaluate_regional(data_dir: Path, weights: Path | None, provider: str, limit: int) -> dict[str, object]:
    """All figures in one flat record; see the module's text for the protocol.

    Parameters
    ----------
    data_dir : folder that holds ``camus/``
    weights : folder of model files, None for the released ones
    provider : ``auto``, ``cpu`` or ``cuda``
    limit : number of validation frames, spread over the split; 0 for all
    """
    samples = read_split(data_dir, "val")
    if limit:
        samples = samples[:: max(len(samples) // limit, 1)][:limit]
    figures: dict[str, object] = {"n_frames": len(samples), "n_patients": len({s.patient for s in samples})}
    by_precision = {}
    for precision in ("int8", "float32"):
        with _assessor(weights, provider, precision) as assessor:
            by_precision[precision] = _assess_clean(assessor, samples)
    figures |= _clean_figures(by_precision, samples)
    with _assessor(weights, provider, None) as assessor:
        figures |= degraded_figures(_observe(assessor, labelled_images(samples)))
        figures["models"] = [info.model_id for info in assessor.models]
        figures["provider"] = assessor.models[0].provider
    return figures


def _assessor(weights: Path | None, provider: str, precision: str | None) -> RegionalAssessor:
    return RegionalAssessor(
        weights, provider=provider, precision=precision, per_frame=True, keep_label_map=True, cache_dir=None
    )


def assess_image(assessor: RegionalAssessor, image: np.ndarray) -> Assessment:
    """One still, (H, W) uint8."""
    return assessor.assess(Frame(image.copy(), 0, 0, "evaluation"))


def scores_of(assessment: Assessment) -> np.ndarray:
    """Raw scores in the order of the outputs, (8,) float64, NaN where not judged."""
    by_name = {region.name: region.score_raw for region in assessment.regions}
    found = [by_name.get(name) for name in REGION_NAMES]
    return np.array([np.nan if score is None else score for score in found], float)


def _assess_clean(assessor: RegionalAssessor, samples: list[CamusSample]) -> list[tuple[list[float], np.ndarray]]:
    """Dice per structure and scores of each untouched frame."""
    rows = []
    for sample in samples:
        assessment = assess_image(assessor, sample.image())
        truth = sample.label()
        label = assessment.label_map if assessment.label_map is not None else np.zeros_like(truth)
        rows.append((dice_per_class(label, truth, SEGMENTATION_CLASSES), scores_of(assessment)))
    return rows


def _clean_figures(
    rows: dict[str, list[tuple[list[float], np.ndarray]]], samples: list[CamusSample]
) -> dict[str, object]:
    figures: dict[str, object] = {}
    dice = {precision: np.nanmean([row[0] for row in found], axis=0) for precision, found in rows.items()}
    for index, name in enumerate(STRUCTURES):
        figures[f"dice_{name}"] = round(float(dice["int8"][index]), 4)
        figures[f"dice_{name}_float32"] = round(float(dice["float32"][index]), 4)
    figures["int8_dice_loss"] = round(float((dice["float32"] - dice["int8"]).max()), 4)
    scores = {precision: np.array([row[1] for row in found]) for precision, found in rows.items()}
    figures["int8_mean_abs_score_change"] = round(float(np.nanmean(np.abs(scores["int8"] - scores["float32"]))), 4)
    figures["clean_judged_share"] = round(float(np.isfinite(scores["int8"]).any(axis=1).mean()), 4)
    for view in ("A4C", "A2C"):
        chosen = [sample.view == view for sample in samples]
        if any(chosen):
            mean = np.nanmean(scores["int8"][chosen], axis=0)
            figures[f"clean_mean_score_{view}"] = dict(zip(REGION_NAMES, mean.round(2).tolist(), strict=True))
    return figures


def _observe(assessor: RegionalAssessor, images: list[LabelledImage]) -> list[Observation]:
    found, kinds = [], list(KINDS)
    for index, item in enumerate(images):
        for turn in range(KINDS_PER_FRAME):
            series = index * KINDS_PER_FRAME + turn
            kind = kinds[series % len(kinds)]
            random = np.random.default_rng((7, series))
            region = int(random.choice(np.flatnonzero(item.scored)))
            local = (index + turn) % 2 == 0
            mask = item.masks_native()[region] if local else None
            degrader = Degrader(item.image, item.sector)
            for level in LEVELS:
                picture = degrader.apply(kind, level, mask, seed=series)
                scores = scores_of(assess_image(assessor, picture))
                found.append(Observation(series, kind, level, region, local, item.scored, scores))
    return found


def degraded_figures(observations: list[Observation]) -> dict[str, object]:
    """Spearman with severity (sign turned: higher is better) over all, per kind and per mode; locality; counts."""
    figures: dict[str, object] = {
        "spearman_end_to_end": _spearman(observations),
        "spearman_training_kinds": _spearman([o for o in observations if o.kind not in RESERVED_KINDS]),
        "spearman_reserved_kinds": _spearman([o for o in observations if o.kind in RESERVED_KINDS]),
        "spearman_one_region": _spearman([o for o in observations if o.local]),
        "spearman_whole_sector": _spearman([o for o in observations if not o.local]),
        "spearman_by_kind": {kind: _spearman([o for o in observations if o.kind == kind]) for kind in KINDS},
        "mean_score_by_level": {str(t): _mean_score([o for o in observations if o.level == t]) for t in LEVELS},
        "judged_share": round(float(np.mean([np.isfinite(o.scores[o.region]) for o in observations])), 4),
        "n_observations": len(observations),
    }
    return figures | _locality(observations)


def _spearman(observations: list[Observation]) -> float:
    pairs = np.array([(o.level, o.scores[o.region]) for o in observations if np.isfinite(o.scores[o.region])])
    return round(float(-spearmanr(pairs[:, 0], pairs[:, 1])[0]), 4) if len(pairs) > 2 else float("nan")


def _mean_score(observations: list[Observation]) -> float:
    return round(float(np.nanmean([o.scores[o.region] for o in observations])), 3)


def _locality(observations: list[Observation]) -> dict[str, object]:
    """Share of pictures with one degraded region in which that region's score falls most."""
    clean = {o.series: o.scores for o in observations if o.local and o.level == 0}
    hits: dict[str, list[bool]] = {}
    for o in observations:
        if not o.local or o.level == 0:
            continue
        drop = np.where(o.scored, clean[o.series] - o.scores, np.nan)
        if np.isfinite(drop[o.region]):
            hits.setdefault(o.kind, []).append(bool(np.nanargmax(drop) == o.region))
    every = [hit for kind in hits.values() for hit in kind]
    return {
        "locality": round(float(np.mean(every)), 4),
        "locality_by_kind": {kind: round(float(np.mean(found)), 4) for kind, found in hits.items()},
        "n_locality": len(every),
    }
