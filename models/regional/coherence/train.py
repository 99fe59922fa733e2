"""Train the coherence network on virtual pairs of picture and true coherence, then on degraded real frames as well."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from capture.errors import DataError
from models.data.camus import read_split, squash
from models.data.virtual_dataset import VirtualDataset
from models.metrics.image_similarity import K1, K2, WINDOW, WINDOW_SIGMA
from models.regional.coherence.data import CoherencePairs, RealAndVirtual
from models.regional.coherence.network import CoherenceUNet
from models.regional.coherence.truth import seen_styles
from models.regional.dense.real import RealFrame, real_frames
from models.training import Optimisation, Run, load_average, train_phase

MAIN = Optimisation(epochs=5, learning_rate=5e-3, weight_decay=1e-4, average_decay=0.995)
FINISH = Optimisation(epochs=6, learning_rate=2e-3, weight_decay=1e-4, average_decay=0.995)


@dataclass(frozen=True)
class CoherenceRecipe:
    """Everything that decides the outcome beside the data: virtual pairs alone, then real frames as well.

    The paper: Adam at 1e-2, batches of 32, 500 epochs. Here fewer passes over more diverse samples, a schedule, and
    averaged weights.
    """

    optimisation: Optimisation = MAIN
    finish: Optimisation = FINISH
    batch: int = 16
    error_weight: float = 1.0
    seed: int = 20261121


def train_coherence(
    virtual: Path,
    out_dir: Path,
    recipe: CoherenceRecipe = CoherenceRecipe(),
    *,
    data_dir: Path | None = None,
    start: Path | None = None,
) -> Path:
    """Train and return the path of the checkpoint (resumes from what is there).

    Parameters
    ----------
    virtual : folder of ``sonogauge virtual dataset``; samples of the held-out style are left out
    out_dir : gets ``coherence.pt`` and its story, ``coherence.jsonl``
    data_dir : folder that holds ``camus/``; without it there is no second phase
    start : checkpoint of a first phase, which is then left out; the second needs ``data_dir``

    Raises
    ------
    DataError
        A set or ``start`` cannot be read, all virtual samples are of the held-out style, or no real frame has eight
        regions.
    """
    if start is not None and data_dir is None:
        raise DataError(f"nothing to go on with from {start}: the second phase needs real frames, add --data DIR")
    torch.manual_seed(recipe.seed)
    samples = VirtualDataset(virtual)
    chosen = seen_styles(samples)
    if not chosen:
        raise DataError(f"{virtual} holds the held-out style alone: make more samples with 'sonogauge virtual dataset'")
    frames = real_frames(read_split(data_dir, "train")) if data_dir is not None else []
    network = CoherenceUNet().to(memory_format=torch.channels_last)
    pairs = CoherencePairs(samples, chosen, recipe.seed)
    if start is not None:
        load_average(network, start)
    else:
        main = Run(network, recipe.optimisation, out_dir / ("coherence_main.pt" if frames else "coherence.pt"))
        train_phase(main, pairs, recipe.batch, lambda batch: _loss(main.network, batch, recipe.error_weight))
        if not frames:
            return main.checkpoint
        network = main.average.requires_grad_(True)
    mixture = RealAndVirtual(frames, [_untouched(network, frame) for frame in frames], pairs, recipe.seed + 1)
    finish = Run(network, recipe.finish, out_dir / "coherence.pt")
    train_phase(finish, mixture, recipe.batch, lambda batch: _loss(finish.network, batch, recipe.error_weight))
    return finish.checkpoint


@torch.no_grad()
def _untouched(network: torch.nn.Module, frame: RealFrame) -> np.ndarray:
    """What the network says of an untouched frame, (256, 256) float16."""
    network.eval()
    picture = torch.from_numpy(squash(frame.item.image, cv2.INTER_AREA))[None, None].float()
    with torch.autocast("cpu", torch.bfloat16):
        found = network(picture.contiguous(memory_format=torch.channels_last))
    return np.asarray(found.float()[0, 0].numpy().astype(np.float16))


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
