"""Train a network of the ablation study as the paper did (appendix B, table 7), on the labels that are public.

Adam at 1e-4 without schedule, batch 16, 500 epochs, mean squared error or squared earth mover's distance; rotation,
mirroring, gamma and scaling, each with probability .5. The paper's labels are not public: pictures and targets are
those of the released recipe (train.py), one degraded picture at a time, and region masks come from the experts'
outlines instead of a segmentation. MobileNetV2 starts from ImageNet, the others from scratch.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.stats import spearmanr
from torch.utils.data import DataLoader, Dataset

from models.data.camus import read_split, squash
from models.regional.dense.real import RealFrame, degraded_pair, real_frames
from models.regional.end_to_end.ablation import Ablation, AblationNet, dilated
from models.regional.end_to_end.emd import class_shares, squared_emd
from models.regional.end_to_end.mobilenet import load_imagenet
from models.regional.end_to_end.network import RegionalQualityNet, load_imagenet_backbone
from models.regional.end_to_end.train import MIRRORED_ORDER
from models.regional.labelled import LabelledImage
from models.regional.layers import INPUT_SIZE, REGION_COUNT
from models.runtime.dense import pooled
from models.training import Optimisation, Run, train_phase

log = logging.getLogger(__name__)

MEASURED_SHARE = 0.5  # a region with less than this left in the picture is not scored

TABLE_7 = Optimisation(
    epochs=500, learning_rate=1e-4, weight_decay=0.0, average_decay=0.0, optimizer="adam", schedule="constant"
)


@dataclass(frozen=True)
class PaperRecipe:
    """Everything that decides the outcome beside the network and the data."""

    optimisation: Optimisation = TABLE_7
    batch: int = 16
    seed: int = 20261121


class PaperSamples(Dataset[tuple[torch.Tensor, ...]]):
    """Degraded pictures with the targets of all regions, or of one region at a time.

    Each item: picture (1, 256, 256) in 0..255, mask (1, 256, 256) of 0 and 1, targets (R,), scored (R,), all float32.
    One region at a time, R is 1 and an epoch shows every region of every image; else R is 8 and the mask is all 1.
    """

    def __init__(self, frames: list[RealFrame], seed: int, one_region: bool, augment: bool = True) -> None:
        self.frames, self.seed, self.augment = frames, seed, augment
        self._regions_each = REGION_COUNT if one_region else 1
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.frames) * self._regions_each

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        frame, region = self.frames[index // self._regions_each], index % self._regions_each
        item, pair, version = frame.item, degraded_pair(frame, random), int(random.integers(2))
        affine, mirrored = _paper_affine(random) if self.augment else (np.eye(2, 3), False)
        picture = _warp(squash(pair.pictures[version], cv2.INTER_AREA), affine)
        if self.augment and random.random() < 0.5:
            picture = _gamma(picture, random.uniform(0.9, 1.1))
        rating = 1 + (frame.anchor_map - 1) * pair.kept[version]
        targets = np.nan_to_num(pooled(rating, frame.shares.astype(np.float32)), nan=3.0)
        scored = _still_there(item, affine)
        mask = np.ones((INPUT_SIZE, INPUT_SIZE), np.uint8)
        if self._regions_each > 1:
            mask = dilated(_warp(item.masks_square()[region].astype(np.uint8), affine, cv2.INTER_NEAREST))
            targets, scored = targets[[region]], scored[[region]]
        elif mirrored:
            targets, scored = targets[MIRRORED_ORDER], scored[MIRRORED_ORDER]
        arrays = (picture[None], mask[None], targets, scored)
        image, seen, target, counted = (torch.from_numpy(array.astype(np.float32)) for array in arrays)
        return image, seen, target, counted


def _paper_affine(random: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Rotation, mirroring and scaling of table 7 about the centre, (2, 3), and whether it mirrors."""
    angle = np.deg2rad(random.uniform(-30, 30)) if random.random() < 0.5 else 0.0
    scale = random.uniform(0.85, 1.15) if random.random() < 0.5 else 1.0
    mirrored = bool(random.random() < 0.5)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = scale * rotation @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    centre = np.full(2, (INPUT_SIZE - 1) / 2)
    return np.column_stack([matrix, centre - matrix @ centre]), mirrored


