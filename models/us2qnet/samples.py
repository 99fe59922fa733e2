"""What the network is shown: prepared pictures, and versions of them that were made worse, in batches."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from capture.errors import DataError
from models.us2qnet.data import (
    ULTRASOUND,
    bladder_pictures,
    fetal_pictures,
    graded_versions,
    in_one,
    known_levels,
    read_mnist,
)

log = logging.getLogger(__name__)

SETS = ("mnist", *ULTRASOUND)
BLADDER_TRAINING = (400, 20_000)  # patients and first seed
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
    severity : (B,), how far each was made worse; NaN where nothing is known
    members : so many, the first ones, belong to the set that is clustered
    """

    index: torch.Tensor
    picture: torch.Tensor
    wanted: torch.Tensor
    severity: torch.Tensor
    members: int


@dataclass(frozen=True, eq=False)
class TrainingPictures:
    """A set without its labels.

    Attributes
    ----------
    images : (N, S, S) uint8, prepared
    severity : (N,) float32 in 0..1, how far each was made worse; NaN where nothing is known
    members : so many, the first ones, are the set that is clustered; the others only teach severity
    """

    images: np.ndarray
    severity: np.ndarray
    members: int

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of the pictures."""
        return int(self.images.shape[1])

    @property
    def clustered(self) -> np.ndarray:
        """The set that is clustered, (M, S, S) uint8."""
        return self.images[: self.members]

    def batches(
        self, batch: int, seed: int, moves: bool, members_first: bool = False, shift: int = 0
    ) -> Iterator[Batch]:
        """One pass in random order; ultrasound is mirrored at random (paper, III), digits are moved if ``moves``.

        ``shift`` moves a batch by up to so many whole pixels, black coming in: no pixel is blurred by it.

        What is left over after the last whole batch is not shown. With ``members_first`` the pass is over the set
        that is clustered, and each batch has up to as many of the others behind.
        """
        random = np.random.default_rng(seed)
        order = random.permutation(self.members if members_first else len(self))
        others = min(len(self) - self.members, batch) if members_first else 0
        for start in range(0, len(order) - batch + 1, batch):
            index = order[start : start + batch]
            more = (
                self.members + random.choice(len(self) - self.members, others, replace=False) if others else index[:0]
            )
            made = self._batch(np.concatenate([index, more]), random, moves, batch)
            yield _shifted(made, shift, random) if shift else made

    def _batch(self, index: np.ndarray, random: np.random.Generator, moves: bool, members: int) -> Batch:
        wanted = as_tensor(self.images[index])
        if moves:
            picture = moved_digits(wanted, random)
        else:
            picture = wanted = _mirror(wanted, torch.from_numpy(random.random(len(index)) < 0.5))
        return Batch(torch.from_numpy(index), picture, wanted, torch.from_numpy(self.severity[index]), members)


def as_tensor(images: np.ndarray) -> torch.Tensor:
    """(N, S, S) uint8, or float in 0..1, -> (N, 1, S, S) float32 in 0..1."""
    picture = torch.from_numpy(np.ascontiguousarray(images))[:, None]
    return picture.float() / 255 if images.dtype == np.uint8 else picture.float()


def _shifted(batch: Batch, most: int, random: np.random.Generator) -> Batch:
    size = batch.picture.shape[-1]
    top, left = (int(start) for start in random.integers(2 * most + 1, size=2))
    wide = functional.pad(batch.picture, (most, most, most, most))
    moved = wide[:, :, top : top + size, left : left + size]
    return batch._replace(picture=moved, wanted=moved)


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
    name: str, data_dir: Path, prepare: Prepare, versions: int, seed: int, count: int
) -> TrainingPictures:
    """Pictures of the training split; labels are left behind.

    Parameters
    ----------
    name : ``mnist``, ``echo`` or ``abdomen``; abdomen has virtual bladders as well, and fetal heads teach it severity
    prepare : what the network sees of a picture, see ``prepared``
    versions : of each ultrasound picture, beside the set at known levels that is clustered
    count : of digits; 0 is all

    Raises
    ------
    DataError
        The set is missing, damaged, or has no picture.
    """
    if name == "mnist":
        images = read_mnist(data_dir, count).images
        return TrainingPictures(images, np.full(len(images), np.nan, np.float32), len(images))
    untouched = ULTRASOUND[name](data_dir, "train")
    pictures = known_levels(untouched)
    if name == "abdomen":
        pictures += bladder_pictures(*BLADDER_TRAINING)
    members = len(pictures)
    pictures += graded_versions(untouched, versions, seed)
    if name == "abdomen":
        pictures += graded_versions(fetal_pictures(data_dir), versions // 2, seed + 1)
    severity = np.array([picture.severity for picture in pictures], np.float32)
    return TrainingPictures(prepared(in_one(pictures).images, prepare), severity, members)


def kept(path: Path, asked: dict[str, object], make: Callable[[], TrainingPictures]) -> TrainingPictures:
    """The pictures in ``path`` if they were made as ``asked``; else made now and kept: minutes on a resumed run."""
    want = json.dumps(asked, sort_keys=True)
    if path.is_file():
        with np.load(path, allow_pickle=False) as file:
            if str(file["asked"]) == want:
                return _pictures_of(file)
        log.info("%s was made with other options: made again", path)
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp.npz")
    np.savez(aside, asked=want, images=made.images, severity=made.severity, members=made.members)
    aside.replace(path)
    return made


def read_kept(path: Path) -> TrainingPictures:
    """The pictures that a training kept in ``path``.

    Raises
    ------
    DataError
        When they are missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return _pictures_of(file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"cannot read {path} ({error}): give the folder of a finished training") from error


def _pictures_of(file: np.lib.npyio.NpzFile) -> TrainingPictures:
    return TrainingPictures(file["images"], file["severity"], int(file["members"]))
