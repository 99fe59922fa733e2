"""Real frames for the dense network: expert labels, anchors as a map, and pairs degraded with known severity."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.errors import DataError
from models.data.camus import CamusSample, squash
from models.data.degradations import EXTRA_KINDS, GHOST_KINDS, TRAINING_KINDS, Degrader, feathered
from models.regional.labelled import LabelledImage, labelled_images
from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE, region_shares
from models.runtime.regions import divide

KINDS = tuple(TRAINING_KINDS | EXTRA_KINDS | GHOST_KINDS)
CAUSE_OF = {
    "gain_low": "gain_low",
    "gain_high": "gain_high",
    "shadow": "shadow",
    "weak_window": "shadow",
    "patches": "shadow",
    "haze": "haze",
    "clutter": "haze",
    "side_lobes": "haze",
    "noise": "noise",
    "defocus": "defocus",
    "low_resolution": "defocus",
    "compression": "processing",
}
VISIBLE_CHANGE = 1.0  # mean change in grey levels around a place from which a degradation counts in full there
AROUND_SHARE = 0.03
"""Sigma of what counts as around a place, as a share of the image height."""
ANCHOR_MIDDLE, ANCHOR_SPREAD = 4.5, 0.5
"""Anchors are drawn toward ``ANCHOR_MIDDLE``: contrast in the untouched picture is a weak witness of its quality."""


@dataclass(frozen=True, eq=False)
class RealFrame:
    """One labelled real frame on the square grid, with what training needs.

    Attributes
    ----------
    item : image, sector and region masks
    label : (256, 256) uint8
    shares : (8, 64, 64) float16, what each region is judged by
    anchor_map : (64, 64) float32, rating of the untouched image
    inside : (64, 64) float32, share of each cell inside the sector
    """

    item: LabelledImage
    label: np.ndarray
    shares: np.ndarray
    anchor_map: np.ndarray
    inside: np.ndarray


@dataclass(frozen=True, eq=False)
class DegradedFrames:
    """Versions of one frame.

    Attributes
    ----------
    pictures : V pictures of the frame's own size, uint8
    kept : (V, 64, 64) float32, 1 minus the severity of everything
    causes : (V, 7, 64, 64) float32, severity 0..1 in the order of ``CAUSE_CHANNELS``
    """

    pictures: list[np.ndarray]
    kept: np.ndarray
    causes: np.ndarray


def real_frames(samples: list[CamusSample]) -> list[RealFrame]:
    """The samples with eight regions, prepared.

    Raises
    ------
    DataError
        When there is none.
    """
    frames = [real_frame(item) for item in labelled_images(samples)]
    if not frames:
        raise DataError(f"none of {len(samples)} frames has eight regions: check the label maps of the set")
    return frames


def real_frame(item: LabelledImage) -> RealFrame:
    """Prepare one frame.

    Raises
    ------
    RegionFailure
        When its label map has no eight regions.
    """
    height, width = item.image.shape
    scale = item.sample.spacing_mm or 1.0
    unit_xy = (scale * width / 256, scale * height / 256)
    label = squash(item.sample.label(), cv2.INTER_NEAREST)
    inside = squash(item.sector.mask(height, width).astype(np.uint8), cv2.INTER_NEAREST) > 0
    division = divide(label, unit_xy, inside, spacing_known=item.sample.spacing_mm is not None)
    shares = region_shares(division, unit_xy, inside)
    return RealFrame(
        item, label, shares.astype(np.float16), _anchor_map(shares, item.anchors), to_cells(inside.astype(np.float32))
    )


def _anchor_map(shares: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Anchors of the regions, spread to where there is none, (64, 64) float32."""
    values = ANCHOR_MIDDLE + ANCHOR_SPREAD * (anchors - ANCHOR_MIDDLE)
    weight = cv2.GaussianBlur(shares.sum(axis=0), (0, 0), 2.0)
    spread = cv2.GaussianBlur(np.tensordot(values.astype(np.float32), shares, 1), (0, 0), 2.0)
    far = np.float32(0.02)
    return np.asarray((spread + far * ANCHOR_MIDDLE) / (weight + far), np.float32)


def degraded_pair(frame: RealFrame, random: np.random.Generator) -> DegradedFrames:
    """The frame at two random levels of one or two random degradations, in one region, two or everywhere."""
    low = 0.0 if random.random() < 0.5 else random.uniform(0, 0.8)
    levels = (low, low + (1 - low) * random.random() ** 1.5 if random.random() < 0.85 else 1.0)
    pictures = [frame.item.image, frame.item.image]
    kept = np.ones((2, MAP_SIZE, MAP_SIZE), np.float32)
    causes = np.zeros((2, len(CAUSE_CHANNELS), MAP_SIZE, MAP_SIZE), np.float32)
    for _ in range(2 if random.random() < 0.2 else 1):
        kind = str(random.choice(KINDS))
        weight = None if random.random() < 0.35 else _random_weight(frame.item, kind, random)
        seed = int(random.integers(2**31))
        for version, level in enumerate(levels):
            if level > 0:
                pictures[version], lost = _degrade(pictures[version], frame.item, kind, level, weight, seed)
                kept[version] *= 1 - lost
                channel = CAUSE_CHANNELS.index(CAUSE_OF[kind])
                causes[version, channel] = np.maximum(causes[version, channel], lost)
    return DegradedFrames(pictures, kept, causes)


def _degrade(
    picture: np.ndarray, item: LabelledImage, kind: str, level: float, weight: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The worse picture and the severity (64, 64) where the change can be seen."""
    degrader = Degrader(picture, item.sector)
    where = degrader.weight(None) if weight is None else np.asarray(weight * degrader.inside, np.float32)
    worse = degrader.blend(degrader.full(kind, level, seed), where)
    change = cv2.GaussianBlur(cv2.absdiff(worse, picture).astype(np.float32), (0, 0), AROUND_SHARE * picture.shape[0])
    return worse, to_cells(level * where * np.minimum(change / VISIBLE_CHANGE, 1))


def _random_weight(item: LabelledImage, kind: str, random: np.random.Generator) -> np.ndarray:
    """Where to degrade: a region, sometimes two, for a shadow sometimes all behind it as well; (H, W) float32."""
    regions = random.choice(np.flatnonzero(item.scored), 2 if random.random() < 0.15 else 1)
    mask = item.masks_native()[regions].any(axis=0)
    weight = feathered(mask, item.image.shape[0], random.uniform(0.5, 2.0))
    if kind == "shadow" and random.random() < 0.4:
        polar = Degrader(item.image, item.sector).polar
        weight = polar.to_image(np.maximum.accumulate(polar.to_polar(weight), axis=0))
    return weight


def to_cells(values: np.ndarray) -> np.ndarray:
    """Area means on the map grid, (64, 64) float32."""
    return np.asarray(cv2.resize(values, (MAP_SIZE, MAP_SIZE), interpolation=cv2.INTER_AREA), np.float32)
