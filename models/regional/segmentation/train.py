"""Train the light segmentation network on CAMUS, virtual frames or both (recipe: models/regional/card_segmentation.md).

Checkpoints hold everything needed to go on after a stop; weights are averaged (EMA) and the average is what ships.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import Dataset

from capture.errors import DataError
from models.data.camus import CamusSample, read_split, squash
from models.data.virtual_dataset import VirtualDataset
from models.metrics.segmentation import dice_per_class
from models.regional.augment import random_geometry, random_intensity
from models.regional.segmentation.network import SEGMENTATION_CLASSES, SegmentationUNet
from models.training import Optimisation, Run, load_average, train_phase

MAIN = Optimisation(epochs=24, learning_rate=2.5e-3, weight_decay=1e-2, average_decay=0.996)
FINISH = Optimisation(epochs=8, learning_rate=8e-4, weight_decay=1e-2, average_decay=0.996)


@dataclass(frozen=True)
class SegmentationRecipe:
    """Everything that decides the outcome beside the data: a main phase, and a finish with milder augmentation.

    ``virtual_style`` is the strength of intensity changes on virtual frames in both phases: their style is not that of
    real ones, and a network that gets used to it reads real ones worse the longer it trains.
    """

    optimisation: Optimisation = MAIN
    finish: Optimisation = FINISH
    finish_strength: float = 0.4
    virtual_style: float = 1.6
    batch: int = 16
    seed: int = 20261121


class LabelledFrames(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Images and label maps, (256, 256) uint8 each, as (1, 256, 256) float32 and (256, 256) int64 with changes.

    Labels that are not among ``classes`` become background.
    """

    def __init__(
        self, real: list[CamusSample], virtual: VirtualDataset | None, classes: int, seed: int, virtual_style: float
    ) -> None:
        self.images = [squash(s.image(), cv2.INTER_AREA) for s in real]
        self.labels = [squash(s.label(), cv2.INTER_NEAREST) for s in real]
        for index in range(len(virtual) if virtual is not None else 0):
            sample = virtual[index]  # type: ignore[index]
            self.images.append(sample.image)
            self.labels.append(np.where(sample.labels < classes, sample.labels, 0).astype(np.uint8))
        self._first_virtual, self._virtual_style = len(real), virtual_style
        self.seed = seed
        self.epoch = 0
        self.strength = 1.0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        image, label = random_geometry(self.images[index], self.labels[index], random, self.strength)
        style = self.strength if index < self._first_virtual else self._virtual_style
        image = random_intensity(image, random, style)
        return torch.from_numpy(image)[None].float(), torch.from_numpy(label).long()


def segmentation_loss(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus soft Dice (paper, table 6): logits (N, C, H, W), label (N, H, W) int64 in 0..C-1."""
    cross_entropy = functional.cross_entropy(logits, label)
    probability = logits.softmax(dim=1)
    target = functional.one_hot(label, logits.shape[1]).permute(0, 3, 1, 2).to(probability.dtype)
    overlap = (probability * target).sum(dim=(0, 2, 3))
    total = probability.sum(dim=(0, 2, 3)) + target.sum(dim=(0, 2, 3))
    return cross_entropy + 1 - ((2 * overlap + 1) / (total + 1))[1:].mean()


def train_segmentation(
    data_dir: Path,
    out_dir: Path,
    recipe: SegmentationRecipe = SegmentationRecipe(),
    *,
    virtual: Path | None = None,
    real: bool = True,
    start: Path | None = None,
    classes: int = SEGMENTATION_CLASSES,
) -> Path:
    """Train and return the path of the checkpoint (resumes from what is there).

    Parameters
    ----------
    data_dir : folder that holds ``camus/``; its validation split measures every run
    virtual : folder of ``sonogauge virtual dataset`` to train on as well
    real : whether the CAMUS training split is trained on
    start : checkpoint of an earlier run whose averaged weights this one begins with
    classes : 4 for background, LV, MYO and LA; 5 with the aorta, which virtual long-axis frames alone have

    Raises
    ------
    DataError
        Nothing is left to train on, or a set or ``start`` cannot be read.
    """
    torch.manual_seed(recipe.seed)
    data = training_frames(data_dir, virtual, real, classes, recipe.seed, recipe.virtual_style)
    val = read_split(data_dir, "val")
    network = SegmentationUNet(classes=classes).to(memory_format=torch.channels_last)
    if start is not None:
        load_average(network, start)
    main = Run(network, recipe.optimisation, out_dir / ("segmentation_main.pt" if real else "segmentation.pt"))
    _train_phase(main, data, val, recipe)
    if not real:  # a finish with milder geometry fits virtual frames closer, and real ones less
        return main.checkpoint
    data.strength, data.seed = recipe.finish_strength, recipe.seed + 1
    finish = Run(main.average.requires_grad_(True), recipe.finish, out_dir / "segmentation.pt")
    _train_phase(finish, data, val, recipe)
    return finish.checkpoint


def training_frames(
    data_dir: Path, virtual: Path | None, real: bool, classes: int, seed: int, virtual_style: float
) -> LabelledFrames:
    """Frames of the CAMUS training split, of a virtual set or of both.

    Raises
    ------
    DataError
        Nothing is left to train on, or a set cannot be read.
    """
    if not real and virtual is None:
        raise DataError("nothing to train on: leave --virtual-only out, or give a virtual set with --virtual DIR")
    simulated = VirtualDataset(virtual) if virtual is not None else None
    return LabelledFrames(read_split(data_dir, "train") if real else [], simulated, classes, seed, virtual_style)


def _train_phase(run: Run, data: LabelledFrames, val: list[CamusSample], recipe: SegmentationRecipe) -> None:
    def dice() -> dict[str, object]:
        return {name: round(value, 4) for name, value in evaluate_network(run.average, val).items()}

    train_phase(run, data, recipe.batch, lambda batch: _loss(run.network, batch), dice)


def _loss(network: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    image, label = batch
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(image.contiguous(memory_format=torch.channels_last))
    return segmentation_loss(logits.float(), label)


@torch.no_grad()
def evaluate_network(network: torch.nn.Module, samples: list[CamusSample]) -> dict[str, float]:
    """Mean Dice per class over frames, in each frame's own pixel grid."""
    network.eval()
    scores = []
    for sample in samples:
        image, label = sample.image(), sample.label()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(torch.from_numpy(squash(image, cv2.INTER_AREA))[None, None].float())
        grown = functional.interpolate(logits.float(), label.shape, mode="bilinear", align_corners=False)
        scores.append(dice_per_class(grown[0].argmax(0).numpy(), label, SEGMENTATION_CLASSES))
    mean = np.nanmean(np.array(scores), axis=0)
    return {"dice_lv": float(mean[0]), "dice_myo": float(mean[1]), "dice_la": float(mean[2])}
