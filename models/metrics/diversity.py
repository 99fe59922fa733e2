"""How much the pictures of a set differ from each other; a generator whose modes collapsed repeats itself."""

from __future__ import annotations

import cv2
import numpy as np

from capture.errors import DataError
from models.metrics.image_similarity import ssim_map

PAIRS = 500
_SMALL = 32  # side on which copies are looked for


def random_pairs(count: int, pairs: int = PAIRS, seed: int = 0, groups: np.ndarray | None = None) -> np.ndarray:
    """Different pairs of pictures, drawn without repetition: (P, 2) int, P at most ``pairs``.

    Parameters
    ----------
    count : pictures
    groups : (count,), only pictures of different groups are paired; None pairs any two

    Raises
    ------
    DataError
        When there is no such pair.
    """
    first, second = np.triu_indices(count, 1)
    if groups is not None:
        apart = groups[first] != groups[second]
        first, second = first[apart], second[apart]
    if not first.size:
        raise DataError(f"{count} pictures have no pair to compare: at least two, of different groups, are needed")
    chosen = np.random.default_rng(seed).permutation(first.size)[:pairs]
    return np.stack([first[chosen], second[chosen]], axis=1)


def mean_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Mean structural similarity of two whole pictures (H, W) uint8, -1..1."""
    return float(ssim_map(first, second, 255.0).mean())


def diversity(images: np.ndarray, groups: np.ndarray | None = None, pairs: int = PAIRS, seed: int = 0) -> float:
    """Mean of 1 - SSIM over random pairs; 0 when all pictures are one.

    Parameters
    ----------
    images : (N, H, W) uint8
    groups : (N,), only pictures of different groups are paired
    """
    chosen = random_pairs(len(images), pairs, seed, groups)
    return float(np.mean([1 - mean_ssim(images[i], images[j]) for i, j in chosen]))


def nearest_correlation(images: np.ndarray, others: np.ndarray, same: np.ndarray | None = None) -> np.ndarray:
    """Correlation of each picture with the most alike of ``others``, (N,) float64, -1..1, both shrunk to 32 x 32.

    Near 1 is a copy.

    Parameters
    ----------
    images, others : (N, H, W) and (M, H, W) uint8
    same : (N, M) bool, pairs that do not count
    """
    found = _standardised(images) @ _standardised(others).T  # (N, M)
    if same is not None:
        found = np.where(same, -1.0, found)
    return np.asarray(found.max(axis=1))


def _standardised(images: np.ndarray) -> np.ndarray:
    """(N, H, W) -> (N, 1024) float64 of mean 0 and length 1; an even picture becomes 0."""
    small = [cv2.resize(image, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA) for image in images]
    flat = np.stack(small).reshape(len(small), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9))
