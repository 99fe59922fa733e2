"""What the dense network is taught: one loss per output, each counted only where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from models.regional.dense.network import CLASSES, DenseOutput

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class LossWeights:
    """How much each part counts."""

    segmentation: float = 1.0
    rating_map: float = 1.0
    rating_region: float = 1.0
    difference: float = 2.0
    place: float = 0.5
    coherence: float = 4.0
    causes: float = 3.0
    view: float = 0.3
    foreshortening: float = 0.1


PLACE_SHARPNESS = 6.0  # per point of rating
_FAR = -100.0


def dense_loss(output: DenseOutput, batch: Batch, weights: LossWeights) -> torch.Tensor:
    """Weighted sum over a batch of items, two pictures each (see ``data.Item`` for the fields)."""
    maps = output.maps.float()
    rating, coherence, causes = 3 + maps[:, 0], maps[:, 1], maps[:, 2:]
    total = weights.segmentation * _segmentation(output.logits.float(), batch)
    total = total + _ratings(rating, batch, weights)
    known = batch["coherence_weight"].flatten(0, 1)
    error = functional.smooth_l1_loss(
        coherence.sigmoid(), batch["coherence"].flatten(0, 1), reduction="none", beta=0.05
    )
    total = total + weights.coherence * _mean(error, known)
    error = functional.binary_cross_entropy_with_logits(causes, batch["causes"].flatten(0, 1), reduction="none")
    total = total + weights.causes * _mean(error.mean(dim=1), batch["cause_weight"].flatten(0, 1))
    frame = output.frame.float()
    error = functional.cross_entropy(frame[:, :-1], batch["view"].flatten(), reduction="none")
    total = total + weights.view * _mean(error, batch["view_weight"].flatten())
    error = functional.binary_cross_entropy_with_logits(
        frame[:, -1], batch["foreshortening"].flatten().float(), reduction="none"
    )
    return total + weights.foreshortening * _mean(error, batch["foreshortening_weight"].flatten())


def _mean(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return (error * weight).sum() / weight.sum().clamp(min=1e-6)


def _segmentation(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy plus soft Dice over the pictures that have labels (paper, table 6)."""
    chosen = batch["label_weight"].flatten() > 0
    logits, label = logits[chosen], batch["label"].flatten(0, 1)[chosen].long()
    cross_entropy = functional.cross_entropy(logits, label)
    probability = logits.softmax(dim=1)
    target = functional.one_hot(label, CLASSES).permute(0, 3, 1, 2).to(probability.dtype)
    overlap = (probability * target).sum(dim=(0, 2, 3))
    total = probability.sum(dim=(0, 2, 3)) + target.sum(dim=(0, 2, 3))
    present = (target.sum(dim=(0, 2, 3)) > 0).to(probability.dtype)[1:]  # a batch may lack the aorta
    dice = ((2 * overlap + 1) / (total + 1))[1:]
    return cross_entropy + 1 - (dice * present).sum() / present.sum().clamp(min=1)


def _ratings(rating: torch.Tensor, batch: Batch, weights: LossWeights) -> torch.Tensor:
    """Rating place by place, per region, the fall between two levels, and where the fall is largest (listwise)."""
    count = len(batch["paired"])
    truth = batch["rating"].flatten(0, 1)
    error = functional.smooth_l1_loss(rating, truth, reduction="none", beta=0.5)
    by_place = _mean(error, batch["rating_weight"].flatten(0, 1))
    shares = batch["shares"].flatten(0, 1).flatten(2)  # (2N, 8, 64 * 64)
    shares = shares / shares.sum(dim=2, keepdim=True).clamp(min=1e-6)
    found = torch.einsum("nrp,np->nr", shares, rating.flatten(1)).view(count, 2, -1)
    wanted = torch.einsum("nrp,np->nr", shares, truth.flatten(1)).view(count, 2, -1)
    scored = batch["scored"]
    by_region = _mean(functional.smooth_l1_loss(found, wanted, reduction="none", beta=0.3), scored)
    change, true_change = found[:, 1] - found[:, 0], wanted[:, 1] - wanted[:, 0]
    counted = scored[:, 0] * batch["paired"][:, None].to(scored.dtype)
    relative = _mean(functional.smooth_l1_loss(change, true_change, reduction="none", beta=0.2), counted)
    aim = (-PLACE_SHARPNESS * true_change).masked_fill(counted == 0, _FAR).softmax(dim=1)
    guess = (-PLACE_SHARPNESS * change).masked_fill(counted == 0, _FAR).log_softmax(dim=1)
    place = _mean(-(aim * guess).sum(dim=1), counted.amax(dim=1))
    return (
        weights.rating_map * by_place
        + weights.rating_region * by_region
        + weights.difference * relative
        + weights.place * place
    )
