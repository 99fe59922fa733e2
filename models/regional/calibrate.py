"""What the released quality network is corrected by, learnt on CAMUS training frames and kept in its manifest entry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from capture.errors import DataError
from models.data.camus import read_split
from models.regional.evaluation.degraded import InputMaker
from models.regional.labelled import LabelledImage, labelled_images
from models.runtime.end_to_end import REGIONAL_QUALITY, EndToEnd
from models.runtime.manifest import MANIFEST_FILE, load_manifest
from models.runtime.precision import open_model

FRAMES = 200  # of training patients spread over the split: the mean of a region is then known to 0.03


def calibrate_quality(weights: Path, data_dir: Path, frames: int = FRAMES) -> dict[str, object]:
    """Learn the corrections and write them into the manifest; returns them.

    Parameters
    ----------
    weights : folder of model files with the quality network; its manifest is changed
    data_dir : folder that holds ``camus/``, of which the training split alone is read
    frames : training frames to take, at equal distances

    Raises
    ------
    DataError
        When no training frame has eight regions, or a region is never in the sector.
    ModelError
        When the network is missing or fails.
    """
    samples = read_split(data_dir, "train")
    images = labelled_images(samples[:: max(len(samples) // frames, 1)])
    network = EndToEnd(open_model(weights, REGIONAL_QUALITY, provider="cpu"))
    try:
        correction = load_manifest(weights).entry(REGIONAL_QUALITY).correction
        levels = np.array(correction.region_levels) + correction.slope * region_levels(network, images)
    finally:
        network.close()
    learnt: dict[str, object] = {
        "correction": correction.model_dump() | {"region_levels": [round(float(level), 4) for level in levels]}
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
