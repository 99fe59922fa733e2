"""Train the dense network on real, virtual and other pictures (recipe and figures: models/regional/card_dense.md)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from capture.errors import DataError
from models.data.camus import CamusSample, read_split, squash
from models.data.other_organs import read_others
from models.data.virtual_dataset import VirtualDataset
from models.metrics.segmentation import dice_per_class
from models.regional.dense.data import DenseMixture, Mixture
from models.regional.dense.loss import Batch, LossWeights, dense_loss
from models.regional.dense.network import DenseRegionalNet, start_from_segmentation
from models.regional.dense.real import real_frames
from models.regional.dense.virtual import virtual_frames
from models.training import Optimisation, Run, train_phase

log = logging.getLogger(__name__)

MAIN = Optimisation(epochs=24, learning_rate=2e-3, weight_decay=1e-2, average_decay=0.997)
FINISH = Optimisation(epochs=8, learning_rate=6e-4, weight_decay=1e-2, average_decay=0.998)


@dataclass(frozen=True)
class DenseRecipe:
    """Everything that decides the outcome beside the data: a main phase, and a finish with milder geometry."""

    optimisation: Optimisation = MAIN
    finish: Optimisation = FINISH
    finish_strength: float = 0.4
    items_per_epoch: int = 1600
    items_per_batch: int = 8
    mixture: Mixture = field(default_factory=Mixture)
    weights: LossWeights = field(default_factory=LossWeights)
    seed: int = 20261121


def train_dense(
    data_dir: Path, virtual: Path, out_dir: Path, recipe: DenseRecipe = DenseRecipe(), *, start: Path | None = None
) -> Path:
    """Train and return the path of the checkpoint (resumes from what is there).

    Parameters
    ----------
    data_dir : folder that holds ``camus/`` and, for other views, the sets of other organs
    virtual : folder of ``sonogauge virtual dataset``; one scanner of it is held out
    start : checkpoint of a segmentation run that the trunk begins with

    Raises
    ------
    DataError
        A set or ``start`` cannot be read, or no frame has eight regions.
    """
    torch.manual_seed(recipe.seed)
    train, val = read_split(data_dir, "train"), read_split(data_dir, "val")
    frames = real_frames(train)
    data = DenseMixture(
        frames,
        train,
        virtual_frames(VirtualDataset(virtual)),
        read_others(data_dir, "train"),
        recipe.seed,
        recipe.items_per_epoch,
        recipe.mixture,
    )
    log.info("%d labelled, %d virtual, %d other pictures", len(frames), len(data.virtual), len(data.others))
    network = DenseRegionalNet()
    if start is not None:
        start_from_segmentation(network, _average_of(start))
    network = network.to(memory_format=torch.channels_last)
    main = Run(network, recipe.optimisation, out_dir / "dense_main.pt")
    _train(main, data, val, recipe)
    data.strength, data.seed = recipe.finish_strength, recipe.seed + 1
    finish = Run(main.average.requires_grad_(True), recipe.finish, out_dir / "dense.pt")
    _train(finish, data, val, recipe)
    return finish.checkpoint


def _average_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    try:
        average: dict[str, torch.Tensor] = torch.load(checkpoint, weights_only=True)["average"]
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise DataError(
            f"cannot begin with {checkpoint}: {error}; give the checkpoint of a segmentation run"
        ) from error
    return average


def _train(run: Run, data: DenseMixture, val: list[CamusSample], recipe: DenseRecipe) -> None:
    train_phase(
        run,
        data,
        recipe.items_per_batch,
        lambda batch: _loss(run.network, batch, recipe.weights),
        lambda: val_figures(run.average, val),
    )


def _loss(network: torch.nn.Module, batch: Batch, weights: LossWeights) -> torch.Tensor:
    images = batch["images"].flatten(0, 1)[:, None].float().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        output = network(images)
    return dense_loss(output, batch, weights)


@torch.no_grad()
def val_figures(network: torch.nn.Module, samples: list[CamusSample]) -> dict[str, object]:
    """Dice on the square grid and share of views told right, on untouched validation frames."""
    network.eval()
    dice, right = [], []
    for sample in samples:
        image = torch.from_numpy(squash(sample.image(), cv2.INTER_AREA)[None, None]).float()
        with torch.autocast("cpu", torch.bfloat16):
            output = network(image.contiguous(memory_format=torch.channels_last))
        found = output.logits.float().argmax(dim=1)[0].numpy().astype(np.uint8)
        truth = squash(sample.label(), cv2.INTER_NEAREST)
        dice.append(dice_per_class(found, truth, 4))
        right.append(int(output.frame[0, :4].argmax()) == ("A4C", "A2C").index(sample.view))
    mean = np.nanmean(dice, axis=0)
    return {
        "lv": round(float(mean[0]), 4),
        "myo": round(float(mean[1]), 4),
        "la": round(float(mean[2]), 4),
        "view": round(float(np.mean(right)), 4),
    }
