"""Training pictures of the score: versions of known severity, in geometries and with histories that mean nothing.

Everything that is no loss of quality happens before a picture is made worse: another sector out of the same picture,
another size, a scanner's grey curve, and a compression that was there before. Nothing turns pictures: turning resamples
them, and what blurs must not count as untouched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from capture.geometry import Sector
from models.score.network import SIZE
from models.score.pictures import scaled
from models.us2qnet.data import SectorPicture, equally_often, graded_versions
from models.us2qnet.samples import TrainingPictures

FAR_PX = 10_000  # radius from which beams count as parallel
_SCALES, _GAMMAS, _JPEG = (0.75, 1.1), (0.85, 1.18), (75, 96)


def training_pool(
    organs: Mapping[str, Sequence[SectorPicture]], versions: Mapping[str, int], kinds: Sequence[str], seed: int
) -> TrainingPictures:
    """So many versions of each untouched picture, squared; about one in eight has severity 0.

    Parameters
    ----------
    organs : untouched pictures
    versions : of each picture, by organ
    kinds : each is used equally often

    Returns
    -------
    Pictures (N, 224, 224) uint8 with severities in 0..1, organs in the order given.
    """
    random = np.random.default_rng(seed)
    count = sum(versions[organ] * len(pictures) for organ, pictures in organs.items())
    images, severity = np.empty((count, SIZE, SIZE), np.uint8), np.empty(count, np.float32)
    place = 0
    for organ, pictures in organs.items():
        for _ in range(versions[organ]):
            levels = np.clip(random.uniform(-0.15, 1.1, len(pictures)), 0, 1)
            for picture, kind, level in zip(pictures, equally_often(kinds, len(pictures), random), levels, strict=True):
                images[place] = _version(picture, kind, float(level), random)
                severity[place] = level
                place += 1
    return TrainingPictures(images, severity, count)


def _version(picture: SectorPicture, kind: str, level: float, random: np.random.Generator) -> np.ndarray:
    return varied(picture, random).worse(kind, level, int(random.integers(2**31))).square()


def fixed_pool(organs: Mapping[str, Sequence[SectorPicture]], versions: int, seed: int) -> TrainingPictures:
    """So many versions of each picture as it came, of the training kinds alone: for calibration and for figures."""
    found = [
        (version.square(), version.severity)
        for pictures in organs.values()
        for version in graded_versions(pictures, versions, seed)
    ]
    images, severity = (np.stack(part) for part in zip(*found, strict=True))
    return TrainingPictures(images, severity.astype(np.float32), len(images))


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
