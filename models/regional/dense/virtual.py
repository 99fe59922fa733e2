"""Virtual frames for the dense network: exact labels, rating, coherence, causes, view and foreshortening."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.virtual.acoustics.quality import CAUSES as PHYSICAL_CAUSES
from models.data.virtual_dataset import VirtualDataset, VirtualRecord
from models.regional.coherence.truth import smoothed_inside
from models.runtime.contract import VIEWS
from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE, VIEW_CHANNELS, region_shares
from models.runtime.landmarks import RegionFailure
from models.runtime.regions import divide

COHERENCE_SIGMA_PX = 3.0
"""Coherence is taught as a local mean: of a single pixel it follows the speckle, which no picture foretells."""

_PHYSICAL = {"shadow": "shadow", "clutter": "haze", "noise": "noise", "defocus": "defocus"}


@dataclass(frozen=True, eq=False)
class VirtualFrame:
    """One virtual frame with its truth on the map grid.

    Attributes
    ----------
    image, label : (256, 256) uint8
    shares : (8, 64, 64) float16, zero where the frame has no regions
    rating, coherence, inside : (64, 64) float16
    causes : (7, 64, 64) float16
    view : place in ``VIEW_CHANNELS``
    borderline : the probe was meant to show an apical view and missed it by too much
    foreshortening : share of the ventricle's length that the plane misses, NaN for other views
    """

    image: np.ndarray
    label: np.ndarray
    shares: np.ndarray
    rating: np.ndarray
    coherence: np.ndarray
    inside: np.ndarray
    causes: np.ndarray
    view: int
    borderline: bool
    foreshortening: float

    @property
    def is_apical(self) -> bool:
        """Whether labels and foreshortening are of a view that can be divided."""
        return VIEW_CHANNELS[self.view] in VIEWS


def virtual_frames(data: VirtualDataset) -> list[VirtualFrame]:
    """All samples that may be trained on."""
    return [virtual_frame(record) for record in map(data.__getitem__, range(len(data))) if not record.is_held_out]


def virtual_frame(record: VirtualRecord) -> VirtualFrame:
    """Truth of one sample; regions are divided as in live use."""
    inside, apical = record.inside, record.view in VIEWS
    return VirtualFrame(
        np.array(record.image),
        np.array(record.labels),
        _shares(record).astype(np.float16),
        _cells(record.rating).astype(np.float16),
        _cells(local_coherence(record)).astype(np.float16),
        _cells(inside.astype(np.float32)).astype(np.float16),
        _causes(record).astype(np.float16),
        VIEW_CHANNELS.index(record.view),
        not apical and record.info["draw"]["view"] in VIEWS,
        float(np.clip(record.info["foreshortening"], 0, 1)) if apical else float("nan"),
    )


def local_coherence(record: VirtualRecord) -> np.ndarray:
    """True coherence, averaged with a Gaussian of 3 pixels inside the sector, (256, 256) float32."""
    return smoothed_inside(record.coherence, record.inside, COHERENCE_SIGMA_PX)


def _shares(record: VirtualRecord) -> np.ndarray:
    none = np.zeros((8, MAP_SIZE, MAP_SIZE), np.float32)
    if record.view not in VIEWS:
        return none
    try:
        division = divide(record.labels, record.spacing_mm, record.inside, spacing_known=True)
    except RegionFailure:
        return none
    return region_shares(division, record.spacing_mm, record.inside)


def _causes(record: VirtualRecord) -> np.ndarray:
    """Physical causes by channel; the sign of the gain's error tells which of the two it is."""
    maps = np.zeros((len(CAUSE_CHANNELS), MAP_SIZE, MAP_SIZE), np.float32)
    severity = record.severity
    gain = "gain_high" if record.info["draw"]["gain_error_db"] > 0 else "gain_low"
    for name in PHYSICAL_CAUSES:
        channel = gain if name == "gain" else _PHYSICAL.get(name)
        if channel is not None:
            maps[CAUSE_CHANNELS.index(channel)] = severity[name]
    return maps


def _cells(values: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(values, (MAP_SIZE, MAP_SIZE), interpolation=cv2.INTER_AREA), np.float32)
