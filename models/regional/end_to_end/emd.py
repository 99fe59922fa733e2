"""Regional quality as five ordered classes: the loss and the score."""

from __future__ import annotations

import torch

CLASS_COUNT = 5  # 1 not visible .. 5 excellent


def class_shares(scores: torch.Tensor) -> torch.Tensor:
    """A score as shares of its two neighbouring classes, (...) in 1..5 -> (..., 5); their expected value is the score.

    A whole number gives the one-hot label that a rater would.
    """
    classes = torch.arange(1, CLASS_COUNT + 1, dtype=scores.dtype, device=scores.device)
    return (1 - (scores[..., None] - classes).abs()).clamp(min=0)


def squared_emd(logits: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Squared earth mover's distance of softmax(logits) and shares, both (..., 5) -> (...).

    For ordered classes it is the sum over classes of the squared difference of the cumulative shares (Hou et al. 2016,
    section 3); 0 when equal, 4 when all lies at the wrong end.
    """
    return (logits.softmax(dim=-1).cumsum(dim=-1) - shares.cumsum(dim=-1)).square().sum(dim=-1)


def expected_score(logits: torch.Tensor) -> torch.Tensor:
    """Expected value of the class, (..., 5) -> (...) in 1..5."""
    classes = torch.arange(1, CLASS_COUNT + 1, dtype=logits.dtype, device=logits.device)
    return (logits.softmax(dim=-1) * classes).sum(dim=-1)
