"""Pairs of picture and coherence: true ones of a virtual data set, and real frames degraded with known severity."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from models.data.camus import squash
from models.data.virtual_dataset import VirtualDataset
from models.regional.coherence.truth import target_of
from models.regional.dense.real import RealFrame, degraded_pair
from models.regional.dense.warp import random_warp

NO_COHERENCE = 0.125
"""Target where nothing is left of an echo: coherence (gamma .5) of noise on 64 channels."""

Triple = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
_GREYS = np.arange(256, dtype=np.float32) / np.float32(255)


class CoherencePairs(Dataset[Triple]):
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

    def __getitem__(self, index: int) -> Triple:
        random = np.random.default_rng((self.seed, self.epoch, index))
        record = self._samples[self._chosen[index]]
        inside = np.unpackbits(self._sectors[index]).reshape(record.image.shape).astype(np.float32)
        maps = (np.asarray(record.image), target_of(record), inside)
        image, target, inside = _moved(maps, random)
        picture = random_display(image, random).astype(np.float32)
        return torch.from_numpy(picture)[None], torch.from_numpy(target)[None], torch.from_numpy(inside)[None]


class RealAndVirtual(Dataset[Triple]):
    """As many degraded real frames as virtual pairs, in the form of ``CoherencePairs``.

    No real picture has a true coherence. What a network that learnt from virtual ones says of the untouched frame
    stands for it, and a degradation of severity s leaves the share 1 - s of that: what hides an echo, blurs it or
    drowns it takes the evidence of coherence away.

    Parameters
    ----------
    frames : real ones
    untouched : coherence of each, (256, 256) float16
    """

    def __init__(
        self, frames: Sequence[RealFrame], untouched: Sequence[np.ndarray], virtual: CoherencePairs, seed: int
    ) -> None:
        self._frames, self._untouched, self._virtual = frames, untouched, virtual
        self.seed, self.epoch = seed, 0

    def __len__(self) -> int:
        return 2 * len(self._frames)

    def __getitem__(self, index: int) -> Triple:
        random = np.random.default_rng((self.seed, self.epoch, index))
        if index < len(self._frames):
            return degraded_triple(self._frames[index], self._untouched[index], random)
        self._virtual.epoch = self.epoch
        return self._virtual[int(random.integers(len(self._virtual)))]


def degraded_triple(frame: RealFrame, untouched: np.ndarray, random: np.random.Generator) -> Triple:
    """One real frame at a random level of one or two degradations, the coherence left, and the sector."""
    pair, version = degraded_pair(frame, random), int(random.integers(2))
    warp = random_warp(random)
    picture = warp.image(squash(pair.pictures[version], cv2.INTER_AREA))
    kept, inside = (_full_size(part) for part in warp.maps(np.stack([pair.kept[version], frame.inside])))
    coherence = warp.image(untouched.astype(np.float32))
    target = NO_COHERENCE + (coherence - NO_COHERENCE) * kept
    return tuple(  # type: ignore[return-value]
        torch.from_numpy(np.float32(part))[None] for part in (picture, target, inside > _WHOLE)
    )


_WHOLE = 0.999


def _full_size(cells: np.ndarray) -> np.ndarray:
    """(64, 64) -> (256, 256) float32."""
    return np.asarray(cv2.resize(cells, (256, 256), interpolation=cv2.INTER_LINEAR))


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
