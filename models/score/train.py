"""Train the score: severity of a picture as a whole, over several organs, with the order of pairs beside its value."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from capture.errors import DataError
from models.score.data import LOOKS, Pool, as_input, fixed_pool, kept_pool, training_pool
from models.score.network import NETWORKS, StatisticsNet
from models.score.paper_recipe import lcc_and_mse
from models.score.pictures import organ_pictures
from models.score.recipe import ScoreRecipe
from models.training import Run, load_average, require_same_run

CHECKPOINT, POOL, VALIDATION = "score.pt", "score_pool.npz", "score_validation.npz"
RELEASED = ScoreRecipe()
_REPORT_EVERY = 3


def train_score(data_dir: Path, out_dir: Path, recipe: ScoreRecipe = RELEASED) -> Path:
    """Train and return the path of the checkpoint (resumes from what is there).

    ``out_dir`` gets ``score.pt``, its story (``.jsonl``), what was asked for (``.json``) and what it learns from.

    Raises
    ------
    DataError
        A set cannot be read, or is too small.
    SettingsError
        ``out_dir`` holds a run that was asked for something else.
    """
    checkpoint = out_dir / CHECKPOINT
    require_same_run(checkpoint.with_suffix(".json"), recipe.asked_for())
    pool, validation = kept_pools(data_dir, out_dir, recipe)
    torch.manual_seed(recipe.seed)
    network = NETWORKS[recipe.network]()
    if isinstance(network, StatisticsNet):
        network.fit(as_input(pool.inputs))
        network.noise = recipe.noise
    run = Run(network.to(memory_format=torch.channels_last), recipe.optimisation, checkpoint)
    size = min(recipe.batch, len(pool))  # a small set is one batch
    while run.epochs_done < run.plan.epochs:
        torch.manual_seed(recipe.seed + run.epochs_done)  # a run that goes on draws the same
        batches = pool.batches(size, recipe.seed + run.epochs_done)
        loss = run.epoch(batches, len(pool) // size, lambda batch: score_loss(run.network, batch, recipe))
        report: dict[str, object] = {"loss": round(loss, 5)}
        if run.epochs_done % _REPORT_EVERY == 0 or run.epochs_done == run.plan.epochs:
            report |= _report(run.average, validation)
        run.save(report)
    return checkpoint


def kept_pools(data_dir: Path, out_dir: Path, recipe: ScoreRecipe) -> tuple[Pool, Pool]:
    """For training and for validation, made once and kept in ``out_dir``."""
    asked, seed, look = recipe.pictures_asked(), recipe.pictures_seed, LOOKS[recipe.network]

    def training() -> Pool:
        return training_pool(organ_pictures(data_dir, "train"), recipe.versions, recipe.kinds, seed, look)

    def validation() -> Pool:
        return fixed_pool(organ_pictures(data_dir, "val"), recipe.val_versions, seed + 1, look)

    return kept_pool(out_dir / POOL, asked, training), kept_pool(out_dir / VALIDATION, asked, validation)


def score_loss(network: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor], recipe: ScoreRecipe) -> torch.Tensor:
    """Smooth L1 of the severity, and a hinge on every pair of the batch whose order is known."""
    inputs, severity = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=inputs.ndim == 4):  # statistics differ by orders of magnitude
        found = network(inputs).float()[:, 0]
    value = functional.smooth_l1_loss(found, severity, beta=0.1)
    return value + recipe.order_weight * order_loss(found, severity, recipe.order_gap)


def order_loss(found: torch.Tensor, wanted: torch.Tensor, gap: float) -> torch.Tensor:
    """How far pairs fall short of half of the difference that they should have; (N,) each, mean over the pairs.

    Pairs that differ by less than ``gap`` do not count. Half: the value term alone says how large one is.
    """
    difference = wanted[:, None] - wanted  # (N, N)
    short = functional.relu(0.5 * difference - (found[:, None] - found))
    counted = difference >= gap
    return (short * counted).sum() / counted.sum().clamp(min=1)


@torch.no_grad()
def severities(network: torch.nn.Module, inputs: np.ndarray, batch: int = 256) -> np.ndarray:
    """What the network gives for N inputs, see ``Pool``, (N,) float64; not clipped."""
    network.eval()
    parts = [network(as_input(inputs[start : start + batch])) for start in range(0, len(inputs), batch)]
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


def _report(network: torch.nn.Module, pool: Pool) -> dict[str, object]:
    found = 100 * (1 - severities(network, pool.inputs).clip(0, 1))
    figures = lcc_and_mse(found, 100 * (1 - pool.severity))
    return {f"val_{name}": value for name, value in figures.items()}
