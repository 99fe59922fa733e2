"""Train the score: severity of a picture as a whole, over several organs, with the order of pairs beside its value."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from capture.errors import DataError
from models.score.data import fixed_pool, training_pool
from models.score.network import NETWORKS
from models.score.paper_recipe import lcc_and_mse
from models.score.pictures import organ_pictures
from models.score.recipe import ScoreRecipe
from models.training import Run, load_average, require_same_run
from models.us2qnet.samples import Batch, TrainingPictures, as_tensor, kept

CHECKPOINT, PICTURES, VALIDATION = "score.pt", "score_pictures.npz", "score_validation.npz"
RELEASED = ScoreRecipe()
_REPORT_EVERY = 3


def train_score(data_dir: Path, out_dir: Path, recipe: ScoreRecipe = RELEASED) -> Path:
    """Train and return the path of the checkpoint (resumes from what is there).

    ``out_dir`` gets ``score.pt``, its story (``.jsonl``), what was asked for (``.json``) and both sets of pictures.

    Raises
    ------
    DataError
        A set cannot be read, or is too small.
    SettingsError
        ``out_dir`` holds a run that was asked for something else.
    """
    checkpoint = out_dir / CHECKPOINT
    require_same_run(checkpoint.with_suffix(".json"), recipe.asked_for())
    pictures, validation = kept_pictures(data_dir, out_dir, recipe)
    torch.manual_seed(recipe.seed)
    run = Run(NETWORKS[recipe.network]().to(memory_format=torch.channels_last), recipe.optimisation, checkpoint)
    size = min(recipe.batch, len(pictures))  # a small set is one batch
    while run.epochs_done < run.plan.epochs:
        batches = pictures.batches(size, recipe.seed + run.epochs_done, moves=False, shift=recipe.shift)
        loss = run.epoch(batches, len(pictures) // size, lambda batch: score_loss(run.network, batch, recipe))
        report: dict[str, object] = {"loss": round(loss, 5)}
        if run.epochs_done % _REPORT_EVERY == 0 or run.epochs_done == run.plan.epochs:
            report |= _report(run.average, validation)
        run.save(report)
    return checkpoint


def kept_pictures(data_dir: Path, out_dir: Path, recipe: ScoreRecipe) -> tuple[TrainingPictures, TrainingPictures]:
    """Training and validation pictures, made once and kept in ``out_dir``."""
    asked, seed = recipe.pictures_asked(), recipe.pictures_seed

    def training() -> TrainingPictures:
        return training_pool(organ_pictures(data_dir, "train"), recipe.versions, recipe.kinds, seed)

    def validation() -> TrainingPictures:
        return fixed_pool(organ_pictures(data_dir, "val"), recipe.val_versions, seed + 1)

    return kept(out_dir / PICTURES, asked, training), kept(out_dir / VALIDATION, asked, validation)


def score_loss(network: torch.nn.Module, batch: Batch, recipe: ScoreRecipe) -> torch.Tensor:
    """Smooth L1 of the severity, and a hinge on every pair of the batch whose order is known."""
    with torch.autocast("cpu", torch.bfloat16):
        found = network(batch.picture.contiguous(memory_format=torch.channels_last))
    severity = found.float()[:, 0]
    value = functional.smooth_l1_loss(severity, batch.severity, beta=0.1)
    return value + recipe.order_weight * order_loss(severity, batch.severity, recipe.order_gap)


def order_loss(found: torch.Tensor, wanted: torch.Tensor, gap: float) -> torch.Tensor:
    """How far pairs fall short of half of the difference that they should have; (N,) each, mean over the pairs.

    Pairs that differ by less than ``gap`` do not count. Half: the value term alone says how large one is.
    """
    difference = wanted[:, None] - wanted  # (N, N)
    short = functional.relu(0.5 * difference - (found[:, None] - found))
    counted = difference >= gap
    return (short * counted).sum() / counted.sum().clamp(min=1)


@torch.no_grad()
def severities(network: torch.nn.Module, images: np.ndarray, batch: int = 256) -> np.ndarray:
    """What the network gives for (N, 224, 224) uint8, (N,) float64; not clipped."""
    network.eval()
    parts = [network(as_tensor(images[start : start + batch])) for start in range(0, len(images), batch)]
    return torch.cat(parts)[:, 0].double().numpy()


def load_score(run: Path) -> torch.nn.Module:
    """The trained network of a run, averaged weights, ready to run.

    Raises
    ------
    DataError
        When the folder holds no finished run.
    """
    checkpoint = run / CHECKPOINT
    try:
        network = NETWORKS[json.loads(checkpoint.with_suffix(".json").read_text())["asked"]["network"]]()
    except (OSError, ValueError, KeyError) as error:
        advice = "train it with 'sonogauge train score'"
        raise DataError(f"cannot read how {checkpoint} was made ({error}): {advice}") from error
    load_average(network, checkpoint)
    return network.eval()


def _report(network: torch.nn.Module, pictures: TrainingPictures) -> dict[str, object]:
    found = 100 * (1 - severities(network, pictures.images).clip(0, 1))
    figures = lcc_and_mse(found, 100 * (1 - pictures.severity))
    return {f"val_{name}": value for name, value in figures.items()}
