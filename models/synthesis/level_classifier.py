"""A small network that tells the level of degradation of a picture of 64 px: what the balancing experiment trains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.synthesis.balance_figures import level_index
from models.synthesis.gan import as_tensors
from models.synthesis.sample import LEVELS
from models.training import cosine_with_warm_up

SIDE = 64  # of its pictures
_CHANNELS = (1, 16, 32, 64, 96)
_BATCH, _LEARNING_RATE, _WEIGHT_DECAY, _SHIFT = 32, 2e-3, 1e-2, 3


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Pictures (N, 64, 64) uint8, their levels (N,) float32, and how often each is drawn (N,) float64."""

    images: np.ndarray
    levels: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: np.ndarray) -> TrainingSet:
        """Those at ``chosen``, (M,) int."""
        return TrainingSet(self.images[chosen], self.levels[chosen], self.weights[chosen])

    def beside(self, other: TrainingSet) -> TrainingSet:
        """Both, these first."""
        pairs = ((self.images, other.images), (self.levels, other.levels), (self.weights, other.weights))
        return TrainingSet(*(np.concatenate(pair) for pair in pairs))

    def even(self) -> TrainingSet:
        """Drawn so that every level comes equally often."""
        _, place, counts = np.unique(self.levels, return_inverse=True, return_counts=True)
        return replace(self, weights=1 / counts[place])


class LevelClassifier(nn.Module):
    """Pictures (N, 1, 64, 64) in -1..1 -> log-odds (N, 3) of the three known levels.

    Batch normalisation, since a picture's own mean and contrast tell its gain.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(_CHANNELS):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(_CHANNELS[-1], len(LEVELS))
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """See the class."""
        odds: torch.Tensor = self.layers(pictures)
        return odds


def train_classifier(learned: TrainingSet, seed: int, steps: int, flip: bool) -> LevelClassifier:
    """Train from scratch for so many steps of 32 pictures, shifted and, with ``flip``, mirrored at random.

    ``seed`` is that of weights, order and changes.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = LevelClassifier().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine_with_warm_up(step / steps))
    labels, odds = level_index(learned.levels), learned.weights / learned.weights.sum()
    for _ in range(steps):
        chosen = random.choice(len(learned), _BATCH, p=odds)
        seen, _ = as_tensors(_changed(learned.images[chosen], flip, random), learned.levels[chosen])
        loss = functional.cross_entropy(network(seen), torch.from_numpy(labels[chosen]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def rate(network: LevelClassifier, images: np.ndarray) -> np.ndarray:
    """Probabilities (N, 3) float32 of the levels of pictures (N, 64, 64) uint8."""
    pictures, _ = as_tensors(images, np.zeros(len(images)))
    return np.asarray(network(pictures).softmax(dim=1).numpy())


def _changed(images: np.ndarray, flip: bool, random: np.random.Generator) -> np.ndarray:
    """Each moved by up to three pixels, black where it left, and mirrored as often as not."""
    padded = np.pad(images, ((0, 0), (_SHIFT, _SHIFT), (_SHIFT, _SHIFT)))
    corners = random.integers(2 * _SHIFT + 1, size=(len(images), 2))
    moved = [p[y : y + SIDE, x : x + SIDE] for p, (y, x) in zip(padded, corners, strict=True)]
    mirrored = flip & (random.random(len(images)) < 0.5)
    return np.stack([image[:, ::-1] if turn else image for image, turn in zip(moved, mirrored, strict=True)])
