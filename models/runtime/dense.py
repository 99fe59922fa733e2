"""What the dense network's outputs mean: channels, rating and severity per region.

A region's score is the mean of the rating map over the region (facts on transfer: dense maps pooled over segmented
regions hold on real images where a global pool does not).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.runtime.contract import OTHER_VIEW, REGION_NAMES, VIEWS
from models.runtime.regions import RegionDivision

MAP_SIZE = 64
FORESHORTENED_FULL = 0.15
"""Share of the ventricle's length missed by the plane at which the network's foreshortening reads 1."""

VIEW_CHANNELS = (*VIEWS, OTHER_VIEW)
CAUSE_CHANNELS = ("gain_low", "gain_high", "shadow", "haze", "noise", "defocus", "processing")
"""Causes that have a map; ``processing`` (compression and the like) explains a loss but is not shown."""

ANNULUS_REACH_MM = 9.0
"""An annulus is judged by what surrounds its 2 mm circle: leaflet hinge, the wall above and below."""
ANNULUS_REACH_SHARE = ANNULUS_REACH_MM / 87.0  # of the ventricle's length, where the spacing is unknown
_WALLS = 6
_BLOCK = 256 // MAP_SIZE


@dataclass(frozen=True, eq=False)
class DenseReading:
    """The outputs of one frame in plain units.

    Attributes
    ----------
    logits : (5, 256, 256) float32
    rating : (64, 64) float32, about 1..5
    coherence : (64, 64) float32, 0..1
    severity : (7, 64, 64) float32 0..1 in the order of ``CAUSE_CHANNELS``
    view_p : (4,) float32 in the order of ``VIEW_CHANNELS``, sum 1
    foreshortening : 0..1, in shares of ``FORESHORTENED_FULL``
    """

    logits: np.ndarray
    rating: np.ndarray
    coherence: np.ndarray
    severity: np.ndarray
    view_p: np.ndarray
    foreshortening: float


def read_outputs(logits: np.ndarray, maps: np.ndarray, frame: np.ndarray) -> DenseReading:
    """One frame's raw outputs, (1, 5, 256, 256), (1, 9, 64, 64) and (1, 5), in plain units."""
    views = frame[0, : len(VIEW_CHANNELS)].astype(np.float64)
    share = np.exp(views - views.max())
    return DenseReading(
        logits[0],
        maps[0, 0] + np.float32(3),
        logistic(maps[0, 1]),
        logistic(maps[0, 2:]),
        (share / share.sum()).astype(np.float32),
        float(logistic(frame[0, -1:])[0]),
    )


def region_shares(division: RegionDivision, unit_xy: tuple[float, float], inside: np.ndarray) -> np.ndarray:
    """How much of each map cell belongs to what a region is judged by, (8, 64, 64) float32 in 0..1.

    Parameters
    ----------
    division : on the model's square grid, (256, 256)
    unit_xy : size of a pixel (x, y) in mm, or in any unit when the division's spacing is assumed
    inside : (256, 256) bool, the sector
    """
    shares = np.zeros((len(REGION_NAMES), MAP_SIZE, MAP_SIZE), np.float32)
    seen = np.where(inside, division.wall_map, 0).astype(np.uint8)
    for region in range(_WALLS):
        shares[region] = _cells((seen == region + 1).astype(np.float32))
    marks = division.landmarks
    reach = ANNULUS_REACH_SHARE * marks.length if division.spacing_assumed else ANNULUS_REACH_MM
    within = _cells(inside.astype(np.float32))
    for region, centre in enumerate((marks.annulus_left, marks.annulus_right), start=_WALLS):
        shares[region] = _disc(centre, reach, unit_xy) * within
    return shares


def mask_shares(masks: np.ndarray) -> np.ndarray:
    """Share of each map cell under masks that are given as they are: (R, 256, 256) bool -> (R, 64, 64) float32."""
    return np.stack([_cells(mask.astype(np.float32)) for mask in masks])


def pooled(maps: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Mean of maps (..., H, W) over regions (R, H, W): (..., R) float32; NaN for a region without cells."""
    flat = shares.reshape(len(shares), -1)
    total = flat.sum(axis=1)
    sums = maps.reshape(*maps.shape[:-2], -1) @ flat.T
    return np.asarray(np.where(total > 0, sums / np.maximum(total, 1e-6), np.nan), np.float32)


def _cells(mask: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(mask, (MAP_SIZE, MAP_SIZE), interpolation=cv2.INTER_AREA))


def _disc(centre: np.ndarray, reach: float, unit_xy: tuple[float, float]) -> np.ndarray:
    """Disc around a point of the square grid, softened by a cell, (64, 64) float32."""
    grid = (np.arange(MAP_SIZE, dtype=np.float32) + 0.5) * _BLOCK - 0.5
    across = (grid[None, :] - centre[0]) * unit_xy[0]
    down = (grid[:, None] - centre[1]) * unit_xy[1]
    cell = _BLOCK * max(unit_xy)
    return np.asarray(np.clip((reach - np.hypot(across, down)) / cell + 0.5, 0, 1), np.float32)


def logistic(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), float32."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), np.float32)
