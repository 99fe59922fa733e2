"""Train the end-to-end regional quality network on CAMUS with degradations of known severity.

Each training sample is a pair: one image, one random geometry, the same degradation at two levels. The target of a
region is ``1 + (anchor - 1) * (1 - severity)``, with the anchor measured in the untouched image (anchor.py) and the
severity t times the share of the region that the degradation reaches; one that leaves a region's pixels as they were
(haze over bright tissue, noise near the probe) costs it nothing. The loss is on both
scores and on their difference, so that order is learnt within the same region. Recipe and figures: card_quality.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import Dataset

from capture.errors import DataError
from models.data.camus import read_split, squash
from models.data.degradations import TRAINING_KINDS, Degrader, feathered
from models.regional.labelled import LabelledImage, labelled_images
from models.regional.network import INPUT_SIZE, REGION_COUNT, RegionalQualityNet, load_imagenet_backbone, pooled_scores
from models.training import Optimisation, Run, train_phase

MIRRORED_ORDER = [5, 4, 3, 2, 1, 0, 7, 6]
ATTENTION_SIZE = 32
VISIBLE_CHANGE = 2.5  # mean change in grey levels from which a degradation counts in full
MEASURED_SHARE = 0.5  # a region with less than this inside picture and sector is not scored


MAIN = Optimisation(epochs=13, learning_rate=1.2e-3, weight_decay=2e-2, average_decay=0.996)
FINISH = Optimisation(epochs=7, learning_rate=6e-4, weight_decay=2e-2, average_decay=0.996)


@dataclass(frozen=True)
class QualityRecipe:
    """Everything that decides the outcome beside the data: a main phase and a finish at lower rates."""

    optimisation: Optimisation = MAIN
    finish: Optimisation = FINISH
    pairs_per_batch: int = 8
    difference_weight: float = 2.0
    attention_weight: float = 0.1
    seed: int = 20261121


class DegradedPairs(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]):
    """Pairs of one image at two levels of one degradation.

    Each item: images (2, 1, 256, 256), targets (2, 8), scored (8,), region shares (8, 32, 32), all float32.
    """

    def __init__(self, images: list[LabelledImage], seed: int) -> None:
        self.images = images
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        item = self.images[index]
        pictures, severities = degraded_pair(item, random)
        targets = 1 + (item.anchors - 1) * (1 - severities)  # (2, 8)
        masks = item.masks_square().astype(np.float32)  # (8, 256, 256)
        affine, mirrored = _random_affine(random)
        squashed = [_warp(squash(picture, cv2.INTER_AREA), affine) for picture in pictures]
        squashed = _same_mild_intensity(squashed, random)
        moved = np.stack([_warp(mask, affine) for mask in masks])
        area = masks.sum(axis=(1, 2)) * abs(np.linalg.det(affine[:, :2]))
        scored = (moved.sum(axis=(1, 2)) > MEASURED_SHARE * area) & item.scored
        if mirrored:
            targets, scored, moved = targets[:, MIRRORED_ORDER], scored[MIRRORED_ORDER], moved[MIRRORED_ORDER]
        cells = INPUT_SIZE // ATTENTION_SIZE
        shares = moved.reshape(REGION_COUNT, ATTENTION_SIZE, cells, ATTENTION_SIZE, cells).mean(axis=(2, 4))
        targets = np.where(scored, targets, 3.0).astype(np.float32)
        return (
            torch.from_numpy(np.stack(squashed)[:, None]).float(),
            torch.from_numpy(targets),
            torch.from_numpy(scored.astype(np.float32)),
            torch.from_numpy(shares.astype(np.float32)),
        )


def degraded_pair(item: LabelledImage, random: np.random.Generator) -> tuple[list[np.ndarray], np.ndarray]:
    """The image at two levels of one or two degradations, (H, W) uint8 each, and severities (2, 8)."""
    low = 0.0 if random.random() < 0.5 else random.uniform(0, 0.8)
    levels = (low, random.uniform(low, 1.0) if random.random() < 0.7 else 1.0)
    pictures = [item.image, item.image]
    kept = np.ones((2, REGION_COUNT), np.float32)
    for _ in range(2 if random.random() < 0.2 else 1):
        kind = str(random.choice(list(TRAINING_KINDS)))
        weight = None if random.random() < 0.3 else _random_weight(item, kind, random)
        seed = int(random.integers(2**31))
        for version, level in enumerate(levels):
            if level <= 0:
                continue
            degrader = Degrader(pictures[version], item.sector)
            where = degrader.weight(None) if weight is None else weight * degrader.inside
            worse = degrader.blend(degrader.full(kind, level, seed), where)
            change = item.mean_over_regions(cv2.absdiff(worse, pictures[version]))
            visible = np.minimum(change / VISIBLE_CHANGE, 1)
            kept[version] *= 1 - level * visible * item.mean_over_regions(where)
            pictures[version] = worse
    return pictures, 1 - kept


def _random_weight(item: LabelledImage, kind: str, random: np.random.Generator) -> np.ndarray:
    """Where to degrade: one region, or for one shadow in two everything behind it as well, (H, W) float32."""
    region = int(random.choice(np.flatnonzero(item.scored)))
    weight = feathered(item.masks_native()[region], item.image.shape[0], random.uniform(0.5, 2.0))
    if kind == "shadow" and random.random() < 0.5:
        polar = Degrader(item.image, item.sector).polar
        weight = polar.to_image(np.maximum.accumulate(polar.to_polar(weight), axis=0))
    return weight


def _random_affine(random: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Affine (2, 3) of the paper's augmentations and whether it mirrors (table 7, with shifts)."""
    angle = np.deg2rad(random.uniform(-20, 20)) if random.random() < 0.5 else 0.0
    scale = random.uniform(0.85, 1.15, 2) if random.random() < 0.5 else np.ones(2)
    mirrored = bool(random.random() < 0.25)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotation @ np.diag([-scale[0] if mirrored else scale[0], scale[1]])
    centre = np.full(2, (INPUT_SIZE - 1) / 2)
    shift = centre + random.uniform(-0.05, 0.05, 2) * INPUT_SIZE - matrix @ centre
    return np.column_stack([matrix, shift]), mirrored


