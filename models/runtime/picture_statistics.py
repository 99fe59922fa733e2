"""Statistics of a whole picture at its own resolution: what blocks, blur, noise and a wrong gain leave in grey levels.

A square for a network is resampled, and that takes away what tells a compressed or an enlarged picture. These are taken
before it, in the manner of natural scene statistics (Mittal et al. 2012), for speckle.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np

LONGEST_SIDE = 288
"""Larger pictures are shrunk to it, about the size of the training pictures: grain has a size in pixels."""

_MAPS = 17
_SECTIONS = 3  # of the depth, beside the whole
_PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
_LEVELS = (10.0, 30.0, 60.0, 100.0, 150.0, 200.0)  # of the surroundings, grey
_BY_LEVEL = 4
_BANDS = 8
_TILE = 64
_COARSE = 16
_EXTREMES, _GRID = 6, 6
FEATURES = (
    2 * _MAPS * (1 + _SECTIONS)
    + len(_PERCENTILES)
    + _COARSE
    + _EXTREMES
    + _BY_LEVEL * (len(_LEVELS) + 1)
    + _GRID
    + 3 * _BANDS
)
"""How many there are."""

_AROUND, _NEAR = np.ones((15, 15), np.uint8), np.ones((9, 9), np.uint8)
_MISSING = -1.0  # where no pixel has such surroundings
_FEWEST, _FEW = 500, 30  # pixels: inside a sector, and of a level around
_HAIR = 1e-5  # grey levels


def picture_statistics(crop: np.ndarray) -> np.ndarray:
    """Statistics of what lies inside the sector.

    Parameters
    ----------
    crop : (H, W) uint8, the tight crop of the sector, 0 outside it; at least 8 pixels along a side

    Returns
    -------
    (FEATURES,) float32: mean and spread of local maps over the whole sector and over three depths; percentiles and
    histogram of the grey levels; local maps by the level around; blocks of 8 pixels; power by band.
    """
    grey = of_known_size(crop)
    inside = _inside(grey)
    surroundings = cv2.boxFilter(grey, cv2.CV_32F, (9, 9))
    maps = list(_maps(grey, surroundings))
    parts = [
        _by_depth(maps, inside),
        _of_levels(grey[inside]),
        _by_level([maps[1], maps[4], maps[5], maps[6]], surroundings, inside.astype(np.uint8) * np.uint8(255)),
        _blocks(grey, inside),
        _bands(grey, inside),
    ]
    return np.concatenate(parts).astype(np.float32)


def of_known_size(crop: np.ndarray) -> np.ndarray:
    """The crop, shrunk by averages where its longer side has more than ``LONGEST_SIDE`` pixels; (H, W) uint8."""
    longest = max(crop.shape)
    if longest <= LONGEST_SIDE:
        return crop
    whole = longest // LONGEST_SIDE  # by this much first: means of so many rows and columns are quick
    height, width = crop.shape[0] // whole, crop.shape[1] // whole
    if whole > 1:
        crop = _shrunk(crop[: height * whole, : width * whole], height, width)
    scale = LONGEST_SIDE / max(crop.shape)
    return _shrunk(crop, max(round(height * scale), 1), max(round(width * scale), 1)) if scale < 1 else crop


def _shrunk(crop: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA))


def _inside(grey: np.ndarray) -> np.ndarray:
    """Pixels between grey ones of their row and column, not at the edge, (H, W) bool; all pixels if those are few."""
    near = cv2.dilate(grey, _NEAR) > 0
    between = _between(near) & _between(near.T).T
    inside = cv2.erode(between.astype(np.uint8), _AROUND, borderValue=0) > 0
    return inside if inside.sum() >= _FEWEST else np.ones_like(inside)


def _between(near: np.ndarray) -> np.ndarray:
    """From the first to the last true pixel of each row, (H, W) bool."""
    width = near.shape[1]
    first, last = near.argmax(axis=1), width - 1 - near[:, ::-1].argmax(axis=1)
    column = np.arange(width)
    between = (column >= first[:, None]) & (column <= last[:, None])
    return np.asarray(between & near.any(axis=1, keepdims=True))


def _maps(grey: np.ndarray, surroundings: np.ndarray) -> Iterator[np.ndarray]:
    """Local maps (H, W) float32 in grey levels; black and even are shares."""
    level = grey.astype(np.float32)
    yield level
    for side in (3, 7, 15):
        yield _spread(level, side)
    across, along = _steps(level, 1, 1), _steps(level, 1, 0)
    yield across
    yield along
    yield np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    yield cv2.absdiff(grey, cv2.medianBlur(grey, 5)).astype(np.float32)
    yield cv2.absdiff(level, surroundings)
    yield cv2.erode(grey, _AROUND).astype(np.float32)
    yield cv2.dilate(grey, _AROUND).astype(np.float32)
    yield (grey < 2).astype(np.float32)
    yield (across < 1).astype(np.float32)
    yield (along < 1).astype(np.float32)
    yield _steps(level, 4, 1)
    yield _steps(level, 4, 0)
    yield _steps(level, 8, 1)


def _spread(level: np.ndarray, side: int) -> np.ndarray:
    mean = cv2.blur(level, (side, side))
    return np.asarray(np.sqrt(np.maximum(cv2.blur(level * level, (side, side)) - mean * mean, 0)))


def _steps(level: np.ndarray, lag: int, axis: int) -> np.ndarray:
    """Absolute difference of pixels ``lag`` apart, 0 where there is none."""
    found = np.zeros_like(level)
    if axis:
        cv2.absdiff(level[:, lag:], level[:, :-lag], found[:, lag:])
    else:
        cv2.absdiff(level[lag:], level[:-lag], found[lag:])
    return found


def _by_depth(maps: list[np.ndarray], inside: np.ndarray) -> np.ndarray:
    """Mean and spread of each map, whole and by depth."""
    weight = inside.astype(np.float32)
    rows = np.linspace(0, len(inside), _SECTIONS + 1).astype(int)
    parts = [slice(begin, end) for begin, end in pairwise(rows)]
    counts = np.array([weight[part].sum() for part in parts])
    sums = np.array([[_sums(one[part], weight[part]) for one in maps] for part in parts], np.float64)  # (3, MAPS, 2)
    sums, counts = np.concatenate([sums.sum(axis=0)[None], sums]), np.concatenate([[counts.sum()], counts])
    mean, square = np.moveaxis(sums / np.maximum(counts, 1)[:, None, None], 2, 0)  # (4, MAPS) each
    return np.stack([mean, np.sqrt(np.maximum(square - mean**2, 0))], axis=-1).ravel()


def _sums(one: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Weighted sums of a map and of its square."""
    within = (one * weight).ravel()
    return float(within.sum()), float(within @ one.ravel())