def _warp(image: np.ndarray, affine: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    return np.asarray(cv2.warpAffine(image, affine, (INPUT_SIZE, INPUT_SIZE), flags=interpolation))


def _gamma(image: np.ndarray, gamma: float) -> np.ndarray:
    table = np.rint(255 * (np.arange(256) / 255.0) ** gamma).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table))


def _still_there(item: LabelledImage, affine: np.ndarray) -> np.ndarray:
    """Regions that are scored and not moved out of the picture, (8,) bool."""
    masks = item.masks_square().astype(np.float32)
    area = masks.sum(axis=(1, 2)) * abs(np.linalg.det(affine[:, :2]))
    moved = np.array([_warp(mask, affine).sum() for mask in masks])
    return np.asarray((moved > MEASURED_SHARE * area) & item.scored)


def make_network(ablation: Ablation, data_dir: Path) -> torch.nn.Module:
    """The network, MobileNetV2 with its ImageNet weights from below ``data_dir``.

    Raises
    ------
    DataError
        When those weights are missing.
    """
    if ablation.attention == "learned":
        released = RegionalQualityNet()
        load_imagenet_backbone(released, data_dir)
        return released
    network = AblationNet(ablation)
    if ablation.backbone == "mobilenetv2":
        load_imagenet((network.first, network.rest), data_dir)
    else:
        log.info("%s starts from scratch: there are no ImageNet weights of it", ablation.backbone)
    return network


def paper_loss(network: torch.nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Mean squared error, for a classification the mean squared earth mover's distance, over the scored regions."""
    picture, mask, target, scored = batch
    classes = isinstance(network, AblationNet) and network.ablation.task == "classification"
    with torch.autocast("cpu", torch.bfloat16):
        picture = picture.contiguous(memory_format=torch.channels_last)
        found = network.outputs(picture, mask) if classes else _scores(network, picture, mask)
    error = squared_emd(found.float(), class_shares(target)) if classes else (found.float() - target).square()
    return (error * scored).sum() / scored.sum().clamp(min=1)


def _scores(network: torch.nn.Module, picture: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    if isinstance(network, AblationNet):
        return network(picture, mask)
    return network(picture).scores


@torch.no_grad()
def agreement(network: torch.nn.Module, samples: PaperSamples, batch: int) -> dict[str, object]:
    """Spearman and mean absolute error of scores against the targets of the scored regions, pooled."""
    network.eval()
    found, wanted = [], []
    for picture, mask, target, scored in DataLoader(samples, batch):
        with torch.autocast("cpu", torch.bfloat16):
            scores = _scores(network, picture, mask).float()
        found.append(scores[scored > 0].numpy())
        wanted.append(target[scored > 0].numpy())
    score, truth = np.concatenate(found), np.concatenate(wanted)
    spearman = float(spearmanr(score, truth)[0]) if np.ptp(score) and np.ptp(truth) else float("nan")
    return {"val_spearman": round(spearman, 4), "val_mae": round(float(np.abs(score - truth).mean()), 4)}


def train_ablation(data_dir: Path, out_dir: Path, ablation: Ablation, recipe: PaperRecipe = PaperRecipe()) -> Path:
    """Train and return the path of the checkpoint (resumes from it when it is there).

    Raises
    ------
    DataError
        When the data set or the ImageNet weights are missing, or no frame has eight regions.
    """
    torch.manual_seed(recipe.seed)
    one_region = ablation.one_region_at_a_time
    data = PaperSamples(real_frames(read_split(data_dir, "train")), recipe.seed, one_region)
    val = PaperSamples(real_frames(read_split(data_dir, "val")), recipe.seed, one_region, augment=False)
    network = make_network(ablation, data_dir).to(memory_format=torch.channels_last)
    run = Run(network, recipe.optimisation, out_dir / f"quality_{ablation}.pt")
    train_phase(
        run,
        data,
        recipe.batch,
        lambda batch: paper_loss(run.network, batch),
        lambda: agreement(run.average, val, recipe.batch),
    )
    return run.checkpoint
