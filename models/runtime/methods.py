"""The one interface of the regional quality methods: a metric per region, and the map from metric to rating.

Methods (paper, section 2.3): pixel metrics and coherence measure what the picture shows in each region; end to end and
dense predict the rating itself. All are compared through this interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class RegionalInput:
    """One picture with its regions, all on the model's square grid.

    Attributes
    ----------
    image : (256, 256) uint8, the tight sector crop squashed to a square, black outside the sector
    inside : (256, 256) bool, the sector
    masks : (8, 256, 256) bool, the part of each region inside the sector, in the order of ``REGION_NAMES``
    lumen : (256, 256) bool, left ventricle inside the sector
    """

    image: np.ndarray
    inside: np.ndarray
    masks: np.ndarray
    lumen: np.ndarray


class RegionalMethod(Protocol):
    """Measures the quality of eight regions."""

    @property
    def name(self) -> str:
        """Short name, the key of the method's line in a score map."""
        ...

    def measure(self, given: RegionalInput) -> np.ndarray:
        """The method's own metric for each region, (8,) float32; NaN where there is nothing to measure."""
        ...
