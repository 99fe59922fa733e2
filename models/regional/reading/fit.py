"""Fit the reading: ratings, how far they fall, where they fall most, and the cause of what fell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from models.regional.reading.network import NONE, RegionReadingNet
from models.regional.reading.samples import UNKNOWN, ReadingSamples
from models.runtime.region_features import FEATURES


@dataclass(frozen=True)
class ReadingRecipe:
    """Everything that decides the outcome beside the data."""

    epochs: int = 30
    batch: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    virtual_batch: int = 64
    virtual_weight: float = 0.3
    fall_weight: float = 1.0
    place_weight: float = 1.5
    place_sharpness: float = 8.0  # per point of rating
    elsewhere_weight: float = 0.15  # of regions other than the one that was degraded alone
    cause_weight: float = 1.0
    seed: int = 20261123


@dataclass(frozen=True, eq=False)
class _Table:
    """Samples as tensors."""

    features: torch.Tensor
    rating: torch.Tensor
    weight: torch.Tensor
    scored: torch.Tensor
    cause: torch.Tensor
    untouched: torch.Tensor
    region: torch.Tensor


def fit_reading(samples: ReadingSamples, recipe: ReadingRecipe) -> RegionReadingNet:
    """A network that reads regions; the same samples and recipe give the same network.

    Raises
    ------
    ValueError
        When no sample is real.
    """
    if samples.is_virtual.all():
        raise ValueError("no real picture to fit the reading to")
    torch.manual_seed(recipe.seed)
    table = _table(samples, recipe)
    real, virtual = (torch.from_numpy(np.flatnonzero(flag)) for flag in (~samples.is_virtual, samples.is_virtual))
    rows = table.features[real].reshape(-1, FEATURES)
    network = RegionReadingNet(rows.mean(dim=0), rows.std(dim=0) + 1e-3)
    classes = _class_weights(table.cause)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    batch = min(recipe.batch, len(real))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * (len(real) // batch))
    for _ in range(recipe.epochs):
        for at in real[torch.randperm(len(real))][: len(real) // batch * batch].view(-1, batch):
            loss = _real_loss(network, table, at, classes, recipe)
            if len(virtual):
                drawn = virtual[torch.randint(len(virtual), (recipe.virtual_batch,))]
                error = (network.ratings(table.features[drawn]) - table.rating[drawn]).square()
                loss = loss + recipe.virtual_weight * _mean(error, table.scored[drawn].float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def _table(samples: ReadingSamples, recipe: ReadingRecipe) -> _Table:
    alone = np.eye(8, dtype=np.float32)[np.maximum(samples.region, 0)] * (samples.region >= 0)[:, None]
    everywhere = (samples.region < 0)[:, None]
    weight = samples.scored * np.where(everywhere, 1.0, np.maximum(alone, recipe.elsewhere_weight))
    cause = np.where(samples.scored, samples.cause, UNKNOWN)
    tensor = torch.from_numpy
    return _Table(
        tensor(samples.features),
        tensor(samples.rating),
        tensor(weight.astype(np.float32)),
        tensor(samples.scored),
        tensor(cause),
        tensor(samples.untouched),
        tensor(samples.region),
    )


def _class_weights(cause: torch.Tensor) -> torch.Tensor:
    """Every class that is there counts the same, and nothing wrong as much as all of them."""
    count = torch.bincount(cause[cause != UNKNOWN], minlength=NONE + 1).float()
    wrong = torch.arange(NONE + 1) != NONE
    weight = torch.where(count > 0, 1 / count.clamp(min=1), torch.zeros_like(count))
    weight[NONE] *= (count[wrong] > 0).sum()
    return weight / weight[count > 0].mean()


def _real_loss(
    network: RegionReadingNet, table: _Table, at: torch.Tensor, classes: torch.Tensor, recipe: ReadingRecipe
) -> torch.Tensor:
    before = table.untouched[at]
    found, weight = network.ratings(table.features[at]), table.weight[at]
    loss = _mean((found - table.rating[at]).square(), weight)
    fall = network.ratings(table.features[before]) - found
    wanted = table.rating[before] - table.rating[at]
    loss = loss + recipe.fall_weight * _mean((fall - wanted).square(), weight)
    alone = table.region[at] >= 0
    if alone.any():
        sharp = (recipe.place_sharpness * fall[alone]).masked_fill(~table.scored[at][alone], -1e4)
        loss = loss + recipe.place_weight * functional.cross_entropy(sharp, table.region[at][alone])
    logits = network.class_logits(table.features[at]).flatten(0, 1)
    told = functional.cross_entropy(logits, table.cause[at].flatten(), classes, ignore_index=UNKNOWN)
    return loss + recipe.cause_weight * torch.nan_to_num(told)


def _mean(errors: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return (errors * weight).sum() / weight.sum().clamp(min=1e-6)
