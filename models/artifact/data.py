"""What the encoder is shown: known frames in pairs of one patient, and artifacts in pairs of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from capture.errors import DataError
from models.artifact.held_out import HeldOutFrame, successors
from models.artifact.kinds import HELD_OUT, LABELLED, OTHER_ORGAN, TRAINING, Family, organ_kind
from models.artifact.looks import other_look
from models.artifact.network import SIZE
from models.artifact.pictures import HEART, SourcePicture, heart_pictures, organ_pictures
from models.artifact.simulated import Canvas, Fan
from models.data.degradations import TRAINING_KINDS
from models.data.virtual_dataset import VirtualDataset, sector_mask

MILD = 0.5
"""Highest level of the frozen degradations at which a frame still counts as known."""
KNOWN = 0
_SHIFT, _SCALE, _GAIN, _GAMMA = 8, 0.05, 0.15, 0.2
_FANS = 48  # sectors of other shapes that known frames are bent into


@dataclass(frozen=True, eq=False)
class Bank:
    """Pictures on the network's grid.

    Attributes
    ----------
    images : (N, V, 224, 224) uint8; the first version is the untouched one
    inside : (N, 224, 224) bool
    groups : (N,) str, patient or examination
    """

    images: np.ndarray
    inside: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @property
    def every_version(self) -> np.ndarray:
        """All pictures, (N V, 224, 224) uint8."""
        return self.images.reshape(-1, *self.images.shape[2:])

    def part(self, which: slice) -> Bank:
        """Some of the pictures with all their versions."""
        return Bank(self.images[which], self.inside[which], self.groups[which])


def read_known(family: Family, data_dir: Path, part: str) -> list[SourcePicture]:
    """The pictures of one part that a family knows.

    Raises
    ------
    DataError
        When a set is missing or damaged.
    """
    found = heart_pictures(data_dir, part) if HEART in family.known else []
    organs = [organ for organ in family.known if organ != HEART]
    return found + (organ_pictures(data_dir, part, organs) if organs else [])


def bank_of(pictures: Sequence[SourcePicture], versions: int = 0, seed: int = 0, looks: bool = False) -> Bank:
    """Every picture untouched and in so many mild versions; with ``looks`` every other one in another scanner's.

    Raises
    ------
    DataError
        When there is no picture.
    """
    if not pictures:
        raise DataError("no picture to learn from: check the data set, or point --data at a good copy")
    random = np.random.default_rng(seed)
    rows = [[picture.square()] for picture in pictures]
    inside = np.stack([picture.crop().sector_mask_model for picture in pictures])
    for version in range(versions):
        for row, picture, mask in zip(rows, pictures, inside, strict=True):
            worse = mild(picture, random)
            row.append(other_look(worse, mask, random) if looks and version % 2 == 0 else worse)
    return Bank(np.array(rows), inside, np.array([picture.group for picture in pictures]))


def mild(picture: SourcePicture, random: np.random.Generator) -> np.ndarray:
    """The picture made worse by so little that it is still known, (224, 224) uint8."""
    kind, level = str(random.choice(list(TRAINING_KINDS))), float(random.uniform(0.1, MILD))
    return picture.worse(kind, level, int(random.integers(2**31))).square()


def virtual_bank(folder: Path, versions: int, most: int) -> Bank:
    """Apical frames of a virtual data set, evenly taken, without the look that nothing is trained on.

    A frame stands in every version, so that the bank goes with others.

    Raises
    ------
    DataError
        When the folder holds no data set, or one without apical frames.
    """
    records = VirtualDataset(folder, partial=True)
    wanted = [n for n in range(len(records)) if not records[n].is_held_out and records[n].view != "other"]
    if not wanted:
        raise DataError(f"{folder} holds no apical frame: make one with 'sonogauge virtual dataset'")
    chosen = np.unique(np.linspace(0, len(wanted) - 1, min(most, len(wanted))).astype(int))
    found = [records[wanted[place]] for place in chosen]
    images = np.stack([_small(np.asarray(record.image)) for record in found])
    inside = np.stack([_small(record.inside.astype(np.uint8) * np.uint8(255)) >= 128 for record in found])
    groups = np.array([f"virtual{record.info['index']}" for record in found])
    return Bank(np.repeat(images[:, None], versions + 1, axis=1), inside, groups)


def joined(banks: Sequence[Bank]) -> Bank:
    """All pictures of banks with equally many versions."""
    return Bank(*(np.concatenate([getattr(bank, part) for bank in banks]) for part in ("images", "inside", "groups")))


def _small(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA))


class Batch(NamedTuple):
    """Pictures in pairs: row 2 i and row 2 i + 1 are each other's positive.

    Attributes
    ----------
    picture : (B, 1, 224, 224) float32 in 0..1
    kind : (B,) int64, ``KNOWN`` or the number of an artifact kind from 1; another kind is a negative
    """

    picture: torch.Tensor
    kind: torch.Tensor


class ArtifactMaker:
    """Makes artifacts of the training kinds out of known frames, and varied known frames.

    Parameters
    ----------
    known : frames to show and to spoil
    others : pictures of organs that are not known; None where every organ is
    labelled : (L, 224, 224) uint8, artifacts that somebody labelled (the paper's discussion); None without
    """

    def __init__(self, known: Bank, others: Bank | None = None, labelled: np.ndarray | None = None) -> None:
        self._known, self._others, self._labelled = known, others, labelled
        self._of_group: dict[str, np.ndarray] = {
            group: np.flatnonzero(known.groups == group) for group in np.unique(known.groups).tolist()
        }
        self._fans = [Fan(mask) for mask in _sector_masks()]
        self._makers: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
            name: partial(self._simulated, name) for name in TRAINING
        }
        if others is not None:
            self._makers[OTHER_ORGAN] = self._other_organ
        if labelled is not None:
            self._makers[LABELLED] = self._labelled_one
        self.kinds = tuple(self._makers)

    def make(self, kind: str, random: np.random.Generator) -> np.ndarray:
        """One artifact, (224, 224) uint8."""
        return varied(self._makers[kind](random), random)

    def known_pair(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Two pictures of one patient, (224, 224) uint8: other frames or views where there are, mild versions of it."""
        first = int(random.integers(len(self._known)))
        second = int(random.choice(self._of_group[str(self._known.groups[first])]))
        one, other = (self._base(place, random)[0] for place in (first, second))
        return varied(one, random), varied(other, random)

    def batches(self, count: int, pairs: int, seed: int) -> Iterator[Batch]:
        """So many batches of ``pairs`` known pairs and as many pairs of artifacts."""
        random = np.random.default_rng(seed)
        turns: list[int] = []  # kinds in random order, each once before any comes again
        for _ in range(count):
            drawn: list[np.ndarray] = []
            for _ in range(pairs):
                drawn += self.known_pair(random)
            while len(turns) < pairs:
                turns += random.permutation(len(self.kinds)).tolist()
            kinds, turns = turns[:pairs], turns[pairs:]
            for kind in kinds:
                drawn += [self.make(self.kinds[kind], random) for _ in range(2)]
            labels = np.concatenate([np.full(2 * pairs, KNOWN), np.repeat(np.array(kinds) + 1, 2)])
            yield Batch(as_tensor(np.stack(drawn)), torch.from_numpy(labels))

    def _base(self, place: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A known picture in some version, at times mirrored or bent into another sector; and its sector."""
        image = self._known.images[place, int(random.integers(self._known.images.shape[1]))]
        inside = self._known.inside[place]
        if random.random() < 0.5:
            image, inside = image[:, ::-1], inside[:, ::-1]
        if random.random() < 0.25:
            fan = self._fans[int(random.integers(len(self._fans)))]
            bent = fan.bent(Fan(inside).straight(np.ascontiguousarray(image)))
            image, inside = np.where(fan.inside, bent, np.uint8(0)), fan.inside
        return np.ascontiguousarray(image), inside

    def _simulated(self, kind: str, random: np.random.Generator) -> np.ndarray:
        image, inside = self._base(int(random.integers(len(self._known))), random)
        donor, _ = self._base(int(random.integers(len(self._known))), random)
        return TRAINING[kind](Canvas(image, donor, inside, random))

    def _other_organ(self, random: np.random.Generator) -> np.ndarray:
        """Another organ in its own sector, or poured into one of a known frame: not the outline alone tells it."""
        assert self._others is not None
        place = int(random.integers(len(self._others)))
        image = self._others.images[place, 0]
        if random.random() < 0.5:
            return image
        fan = Fan(self._known.inside[int(random.integers(len(self._known)))])
        return np.where(fan.inside, fan.bent(Fan(self._others.inside[place]).straight(image)), np.uint8(0))

    def _labelled_one(self, random: np.random.Generator) -> np.ndarray:
        assert self._labelled is not None
        return np.asarray(self._labelled[int(random.integers(len(self._labelled)))])


def varied(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The picture as a less exact sector and another gain would give it; (224, 224) uint8."""
    if random.random() < 0.5:
        dx, dy = random.integers(-_SHIFT, _SHIFT + 1, 2)
        scale = 1 + (random.uniform(-_SCALE, _SCALE) if random.random() < 0.5 else 0.0)
        middle = SIZE / 2 * (1 - scale)
        matrix = np.array([[scale, 0, dx + middle], [0, scale, dy + middle]], np.float32)
        image = cv2.warpAffine(image, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
    if random.random() < 0.5:
        gain, gamma = 1 + random.uniform(-_GAIN, _GAIN), 1 + random.uniform(-_GAMMA, _GAMMA)
        table = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255).astype(np.uint8)
        image = cv2.LUT(image, table)
    return np.asarray(image)


def as_tensor(images: np.ndarray) -> torch.Tensor:
    """(N, 224, 224) uint8 -> (N, 1, 224, 224) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(images))[:, None].float() / 255


def _sector_masks() -> list[np.ndarray]:
    random = np.random.default_rng(20261207)
    found = []
    for _ in range(_FANS):
        half = np.radians(random.uniform(28, 48))
        mask = sector_mask(float(random.uniform(0, 25)), float(random.uniform(110, 200)), float(half))
        found.append(_small(mask.astype(np.uint8) * np.uint8(255)) >= 128)
    return found


def held_out_frames(
    pictures: Sequence[SourcePicture], per_kind: int, seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Real frames spoilt in every held-out way: kind -> (N, 224, 224) uint8, and (N,) group of each.

    Parameters
    ----------
    pictures : frames to spoil, evenly taken
    per_kind : so many frames of each kind at most; 0 spoils every frame once in each way
    """
    random, following = np.random.default_rng(seed), successors(pictures)
    count = min(per_kind or len(pictures), len(pictures))
    found = {}
    for kind in HELD_OUT:
        places = np.linspace(0, len(pictures) - 1, count).astype(int)
        spoilt = [HELD_OUT[kind](HeldOutFrame(pictures[n], following[n], random)) for n in places]
        found[kind] = np.stack(spoilt), np.array([pictures[n].group for n in places])
    return found


def held_out_organs(family: Family, data_dir: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pictures of organs that nothing is trained on, as ``held_out_frames`` gives them."""
    found = {}
    for organ in family.held_out_organs:
        pictures = organ_pictures(data_dir, None, [organ])
        squares = np.stack([picture.square() for picture in pictures])
        found[organ_kind(organ)] = squares, np.array([picture.group for picture in pictures])
    return found
