"""Train the end-to-end regional quality network on CAMUS with degradations of known severity.

Each training sample is a pair: one image, one random geometry, the same degradation at two levels. The target of a
region is ``1 + (anchor - 1) * (1 - severity)``, with the anchor measured in the untouched image (anchor.py) and the
severity t times the share of the region that the degradation reaches; one that changes neither the region nor its
borders (haze over bright tissue, noise near the probe) costs it nothing. The loss is on both scores, on their
difference, so that order is learnt within the same region, and on the score maps place by place, so that a loss stays
where it happened. Recipe and figures: card_quality.md.
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
from models.data.degradations import EXTRA_KINDS, TRAINING_KINDS, Degrader, feathered
from models.regional.end_to_end.network import RegionalQualityNet, load_imagenet_backbone, pooled_scores
from models.regional.labelled import LabelledImage, labelled_images, mean_over
from models.regional.layers import INPUT_SIZE, REGION_COUNT
from models.training import Optimisation, Run, train_phase

MIRRORED_ORDER = [5, 4, 3, 2, 1, 0, 7, 6]
MAP_SIZE = 32
FINE_MAP_SIZE = 64  # severity maps are kept at this size until they are moved
VISIBLE_CHANGE = 1.0  # mean change in grey levels, borders included, from which a degradation counts in full
PLACE_SHARPNESS = 5.0  # per point of score
MEASURED_SHARE = 0.5  # a region with less than this inside picture and sector is not scored


MAIN = Optimisation(epochs=13, learning_rate=1.2e-3, weight_decay=2e-2, average_decay=0.996)
FINISH = Optimisation(epochs=24, learning_rate=8e-4, weight_decay=2e-2, average_decay=0.998)


@dataclass(frozen=True)
class QualityRecipe:
    """Everything that decides the outcome beside the data: a main phase, and a finish with the early layers fixed."""

    optimisation: Optimisation = MAIN
    finish: Optimisation = FINISH
    pairs_per_batch: int = 8
    difference_weight: float = 2.0
    map_weight: float = 1.0
    place_weight: float = 0.5
    attention_weight: float = 0.1
    seed: int = 20261121


@dataclass(frozen=True)
class DegradedPair:
    """One image at two levels of one or two degradations.

    Attributes
    ----------
    pictures : two (H, W) uint8
    kept : (2, 8) float32, 1 - severity of each region
    kept_map : (2, 8, 64, 64) float32, the same place by place, as it counts for each region
    """

    pictures: list[np.ndarray]
    kept: np.ndarray
    kept_map: np.ndarray


class DegradedPairs(Dataset[tuple[torch.Tensor, ...]]):
    """Pairs of one image at two levels of one degradation.

    Each item: images (2, 1, 256, 256), targets (2, 8), target maps (2, 8, 32, 32), scored (8,), region shares
    (8, 32, 32), all float32.
    """

    def __init__(self, images: list[LabelledImage], seed: int) -> None:
        self.images = images
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        item = self.images[index]
        pair = degraded_pair(item, random)
        affine, mirrored = _random_affine(random)
        squashed = [_warp(squash(picture, cv2.INTER_AREA), affine) for picture in pair.pictures]
        squashed = _same_mild_intensity(squashed, random)
        masks = item.assessed_square().astype(np.float32)  # (8, 256, 256)
        moved = np.stack([_warp(mask, affine) for mask in masks])
        area = masks.sum(axis=(1, 2)) * abs(np.linalg.det(affine[:, :2]))
        scored = (moved.sum(axis=(1, 2)) > MEASURED_SHARE * area) & item.scored
        shares = _coarse(moved)
        kept_map = _coarse(_warp_fine(pair.kept_map.reshape(2 * REGION_COUNT, FINE_MAP_SIZE, FINE_MAP_SIZE), affine))
        kept, kept_map, anchors = pair.kept, kept_map.reshape(2, REGION_COUNT, MAP_SIZE, MAP_SIZE), item.anchors
        if mirrored:
            kept, kept_map, anchors = kept[:, MIRRORED_ORDER], kept_map[:, MIRRORED_ORDER], anchors[MIRRORED_ORDER]
            scored, shares = scored[MIRRORED_ORDER], shares[MIRRORED_ORDER]
        arrays = (
            np.stack(squashed)[:, None],
            1 + (anchors - 1) * kept,
            1 + (anchors[:, None, None] - 1) * kept_map,
            scored,
            shares,
        )
        images, targets, target_map, counted, share = (torch.from_numpy(array.astype(np.float32)) for array in arrays)
        return images, targets, target_map, counted, share


def degraded_pair(item: LabelledImage, random: np.random.Generator) -> DegradedPair:
    """The image at two random levels of one or two random degradations."""
    low = 0.0 if random.random() < 0.5 else random.uniform(0, 0.8)
    levels = (low, low + (1 - low) * random.random() ** 1.5 if random.random() < 0.85 else 1.0)
    pictures = [item.image, item.image]
    kept = np.ones((2, REGION_COUNT), np.float32)
    kept_map = np.ones((2, REGION_COUNT, FINE_MAP_SIZE, FINE_MAP_SIZE), np.float32)
    assessed, around = item.assessed_square(), item.surroundings_square()
    for _ in range(2 if random.random() < 0.2 else 1):
        kind = str(random.choice(list(TRAINING_KINDS | EXTRA_KINDS)))
        weight = None if random.random() < 0.3 else _random_weight(item, kind, random)
        seed = int(random.integers(2**31))
        for version, level in enumerate(levels):
            if level <= 0:
                continue
            degrader = Degrader(pictures[version], item.sector)
            where = degrader.weight(None) if weight is None else np.asarray(weight * degrader.inside, np.float32)
            worse = degrader.blend(degrader.full(kind, level, seed), where)
            change = mean_over(around, cv2.absdiff(worse, pictures[version]))
            lost = level * np.minimum(change / VISIBLE_CHANGE, 1)  # (8,)
            fine = cv2.resize(where, (FINE_MAP_SIZE, FINE_MAP_SIZE), interpolation=cv2.INTER_AREA)
            kept[version] *= 1 - lost * mean_over(assessed, where)
            kept_map[version] *= 1 - lost[:, None, None] * fine
            pictures[version] = worse
    return DegradedPair(pictures, kept, kept_map)


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


def _warp_fine(maps: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """The affine of the square grid on maps (N, 64, 64), 1 outside."""
    scale = INPUT_SIZE / FINE_MAP_SIZE
    matrix, corner = affine[:, :2], np.full(2, (scale - 1) / 2)
    shift = (matrix @ corner + affine[:, 2] - corner) / scale
    moved = np.column_stack([matrix, shift])
    size = (FINE_MAP_SIZE, FINE_MAP_SIZE)
    return np.stack([cv2.warpAffine(m, moved, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(1,)) for m in maps])


def _coarse(maps: np.ndarray) -> np.ndarray:
    """Area means, (N, S, S) -> (N, 32, 32)."""
    cells = maps.shape[1] // MAP_SIZE
    return np.asarray(maps.reshape(len(maps), MAP_SIZE, cells, MAP_SIZE, cells).mean(axis=(2, 4)))


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
    target_map: torch.Tensor,
    scored: torch.Tensor,
    shares: torch.Tensor,
) -> torch.Tensor:
    """Error of both scores, their difference, where the fall is largest (listwise, Cao et al. 2007), maps, focus."""
    count = pairs.shape[0]
    images = pairs.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (2B, 1, 256, 256)
    with torch.autocast("cpu", torch.bfloat16):
        attention, score_map = network.maps(images)
    scores = pooled_scores(attention.float(), score_map.float()).view(count, 2, REGION_COUNT)
    weight = scored[:, None] / scored.sum().clamp(min=1)
    absolute = (functional.smooth_l1_loss(scores, targets, reduction="none", beta=0.5) * weight).sum() / 2
    change, true_change = scores[:, 1] - scores[:, 0], targets[:, 1] - targets[:, 0]
    relative = (functional.smooth_l1_loss(change, true_change, reduction="none", beta=0.5) * weight[:, 0]).sum()
    aim = (-PLACE_SHARPNESS * true_change).masked_fill(scored == 0, -100).softmax(dim=1)
    place = -(aim * (-PLACE_SHARPNESS * change).masked_fill(scored == 0, -100).log_softmax(dim=1)).sum() / count
    wanted = shares.flatten(2) / shares.flatten(2).sum(dim=2, keepdim=True).clamp(min=1e-6)
    error_map = functional.smooth_l1_loss(
        3.0 + score_map.float().view(target_map.shape), target_map, reduction="none", beta=0.5
    )
    placed = ((wanted[:, None] * error_map.flatten(3)).sum(dim=3) * weight).sum() / 2
    log_attention = attention.float().flatten(2).log_softmax(dim=2).view(count, 2, REGION_COUNT, -1)
    focus = -((wanted[:, None] * log_attention).sum(dim=3) * weight).sum() / 2
    return (
        absolute
        + recipe.difference_weight * relative
        + recipe.map_weight * placed
        + recipe.place_weight * place
        + recipe.attention_weight * focus
    )


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
    network = main.average.requires_grad_(True)
    network.fix_early_layers()
    finish = Run(network, recipe.finish, out_dir / "quality.pt")
    train_phase(finish, data, recipe.pairs_per_batch, lambda batch: quality_loss(finish.network, recipe, *batch))
    return finish.checkpoint
