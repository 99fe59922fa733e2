"""What the released quality network is corrected by, learnt on CAMUS training frames and kept in its manifest entry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from capture.errors import DataError
from models.data.camus import read_split
from models.regional.evaluation.causes import CAUSE_OF_KIND, cases
from models.regional.evaluation.degraded import InputMaker
from models.regional.labelled import LabelledImage, labelled_images
from models.runtime.causes import SHOWN_CAUSES, log_odds
from models.runtime.dense import mask_shares
from models.runtime.end_to_end import REGIONAL_QUALITY, EndToEnd
from models.runtime.manifest import MANIFEST_FILE, CauseMap, load_manifest
from models.runtime.methods import RegionalInput
from models.runtime.precision import open_model

FRAMES = 200  # the mean of a region is then known to 0.03
NONE = len(SHOWN_CAUSES)  # class of a place with nothing wrong
_SEED = 29
_NEVER = -30.0  # bias of a cause that no picture showed


def calibrate_quality(weights: Path, data_dir: Path, frames: int = FRAMES) -> dict[str, object]:
    """Learn the corrections and write them into the manifest; returns them.

    Parameters
    ----------
    weights : folder of model files with the quality network; its manifest is changed
    data_dir : folder that holds ``camus/``, of which the training split alone is read
    frames : training frames to take, at random

    Raises
    ------
    DataError
        When no training frame has eight regions, or a region is never in the sector.
    ModelError
        When the network is missing or fails.
    """
    samples = read_split(data_dir, "train")
    # At random: every eighth frame would be of one view and phase.
    chosen = np.random.default_rng(_SEED).choice(len(samples), min(frames, len(samples)), replace=False)
    images = labelled_images([samples[index] for index in chosen])
    network = EndToEnd(open_model(weights, REGIONAL_QUALITY, provider="cpu"))
    try:
        correction = load_manifest(weights).entry(REGIONAL_QUALITY).correction
        levels = np.array(correction.region_levels) + correction.slope * region_levels(network, images)
        cause_map = fit_cause_map(*cause_places(network, images))
    finally:
        network.close()
    learnt: dict[str, object] = {
        "correction": correction.model_dump() | {"region_levels": [round(float(level), 4) for level in levels]},
        "cause_map": cause_map.model_dump(),
    }
    path = weights / MANIFEST_FILE
    content = json.loads(path.read_text())
    content["models"][REGIONAL_QUALITY] |= learnt
    path.write_text(json.dumps(content, indent=2) + "\n")
    return learnt


def region_levels(network: EndToEnd, images: Sequence[LabelledImage]) -> np.ndarray:
    """Mean rating of each region in untouched frames, less the mean of all eight, (8,) float64.

    Raises
    ------
    DataError
        When a region is in no frame's sector.
    """
    ratings = [np.where(item.scored, network.measure(InputMaker(item).of(item.image)), np.nan) for item in images]
    if not ratings or not np.isfinite(ratings).any(axis=0).all():
        raise DataError(f"a region is in the sector of none of {len(images)} training frames: take more frames")
    means = np.nanmean(ratings, axis=0)
    return np.asarray(means - means.mean(), np.float64)


def cause_places(network: EndToEnd, images: Sequence[LabelledImage]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places with one cause or none: log-odds of the severities (N, 6), what is wrong there (N,) int, weight (N,).

    Untouched frames, and the same with one visible cause each, as in the evaluation but for the seed. A picture counts
    once, however many places it shows; the untouched count as much as all others together.
    """
    found: list[tuple[np.ndarray, int]] = [
        (_severities(network, InputMaker(item).of(item.image))[:, item.scored], NONE) for item in images
    ]
    for case in cases(images, _SEED):
        if case.visible:
            severity = _severities(network, case.given)
            place = severity if case.region is None else severity[:, [case.region]]
            found.append((place[:, np.isfinite(place[0])], SHOWN_CAUSES.index(CAUSE_OF_KIND[case.kind])))
    wrong = sum(cause != NONE for _, cause in found)
    weight = [(wrong / len(images) if cause == NONE else 1.0) / max(place.shape[1], 1) for place, cause in found]
    counts = [place.shape[1] for place, _ in found]
    odds = np.concatenate([log_odds(place) for place, _ in found], axis=1).T
    return odds, np.repeat([cause for _, cause in found], counts), np.repeat(weight, counts)


def fit_cause_map(odds: np.ndarray, cause: np.ndarray, weight: np.ndarray) -> CauseMap:
    """Multinomial logistic regression; what each is: see ``cause_places``. A cause that is nowhere is never named.

    Raises
    ------
    DataError
        When the places show fewer than two causes.
    """
    if len(np.unique(cause[cause != NONE])) < 2:
        raise DataError(f"{len(cause)} places show fewer than two causes: take more training frames")
    fitted = LogisticRegression(max_iter=5000).fit(odds, cause, sample_weight=weight)
    weights, bias = np.zeros((NONE, odds.shape[1])), np.full(NONE, _NEVER)
    shown = fitted.classes_[:-1]  # sorted: none is the last
    weights[shown] = fitted.coef_[:-1] - fitted.coef_[-1]
    bias[shown] = fitted.intercept_[:-1] - fitted.intercept_[-1]
    return CauseMap.model_validate({"weights": weights.round(4).tolist(), "bias": bias.round(4).tolist()})


def _severities(network: EndToEnd, given: RegionalInput) -> np.ndarray:
    return network.read(given.image).region_severity(mask_shares(given.masks))
