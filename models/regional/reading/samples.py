"""Pictures to learn the reading from: real frames at known levels of a degradation, and virtual ones.

What the released quality network says of them is part of the features, so that they are made with its own file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np

from capture.errors import DataError
from models.data.camus import squash
from models.data.degradations import TRAINING_KINDS, Degrader
from models.data.virtual_dataset import VirtualDataset
from models.regional.dense.real import AROUND_SHARE, CAUSE_OF, KINDS, RealFrame, to_cells
from models.regional.dense.virtual import virtual_frame
from models.regional.reading.network import NONE, PROCESSING
from models.runtime.causes import SHOWN_CAUSES
from models.runtime.dense import mask_shares, pooled
from models.runtime.end_to_end import QualityMaps

Read = Callable[[np.ndarray], QualityMaps]
"""The released quality network: (256, 256) uint8 in."""

DEGRADATIONS = 6
"""Per real frame; each at ``STEPS`` levels."""
STEPS = 4
ANCHOR_MIDDLE, ANCHOR_SPREAD = 4.5, 0.25
"""Anchors are drawn further toward the middle than for the maps: see ``models.regional.dense.real``."""
UNKNOWN = -1
"""Class of a place whose cause nobody can tell, or that is not judged."""
_SEEN_GREY = 4.0  # mean change of a region from which its cause can be told (as in the evaluation)
_REACHED, _SPARED = 0.3, 0.03  # severity of a region that has a cause, and of one that has none
_ANY_CHANGE = 0.1  # mean change in grey levels around a place from which a severity counts in full
_OUTSIDE = 0.5


@dataclass(frozen=True, eq=False)
class Version:
    """One version of a real frame.

    Attributes
    ----------
    picture : (H, W) uint8
    severity : (64, 64) float32, what was done where anything changed
    change : (64, 64) float32, in grey levels
    cause : class of the degradation or ``UNKNOWN``, ``NONE`` for the untouched frame
    region : the one that was degraded alone, else -1
    """

    picture: np.ndarray
    severity: np.ndarray
    change: np.ndarray
    cause: int
    region: int


@dataclass(frozen=True, eq=False)
class ReadingSamples:
    """N pictures with features and truth of eight regions each.

    Attributes
    ----------
    features : (N, 8, 91) float32
    rating, scored : (N, 8) float32 1..5, and whether it counts (bool)
    cause : (N, 8) int64, a class of ``network.CLASSES`` or ``UNKNOWN``
    untouched : (N,) int64, row of the same picture without the degradation; its own row where there is none
    region : (N,) int64, the one that was degraded alone, else -1
    is_virtual : (N,) bool
    """

    features: np.ndarray
    rating: np.ndarray
    scored: np.ndarray
    cause: np.ndarray
    untouched: np.ndarray
    region: np.ndarray
    is_virtual: np.ndarray

    def __len__(self) -> int:
        return len(self.features)


def joined(parts: Iterable[ReadingSamples]) -> ReadingSamples:
    """All in one; rows of untouched pictures are counted on.

    Raises
    ------
    DataError
        When there are none.
    """
    every, before = [], 0
    for part in parts:
        columns = {field.name: getattr(part, field.name) for field in fields(part)}
        every.append(columns | {"untouched": part.untouched + before})
        before += len(part)
    if not every:
        raise DataError("no frame to learn the reading from: check the training split of the set")
    return ReadingSamples(**{name: np.concatenate([columns[name] for columns in every]) for name in every[0]})


def real_samples(read: Read, frame: RealFrame, random: np.random.Generator) -> Iterator[ReadingSamples]:
    """One real frame untouched and degraded, with its regions as the program finds them and as plain masks."""
    versions = _versions(frame, random)
    readings = [read(squash(version.picture, cv2.INTER_AREA)) for version in versions]
    for shares in (frame.shares.astype(np.float32), mask_shares(frame.item.masks_square())):
        yield _samples_of(frame, versions, readings, shares)


def virtual_samples(read: Read, data: VirtualDataset) -> Iterator[ReadingSamples]:
    """Every frame with regions but those of the held-out look."""
    for index in range(len(data)):
        record = data[index]
        if record.is_held_out or not np.isfinite(record.region_rating).any():
            continue
        frame = virtual_frame(record)
        features, is_there = read(frame.image).features(frame.shares.astype(np.float32))
        outside = np.array(record.info["regions"]["outside_share"], float)
        yield ReadingSamples(
            features[None],
            np.nan_to_num(record.region_rating, nan=ANCHOR_MIDDLE)[None],
            (is_there & np.isfinite(record.region_rating) & (outside <= _OUTSIDE))[None],
            np.full((1, len(features)), UNKNOWN),
            np.zeros(1, np.int64),
            np.full(1, -1),
            np.ones(1, bool),
        )


def _versions(frame: RealFrame, random: np.random.Generator) -> list[Version]:
    """The frame untouched first, then degradations at rising levels, in one region and everywhere by turns."""
    item, none = frame.item, np.zeros(frame.inside.shape, np.float32)
    degrader, masks = Degrader(item.image, item.sector), item.masks_native()
    found = [Version(item.image, none, none, NONE, -1)]
    for turn in range(DEGRADATIONS):
        kind, seed = str(random.choice(KINDS)), int(random.integers(2**31))
        region = int(random.choice(np.flatnonzero(item.scored))) if turn % 2 == 0 else -1
        mask = masks[region] if region >= 0 else None
        where = degrader.weight(mask)
        for level in (np.arange(STEPS) + random.random(STEPS)) / STEPS:
            picture = degrader.apply(kind, float(level), mask, seed)
            change = cv2.absdiff(picture, item.image).astype(np.float32)
            around = cv2.GaussianBlur(change, (0, 0), AROUND_SHARE * len(picture))
            severity = to_cells(float(level) * where * np.minimum(around / _ANY_CHANGE, 1))
            found.append(Version(picture, severity, to_cells(change), _class_of(kind), region))
    return found


def _class_of(kind: str) -> int:
    """Class of a kind; the kinds that are in no figure are mixtures, which no single cause is told of."""
    if kind not in TRAINING_KINDS:
        return UNKNOWN
    cause = CAUSE_OF[kind]
    return PROCESSING if cause == "processing" else SHOWN_CAUSES.index(cause)


def _samples_of(
    frame: RealFrame, versions: Sequence[Version], readings: Sequence[QualityMaps], shares: np.ndarray
) -> ReadingSamples:
    features, there = zip(*(reading.features(shares) for reading in readings), strict=True)
    severity = np.nan_to_num(pooled(np.stack([version.severity for version in versions]), shares))  # (V, 8)
    change = np.nan_to_num(pooled(np.stack([version.change for version in versions]), shares))
    anchor = ANCHOR_MIDDLE + ANCHOR_SPREAD * (np.nan_to_num(frame.item.anchors, nan=ANCHOR_MIDDLE) - ANCHOR_MIDDLE)
    return ReadingSamples(
        np.stack(features),
        np.asarray(1 + (anchor - 1) * (1 - severity), np.float32),
        np.stack(there) & frame.item.scored,
        _causes(np.array([version.cause for version in versions]), severity, change),
        np.zeros(len(versions), np.int64),
        np.array([version.region for version in versions]),
        np.zeros(len(versions), bool),
    )


def _causes(done: np.ndarray, severity: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Class of each region, (V, 8): what was done where it reached and shows, none where it did not reach."""
    told = np.where((severity >= _REACHED) & (change >= _SEEN_GREY), done[:, None], UNKNOWN)
    return np.where((severity <= _SPARED) | (done == NONE)[:, None], NONE, told)
