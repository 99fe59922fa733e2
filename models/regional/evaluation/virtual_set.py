"""The virtual frames that methods are compared on: where they come from, and what a method gets of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from capture.errors import DataError
from models.data.virtual_dataset import VirtualDataset, VirtualRecord
from models.data.virtual_generate import generate
from models.data.virtual_manifest import VERSION
from models.metrics.agreement import rounded
from models.metrics.segmentation import dice_per_class
from models.runtime.contract import REGION_NAMES, STRUCTURE_VALUES
from models.runtime.methods import RegionalInput
from models.runtime.precision import default_cache_dir
from models.runtime.regions import divide

SAMPLES, SEED = 512, 90_417  # of the set that is made here; training uses other seeds


def open_or_make(folder: Path | None, samples: int = SAMPLES, seed: int = SEED, jobs: int = 2) -> VirtualDataset:
    """The data set in ``folder``; without one, the evaluation's own, made once and kept in the user's cache.

    Raises
    ------
    DataError
        When the folder holds no whole data set, or the cache cannot be written.
    """
    if folder is not None:
        return VirtualDataset(folder)
    own = default_cache_dir() / "evaluation" / f"virtual-v{VERSION}-seed{seed}-n{samples}"
    try:
        if not generate(own, seed, samples, jobs).complete:
            raise KeyboardInterrupt  # the generator takes Ctrl+C as a wish to go on later
    except OSError as error:
        raise DataError(f"cannot make virtual frames in {own} ({error}): give a folder of them instead") from error
    return VirtualDataset(own)


def records_of(dataset: VirtualDataset) -> Iterator[VirtualRecord]:
    """All samples by number."""
    return (dataset[index] for index in range(len(dataset)))


def virtual_input(record: VirtualRecord) -> RegionalInput:
    """One virtual frame with regions from its exact labels.

    Raises
    ------
    RegionFailure
        When its labels cannot be divided.
    """
    inside, labels = record.inside, np.array(record.labels)
    division = divide(labels, record.spacing_mm, inside, spacing_known=True)
    masks = np.stack([division.mask(region) & inside for region in range(len(REGION_NAMES))])
    image = np.array(record.image) * inside.astype(np.uint8)
    return RegionalInput(image, inside, masks, (labels == STRUCTURE_VALUES["LV"]) & inside)


def structure_dice(
    dataset: VirtualDataset, view: str, segment: Callable[[np.ndarray], np.ndarray]
) -> dict[str, float | int | None]:
    """Dice of each structure on the virtual frames of one view, their ``mean``, and the number ``n`` of frames.

    Parameters
    ----------
    view : such as ``ALAX``, whose aorta has no public real masks
    segment : (256, 256) uint8 -> labels (256, 256) uint8
    """
    classes = 1 + max(STRUCTURE_VALUES.values())
    found = [
        dice_per_class(segment(np.array(record.image)), record.labels, classes)
        for record in records_of(dataset)
        if record.view == view
    ]
    if not found:
        return {"mean": None, "n": 0}
    by_name = {name: _finite_mean(np.array(found)[:, value - 1]) for name, value in STRUCTURE_VALUES.items()}
    whole = _finite_mean(np.array([np.nan if value is None else value for value in by_name.values()]))
    return {"mean": whole, "n": len(found)} | by_name


def _finite_mean(values: np.ndarray) -> float | None:
    finite = values[np.isfinite(values)]
    return rounded(finite.mean()) if len(finite) else None
