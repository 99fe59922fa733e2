"""Train the light segmentation network on CAMUS, virtual frames or both (recipe: models/regional/card_segmentation.md).

Checkpoints hold everything needed to go on after a stop; weights are averaged (EMA) and the average is what ships.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
from models.regional.segmentation.network import SEGMENTATION_CLASSES, SegmentationUNet, with_classes
from models.runtime.contract import VIEWS
from models.training import Optimisation, Run, load_average, train_phase

CAMUS_CLASSES = 4  # background, LV, MYO, LA
MAIN = Optimisation(epochs=24, learning_rate=2.5e-3, weight_decay=1e-2, average_decay=0.996)
FINISH = Optimisation(epochs=8, learning_rate=8e-4, weight_decay=1e-2, average_decay=0.996)


@dataclass(frozen=True)
class VirtualUse:
    """How virtual frames take part.

    Attributes
    ----------
    style : strength of intensity changes on them in both phases: their style is not that of real ones, and a network
        that gets used to it reads real ones worse the longer it trains
    per_real : how many an epoch has for each real frame
    """

    style: float = 1.6
    per_real: float = 0.5


@dataclass(frozen=True)
class SegmentationRecipe:
    """Everything that decides the outcome beside the data: a main phase, and a finish with milder augmentation."""

    optimisation: Optimisation = MAIN
    finish: Optimisation = FINISH
    finish_strength: float = 0.4
    virtual_use: VirtualUse = field(default_factory=VirtualUse)
    batch: int = 16
    seed: int = 20261121


class LabelledFrames(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Images and label maps, (256, 256) uint8 each, as (1, 256, 256) float32 and (256, 256) int64 with changes.

    An epoch has all real frames and virtual ones drawn anew, as ``use`` says; all virtual ones where nothing is real.
    Every second one drawn is a long-axis view, if there are such: no real frame shows that. Labels that are not among
    ``classes`` become background.
    """

    def __init__(
        self,
        real: list[CamusSample],
        virtual: VirtualDataset | None,
        classes: int,
        seed: int,
        use: VirtualUse = VirtualUse(),
    ) -> None:
        self.real = [(squash(s.image(), cv2.INTER_AREA), squash(s.label(), cv2.INTER_NEAREST)) for s in real]
        self.virtual, self._long_axis = _virtual_pairs(virtual, classes) if virtual is not None else ([], [])
        self._virtual_style = use.style
        self._drawn = round(use.per_real * len(real)) if self.real and self.virtual else 0
        self.seed = seed
        self.epoch = 0
        self.strength = 1.0

    def __len__(self) -> int:
        return len(self.real) + self._drawn if self.real else len(self.virtual)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        is_real = index < len(self.real)
        image, label = self.real[index] if is_real else self.virtual[self._virtual_number(index, random)]
        image, label = random_geometry(image, label, random, self.strength)
        image = random_intensity(image, random, self.strength if is_real else self._virtual_style)
        return torch.from_numpy(image)[None].float(), torch.from_numpy(label).long()

    def _virtual_number(self, index: int, random: np.random.Generator) -> int:
        if not self.real:
            return index
        if self._long_axis and random.random() < 0.5:
            return int(random.choice(self._long_axis))
        return int(random.integers(len(self.virtual)))


def _virtual_pairs(virtual: VirtualDataset, classes: int) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[int]]:
    """Images and labels of the apical frames that may be trained on, and the numbers of the long-axis ones."""
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    long_axis: list[int] = []
    for record in map(virtual.__getitem__, range(len(virtual))):
        if record.view not in VIEWS or record.is_held_out:
            continue
        if record.view == "ALAX":
            long_axis.append(len(pairs))
        pairs.append((record.image, np.where(record.labels < classes, record.labels, 0).astype(np.uint8)))
    return pairs, long_axis


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
    classes : 5 for background, LV, MYO, LA and aorta, which virtual long-axis frames alone have; 4 without it

    Raises
    ------
    DataError
        Nothing is left to train on, or a set or ``start`` cannot be read.
    """
    torch.manual_seed(recipe.seed)
    data = training_frames(data_dir, virtual, real, classes, recipe.seed, recipe.virtual_use)
    val = read_split(data_dir, "val")
    network = SegmentationUNet(classes=classes).to(memory_format=torch.channels_last)
    if start is not None:
        load_average(network, start, lambda weights: with_classes(weights, classes))
    main = Run(network, recipe.optimisation, out_dir / ("segmentation_main.pt" if real else "segmentation.pt"))
    _train_phase(main, data, val, recipe)
    if not real:  # a finish with milder geometry fits virtual frames closer, and real ones less
        return main.checkpoint
    data.strength, data.seed = recipe.finish_strength, recipe.seed + 1
    finish = Run(main.average.requires_grad_(True), recipe.finish, out_dir / "segmentation.pt")
    _train_phase(finish, data, val, recipe)
    return finish.checkpoint


def training_frames(
    data_dir: Path, virtual: Path | None, real: bool, classes: int, seed: int, use: VirtualUse
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
    data = LabelledFrames(read_split(data_dir, "train") if real else [], simulated, classes, seed, use)
    if not len(data):
        raise DataError(f"{virtual} has no apical frame to train on: make more with 'sonogauge virtual dataset'")
    return data


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
        seen = logits[:, :CAMUS_CLASSES].float()  # no aorta in these views, as in the live program
        grown = functional.interpolate(seen, label.shape, mode="bilinear", align_corners=False)
        scores.append(dice_per_class(grown[0].argmax(0).numpy(), label, CAMUS_CLASSES))
    mean = np.nanmean(np.array(scores), axis=0)
    return {"dice_lv": float(mean[0]), "dice_myo": float(mean[1]), "dice_la": float(mean[2])}
