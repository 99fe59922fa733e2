"""Pairs of picture and true coherence from a virtual data set."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from models.data.virtual_dataset import VirtualDataset
from models.regional.coherence.truth import target_of

_GREYS = np.arange(256, dtype=np.float32) / np.float32(255)


class CoherencePairs(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """Picture, target and sector, (1, 256, 256) float32 each, with random changes that leave coherence alone.

    Geometry moves all three. Gamma, gain, offset and the console's smoothing change the picture alone: they happen
    behind the beamformer, whose channels know nothing of them. Noise, haze and shadow would change the truth.
    """

    def __init__(self, samples: VirtualDataset, chosen: Sequence[int], seed: int) -> None:
        self._samples, self._chosen = samples, chosen
        self._sectors = [np.packbits(samples[index].inside) for index in chosen]  # dear to compute, 8 kB to keep
        self.seed, self.epoch = seed, 0

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        record = self._samples[self._chosen[index]]
        inside = np.unpackbits(self._sectors[index]).reshape(record.image.shape).astype(np.float32)
        maps = (np.asarray(record.image), target_of(record), inside)
        image, target, inside = _moved(maps, random)
        picture = random_display(image, random).astype(np.float32)
        return torch.from_numpy(picture)[None], torch.from_numpy(target)[None], torch.from_numpy(inside)[None]


def random_display(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Random gamma, gain, offset and light smoothing, (S, S) uint8 in and out; black stays outside."""
    picture = image
    if random.random() < 0.2:
        picture = np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 0.9)))
    grey = _GREYS
    if random.random() < 0.5:
        grey = grey ** np.float32(random.uniform(0.75, 1.25))
    if random.random() < 0.75:
        grey = grey * np.float32(random.uniform(0.6, 1.5))
    if random.random() < 0.25:
        grey = grey + np.float32(random.uniform(-0.08, 0.12))
    changed = np.clip(grey * 255 + 0.5, 0, 255).astype(np.uint8)[picture]
    changed[image == 0] = 0
    return changed


def _moved(
    maps: tuple[np.ndarray, np.ndarray, np.ndarray], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same random mirroring, rotation and scaling of picture, target and sector."""
    image, target, inside = maps
    size = image.shape[0]
    angle = random.uniform(-20, 20) if random.random() < 0.5 else 0.0
    scale = random.uniform(0.8, 1.25) if random.random() < 0.5 else 1.0
    affine = cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), angle, scale)
    if random.random() < 0.5:
        affine[0] = [-affine[0, 0], -affine[0, 1], size - 1 - affine[0, 2]]
    image, target = (cv2.warpAffine(part, affine, (size, size), flags=cv2.INTER_LINEAR) for part in (image, target))
    return image, target, (cv2.warpAffine(inside, affine, (size, size)) > 0.999).astype(np.float32)
