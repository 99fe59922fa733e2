"""Real pictures for the artifact gate with the sector they stand in, split by patient into three parts.

``encoder`` trains the encoder, ``density`` fits flow and thresholds, ``test`` is for figures alone: patients that the
encoder has seen lie closer together than new ones, and a density of those would call new patients unknown.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.crop import SectorCrop
from calibration.sector import detect_sector
from capture.errors import CalibrationError, DataError
from capture.geometry import LinearField, Sector
from models.artifact.network import SIZE
from models.data.camus import read_split
from models.data.degradations import Degrader
from models.data.other_organs import read_others
from models.data.polar import beams_of

log = logging.getLogger(__name__)

ENCODER, DENSITY, TEST = PARTS = ("encoder", "density", "test")
HEART, FETAL_HEAD, BREAST, LIVER, LUNG = "heart", "fetal_head", "breast", "liver", "lung"
DENSITY_OF = 5  # one group of the training split in so many is kept for the density
_SURE = 0.3  # confidence from which the live program trusts a sector


@dataclass(frozen=True, eq=False)
class SourcePicture:
    """One picture as it came from its set.

    Attributes
    ----------
    image : (H, W) uint8
    sector : in pixels of the image; the field of a linear probe is a sector with a far apex
    organ : ``heart`` or an organ of ``models.data.other_organs``
    group : patient or examination, the unit of every split
    name : tells pictures of a group apart; phases of one view of the heart share what is before the last ``_``
    """

    image: np.ndarray
    sector: Sector
    organ: str
    group: str
    name: str

    def crop(self) -> SectorCrop:
        """The tight crop that the live program makes of it."""
        height, width = self.image.shape
        return SectorCrop(self.sector, height, width, SIZE)

    def square(self, screen: np.ndarray | None = None) -> np.ndarray:
        """What the network eats of it, or of another screen of its size and sector; (224, 224) uint8."""
        return self.crop().extract(self.image if screen is None else screen)

    def worse(self, kind: str, level: float, seed: int) -> SourcePicture:
        """The same picture with one frozen degradation over the whole sector."""
        return replace(self, image=Degrader(self.image, self.sector).apply(kind, level, None, seed))


def heart_pictures(data_dir: Path, part: str) -> list[SourcePicture]:
    """CAMUS frames of one part; ``test`` is the set's own validation split.

    Raises
    ------
    DataError
        When the set is missing or a file cannot be read.
    """
    samples = read_split(data_dir, "val" if part == TEST else "train")
    chosen = [sample for sample in samples if part == TEST or part_of(sample.patient) == part]
    return [framed(sample.image(), HEART, sample.patient, sample.stem) for sample in chosen]


def organ_pictures(data_dir: Path, part: str | None, organs: Sequence[str]) -> list[SourcePicture]:
    """Pictures of other organs; ``part`` None gives all of them, for organs that nothing is trained on.

    Raises
    ------
    DataError
        When an organ has no picture.
    """
    splits = ("train", "val") if part is None else ("val",) if part == TEST else ("train",)
    found = []
    for split in splits:
        for number, other in enumerate(read_others(data_dir, split)):
            group = f"{other.organ}/{other.group}"
            if other.organ in organs and (part in (None, TEST) or part_of(group) == part):
                found.append(framed(other.image, other.organ, group, f"{group}-{split}{number}"))
    missing = sorted(set(organs) - {picture.organ for picture in found})
    if missing:
        raise DataError(
            f"no {' and no '.join(missing)} picture below {data_dir}: check that the data sets are complete"
        )
    return found


def part_of(group: str) -> str:
    """Part of a patient of the training split, ``encoder`` or ``density``; the same on every machine."""
    return DENSITY if hashlib.sha256(f"density of {group}".encode()).digest()[0] % DENSITY_OF == 0 else ENCODER


def framed(image: np.ndarray, organ: str, group: str, name: str) -> SourcePicture:
    """The picture, (H, W) uint8, in the sector that the live program would find; the whole where it finds none."""
    shape: Sector | LinearField = LinearField(0, 0, image.shape[1] - 1, image.shape[0] - 1)
    try:
        finding = detect_sector([image])
        shape = finding.shape if finding.confidence >= _SURE else shape
    except CalibrationError as reason:
        log.info("%s is taken whole: %s", name, reason)
    return SourcePicture(image, beams_of(shape), organ, group, name)
