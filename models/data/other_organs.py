"""Real pictures that are no apical view of a heart: breast, fetal head, liver, lung; split by patient or examination.

Sets and terms: BUSI (Al-Dhabyani et al. 2020, terms unclear), HC18 (van den Heuvel et al. 2018, CC BY 4.0), AUL liver
(Xu et al. 2022, CC BY 4.0), lung pictures and clips (Born et al. 2021, CC BY). A set that is absent is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

HELD_OUT_OF = 4  # one group in so many is kept for validation
SAME_PICTURE_BITS = 8  # of 64: fewer different bits are a near-duplicate
CLIP_FRAMES = 4


@dataclass(frozen=True, eq=False)
class OtherPicture:
    """One picture.

    Attributes
    ----------
    organ : ``breast``, ``fetal_head``, ``liver`` or ``lung``
    group : patient, examination or group of near-duplicates, the unit of every split
    image : (H, W) uint8
    """

    organ: str
    group: str
    image: np.ndarray


def read_others(data_dir: Path, split: str) -> list[OtherPicture]:
    """Pictures of ``train`` or ``val``; a group lies in one of them as a whole."""
    held = split == "val"
    return [picture for picture in _all(Path(data_dir)) if _is_held_out(picture) == held]


def _is_held_out(picture: OtherPicture) -> bool:
    digest = hashlib.sha256(f"{picture.organ}/{picture.group}".encode()).digest()
    return digest[0] % HELD_OUT_OF == 0


def _all(data_dir: Path) -> Iterator[OtherPicture]:
    yield from _breast(data_dir / "busi")
    for path in sorted((data_dir / "hc18").glob("*HC.png")):
        yield from _picture("fetal_head", path.name.split("_")[0], path)
    for path in sorted((data_dir / "liver_aul").glob("*/image/*")):
        yield from _picture("liver", f"{path.parent.parent.name}/{path.stem}", path)
    lung = data_dir / "lung_ccby"
    for path in _files(lung / "pocus_images"):
        yield from _picture("lung", path.stem, path)
    for path in _files(lung / "pocus_videos"):
        for image in _clip(path):
            yield OtherPicture("lung", _lung_patient(path), image)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _picture(organ: str, group: str, path: Path) -> Iterator[OtherPicture]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is not None:
        yield OtherPicture(organ, group, image)


def _lung_patient(path: Path) -> str:
    """``Reg_pat2Image_134348`` is patient 2; clips without a patient's number stand for themselves."""
    return path.stem.split("Image")[0] if "pat" in path.stem else path.stem


def _clip(path: Path) -> list[np.ndarray]:
    """A few frames spread over a clip, each (H, W) uint8."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return frames[:: max(len(frames) // CLIP_FRAMES, 1)][:CLIP_FRAMES]


def _breast(folder: Path) -> Iterator[OtherPicture]:
    """BUSI holds many near-duplicates: those share a group."""
    pictures = [p for path in sorted(folder.glob("*/images/*")) for p in _picture("breast", path.stem, path)]
    for picture, group in zip(pictures, near_duplicates([p.image for p in pictures]), strict=True):
        yield OtherPicture("breast", str(group), picture.image)


def near_duplicates(images: list[np.ndarray]) -> list[int]:
    """Number of the first picture of each picture's group; alike means fewer than 8 of 64 gradient bits differ."""
    if not images:
        return []
    bits = np.array([_gradient_bits(image) for image in images], dtype=np.float32).reshape(len(images), -1)
    first = list(range(len(images)))
    for index in range(len(images)):
        differing = np.abs(bits[:index] - bits[index]).sum(axis=1)
        alike = {first[other] for other in np.flatnonzero(differing < SAME_PICTURE_BITS)}
        if alike:
            lowest = min(alike)
            first[: index + 1] = [lowest if group in alike else group for group in first[:index]] + [lowest]
    return first


def _gradient_bits(image: np.ndarray) -> np.ndarray:
    small = cv2.resize(image, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    return (small[:, 1:] > small[:, :-1]).ravel()
