"""The end-to-end method: a network that rates eight regions from the picture alone (paper, section 2.3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.errors import ModelError
from models.runtime.causes import BY_LIKELIHOOD, BY_SEVERITY, Told, likelihoods
from models.runtime.contract import REGION_NAMES, ModelInfo
from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE, logistic, mask_shares, pooled
from models.runtime.manifest import CauseMap
from models.runtime.methods import RegionalInput
from models.runtime.session import ModelSession, batch_of

REGIONAL_QUALITY = "regional_quality"
_MIDDLE, _LOWEST, _HIGHEST = 3.0, 1.0, 5.0
_SIZE = 32  # of its maps, which are half as fine as those of the dense network


@dataclass(frozen=True, eq=False)
class QualityReading:
    """What the network says of one frame.

    Attributes
    ----------
    rating : (8, 32, 32) float32, one map for each region in the order of ``REGION_NAMES``
    severity : (7, 32, 32) float32 0..1 in the order of ``CAUSE_CHANNELS``
    cause_map : what makes likelihoods of severities, None for a network without
    """

    rating: np.ndarray
    severity: np.ndarray
    cause_map: CauseMap | None = None

    def region_ratings(self, shares: np.ndarray) -> np.ndarray:
        """Mean of each region's own map over it, (8,) float32 in 1..5; NaN for an empty region.

        The file's own scores, which need no regions, weigh the map by a learned attention. Where regions are known
        they place a loss better (card_quality.md).

        Parameters
        ----------
        shares : (8, 64, 64) float32, see ``region_shares``
        """
        every = pooled(self.rating, _coarse(shares))  # (map, region)
        return np.asarray(np.clip(every.diagonal(), _LOWEST, _HIGHEST))

    def region_severity(self, shares: np.ndarray) -> np.ndarray:
        """Mean severity by cause and region, (7, 8) float32; NaN for an empty region."""
        return pooled(self.severity, _coarse(shares))

    def region_causes(self, shares: np.ndarray) -> tuple[np.ndarray, Told]:
        """Strength of each cause and region, (6 or 7, 8) float32 with NaN for an empty region, and what to tell of it.

        Likelihoods where there is a map to them, else severities.
        """
        severity = self.region_severity(shares)
        if self.cause_map is None:
            return severity, BY_SEVERITY
        return likelihoods(severity, self.cause_map), BY_LIKELIHOOD


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
            When the model fails or gives something else than finite maps of eight regions and the causes.
        """
        maps = self._session.run(batch_of(grey))[-1][0]
        wanted = (len(REGION_NAMES) + len(CAUSE_CHANNELS), _SIZE, _SIZE)
        if maps.shape != wanted:
            raise ModelError(f"{self.model_id} gave maps {maps.shape}, not {wanted}: reinstall the weights")
        correction = self._session.entry.correction
        offset = correction.intercept + np.array(correction.region_levels, np.float32)[:, None, None]
        rating = (_MIDDLE + maps[: len(REGION_NAMES)] - offset) / correction.slope
        return QualityReading(
            np.asarray(rating, np.float32), logistic(maps[len(REGION_NAMES) :]), self._session.entry.cause_map
        )

    def measure(self, given: RegionalInput) -> np.ndarray:
        """Rating of each region, (8,) float32; NaN where a region is empty."""
        return self.read(given.image).region_ratings(mask_shares(given.masks))

    def close(self) -> None:
        """Release the session; twice is fine."""
        self._session.close()


def _coarse(shares: np.ndarray) -> np.ndarray:
    """Area means, (R, 64, 64) -> (R, 32, 32)."""
    cell = MAP_SIZE // _SIZE
    return np.asarray(shares.reshape(len(shares), _SIZE, cell, _SIZE, cell).mean(axis=(2, 4)))