def _of_levels(levels: np.ndarray) -> np.ndarray:
    """Percentiles, a coarse histogram, and how the levels in use lie."""
    share = np.bincount(levels, minlength=256) / len(levels)
    percentiles = np.searchsorted(np.cumsum(share), np.array(_PERCENTILES) / 100)
    used = np.flatnonzero(share > 1e-4)
    extremes = [share.max(), share[1:255].max(), (share > 0).mean(), used[0], used[-1], share[250:].sum()]
    return np.concatenate([percentiles, share.reshape(_COARSE, -1).sum(axis=1), extremes])


def _by_level(maps: list[np.ndarray], surroundings: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Mean of each map by the level around a pixel: speckle keeps its spread at every level, noise does not."""
    found = np.full((len(maps), len(_LEVELS) + 1), _MISSING)
    for place, (low, high) in enumerate(pairwise((-1.0, *_LEVELS, 256.0))):
        chosen = cv2.bitwise_and(cv2.inRange(surroundings, low, high - _HAIR), inside)
        if cv2.countNonZero(chosen) > _FEW:
            found[:, place] = [cv2.mean(one, chosen)[0] for one in maps]
    return found.ravel()


def _blocks(grey: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """How much third differences stand out on a grid of 8 pixels, across and along: JPEG, wherever its grid begins."""
    level = grey.astype(np.float32)
    found: list[float] = []
    for picture, within in ((level, inside), (level.T, inside.T)):
        third = np.abs(np.diff(picture, 3, axis=1)) * within[:, 1:-2]
        sums, counts = third.sum(axis=0), within[:, 1:-2].sum(axis=0)
        phases = np.array([sums[p::8].sum() / max(counts[p::8].sum(), 1) for p in range(8)])
        phases = np.sort(phases / (phases.mean() + 1e-3))
        found += [phases[-1], phases[-2], phases[0]]
    return np.array(found)


def _bands(grey: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Logarithms of the power by band: across and along as shares of all, and in any direction; mean over tiles."""
    tiles = [
        grey[y : y + _TILE, x : x + _TILE]
        for y in range(0, grey.shape[0] - _TILE + 1, _TILE)
        for x in range(0, grey.shape[1] - _TILE + 1, _TILE)
        if inside[y : y + _TILE, x : x + _TILE].mean() > 0.9
    ]
    if not tiles:
        return np.zeros(3 * _BANDS)
    stack = np.stack(tiles).astype(np.float32)
    stack -= stack.mean(axis=(1, 2), keepdims=True)
    power = np.square(np.abs(np.fft.rfft2(stack * _WINDOW))).mean(axis=0)
    level = np.log1p(power).ravel()
    total = np.log1p(power.sum())
    across, along, anywhere = (means @ level for means in _MEANS_BY_BAND)
    return np.concatenate([across - total, along - total, anywhere])


def _means_by_band() -> list[np.ndarray]:
    """Matrices (BANDS, TILE * (TILE / 2 + 1)) that average over bands of frequency: across, along, in any direction."""
    along, across = np.meshgrid(np.abs(np.fft.fftfreq(_TILE)), np.fft.rfftfreq(_TILE), indexing="ij")
    found = []
    for frequency, highest in ((across, 0.5), (along, 0.5), (np.hypot(across, along), 0.6)):
        band = np.minimum((frequency.ravel() / highest * _BANDS).astype(int), _BANDS - 1)
        one = (band == np.arange(_BANDS)[:, None]).astype(np.float32)
        found.append(one / one.sum(axis=1, keepdims=True))
    return found


_WINDOW = np.outer(np.hanning(_TILE), np.hanning(_TILE)).astype(np.float32)
_MEANS_BY_BAND = _means_by_band()
