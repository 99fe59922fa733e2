"""Made-up methods and virtual scores for tests of the evaluation: what they say is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capture.virtual.generator.sample import SampleMaker
from models.data.camus import read_split
from models.data.virtual_manifest import Manifest, prepare
from models.data.virtual_shards import shard_name, shard_samples, write_shard
from models.regional.evaluation.virtual import VirtualScores
from models.regional.labelled import LabelledImage, labelled_images
from models.runtime.methods import RegionalInput


@dataclass(frozen=True)
class MeanGrey:
    """Mean grey level of each region, with a factor; a factor of 0 says nothing."""

    factor: float = 1.0
    name: str = "grey"

    def measure(self, given: RegionalInput) -> np.ndarray:
        """(8,) float32."""
        means = [given.image[mask].mean() if mask.any() else np.nan for mask in given.masks]
        return np.array(means, np.float32) * np.float32(self.factor)


@dataclass(frozen=True)
class Noise:
    """Random numbers that know nothing of the picture, the same in each call; NaN in one region."""

    name: str = "noise"

    def measure(self, given: RegionalInput) -> np.ndarray:
        """(8,) float32."""
        seed = int(given.image.astype(np.int64).sum()) % 1000
        found = np.random.default_rng(seed).random(8).astype(np.float32)
        return np.where(given.masks.any(axis=(1, 2)), found, np.nan).astype(np.float32)


def made_up_scores(frames: int = 96, seed: int = 3) -> VirtualScores:
    """Six scanners of four patients each; the last scanner is the held-out look.

    ``end_to_end`` gives the truth with an error of 0.3, ``gcnr`` a tenth of it with more error, and on the held-out
    look nothing of it.
    """
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1, 5, (frames, 8))
    truth[0, 0] = np.nan
    number = np.arange(frames)
    held_out = number // 16 == frames // 16 - 1
    weak = 0.1 * truth + 0.1 * rng.standard_normal(truth.shape)
    weak[held_out] = rng.standard_normal((int(held_out.sum()), 8))
    metrics = {"end_to_end": truth + 0.3 * rng.standard_normal(truth.shape), "gcnr": weak}
    return VirtualScores(truth, metrics, number // 16, number // 4, held_out)


def made_up_images(data: Path) -> list[LabelledImage]:
    """The validation frames of a folder of ``write_camus``."""
    return labelled_images(read_split(data, "val"))


def write_virtual(folder: Path, samples: int, views: dict[str, float], seed: int = 4) -> None:
    """A small set of virtual frames, made within this process."""
    prepare(folder, Manifest(seed, samples, views))
    assert write_shard(folder / shard_name(0), SampleMaker(seed, views).make, shard_samples(0, samples), lambda: True)
