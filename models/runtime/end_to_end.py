"""The paper's end-to-end method: a network that scores eight regions from the picture alone (section 2.3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.errors import ModelError
from models.runtime.contract import REGION_NAMES, ModelInfo
from models.runtime.dense import CAUSE_CHANNELS, logistic
from models.runtime.methods import RegionalInput
from models.runtime.session import ModelSession, batch_of

REGIONAL_QUALITY = "regional_quality"
_LOWEST, _HIGHEST = 1.0, 5.0
_CELL = 2  # its maps are half as fine as those of the dense network


@dataclass(frozen=True, eq=False)
class QualityReading:
    """What the network says of one frame.

    Attributes
    ----------
    scores : (8,) float64 in 1..5, in the order of ``REGION_NAMES``
    severity : (7, 64, 64) float32 0..1 in the order of ``CAUSE_CHANNELS``
    """

    scores: np.ndarray
    severity: np.ndarray


class EndToEnd:
    """Our end-to-end model; a ``RegionalMethod`` whose metric is the rating itself.

    Parameters
    ----------
    session : of the model; closed with this object
    """

    name = "end_to_end"

    def __init__(self, session: ModelSession) -> None:
        self._session = session

    @property
    def info(self) -> ModelInfo:
        """What the HUD and the records show."""
        return self._session.info

    @property
    def model_id(self) -> str:
        """As in the records."""
        return self._session.model_id

    def read(self, grey: np.ndarray) -> QualityReading:
        """Ratings and causes of a model square, (256, 256) uint8.

        Raises
        ------
        ModelError
            When the model fails or gives something else than eight finite scores and the causes' maps.
        """
        raw, maps = (output[0] for output in self._session.run(batch_of(grey)))
        if raw.shape != (len(REGION_NAMES),) or len(maps) != len(REGION_NAMES) + len(CAUSE_CHANNELS):
            raise ModelError(f"{self.model_id} gave {raw.shape} scores and {maps.shape} maps: reinstall the weights")
        correction = self._session.entry.correction
        scores = np.clip((raw - correction.intercept) / correction.slope, _LOWEST, _HIGHEST)
        severity = logistic(maps[len(REGION_NAMES) :])
        return QualityReading(np.asarray(scores), severity.repeat(_CELL, axis=1).repeat(_CELL, axis=2))

    def scores(self, grey: np.ndarray) -> np.ndarray:
        """The ratings alone, as ``read``."""
        return self.read(grey).scores

    def measure(self, given: RegionalInput) -> np.ndarray:
        """Rating of each region, (8,) float32; NaN where a region is empty."""
        found = np.where(given.masks.any(axis=(1, 2)), self.scores(given.image), np.nan)
        return np.asarray(found, np.float32)

    def close(self) -> None:
        """Release the session; twice is fine."""
        self._session.close()
