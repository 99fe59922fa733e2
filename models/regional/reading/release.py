"""Learn the reading from the released quality network's own maps, and release it beside it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from capture.errors import CalibrationError
from models.data.camus import CamusSample, read_split
from models.data.virtual_dataset import VirtualDataset
from models.export import export_float, run_file, update_manifest
from models.regional.dense.real import real_frame
from models.regional.labelled import label_image
from models.regional.reading.fit import ReadingRecipe, fit_reading
from models.regional.reading.network import RegionReadingNet
from models.regional.reading.samples import Read, ReadingSamples, joined, real_samples, virtual_samples
from models.runtime.causes import SHOWN_CAUSES
from models.runtime.end_to_end import REGIONAL_QUALITY, REGIONAL_READING, read_maps
from models.runtime.landmarks import RegionFailure
from models.runtime.manifest import load_manifest
from models.runtime.precision import open_model
from models.runtime.region_features import FEATURES

VERSION = "1.1"
CARD = "models/regional/card_quality.md"
_SEED = 29
_PARITY_ROWS = 512
log = logging.getLogger(__name__)


def release_reading(weights: Path, data_dir: Path, virtual: Path | None = None, frames: int = 0) -> dict[str, object]:
    """Learn the reading and write its file and manifest entry; returns what was learnt from and the parity.

    Parameters
    ----------
    weights : folder of model files with the quality network; changed
    data_dir : folder that holds ``camus/``, of which the training split alone is read
    virtual : folder of a virtual set, whose frames then count as well
    frames : training frames to take, at random; 0 takes all

    Raises
    ------
    DataError
        When no training frame has eight regions.
    ModelError
        When the quality network is missing or fails.
    """
    samples = read_split(data_dir, "train")
    random = np.random.default_rng(_SEED)
    chosen = [samples[at] for at in random.permutation(len(samples))[: frames or len(samples)]]
    session = open_model(weights, REGIONAL_QUALITY, provider="cpu")
    try:
        known = joined(_every_sample(partial(read_maps, session), chosen, virtual, random))
    finally:
        session.close()
    log.info("%d pictures, %d of them virtual", len(known), known.is_virtual.sum())
    network = fit_reading(known, ReadingRecipe())
    return _write(network, known, weights)


def _every_sample(
    read: Read, chosen: list[CamusSample], virtual: Path | None, random: np.random.Generator
) -> Iterator[ReadingSamples]:
    for number, sample in enumerate(chosen, start=1):
        try:
            frame = real_frame(label_image(sample))
        except (RegionFailure, CalibrationError) as reason:
            log.warning("%s left out: %s", sample.stem, reason)
            continue
        yield from real_samples(read, frame, random)
        if number % 200 == 0:
            log.info("%d of %d frames", number, len(chosen))
    if virtual is not None:
        yield from virtual_samples(read, VirtualDataset(virtual))


def _write(network: RegionReadingNet, known: ReadingSamples, weights: Path) -> dict[str, object]:
    rows = torch.from_numpy(known.features.reshape(-1, FEATURES)[:_PARITY_ROWS])
    file = export_float(network, weights, REGIONAL_READING, ["rating", "causes"], "features", rows[:1])
    quality = load_manifest(weights).entry(REGIONAL_QUALITY)
    entry: dict[str, object] = {
        "version": VERSION,
        "task": "other",
        "contract": {
            "input": {"name": "features", "shape": [None, FEATURES]},
            "outputs": [
                {"name": "rating", "shape": [None, 1]},
                {"name": "causes", "shape": [None, len(SHOWN_CAUSES)], "value_range": [0.0, 1.0]},
            ],
            "preprocessing": "features of one region a row: models/runtime/region_features.py",
        },
        "card": CARD,
        "training_data": list(quality.training_data),
        "licence": quality.licence,
        "files": [
            {"precision": file.precision, "file": file.path.name, "sha256": file.sha256, "bytes": file.bytes},
        ],
    }
    update_manifest(weights / "manifest.json", REGIONAL_READING, entry)
    with torch.no_grad():
        wanted = network(rows)
    found = run_file(file.path, rows.numpy())
    apart = [float(np.abs(a - b.numpy()).max()) for a, b in zip(found, wanted, strict=True)]
    return {
        "pictures": len(known),
        "virtual_pictures": int(known.is_virtual.sum()),
        "max_abs": dict(zip(("rating", "causes"), apart, strict=True)),
        "bytes": file.bytes,
    }
