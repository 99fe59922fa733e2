"""Two small perceptrons over the features of one region: its rating, and what is wrong there."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from models.runtime.causes import SHOWN_CAUSES
from models.runtime.region_features import FEATURES, OWN_FEATURES

PROCESSING, NONE = len(SHOWN_CAUSES), len(SHOWN_CAUSES) + 1
CLASSES = len(SHOWN_CAUSES) + 2
"""Of the causes: those that are shown, then processing (compression and the like), then nothing."""

_WIDTH = 64
_MIDDLE = 3.0


class RegionReading(NamedTuple):
    """What one pass gives: ratings (N, 1), about 1..5, and likelihoods of ``SHOWN_CAUSES`` (N, 6)."""

    rating: torch.Tensor
    causes: torch.Tensor


class RegionReadingNet(nn.Module):
    """Input: (N, 91) float32 from ``region_features``, a region in each row.

    Parameters
    ----------
    mean, scale : (91,) float32, of the features in training
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, mean: torch.Tensor | None = None, scale: torch.Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES) if mean is None else mean)
        self.register_buffer("scale", torch.ones(FEATURES) if scale is None else scale)
        self.rate = _perceptron(FEATURES, 1)
        self.tell = _perceptron(OWN_FEATURES, CLASSES)  # neighbours help the place, and not the cause

    def ratings(self, features: torch.Tensor) -> torch.Tensor:
        """(..., 91) -> (...), about 1..5."""
        return _MIDDLE + self.rate((features - self.mean) / self.scale)[..., 0]

    def class_logits(self, features: torch.Tensor) -> torch.Tensor:
        """(..., 91) -> (..., 8) in the order of ``CLASSES``."""
        found: torch.Tensor = self.tell(((features - self.mean) / self.scale)[..., :OWN_FEATURES])
        return found

    def forward(self, features: torch.Tensor) -> RegionReading:
        """Ratings and likelihoods of the causes."""
        likelihoods = self.class_logits(features).softmax(dim=-1)[..., : len(SHOWN_CAUSES)]
        return RegionReading(self.ratings(features)[..., None], likelihoods)


def _perceptron(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, outputs))
