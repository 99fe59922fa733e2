"""Training pictures of the score: versions of known severity, in geometries and with histories that mean nothing.

Everything that is no loss of quality happens before a picture is made worse: another sector out of the same picture,
another size, a scanner's grey curve, and a compression that was there before. Nothing turns pictures: turning resamples
them, and what blurs must not count as untouched.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from capture.errors import DataError
from capture.geometry import Sector
from models.runtime.picture_statistics import picture_statistics
from models.score.pictures import scaled
from models.us2qnet.data import SectorPicture, equally_often, graded_versions

FAR_PX = 10_000  # radius from which beams count as parallel
_SCALES, _GAMMAS, _JPEG = (0.75, 1.1), (0.85, 1.18), (75, 96)


@dataclass(frozen=True, eq=False)
class Pool:
    """What a network of the score learns from.

    Attributes
    ----------
    inputs : (N, 224, 224) uint8 squares, or (N, FEATURES) float32 statistics
    severity : (N,) float32 in 0..1
    """

    inputs: np.ndarray
    severity: np.ndarray

    def __len__(self) -> int:
        return len(self.severity)

    def batches(self, size: int, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """One pass in random order as inputs and severities; what is left after the last whole batch is not shown."""
        order = np.random.default_rng(seed).permutation(len(self))
        for start in range(0, len(order) - size + 1, size):
            index = order[start : start + size]
            yield as_input(self.inputs[index]), torch.from_numpy(self.severity[index])


def as_input(inputs: np.ndarray) -> torch.Tensor:
    """Squares (N, S, S) uint8 -> (N, 1, S, S) float32 in 0..1; statistics (N, F) as they are."""
    if inputs.dtype == np.uint8:
        return torch.from_numpy(np.ascontiguousarray(inputs))[:, None].float() / 255
    return torch.from_numpy(np.ascontiguousarray(inputs))


Look = Callable[[SectorPicture], np.ndarray]
"""What a network sees of a picture."""


def square_of(picture: SectorPicture) -> np.ndarray:
    """The tight crop, squashed: (224, 224) uint8."""
    return picture.square()


def statistics_of(picture: SectorPicture) -> np.ndarray:
    """Statistics of the tight crop, as the live program takes them: (FEATURES,) float32."""
    return picture_statistics(picture.crop().crop(picture.image))


LOOKS: dict[str, Look] = {"statistics": statistics_of, "resnet18": square_of}
"""By the name of the network."""


def training_pool(
    organs: Mapping[str, Sequence[SectorPicture]],
    versions: Mapping[str, int],
    kinds: Sequence[str],
    seed: int,
    look: Look,
) -> Pool:
    """So many versions of each untouched picture; about one in eight has severity 0.

    Parameters
    ----------
    organs : untouched pictures
    versions : of each picture, by organ
    kinds : each is used equally often
    look : what the network sees of a version
    """
    random = np.random.default_rng(seed)
    inputs, severity = [], []
    for organ, pictures in organs.items():
        for _ in range(versions[organ]):
            levels = np.clip(random.uniform(-0.15, 1.1, len(pictures)), 0, 1)
            for picture, kind, level in zip(pictures, equally_often(kinds, len(pictures), random), levels, strict=True):
                other = varied(picture, random)
                inputs.append(look(other.worse(kind, float(level), int(random.integers(2**31)))))
                severity.append(level)
    return Pool(np.stack(inputs), np.array(severity, np.float32))


def fixed_pool(organs: Mapping[str, Sequence[SectorPicture]], versions: int, seed: int, look: Look) -> Pool:
    """So many versions of each picture as it came, of the training kinds alone: for calibration and for figures."""
    found = [version for pictures in organs.values() for version in graded_versions(pictures, versions, seed)]
    severity = np.array([version.severity for version in found], np.float32)
    return Pool(np.stack([look(version) for version in found]), severity)


def kept_pool(path: Path, asked: dict[str, object], make: Callable[[], Pool]) -> Pool:
    """The pool in ``path`` if it was made as ``asked``; else made now and kept: minutes on a resumed run."""
    want = json.dumps(asked, sort_keys=True)
    if path.is_file():
        with np.load(path, allow_pickle=False) as file:
            if str(file["asked"]) == want:
                return Pool(file["inputs"], file["severity"])
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp.npz")
    np.savez(aside, asked=want, inputs=made.inputs, severity=made.severity)
    aside.replace(path)
    return made


def read_pool(path: Path) -> Pool:
    """A pool that a run has kept.

    Raises
    ------
    DataError
        When the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return Pool(file["inputs"], file["severity"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"cannot read {path} ({error}): run 'sonogauge train score' again") from error


def varied(picture: SectorPicture, random: np.random.Generator) -> SectorPicture:
    """The picture as another probe and scanner could have shown it, as good as before; each change at random."""
    if random.random() < 0.5:
        picture = scaled(picture, float(random.uniform(*_SCALES)))
    if random.random() < 0.7:
        picture = replace(picture, sector=_part_of(picture.sector, picture.image.shape, random))
    image = picture.image * picture.sector.mask(*picture.image.shape)
    if random.random() < 0.5:
        image = _grey_curve(image, float(random.uniform(*_GAMMAS)))
    if random.random() < 0.35:
        image = _compressed_before(image, int(random.integers(*_JPEG)))
    return replace(picture, image=image)


def _part_of(sector: Sector, shape: tuple[int, ...], random: np.random.Generator) -> Sector:
    """Fewer beams, less depth; half of the parallel fields become a real sector."""
    if sector.radius_min_px > FAR_PX and random.random() < 0.5:
        sector = _convex(shape[0], shape[1], random)
    span, depth = sector.angle_right - sector.angle_left, sector.radius_max_px - sector.radius_min_px
    kept = span * random.uniform(0.7, 1)
    left = sector.angle_left + random.uniform(0, span - kept)
    nearest = sector.radius_min_px + depth * random.uniform(0, 0.1)
    deepest = sector.radius_max_px - depth * random.uniform(0, 0.25)
    return replace(sector, radius_min_px=nearest, radius_max_px=deepest, angle_left=left, angle_right=left + kept)


def _convex(height: int, width: int, random: np.random.Generator) -> Sector:
    """A phased or curvilinear sector that fills a rectangular picture from its top."""
    above = height * random.uniform(0.02, 0.6)
    half = random.uniform(0.4, 0.75)
    return Sector((width - 1) / 2, -above, above, above + height - 1, -half, half)


def _grey_curve(image: np.ndarray, gamma: float) -> np.ndarray:
    table = np.rint(255 * (np.arange(256) / 255.0) ** gamma).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table))


def _compressed_before(image: np.ndarray, quality: int) -> np.ndarray:
    """A picture that was stored as JPEG of fair quality once: sets and archives hold such, and nobody sees it."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
