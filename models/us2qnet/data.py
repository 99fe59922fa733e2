"""Sets for quality clusters in one plain form: MNIST, real pictures at known levels, and the virtual bladder.

Known levels are the frozen degradations of ``models.data.degradations`` over the whole sector, training kinds alone.
Every picture is the tight crop of its sector, black outside, squashed to a square as the live program does it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from calibration.crop import SectorCrop
from calibration.sector import detect_sector
from capture.errors import CalibrationError, DataError
from capture.geometry import Sector
from capture.virtual.abdomen.parameters import QUALITIES
from capture.virtual.abdomen.scanner import AbdomenScanner
from models.data.camus import read_split
from models.data.degradations import LEVELS, TRAINING_KINDS, Degrader
from models.data.grey_files import fetal_head_files, files_of, read_grey

log = logging.getLogger(__name__)

SIZE = 224
MNIST_SIZE = 28
THREE_LEVELS = (0.0, 0.5, 1.0)
FIVE_LEVELS = LEVELS
LEVEL_SEED = 20261201  # of the known levels: one set of pictures for every training and every figure
SHUFFLE_SEED = 20261202
HELD_OUT_OF = 5  # abdomen: one patient in so many is kept for validation
SAME_SECTOR = 0.8  # overlap of the found sector with the one drawn by hand
BLADDER_SCREEN = (640, 480)
LIVER_FILES = "*/image/*"
KINDS = tuple(TRAINING_KINDS)


@dataclass(frozen=True, eq=False)
class QualityImages:
    """Pictures with what is known of them; training reads the pictures alone.

    Attributes
    ----------
    images : (N, H, W) uint8
    labels : (N,) int64; a digit, or the index of the level: 0 is the best picture
    groups : (N,) str, patient or examination, the unit of every split
    names : (N,) str, file, kind and level
    """

    images: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    names: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: np.ndarray) -> QualityImages:
        """The pictures at ``index``, (M,) int or (N,) bool."""
        return QualityImages(self.images[index], self.labels[index], self.groups[index], self.names[index])


@dataclass(frozen=True, eq=False)
class SectorPicture:
    """One picture as it came from the scanner, before any squashing.

    Attributes
    ----------
    image : (H, W) uint8
    sector : in pixels of the image
    group, name : as in ``QualityImages``
    label : index of the known level
    severity : how bad it is as far as is known, 0 (as it came) to 1
    """

    image: np.ndarray
    sector: Sector
    group: str
    name: str
    label: int = 0
    severity: float = 0.0

    def square(self) -> np.ndarray:
        """The tight crop of the sector, squashed: (224, 224) uint8, 0 outside the sector."""
        return self.crop().extract(self.image)

    def crop(self) -> SectorCrop:
        """Where the sector lies in the picture."""
        height, width = self.image.shape
        return SectorCrop(self.sector, height, width, SIZE)

    def worse(self, kind: str, level: float, seed: int) -> SectorPicture:
        """The same picture, degraded over the whole sector."""
        image = Degrader(self.image, self.sector).apply(kind, level, None, seed)
        name = f"{self.name}:{kind}:{level:g}" if level else self.name
        return replace(self, image=image, name=name, severity=level)


def in_one(pictures: Sequence[SectorPicture]) -> QualityImages:
    """Squared pictures in the order given.

    Raises
    ------
    DataError
        When there is none.
    """
    if not pictures:
        raise DataError("no picture of this set has a sector: check the data set, or point --data at a good copy")
    return QualityImages(
        np.stack([picture.square() for picture in pictures]),
        np.array([picture.label for picture in pictures], np.int64),
        np.array([picture.group for picture in pictures]),
        np.array([picture.name for picture in pictures]),
    )


def known_levels(
    pictures: Sequence[SectorPicture],
    levels: Sequence[float] = THREE_LEVELS,
    seed: int = LEVEL_SEED,
    every_kind: Sequence[str] = KINDS,
) -> list[SectorPicture]:
    """Every picture at every level; each level uses every kind equally often, and no kind keeps to one view."""
    random = np.random.default_rng(seed)
    found = []
    for label, level in enumerate(levels):
        kinds = equally_often(every_kind, len(pictures), random)
        seeds = random.integers(2**31, size=len(pictures))
        for picture, kind, field_seed in zip(pictures, kinds, seeds, strict=True):
            found.append(replace(picture.worse(kind, level, int(field_seed)), label=label))
    return found


def graded_versions(pictures: Sequence[SectorPicture], versions: int, seed: int) -> list[SectorPicture]:
    """So many versions of each untouched picture, of severities over the whole of 0..1; each kind equally often.

    This is what training without labels may know: nobody rated a picture, but what was done to it is known.
    About one in eight is left untouched.
    """
    random = np.random.default_rng(seed)
    found = []
    for _ in range(versions):
        levels = np.clip(random.uniform(-0.15, 1.1, len(pictures)), 0, 1)
        kinds = equally_often(KINDS, len(pictures), random)
        seeds = random.integers(2**31, size=len(pictures))
        for picture, kind, level, field_seed in zip(pictures, kinds, levels, seeds, strict=True):
            found.append(picture.worse(kind, float(level), int(field_seed)))
    return found


def equally_often(kinds: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    """So many kinds in random order, each as often as the others to within one."""
    order = random.permutation(count)
    return [kinds[place % len(kinds)] for place in order]


def read_mnist(data_dir: Path, count: int = 0, seed: int = SHUFFLE_SEED) -> QualityImages:
    """All 70,000 digits in a fixed random order (the files are sorted by digit); the first ``count`` of it, 0: all.

    Raises
    ------
    DataError
        When a file is missing or holds something else.
    """
    parts = [_read_npz(Path(data_dir) / "mnist" / f"mnist_{part}.npz") for part in ("train", "test")]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.random.default_rng(seed).permutation(len(images))[: count or None]
    names = np.array([f"mnist/{number}" for number in order])
    return QualityImages(images[order], labels[order].astype(np.int64), names, names)


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"cannot read {path} ({error}): point --data at the folder that holds mnist/") from error
    if images.dtype != np.uint8 or images.shape != (len(labels), MNIST_SIZE, MNIST_SIZE):
        raise DataError(f"{path} holds {images.dtype} {images.shape}: 28 x 28 uint8 digits are needed")
    return images, labels


def echo_pictures(data_dir: Path, split: str) -> list[SectorPicture]:
    """CAMUS frames of ``train`` or ``val``, untouched; the set's own split is by patient."""
    found = []
    for sample in read_split(data_dir, split):
        image = sample.image()
        sector = _sector(image, sample.stem)
        if sector is not None:
            found.append(SectorPicture(image, sector, sample.patient, sample.stem))
    return found


