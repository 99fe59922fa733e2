"""Pictures for the score, in splits that keep near-duplicates, patients and examinations whole.

Training organs: echo (CAMUS), breast (BUSI), fetal head (HC18). Never trained on: liver (AUL) and lung (Born et al.).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np

from calibration.sector import detect_sector
from capture.errors import CalibrationError, DataError
from capture.geometry import LinearField, Sector
from models.data.grey_files import files_of, read_grey
from models.data.other_organs import near_duplicates
from models.data.polar import beams_of
from models.us2qnet.data import SectorPicture, abdomen_pictures, echo_pictures, fetal_pictures

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
TEST_SHARE, VAL_SHARE = 0.2, 0.1  # of the groups
SAME_PICTURE = 0.95  # correlation
LONGEST_SIDE = 400  # larger pictures are shrunk to the size of the other sets: severity is in pixels of theirs
CLIP_FRAMES, CLIP_STEP = 3, 30


@dataclass(frozen=True, eq=False)
class BreastImage:
    """One picture of BUSI: name, group of near-duplicates, and pixels (H, W) uint8."""

    name: str
    group: str
    image: np.ndarray


def split_of(group: str) -> Split:
    """Where a group belongs, by a hash of its name: the same on every machine."""
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") / 2**32
    return "test" if place < TEST_SHARE else "val" if place < TEST_SHARE + VAL_SHARE else "train"


def breast_images(data_dir: Path) -> list[BreastImage]:
    """All pictures of BUSI with their groups.

    Raises
    ------
    DataError
        When the set is missing or damaged.
    """
    paths = files_of(data_dir, "busi", "*/images/*.png")
    images = [read_grey(path) for path in paths]
    names = [f"busi/{path.stem}" for path in paths]
    groups = groups_of(images)
    return [BreastImage(n, names[g], i) for n, g, i in zip(names, groups, images, strict=True)]


def groups_of(images: Sequence[np.ndarray]) -> list[int]:
    """Place of the first picture of each picture's group of near-duplicates.

    Two pictures are linked when their 32 x 32 averages correlate by 0.95 or more, or when fewer than 8 of 64
    gradient bits differ (``near_duplicates``, which alone misses 29 of those pairs); linked pictures share a group
    (union-find). The 564 pictures of BUSI in the curated set fall into 433 groups, two of them of 7 pictures.
    """
    if not images:
        return []
    small = np.stack([_standard(image) for image in images])  # (N, 1024)
    alike = small @ small.T >= SAME_PICTURE
    first = list(range(len(images)))
    links = itertools.chain(enumerate(near_duplicates(list(images))), np.argwhere(np.triu(alike, 1)).tolist())
    for one, other in links:
        roots = _root(first, one), _root(first, other)
        first[max(roots)] = min(roots)
    return [_root(first, place) for place in range(len(images))]


def _standard(image: np.ndarray) -> np.ndarray:
    """(H, W) uint8 -> (1024,) float32 of mean 0 and length 1."""
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6))


def _root(first: list[int], place: int) -> int:
    while first[place] != place:
        first[place] = first[first[place]]
        place = first[place]
    return place


def scaled(picture: SectorPicture, scale: float) -> SectorPicture:
    """The picture at another size: averaged where it shrinks, cubic where it grows."""
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = np.asarray(cv2.resize(picture.image, None, fx=scale, fy=scale, interpolation=method))
    s = picture.sector
    sector = Sector(
        (s.apex_x + 0.5) * scale - 0.5,
        (s.apex_y + 0.5) * scale - 0.5,
        s.radius_min_px * scale,
        s.radius_max_px * scale,
        s.angle_left,
        s.angle_right,
    )
    return replace(picture, image=image, sector=sector)


def organ_pictures(data_dir: Path, split: Split) -> dict[str, list[SectorPicture]]:
    """Untouched pictures of the training organs; CAMUS has a split of its own, whose ``val`` is ``test`` here.

    Raises
    ------
    DataError
        When a set is missing or damaged, or has no picture in this split.
    """
    echo = echo_pictures(data_dir, "val" if split == "test" else "train")
    breast = [_whole(i) for i in breast_images(data_dir) if split_of(i.group) == split]
    found = {
        "echo": echo if split == "test" else [p for p in echo if (split_of(p.group) == "val") == (split == "val")],
        "breast": breast,
        "fetal": [picture for picture in fetal_pictures(data_dir) if split_of(picture.group) == split],
    }
    for organ, pictures in found.items():
        if not pictures:
            raise DataError(f"no {organ} picture in the {split} split: point --data at complete data sets")
    return found


def unseen_pictures(data_dir: Path) -> dict[str, list[SectorPicture]]:
    """Untouched pictures of the organs that are never trained on.

    Raises
    ------
    DataError
        When a set is missing or damaged.
    """
    liver = [picture for split in ("train", "val") for picture in abdomen_pictures(data_dir, split)]
    return {"liver": liver, "lung": lung_pictures(data_dir)}


def lung_pictures(data_dir: Path) -> list[SectorPicture]:
    """Lung pictures, and the frames 0, 30 and 60 of each clip; the group is the file.

    Raises
    ------
    DataError
        When the set is missing or damaged.
    """
    paths = files_of(data_dir, "lung_ccby", "pocus_*/**/*.*")
    return [picture for path in paths for picture in _lung_file(path)]


def _lung_file(path: Path) -> Iterator[SectorPicture]:
    images: Iterable[np.ndarray] = _clip(path) if path.suffix in {".mp4", ".mpeg"} else [read_grey(path)]
    for number, image in enumerate(images):
        shape = _sector(image)
        if shape is not None:
            picture = SectorPicture(image, shape, f"lung/{path.stem}", f"lung/{path.stem}:{number}")
            scale = LONGEST_SIDE / max(image.shape)
            yield scaled(picture, scale) if scale < 1 else picture


def _clip(path: Path) -> list[np.ndarray]:
    try:
        with av.open(str(path)) as container:
            frames = itertools.islice(container.decode(video=0), 0, CLIP_FRAMES * CLIP_STEP, CLIP_STEP)
            return [frame.to_ndarray(format="gray") for frame in frames]
    except (av.FFmpegError, OSError) as error:
        raise DataError(f"cannot read {path} ({error}): check that the data set is complete") from error


def _whole(found: BreastImage) -> SectorPicture:
    """BUSI is cut to the field of its linear probe already."""
    height, width = found.image.shape
    field = LinearField(0.0, 0.0, width - 1.0, height - 1.0)
    return SectorPicture(found.image, beams_of(field), found.group, found.name)


def _sector(image: np.ndarray) -> Sector | None:
    try:
        return beams_of(detect_sector([image]).shape)
    except CalibrationError:
        return None
