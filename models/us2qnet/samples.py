"""What the network is shown: prepared pictures, each with versions of itself that were made worse, in batches."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from models.us2qnet.data import ULTRASOUND, bladder_pictures, in_one, known_levels, read_mnist, worse_twins

log = logging.getLogger(__name__)

SETS = ("mnist", *ULTRASOUND)
BLADDER_TRAINING = (120, 20_000)  # patients and first seed
BLADDER_VALIDATION = (40, 30_000)
_TURN, _SCALE, _SHIFT = 0.17, 0.12, 0.12  # digits: radians, share, half sides

Prepare = Callable[[np.ndarray], np.ndarray]


def as_is(picture: np.ndarray) -> np.ndarray:
    """(S, S) uint8 -> float32 in 0..1, no filter."""
    return np.asarray(picture, np.float32) / np.float32(255)


def prepared(images: np.ndarray, prepare: Prepare) -> np.ndarray:
    """Each of (N, S, S) uint8 through ``prepare``, back to 8 bits for a quarter of the memory."""
    made = np.empty_like(images)
    for place, image in zip(made, images, strict=True):
        place[:] = np.rint(255 * np.clip(prepare(image), 0, 1))
    return made


class Batch(NamedTuple):
    """Float32 pictures in 0..1.

    Attributes
    ----------
    index : (B,) int64, place in the set
    picture : (B, 1, S, S), what the encoder sees
    wanted : (B, 1, S, S), what the decoder shall draw
    worse : (B, 1, S, S), the same pictures made worse; (0, 1, S, S) without twins
    drop : (B,) or (0,), by how much
    """

    index: torch.Tensor
    picture: torch.Tensor
    wanted: torch.Tensor
    worse: torch.Tensor
    drop: torch.Tensor


@dataclass(frozen=True, eq=False)
class TrainingPictures:
    """A set without its labels.

    Attributes
    ----------
    images : (N, S, S) uint8, prepared
    worse : (T, N, S, S) uint8, T versions of each that were made worse, prepared; T may be 0
    drops : (T, N) float32, by how much
    """

    images: np.ndarray
    worse: np.ndarray
    drops: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of the pictures."""
        return int(self.images.shape[1])

    def batches(self, batch: int, seed: int, moves: bool) -> Iterator[Batch]:
        """One pass in random order; ultrasound is mirrored at random (paper, III), digits are moved if ``moves``.

        What is left over after the last whole batch is not shown.
        """
        random = np.random.default_rng(seed)
        order = random.permutation(len(self))
        for start in range(0, len(self) - batch + 1, batch):
            yield self._batch(order[start : start + batch], random, moves)

    def _batch(self, index: np.ndarray, random: np.random.Generator, moves: bool) -> Batch:
        twin = random.integers(max(len(self.worse), 1), size=len(index))
        has_twins = len(self.worse) > 0
        worse = self.worse[twin, index] if has_twins else self.images[:0]
        drop = self.drops[twin, index] if has_twins else np.empty(0, np.float32)
        wanted, worse = as_tensor(self.images[index]), as_tensor(worse)
        picture = wanted
        if moves:
            picture = moved_digits(wanted, random)
        else:
            mirrored = torch.from_numpy(random.random(len(index)) < 0.5)
            picture = wanted = _mirror(wanted, mirrored)
            worse = _mirror(worse, mirrored[: len(worse)])
        return Batch(torch.from_numpy(index), picture, wanted, worse, torch.from_numpy(drop))


def as_tensor(images: np.ndarray) -> torch.Tensor:
    """(N, S, S) uint8, or float in 0..1, -> (N, 1, S, S) float32 in 0..1."""
    picture = torch.from_numpy(np.ascontiguousarray(images))[:, None]
    return picture.float() / 255 if images.dtype == np.uint8 else picture.float()


def _mirror(pictures: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    return torch.where(which[:, None, None, None], pictures.flip(3), pictures)


def moved_digits(pictures: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Digits turned, scaled and shifted a little, (N, 1, S, S) in and out."""
    turn, scale, shift = (random.uniform(-1, 1, (len(pictures), 2)) * limit for limit in (_TURN, _SCALE, _SHIFT))
    cos, sin, grow = np.cos(turn[:, 0]), np.sin(turn[:, 0]), 1 + scale
    rows = [grow[:, 0] * cos, -grow[:, 0] * sin, shift[:, 0], grow[:, 1] * sin, grow[:, 1] * cos, shift[:, 1]]
    affine = torch.from_numpy(np.stack(rows, axis=1).reshape(-1, 2, 3).astype(np.float32))
    grid = functional.affine_grid(affine, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)


def training_pictures(
    name: str, data_dir: Path, prepare: Prepare, twins: int, seed: int, count: int
) -> TrainingPictures:
    """Pictures of the training split, levels mixed and labels left behind.

    Parameters
    ----------
    name : ``mnist``, ``echo`` or ``abdomen``; abdomen has virtual bladders as well
    prepare : what the network sees of a picture, see ``prepared``
    twins : worse versions of each ultrasound picture
    count : of digits; 0 is all

    Raises
    ------
    DataError
        The set is missing, damaged, or has no picture.
    """
    if name == "mnist":
        images = read_mnist(data_dir, count).images
        return TrainingPictures(images, images[None][:0], np.empty((0, len(images)), np.float32))
    pictures = known_levels(ULTRASOUND[name](data_dir, "train"))
    if name == "abdomen":
        pictures += bladder_pictures(*BLADDER_TRAINING)
    images = prepared(in_one(pictures).images, prepare)
    worse = np.empty((twins, *images.shape), np.uint8)
    drops = np.empty((twins, len(images)), np.float32)
    for twin in range(twins):
        made, drops[twin] = worse_twins(pictures, seed + twin)
        worse[twin] = prepared(in_one(made).images, prepare)
    return TrainingPictures(images, worse, drops)


def kept(path: Path, asked: dict[str, object], make: Callable[[], TrainingPictures]) -> TrainingPictures:
    """The pictures in ``path`` if they were made as ``asked``; else made now and kept: minutes on a resumed run."""
    want = json.dumps(asked, sort_keys=True)
    if path.is_file():
        with np.load(path, allow_pickle=False) as file:
            if str(file["asked"]) == want:
                return TrainingPictures(file["images"], file["worse"], file["drops"])
        log.info("%s was made with other options: made again", path)
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp.npz")
    np.savez(aside, asked=want, images=made.images, worse=made.worse, drops=made.drops)
    aside.replace(path)
    return made
