"""Train the coherence network on virtual pairs of picture and true coherence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from capture.errors import DataError
from models.data.virtual_dataset import VirtualDataset
from models.metrics.image_similarity import K1, K2, WINDOW, WINDOW_SIGMA
from models.regional.coherence.data import CoherencePairs
from models.regional.coherence.network import CoherenceUNet
from models.regional.coherence.truth import seen_styles
from models.training import Optimisation, Run, train_phase

MAIN = Optimisation(epochs=5, learning_rate=5e-3, weight_decay=1e-4, average_decay=0.995)


@dataclass(frozen=True)
class CoherenceRecipe:
    """Everything that decides the outcome beside the data.

    The paper: Adam at 1e-2, batches of 32, 500 epochs. Here fewer passes over more diverse samples, a schedule, and
    averaged weights.
    """

    optimisation: Optimisation = MAIN
    batch: int = 16
    error_weight: float = 1.0
    seed: int = 20261121


def train_coherence(virtual: Path, out_dir: Path, recipe: CoherenceRecipe = CoherenceRecipe()) -> Path:
    """Train and return the path of the checkpoint (resumes from what is there).

    Parameters
    ----------
    virtual : folder of ``sonogauge virtual dataset``; samples of the held-out style are left out
    out_dir : gets ``coherence.pt`` and its story, ``coherence.jsonl``

    Raises
    ------
    DataError
        The set cannot be read, or all of its samples are of the held-out style.
    """
    torch.manual_seed(recipe.seed)
    samples = VirtualDataset(virtual)
    chosen = seen_styles(samples)
    if not chosen:
        raise DataError(f"{virtual} holds the held-out style alone: make more samples with 'sonogauge virtual dataset'")
    network = CoherenceUNet().to(memory_format=torch.channels_last)
    run = Run(network, recipe.optimisation, out_dir / "coherence.pt")
    pairs = CoherencePairs(samples, chosen, recipe.seed)
    train_phase(run, pairs, recipe.batch, lambda batch: _loss(run.network, batch, recipe.error_weight))
    return run.checkpoint


def _loss(
    network: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor], error_weight: float
) -> torch.Tensor:
    image, target, inside = batch
    with torch.autocast("cpu", torch.bfloat16):
        found = network(image.contiguous(memory_format=torch.channels_last))
    return coherence_loss(found.float(), target, inside, error_weight)


def coherence_loss(
    found: torch.Tensor, target: torch.Tensor, inside: torch.Tensor, error_weight: float = 1.0
) -> torch.Tensor:
    """1 - SSIM over every second window within the sector (paper, table 2), plus the mean absolute error inside it.

    The error holds the edges, where no window is whole. All (N, 1, H, W) float32; ``inside`` 0 or 1.
    """
    rows, columns = _window_sums(found.shape[2]), _window_sums(found.shape[3])
    # Banded matrices: several times as fast on a CPU as convolutions of one channel.
    parts = torch.cat([found, target, found * found, target * target, found * target, inside], dim=1)
    mean_a, mean_b, power_a, power_b, mixed, share = (rows @ parts @ columns.T).unbind(1)
    likeness = (2 * mean_a * mean_b + K1**2) * (2 * (mixed - mean_a * mean_b) + K2**2)
    spread = power_a - mean_a**2 + power_b - mean_b**2
    similarity = likeness / ((mean_a**2 + mean_b**2 + K1**2) * (spread + K2**2))
    whole = (share > 1 - 1e-5).to(similarity.dtype)
    error = ((found - target).abs() * inside).sum() / inside.sum().clamp(min=1)
    return 1 - (similarity * whole).sum() / whole.sum().clamp(min=1) + error_weight * error


def _window_sums(size: int) -> torch.Tensor:
    """Every second Gaussian window of WINDOW px as a row of a matrix, (about size / 2, size) float32."""
    weights = cv2.getGaussianKernel(WINDOW, WINDOW_SIGMA).ravel().astype(np.float32)
    matrix = np.zeros((size - WINDOW + 1, size), np.float32)
    for row, line in enumerate(matrix):
        line[row : row + WINDOW] = weights
    return torch.from_numpy(matrix[::2].copy())
