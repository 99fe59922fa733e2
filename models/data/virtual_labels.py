"""Truth per region of a virtual sample: the eight regions in mm, their true quality and what lowered it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.virtual.acoustics.quality import CAUSES
from capture.virtual.generator.truth import OTHER_VIEW, LabelledSample
from models.runtime.contract import REGION_NAMES
from models.runtime.regions import RegionDivision, RegionFailure, divide

# An annulus is judged by the tissue around its 2 mm circle: leaflet hinge and the walls above and below.
ANNULUS_REACH_MM = 7.0
_WALLS = 6


@dataclass(frozen=True)
class RegionTruth:
    """Truth of the eight regions, in the order of ``REGION_NAMES``.

    Attributes
    ----------
    rating : eight mean true ratings from 1 to 5 inside the sector, None where no part of a region is
    outside_share : eight shares of a region outside the sector, 0..1
    severity : by cause, eight mean severities 0..1, None as for the rating
    failure : why there are no regions, None when there are; the rest is empty then
    """

    rating: tuple[float | None, ...] = ()
    outside_share: tuple[float, ...] = ()
    severity: dict[str, tuple[float | None, ...]] | None = None
    failure: str | None = None

    def to_json(self) -> dict[str, object]:
        """Plain values, rounded to four digits."""
        if self.failure is not None:
            return {"failure": self.failure}
        return {
            "failure": None,
            "rating": _rounded(self.rating),
            "outside_share": _rounded(self.outside_share),
            "severity": {cause: _rounded(values) for cause, values in (self.severity or {}).items()},
        }


def region_truth(sample: LabelledSample) -> RegionTruth:
    """Regions of one sample by the division that also serves live frames; a failure is kept with its cause."""
    if sample.view == OTHER_VIEW:
        return RegionTruth(failure="not an apical long-axis view")
    try:
        division = divide(sample.labels, sample.spacing_mm, sample.inside, spacing_known=True)
    except RegionFailure as reason:
        return RegionTruth(failure=str(reason))
    judged = [_judged(division, region, sample) for region in range(len(REGION_NAMES))]
    return RegionTruth(
        rating=tuple(_mean(sample.rating, mask) for mask in judged),
        outside_share=division.outside_share,
        severity={cause: tuple(_mean(sample.severity[cause], mask) for mask in judged) for cause in CAUSES},
    )


def _judged(division: RegionDivision, region: int, sample: LabelledSample) -> np.ndarray:
    """Pixels inside the sector that a region is judged by, (256, 256) uint8."""
    if region < _WALLS:
        return np.asarray(division.mask(region) & sample.inside, np.uint8)
    marks = division.landmarks
    centre = (marks.annulus_left, marks.annulus_right)[region - _WALLS]
    axes = tuple(round(ANNULUS_REACH_MM / side * 16) for side in sample.spacing_mm)
    disc = np.zeros(sample.labels.shape, np.uint8)
    middle = (round(float(centre[0]) * 16), round(float(centre[1]) * 16))
    cv2.ellipse(disc, middle, axes, 0, 0, 360, 1, -1, shift=4)
    # Blood beside the annulus has no structure to see.
    muscle = np.isin(division.labels, (0, 2))
    return np.asarray(disc & sample.inside & muscle, np.uint8)


def _mean(values: np.ndarray, mask: np.ndarray) -> float | None:
    return float(cv2.mean(values, mask)[0]) if mask.any() else None


def _rounded(values: tuple[float | None, ...]) -> list[float | None]:
    return [None if value is None else round(value, 4) for value in values]
