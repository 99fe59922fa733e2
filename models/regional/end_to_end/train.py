"""Train the end-to-end regional quality network on CAMUS with degradations of known severity, and on virtual frames.

Each training sample is a pair: one image, one random geometry, the same degradation at two levels (dense/real.py,
shared with the dense network). The target of a region is the mean of ``1 + (anchor - 1) * (1 - severity)`` over what it
is judged by, with the anchor measured in the untouched image (anchor.py) and the severity t where the degradation
reaches; one that changes nothing there (haze over bright tissue, noise near the probe) costs nothing. The loss is on
both scores, on their difference, so that order is learnt within the same region, and on the score maps place by place,
so that a loss stays where it happened. A share of the samples are two virtual frames, whose ratings are known. Recipe
and figures: card_quality.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import Dataset

from models.data.camus import read_split
from models.data.virtual_dataset import VirtualDataset
from models.regional.dense.data import real_pair_item, virtual_item
from models.regional.dense.real import RealFrame, real_frames
from models.regional.dense.virtual import VirtualFrame, virtual_frames
from models.regional.dense.warp import mostly_slight_warp
from models.regional.end_to_end.network import RegionalQualityNet, load_imagenet_backbone, pooled_scores
from models.regional.layers import REGION_COUNT
from models.runtime.dense import pooled
from models.training import Optimisation, Run, load_average, train_phase

MIRRORED_ORDER = [5, 4, 3, 2, 1, 0, 7, 6]
MAP_SIZE = 32
PLACE_SHARPNESS = 8.0  # per point of score
VIRTUAL_SHARE = 0.2  # of the items, where there are virtual frames
CLEAR_WEIGHT = 0.3  # of places without a cause, beside 1 where one is at its worst


MAIN = Optimisation(epochs=13, learning_rate=1.2e-3, weight_decay=2e-2, average_decay=0.996)
CAUSES = Optimisation(epochs=4, learning_rate=3e-3, weight_decay=1e-3, average_decay=0.99)
FINISH = Optimisation(epochs=24, learning_rate=8e-4, weight_decay=2e-2, average_decay=0.998)


@dataclass(frozen=True)
class QualityRecipe:
    """Everything that decides the outcome beside the data: three phases.

    All layers; all but the early ones; the causes' head alone.
    """

    optimisation: Optimisation = MAIN
    finish: Optimisation = FINISH
    causes: Optimisation = CAUSES
    pairs_per_batch: int = 8
    difference_weight: float = 2.0
    map_weight: float = 1.0
    place_weight: float = 0.5
    attention_weight: float = 0.1
    cause_weight: float = 2.0
    seed: int = 20261121


class QualityItem(NamedTuple):
    """Two pictures and what the network is to say of them; all float32, and with a batch axis in front in a batch.

    Attributes
    ----------
    images : (2, 1, 256, 256)
    targets, scored : ratings of the regions and whether they count, (2, 8)
    target_map : (2, 1, 32, 32)
    shares : regions, (2, 8, 32, 32)
    causes, cause_weight : (2, 7, 32, 32) and (2, 32, 32)
    paired : () 1 when the two are one picture at two levels
    """

    images: torch.Tensor
    targets: torch.Tensor
    scored: torch.Tensor
    target_map: torch.Tensor
    shares: torch.Tensor
    causes: torch.Tensor
    cause_weight: torch.Tensor
    paired: torch.Tensor


class QualityMixture(Dataset[QualityItem]):
    """Real frames at two levels of a degradation each; a share of the items are two virtual frames instead."""

    def __init__(self, frames: list[RealFrame], virtual: list[VirtualFrame], seed: int) -> None:
        self.frames = frames
        self.virtual = [frame for frame in virtual if frame.shares.any()]
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> QualityItem:
        random = np.random.default_rng((self.seed, self.epoch, index))
        if self.virtual and random.random() < VIRTUAL_SHARE:
            chosen = [self.virtual[i] for i in random.integers(len(self.virtual), size=2)]
            item = virtual_item(chosen, random, style_share=0, warp_of=mostly_slight_warp)
        else:
            item = real_pair_item(self.frames[index], random, mostly_slight_warp)
        orders = [MIRRORED_ORDER if mirrored else list(range(REGION_COUNT)) for mirrored in item.mirrored]
        shares = np.stack([one[order] for one, order in zip(item.shares, orders, strict=True)])
        targets = np.stack([pooled(rating, one) for rating, one in zip(item.rating, shares, strict=True)])
        causes = np.stack([_coarse(maps) for maps in item.causes])
        arrays = QualityItem(
            images=item.images[:, None],
            targets=np.nan_to_num(targets, nan=3.0),
            scored=np.stack([one[order] for one, order in zip(item.scored, orders, strict=True)]),
            target_map=_coarse(item.rating)[:, None],
            shares=np.stack([_coarse(one) for one in shares]),
            causes=causes,
            cause_weight=_coarse(item.cause_weight) * (CLEAR_WEIGHT + causes.max(axis=1)),
            paired=np.float32(item.paired),
        )
        return QualityItem(*(torch.as_tensor(np.float32(array)) for array in arrays))


def _coarse(maps: np.ndarray) -> np.ndarray:
    """Area means, (N, 64, 64) -> (N, 32, 32)."""
    return np.stack([cv2.resize(m, (MAP_SIZE, MAP_SIZE), interpolation=cv2.INTER_AREA) for m in maps])


def quality_loss(network: torch.nn.Module, recipe: QualityRecipe, batch: QualityItem) -> torch.Tensor:
    """Errors of scores, their difference, place of the largest fall (listwise, Cao et al. 2007), maps and causes."""
    count, targets, scored = len(batch.images), batch.targets, batch.scored
    images = batch.images.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (2B, 1, 256, 256)
    with torch.autocast("cpu", torch.bfloat16):
        attention, score_map, cause_map = network.maps(images)
    scores = pooled_scores(attention.float(), score_map.float()).view(count, 2, REGION_COUNT)
    weight = scored / scored.sum().clamp(min=1)
    absolute = (functional.smooth_l1_loss(scores, targets, reduction="none", beta=0.5) * weight).sum()
    wanted = batch.shares.flatten(3) / batch.shares.flatten(3).sum(dim=3, keepdim=True).clamp(min=1e-6)
    found_map = 3.0 + score_map.float().view(count, 2, REGION_COUNT, MAP_SIZE, MAP_SIZE)
    true_map = batch.target_map.expand_as(found_map)
    error_map = functional.smooth_l1_loss(found_map, true_map, reduction="none", beta=0.5)
    placed = ((wanted * error_map.flatten(3)).sum(dim=3) * weight).sum()
    log_attention = attention.float().flatten(2).log_softmax(dim=2).view(count, 2, REGION_COUNT, -1)
    focus = -((wanted * log_attention).sum(dim=3) * weight).sum()
    return (
        absolute
        + _fall_error(scores, recipe, batch)
        + recipe.cause_weight * _cause_error(cause_map, batch.causes, batch.cause_weight)
        + recipe.map_weight * placed
        + recipe.attention_weight * focus
    )


def _fall_error(scores: torch.Tensor, recipe: QualityRecipe, batch: QualityItem) -> torch.Tensor:
    """Of the pairs: how far a score falls from the better picture to the worse, and which one falls most."""
    scored = batch.scored[:, 0] * batch.paired[:, None]
    change, true_change = scores[:, 1] - scores[:, 0], batch.targets[:, 1] - batch.targets[:, 0]
    error = functional.smooth_l1_loss(change, true_change, reduction="none", beta=0.2)
    relative = (error * scored).sum() / scored.sum().clamp(min=1)
    aim = (-PLACE_SHARPNESS * true_change).masked_fill(scored == 0, -100).softmax(dim=1)
    found = (-PLACE_SHARPNESS * change).masked_fill(scored == 0, -100).log_softmax(dim=1)
    place = -((aim * found).sum(dim=1) * batch.paired).sum() / batch.paired.sum().clamp(min=1)
    return recipe.difference_weight * relative + recipe.place_weight * place


def _cause_error(cause_map: torch.Tensor, causes: torch.Tensor, cause_weight: torch.Tensor) -> torch.Tensor:
    error = functional.binary_cross_entropy_with_logits(cause_map.float(), causes.flatten(0, 1), reduction="none")
    weight = cause_weight.flatten(0, 1)
    return (error.mean(dim=1) * weight).sum() / weight.sum().clamp(min=1e-6)


def cause_loss(network: torch.nn.Module, batch: QualityItem) -> torch.Tensor:
    """Error of the causes' maps alone."""
    images = batch.images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        cause_map = network.maps(images).causes
    return _cause_error(cause_map, batch.causes, batch.cause_weight)