def _warp(image: np.ndarray, affine: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.warpAffine(image, affine, (INPUT_SIZE, INPUT_SIZE), flags=cv2.INTER_LINEAR))


def _same_mild_intensity(images: list[np.ndarray], random: np.random.Generator) -> list[np.ndarray]:
    """One mild gamma and gain for all, too small to count as a loss of quality."""
    if random.random() < 0.5:
        return images
    gamma, gain = random.uniform(0.9, 1.1), random.uniform(0.93, 1.07)
    table = np.clip(255 * gain * (np.arange(256) / 255.0) ** gamma + 0.5, 0, 255).astype(np.uint8)
    return [cv2.LUT(image, table) for image in images]


def quality_loss(
    network: torch.nn.Module,
    recipe: QualityRecipe,
    pairs: torch.Tensor,
    targets: torch.Tensor,
    scored: torch.Tensor,
    shares: torch.Tensor,
) -> torch.Tensor:
    """Error of both scores, of their difference, and of the attention against the region masks."""
    count = pairs.shape[0]
    images = pairs.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (2B, 1, 256, 256)
    with torch.autocast("cpu", torch.bfloat16):
        attention, score_map = network.maps(images)
    scores = pooled_scores(attention.float(), score_map.float()).view(count, 2, REGION_COUNT)
    weight = scored[:, None] / scored.sum().clamp(min=1)
    absolute = (functional.smooth_l1_loss(scores, targets, reduction="none", beta=0.5) * weight).sum() / 2
    change, true_change = scores[:, 1] - scores[:, 0], targets[:, 1] - targets[:, 0]
    relative = (functional.smooth_l1_loss(change, true_change, reduction="none", beta=0.5) * weight[:, 0]).sum()
    wanted = shares.flatten(2) / shares.flatten(2).sum(dim=2, keepdim=True).clamp(min=1e-6)
    log_attention = attention.float().flatten(2).log_softmax(dim=2).view(count, 2, REGION_COUNT, -1)
    focus = -((wanted[:, None] * log_attention).sum(dim=3) * weight).sum() / 2
    return absolute + recipe.difference_weight * relative + recipe.attention_weight * focus


def train_quality(data_dir: Path, out_dir: Path, recipe: QualityRecipe = QualityRecipe()) -> Path:
    """Train and return the path of the checkpoint (resumes from it when it is there).

    Raises
    ------
    DataError
        When the data set or the ImageNet weights are missing, or no frame has eight regions.
    """
    torch.manual_seed(recipe.seed)
    data = DegradedPairs(labelled_images(read_split(data_dir, "train")), recipe.seed)
    if not len(data):
        raise DataError(f"no training frame in {data_dir} has eight regions: check its label maps")
    network = RegionalQualityNet()
    load_imagenet_backbone(network, data_dir)
    network = network.to(memory_format=torch.channels_last)
    main = Run(network, recipe.optimisation, out_dir / "quality_main.pt")
    train_phase(main, data, recipe.pairs_per_batch, lambda batch: quality_loss(main.network, recipe, *batch))
    data.seed = recipe.seed + 1
    finish = Run(main.average.requires_grad_(True), recipe.finish, out_dir / "quality.pt")
    train_phase(finish, data, recipe.pairs_per_batch, lambda batch: quality_loss(finish.network, recipe, *batch))
    return finish.checkpoint
