"""Real pictures to learn from and to compare with: fetal heads (HC18) and apical echo (CAMUS), split by examination.

The whole picture is squashed to a square, as in the paper. The conditional variant has every picture at the three known
levels of the frozen degradations, training kinds alone; pictures whose sector is not found have no such versions. Where
degraded pictures are to be few, a share of the training examinations has them; held-out ones always do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from capture.errors import SettingsError
from models.data.camus import read_split, squash
from models.data.grey_files import fetal_head_files, read_grey
from models.synthesis.recipe import SetName, SynthesisOptions
from models.us2qnet.data import THREE_LEVELS, SectorPicture, echo_pictures, fetal_pictures, known_levels

HELD_OUT_OF = 5  # fetal heads: one examination in so many is kept for validation


@dataclass(frozen=True, eq=False)
class RealPictures:
    """N pictures as they came from the scanner, or degraded by a known amount.

    Attributes
    ----------
    images : N of (H, W) uint8
    groups : (N,) str, examination or patient, the unit of every split
    levels : (N,) float32, 0 as it came to 1
    """

    images: tuple[np.ndarray, ...]
    groups: np.ndarray
    levels: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def squares(self, size: int) -> np.ndarray:
        """Squashed pictures, (N, size, size) uint8."""
        return np.stack([squash(image, cv2.INTER_AREA, size) for image in self.images])

    def take(self, chosen: np.ndarray) -> RealPictures:
        """Those at ``chosen``, (M,) int or (N,) bool."""
        index = np.arange(len(self))[chosen]
        return RealPictures(tuple(self.images[i] for i in index), self.groups[index], self.levels[index])

    def like_levels(self, count: int) -> np.ndarray:
        """So many levels in the proportions of these pictures, (count,) float32."""
        return self.levels[np.linspace(0, len(self) - 1, count).round().astype(int)]

    def with_few_degraded(self, share: float) -> RealPictures:
        """Degraded pictures of the first ``share`` of the examinations alone, at least of one; all others stay."""
        names = list(dict.fromkeys(self.groups.tolist()))
        few = names[: max(round(share * len(names)), 1)]
        return self.take((self.levels == 0) | np.isin(self.groups, few))


@dataclass(frozen=True, eq=False)
class Split:
    """What a run learns from, and the pictures of all other examinations; the latter may be none."""

    training: RealPictures
    held_out: RealPictures

    @property
    def everything(self) -> RealPictures:
        """Both, training first."""
        parts = self.training, self.held_out
        return RealPictures(
            self.training.images + self.held_out.images,
            np.concatenate([part.groups for part in parts]),
            np.concatenate([part.levels for part in parts]),
        )


def read_real(data_dir: Path, options: SynthesisOptions) -> Split:
    """The pictures of a set, split by examination.

    ``images`` are taken examination by examination in a fixed random order, the training split first; what is left of
    the last examination is in neither part.

    Raises
    ------
    DataError
        The set is missing or damaged.
    SettingsError
        More pictures are asked for than there are.
    """
    read = _with_sectors if options.conditional else _as_they_are
    listed = sorted(read(options.set_name, Path(data_dir)), key=lambda found: (found[1], _order(found[0])))
    groups = [group for group, _, _ in listed]
    count = options.images or sum(not held for _, held, _ in listed)
    if count > len(listed):
        raise SettingsError(
            f"the {options.set_name} set has {len(listed)} pictures, {count} were asked for: ask for fewer"
        )
    known = set(groups[:count])
    rest = [item for item in listed[count:] if item[0] not in known]
    training = _at_levels(listed[:count], options).with_few_degraded(options.degraded_share)
    return Split(training, _at_levels(rest, options))


Listed = tuple[str, bool, "np.ndarray | SectorPicture"]
"""Examination, whether it is held out of the training split, and the picture."""


def _as_they_are(name: SetName, data_dir: Path) -> list[Listed]:
    if name == "echo":
        splits = {split: read_split(data_dir, split) for split in ("train", "val")}
        return [(s.patient, split == "val", s.image()) for split, samples in splits.items() for s in samples]
    return [(group, _is_held_out(group), read_grey(path)) for group, path in fetal_head_files(data_dir)]


def _with_sectors(name: SetName, data_dir: Path) -> list[Listed]:
    if name == "echo":
        splits = {split: echo_pictures(data_dir, split) for split in ("train", "val")}
        return [(p.group, split == "val", p) for split, pictures in splits.items() for p in pictures]
    return [(picture.group, _is_held_out(picture.group), picture) for picture in fetal_pictures(data_dir)]


def _at_levels(listed: Sequence[Listed], options: SynthesisOptions) -> RealPictures:
    if options.conditional:
        pictures = known_levels([item for _, _, item in listed if isinstance(item, SectorPicture)], THREE_LEVELS)
        images, groups = tuple(p.image for p in pictures), [p.group for p in pictures]
        return RealPictures(images, np.array(groups, str), np.array([p.severity for p in pictures], np.float32))
    images = tuple(item for _, _, item in listed if isinstance(item, np.ndarray))
    return RealPictures(images, np.array([g for g, _, _ in listed], str), np.zeros(len(images), np.float32))


def _order(group: str) -> str:
    return hashlib.sha256(group.encode()).hexdigest()


def _is_held_out(group: str) -> bool:
    return int(_order(group)[:2], 16) % HELD_OUT_OF == 0


def varied(image: np.ndarray, size: int, flip: bool, rotation_deg: float, random: np.random.Generator) -> np.ndarray:
    """A square of a picture, mirrored and turned at random: (size, size) uint8.

    It is turned before it shrinks, so that its texture is not blurred by it.
    """
    if rotation_deg:
        height, width = image.shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-rotation_deg, rotation_deg), 1.0)
        image = np.asarray(cv2.warpAffine(image, turn, (width, height), flags=cv2.INTER_LINEAR))
    square = squash(image, cv2.INTER_AREA, size)
    return square[:, ::-1] if flip and random.random() < 0.5 else square
