"""The contrastive loss of the artifact paper, its equation 1, over a batch of pairs."""

from __future__ import annotations

import torch
from torch.nn import functional

from models.artifact.network import ArtifactEncoder
from models.artifact.recipe import ArtifactRecipe


def contrastive_loss(m: torch.Tensor, kind: torch.Tensor) -> torch.Tensor:
    """Equation 1: -log[exp(m* . m+) / (exp(m* . m+) + mean over negatives of exp(m* . m-))], mean over the batch.

    Every picture is the query once. Its positive is its partner, row 2 i for row 2 i + 1 and the reverse; its
    negatives are the pictures of every other kind.

    Parameters
    ----------
    m : (B, D) float32, B even
    kind : (B,) whole numbers
    """
    products = m @ m.T  # (B, B)
    partner = torch.arange(len(m), device=m.device) ^ 1
    positive = products.gather(1, partner[:, None])[:, 0]
    negative = kind[:, None] != kind[None, :]
    counts = negative.sum(dim=1).clamp(min=1)
    mean = torch.logsumexp(products.masked_fill(~negative, float("-inf")), dim=1) - counts.log()
    has_any = negative.any(dim=1)  # a batch of one kind teaches nothing
    return functional.softplus(mean[has_any] - positive[has_any]).mean() if has_any.any() else 0 * m.sum()


def encoder_loss(
    encoder: ArtifactEncoder, picture: torch.Tensor, kind: torch.Tensor, recipe: ArtifactRecipe
) -> torch.Tensor:
    """Equation 1 on the latent, its like on the wide features, and what keeps the latent from growing.

    Parameters
    ----------
    picture : (B, 1, 224, 224) float32 in 0..1
    kind : (B,)
    """
    with torch.autocast("cpu", torch.bfloat16):
        m, wide, _ = encoder(picture.contiguous(memory_format=torch.channels_last))
    m, wide = m.float(), wide.float()
    loss = contrastive_loss(m, kind) + recipe.norm_weight * m.square().sum(dim=1).mean()
    if recipe.wide_weight:
        unit = functional.normalize(wide, dim=1) / recipe.temperature**0.5
        loss = loss + recipe.wide_weight * contrastive_loss(unit, kind)
    return loss