def train_quality(
    data_dir: Path,
    out_dir: Path,
    recipe: QualityRecipe = QualityRecipe(),
    *,
    virtual: Path | None = None,
    start: Path | None = None,
) -> Path:
    """Train and return the path of the checkpoint (resumes from it when it is there).

    Parameters
    ----------
    data_dir : folder that holds ``camus/`` and ``backbones/``
    virtual : folder of ``sonogauge virtual dataset``; one scanner of it is held out
    start : checkpoint of an earlier run; then the first phase is left out

    Raises
    ------
    DataError
        When a data set, the ImageNet weights or ``start`` cannot be read, or no frame has eight regions.
    """
    torch.manual_seed(recipe.seed)
    frames = real_frames(read_split(data_dir, "train"))
    data = QualityMixture(frames, virtual_frames(VirtualDataset(virtual)) if virtual else [], recipe.seed)
    network = RegionalQualityNet()
    if start is not None:
        load_average(network, start)
    else:
        load_imagenet_backbone(network, data_dir)
    network = network.to(memory_format=torch.channels_last)
    if start is None:
        main = Run(network, recipe.optimisation, out_dir / "quality_main.pt")
        train_phase(main, data, recipe.pairs_per_batch, lambda batch: quality_loss(main.network, recipe, batch))
        network = main.average.requires_grad_(True)
    data.seed = recipe.seed + 1
    network.fix_early_layers()
    finish = Run(network, recipe.finish, out_dir / "quality_scores.pt")
    train_phase(finish, data, recipe.pairs_per_batch, lambda batch: quality_loss(finish.network, recipe, batch))
    network = finish.average
    data.seed = recipe.seed + 2
    network.requires_grad_(True).fix_all_but_causes()
    causes = Run(network, recipe.causes, out_dir / "quality.pt")
    train_phase(causes, data, recipe.pairs_per_batch, lambda batch: cause_loss(causes.network, batch))
    return causes.checkpoint
