"""A made-up heart in a made-up sector, for tests of what is painted over a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from capture.frame import Frame
from capture.geometry import Rect, Sector
from models.runtime.contract import (
    REGION_NAMES,
    Assessment,
    ClusterAssessment,
    RegionAssessment,
    Verdict,
    cannot_judge,
    label_of,
)

SIZE = (480, 640)
CROP = Rect(120, 20, 400, 440)
SECTOR = Sector(320.0, 10.0, 10.0, 450.0, -0.6, 0.6)

BOXES = {
    "basal_left": (220, 300, 40, 80),
    "mid_left": (220, 200, 40, 80),
    "apical_left": (240, 100, 40, 80),
    "apical_right": (360, 100, 40, 80),
    "mid_right": (380, 200, 40, 80),
    "basal_right": (380, 300, 40, 80),
    "annulus_left": (230, 400, 20, 20),
    "annulus_right": (390, 400, 20, 20),
}
"""Region -> (x, y, width, height) in frame pixels."""

CLUSTERS = ("A-", "A", "A+")

LABELS = (4, 5, 3, 1, 3, 3, 5, 0)
"""In the order of ``REGION_NAMES``."""


def centre(name: str) -> tuple[float, float]:
    """Middle of a region, frame pixels."""
    x, y, width, height = BOXES[name]
    return x + width / 2, y + height / 2


def heart_frame(index: int = 0, t_ms: float = 0.0, value: int = 60, source_id: str = "mock:0") -> Frame:
    """A frame of one grey value."""
    return Frame(np.full(SIZE, value, np.uint8), index, round(t_ms * 1e6), source_id)


def heart(frame: Frame, labels: tuple[int | None, ...] = LABELS, view: str | None = None) -> Assessment:
    """A judged frame; regions of label 0 or None have no score."""
    regions = tuple(_region(name, label) for name, label in zip(REGION_NAMES, labels, strict=True))
    return Assessment(
        frame.index,
        frame.t_mono_ns,
        frame.source_id,
        (frame.height, frame.width),
        Verdict.OK,
        view=view,
        sector=SECTOR,
        crop=CROP,
        regions=regions,
    )


def no_heart(frame: Frame, reason: str = "no heart found: tilt the probe") -> Assessment:
    """A frame that was not judged."""
    return replace(cannot_judge(frame, reason), sector=SECTOR, crop=CROP)


def _region(name: str, label: int | None) -> RegionAssessment:
    x, y, width, height = BOXES[name]
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)
    score = float(label) if label else None
    assert score is None or label_of(score) == label
    return RegionAssessment(name, score, score, label, 0.0 if label else 0.8, (corners,))


def in_cluster(
    rank: int = 2, p: float = 0.82, level: int = 4, place: tuple[float, float] = (1.0, 2.0)
) -> ClusterAssessment:
    """A place among A-, A and A+; what ``p`` leaves is shared by the others."""
    shares = tuple(p if other == rank else (1 - p) / 2 for other in range(3))
    return ClusterAssessment(CLUSTERS[rank], rank, shares, CLUSTERS, place, (5 - level) / 4, level)


def liver(frame: Frame, cluster: ClusterAssessment | None = None, reason: str = "") -> Assessment:
    """A judged frame of another organ: a cluster, and no region."""
    made = replace(heart(frame), regions=(), cluster_reason=reason)
    return replace(made, cluster=None if reason else cluster or in_cluster())
