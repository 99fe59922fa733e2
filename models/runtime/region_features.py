"""What the rating and the causes of a region are told from: the network's maps, and statistics of the grey levels.

A network's map alone does not say whether a wall is dim in this patient or behind a rib: the other regions, the causes
beside it and plain statistics of speckle, edges and darkness do.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from models.runtime.contract import REGION_NAMES
from models.runtime.dense import CAUSE_CHANNELS, pooled

CELLS = 32
"""Side of the maps."""

STATISTICS = (
    "level",
    "speckle",
    "texture",
    "across",
    "along",
    "edges",
    "grain",
    "detail",
    "floor",
    "ceiling",
    "black",
    "white",
)
"""Maps of ``grey_statistics``, in grey levels but for the last two, which are shares."""

_REGIONS, _CAUSES = len(REGION_NAMES), len(CAUSE_CHANNELS)
_BLACK, _WHITE = 2, 250
_AROUND = np.ones((15, 15), np.uint8)  # about a wall's width on the square
_ACROSS, _ALONG = np.array([[-1, 1, 0]], np.float32), np.array([[-1], [1], [0]], np.float32)
_SMALLEST = 1e-3  # of a severity: what differs below is noise

_LOCAL = _CAUSES + len(STATISTICS)
OWN_FEATURES = 5 + 2 * _LOCAL + _REGIONS
FEATURES = OWN_FEATURES + 2 * (1 + _LOCAL)
"""Of one region, those of its neighbours last; see ``region_features``."""

_WALLS, _ANNULI = REGION_NAMES[:6], REGION_NAMES[6:]
_AROUND_THE_VENTRICLE = [REGION_NAMES.index(name) for name in (_ANNULI[0], *_WALLS, _ANNULI[1])]
_PLACE = [_AROUND_THE_VENTRICLE.index(region) for region in range(_REGIONS)]
_BEFORE = [_AROUND_THE_VENTRICLE[max(place - 1, 0)] for place in _PLACE]
_AFTER = [_AROUND_THE_VENTRICLE[min(place + 1, _REGIONS - 1)] for place in _PLACE]
_OTHERS = [[other for other in range(_REGIONS) if other != region] for region in range(_REGIONS)]
_WHICH = np.eye(_REGIONS)


def grey_statistics(grey: np.ndarray) -> np.ndarray:
    """Local statistics of a model square, as means over its cells.

    Parameters
    ----------
    grey : (256, 256) uint8

    Returns
    -------
    (12, 32, 32) float32 in the order of ``STATISTICS``: grey level, its spread within 3 x 3 and 7 x 7 pixels, steps
    from column to column and from row to row, curvature, difference from the median of 5 x 5 and from the mean of
    9 x 9 pixels, the lowest and the highest level within 15 x 15, and the shares that are black and white.
    """
    return np.stack([cv2.resize(one, (CELLS, CELLS), interpolation=cv2.INTER_AREA) for one in _maps(grey)])


def _maps(grey: np.ndarray) -> Iterator[np.ndarray]:
    """Statistics of every pixel, (256, 256) float32 each; one at a time, which keeps them within the cache."""
    level = grey.astype(np.float32)
    yield level
    yield _spread(grey, 3)
    yield _spread(grey, 7)
    yield np.abs(cv2.filter2D(level, -1, _ACROSS))
    yield np.abs(cv2.filter2D(level, -1, _ALONG))
    yield np.abs(cv2.Laplacian(level, cv2.CV_32F))
    yield cv2.absdiff(grey, cv2.medianBlur(grey, 5)).astype(np.float32)
    yield cv2.absdiff(level, cv2.boxFilter(grey, cv2.CV_32F, (9, 9)))
    yield cv2.erode(grey, _AROUND).astype(np.float32)
    yield cv2.dilate(grey, _AROUND).astype(np.float32)
    yield (grey < _BLACK).astype(np.float32)
    yield (grey > _WHITE).astype(np.float32)


def region_features(
    rating: np.ndarray, severity: np.ndarray, statistics: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Features of the regions, and which regions are there.

    Parameters
    ----------
    rating : (8, 32, 32) float32, one map for each region
    severity : (7, 32, 32) float32 0..1 in the order of ``CAUSE_CHANNELS``
    statistics : (12, 32, 32) float32 from ``grey_statistics``
    shares : (8, 64, 64) float32, see ``region_shares``

    Returns
    -------
    (8, 91) float32: the region's rating; of the other regions' the mean, the lowest two and the highest; log-odds of
    the severities and logarithms of the statistics in the region; both as means over all regions; which region it is;
    ratings of its two neighbours around the ventricle, then their log-odds and logarithms, so that what reaches over
    from next door is told from what is here. An annulus point is its own outer neighbour.
    (8,) bool: regions with cells. Without any the features are zeros.
    """
    cells = coarse(shares)
    is_there = np.asarray(cells.reshape(_REGIONS, -1).sum(axis=1) > 0)
    if not is_there.any():
        return np.zeros((_REGIONS, FEATURES), np.float32), is_there
    means = pooled(np.concatenate([rating, severity, statistics]), cells)  # (8 + 7 + 12, 8)
    own, means = means[:_REGIONS].diagonal(), means[_REGIONS:]
    local = np.concatenate([_log_odds(means[:_CAUSES]), np.log1p(means[_CAUSES:])]).T  # (8, 19)
    whole = local[is_there].mean(axis=0)
    # What is not there gets the mean of the others, so that it pulls at nothing.
    own, local = np.where(is_there, own, own[is_there].mean()), np.where(is_there[:, None], local, whole)
    beside = [own[_BEFORE, None], own[_AFTER, None], local[_BEFORE], local[_AFTER]]
    parts = [own[:, None], _of_others(own), local, np.tile(whole, (_REGIONS, 1)), _WHICH, *beside]
    return np.concatenate(parts, axis=1, dtype=np.float32), is_there


def coarse(shares: np.ndarray) -> np.ndarray:
    """Area means, (R, 64, 64) -> (R, 32, 32)."""
    cell = shares.shape[-1] // CELLS
    return np.asarray(shares.reshape(len(shares), CELLS, cell, CELLS, cell).mean(axis=(2, 4)))


def _spread(grey: np.ndarray, side: int) -> np.ndarray:
    """Standard deviation within a square, (256, 256) float32."""
    mean = cv2.boxFilter(grey, cv2.CV_32F, (side, side))
    square = cv2.sqrBoxFilter(grey, cv2.CV_32F, (side, side))
    return np.asarray(cv2.sqrt(np.maximum(square - mean * mean, 0)))


def _of_others(own: np.ndarray) -> np.ndarray:
    """Mean, lowest, second lowest and highest of the others, (8, 4)."""
    others = np.sort(own[_OTHERS], axis=1)
    return np.column_stack([others.mean(axis=1), others[:, 0], others[:, 1], others[:, -1]])


def _log_odds(severity: np.ndarray) -> np.ndarray:
    return np.asarray(np.log((severity + _SMALLEST) / (1 - severity + _SMALLEST)))