def abdomen_pictures(data_dir: Path, split: str) -> list[SectorPicture]:
    """Liver pictures of ``train`` or ``val``, untouched, one patient each; one in five patients is in ``val``.

    The sector is found as in the live program, and has to agree with the outline that the set's authors drew.

    Raises
    ------
    DataError
        When the set is missing or an outline cannot be read.
    """
    paths = files_of(data_dir, "liver_aul", LIVER_FILES)
    held = split == "val"
    chosen = [path for path in paths if _is_held_out(_liver_name(path)) == held]
    return [picture for path in chosen if (picture := _liver(path)) is not None]


def _is_held_out(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] % HELD_OUT_OF == 0


def _liver_name(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.stem}"


def _liver(path: Path) -> SectorPicture | None:
    image, name = read_grey(path), _liver_name(path)
    outline = path.parent.parent / "segmentation" / "outline" / f"{path.stem}.json"
    try:
        corners = np.array(json.loads(outline.read_text()), np.float64).reshape(-1, 2)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {outline} ({error}): check that the data set is complete") from error
    drawn = cv2.fillPoly(np.zeros(image.shape, np.uint8), [np.rint(corners).astype(np.int32)], 1) > 0
    sector = _sector(image, name)
    if sector is None or _overlap(sector.mask(*image.shape), drawn) < SAME_SECTOR:
        log.warning("%s left out: the sector found is not the one drawn by hand", name)
        return None
    return SectorPicture(image, sector, name, name)


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


def fetal_pictures(data_dir: Path) -> list[SectorPicture]:
    """Fetal heads (HC18), untouched: another scanner and organ, to teach severity alone; the group is the examination.

    Raises
    ------
    DataError
        When the set is missing or damaged.
    """
    found = []
    for group, path in fetal_head_files(data_dir):
        image = read_grey(path)
        sector = _sector(image, path.stem)
        if sector is not None:
            found.append(SectorPicture(image, sector, group, f"hc18/{path.stem}"))
    return found


def _sector(image: np.ndarray, name: str) -> Sector | None:
    """Sector of a picture; None, said in the log, where there is none."""
    try:
        shape = detect_sector([image]).shape
    except CalibrationError as reason:
        log.warning("%s left out: %s", name, reason)
        return None
    return shape if isinstance(shape, Sector) else None


def bladder_pictures(patients: int, first_seed: int) -> list[SectorPicture]:
    """One virtual bladder examination per patient and class: label 0 is A+, 1 is A, 2 is A-.

    The class is the scanner's own, from outline, lumen, size and shadow: no degradation is laid over the picture.
    """
    found = []
    for seed in range(first_seed, first_seed + patients):
        for label, quality in enumerate(reversed(QUALITIES)):
            scanner = AbdomenScanner(seed, *BLADDER_SCREEN, quality=quality)
            box = scanner.console.converter.box
            sector = scanner.sector.moved(-box.x, -box.y)
            group, severity = f"virtual{seed}", label / (len(QUALITIES) - 1)
            found.append(SectorPicture(scanner.picture(0), sector, group, f"{group}:{quality}", label, severity))
    return found


PictureReader = Callable[[Path, str], list[SectorPicture]]
ULTRASOUND: dict[str, PictureReader] = {"echo": echo_pictures, "abdomen": abdomen_pictures}
