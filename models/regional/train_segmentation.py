"""Train the light segmentation network on CAMUS masks (recipe: models/regional/card_segmentation.md).

Checkpoints hold everything needed to go on after a stop; weights are averaged (EMA) and the average is what ships.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from models.data.camus import CamusSample, read_split
from models.metrics.segmentation import dice_per_class
from models.regional.augment import random_geometry, random_intensity
from models.regional.network import INPUT_SIZE, SEGMENTATION_CLASSES, SegmentationUNet

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SegmentationRecipe:
    """Everything that decides the outcome beside the data."""

    epochs: int = 24
    batch: int = 16
    learning_rate: float = 2.5e-3
    weight_decay: float = 1e-2
    average_decay: float = 0.996
    seed: int = 20261121


class _Pairs(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    def __init__(self, samples: list[CamusSample], seed: int) -> None:
        self.images = [squash(s.image(), cv2.INTER_AREA) for s in samples]
        self.labels = [squash(s.label(), cv2.INTER_NEAREST) for s in samples]
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        image, label = random_geometry(self.images[index], self.labels[index], random)
        image = random_intensity(image, random)
        return torch.from_numpy(image)[None].float(), torch.from_numpy(label).long()


def squash(image: np.ndarray, interpolation: int) -> np.ndarray:
    """Any (H, W) image to the square model input (256, 256)."""
    if interpolation == cv2.INTER_AREA and min(image.shape[:2]) < INPUT_SIZE:
        interpolation = cv2.INTER_LINEAR
    return cv2.resize(image, (INPUT_SIZE, INPUT_SIZE), interpolation=interpolation)


def segmentation_loss(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus soft Dice (paper, table 6)."""
    cross_entropy = functional.cross_entropy(logits, label)
    probability = logits.softmax(dim=1)
    target = functional.one_hot(label, SEGMENTATION_CLASSES).permute(0, 3, 1, 2).to(probability.dtype)
    overlap = (probability * target).sum(dim=(0, 2, 3))
    total = probability.sum(dim=(0, 2, 3)) + target.sum(dim=(0, 2, 3))
    return cross_entropy + 1 - ((2 * overlap + 1) / (total + 1))[1:].mean()


def train_segmentation(data_dir: Path, out_dir: Path, recipe: SegmentationRecipe = SegmentationRecipe()) -> Path:
    """Train and return the path of the checkpoint (resumes from it when it is there)."""
    out_dir.mkdir(parents=True, exist_ok=True)
    checkpoint = out_dir / "segmentation.pt"
    torch.manual_seed(recipe.seed)
    data = _Pairs(read_split(data_dir, "train"), recipe.seed)
    val = read_split(data_dir, "val")
    network = SegmentationUNet().to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    first_epoch, seconds = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first_epoch, seconds = state["epoch"], state["seconds"]
    steps_per_epoch = len(data) // recipe.batch
    total_steps = recipe.epochs * steps_per_epoch
    for epoch in range(first_epoch, recipe.epochs):
        started = time.monotonic()
        data.epoch = epoch
        loader = DataLoader(
            data,
            recipe.batch,
            shuffle=True,
            drop_last=True,
            num_workers=1,
            generator=torch.Generator().manual_seed(recipe.seed + epoch),
        )
        network.train()
        losses = []
        for step, (image, label) in enumerate(loader, start=epoch * steps_per_epoch):
            rate = recipe.learning_rate * _schedule(step / total_steps)
            for group in optimizer.param_groups:
                group["lr"] = rate
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(image.contiguous(memory_format=torch.channels_last))
            loss = segmentation_loss(logits.float(), label)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            _average(average, network, min(recipe.average_decay, (1 + step) / (10 + step)))
            losses.append(float(loss))
        seconds += time.monotonic() - started
        report = {"epoch": epoch + 1, "loss": round(float(np.mean(losses)), 4), "seconds": round(seconds)}
        if epoch % 3 == 2 or epoch + 1 == recipe.epochs:
            report |= {k: round(v, 4) for k, v in evaluate_network(average, val).items()}
        log.info(json.dumps(report))
        with (out_dir / "segmentation.jsonl").open("a") as file:
            file.write(json.dumps(report) + "\n")
        state = {
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch": epoch + 1,
            "seconds": seconds,
        }
        torch.save(state, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)
    return checkpoint


def _schedule(progress: float) -> float:
    """Warm up over 5 %, then fall as a cosine to 1 %."""
    if progress < 0.05:
        return progress / 0.05
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - 0.05) / 0.95))


@torch.no_grad()
def _average(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    for kept, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


@torch.no_grad()
def evaluate_network(network: torch.nn.Module, samples: list[CamusSample]) -> dict[str, float]:
    """Mean Dice per class over frames, in each frame's own pixel grid."""
    network.eval()
    scores = []
    for sample in samples:
        image, label = sample.image(), sample.label()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(torch.from_numpy(squash(image, cv2.INTER_AREA))[None, None].float())
        grown = functional.interpolate(logits.float(), label.shape, mode="bilinear", align_corners=False)
        scores.append(dice_per_class(grown[0].argmax(0).numpy(), label, SEGMENTATION_CLASSES))
    mean = np.nanmean(np.array(scores), axis=0)
    return {"dice_lv": float(mean[0]), "dice_myo": float(mean[1]), "dice_la": float(mean[2])}
