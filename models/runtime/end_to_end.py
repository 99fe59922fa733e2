"""The end-to-end method: a network that rates eight regions from the picture alone (paper, section 2.3.3).

Beyond the paper, a second, very small network reads the maps of the first region by region, beside statistics of the
grey levels (region_features.py): it makes the rating and tells the cause.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from capture.errors import ModelError
from models.runtime.contract import REGION_NAMES, ModelInfo
from models.runtime.dense import CAUSE_CHANNELS, logistic, mask_shares
from models.runtime.methods import RegionalInput
from models.runtime.region_features import CELLS, FEATURES, grey_statistics, region_features
from models.runtime.session import ModelSession, batch_of

REGIONAL_QUALITY, REGIONAL_READING = "regional_quality", "regional_reading"
_MIDDLE, _LOWEST, _HIGHEST = 3.0, 1.0, 5.0


@dataclass(frozen=True, eq=False)
class QualityMaps:
    """What the first network says of one frame, and what is counted in it.

    Attributes
    ----------
    rating : (8, 32, 32) float32, one map for each region in the order of ``REGION_NAMES``
    severity : (7, 32, 32) float32 0..1 in the order of ``CAUSE_CHANNELS``
    statistics : (12, 32, 32) float32, see ``grey_statistics``
    """

    rating: np.ndarray
    severity: np.ndarray
    statistics: np.ndarray

    def features(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the second network gets, (8, 91) float32, and which regions are there, (8,) bool."""
        return region_features(self.rating, self.severity, self.statistics, shares)


@dataclass(frozen=True, eq=False)
class RegionReading:
    """Of the eight regions; NaN for an empty one.

    Attributes
    ----------
    ratings : (8,) float32 in 1..5
    likelihoods : (6, 8) float32, of each of ``SHOWN_CAUSES``; what is left to 1 stands for another cause or none
    """

    ratings: np.ndarray
    likelihoods: np.ndarray


class EndToEnd:
    """Our end-to-end model; a ``RegionalMethod`` whose metric is the rating itself.

    Parameters
    ----------
    session : of the network that sees the picture; closed with this object
    reader : of the one that reads its maps; closed with this object

    Raises
    ------
    ModelError
        When the second is not made for the features of this program.
    """

    name = "end_to_end"

    def __init__(self, session: ModelSession, reader: ModelSession) -> None:
        self._session, self._reader = session, reader
        wanted = reader.entry.contract.input.shape[-1]
        if wanted != FEATURES:
            raise ModelError(f"{reader.model_id} reads {wanted} features, not {FEATURES}: reinstall the weights")

    @property
    def infos(self) -> tuple[ModelInfo, ...]:
        """What the HUD and the records show."""
        return self._session.info, self._reader.info

    def read(self, grey: np.ndarray) -> QualityMaps:
        """Maps of a model square; see ``read_maps``."""
        return read_maps(self._session, grey)

    def regions(self, maps: QualityMaps, shares: np.ndarray) -> RegionReading:
        """Rate each region and tell what is wrong in it.

        Parameters
        ----------
        maps : of the frame
        shares : (8, 64, 64) float32, see ``region_shares``

        Raises
        ------
        ModelError
            When the second network fails.
        """
        features, is_there = maps.features(shares)
        rating, causes = self._reader.run(features)
        correction = self._session.entry.correction
        corrected = np.clip((rating[:, 0] - correction.intercept) / correction.slope, _LOWEST, _HIGHEST)
        return RegionReading(
            np.asarray(np.where(is_there, corrected, np.nan), np.float32),
            np.asarray(np.where(is_there, causes.T, np.nan), np.float32),
        )

    def measure(self, given: RegionalInput) -> np.ndarray:
        """Rating of each region, (8,) float32; NaN where a region is empty."""
        return self.regions(self.read(given.image), mask_shares(given.masks)).ratings

    def close(self) -> None:
        """Release the sessions; twice is fine."""
        self._session.close()
        self._reader.close()


def read_maps(session: ModelSession, grey: np.ndarray) -> QualityMaps:
    """Maps of the first network alone, of a model square (256, 256) uint8.

    Raises
    ------
    ModelError
        When the model fails or gives something else than finite maps of eight regions and the causes.
    """
    statistics = grey_statistics(grey)
    maps = session.run(batch_of(grey))[-1][0]
    wanted = (len(REGION_NAMES) + len(CAUSE_CHANNELS), CELLS, CELLS)
    if maps.shape != wanted:
        raise ModelError(f"{session.model_id} gave maps {maps.shape}, not {wanted}: reinstall the weights")
    rating, severity = np.split(maps, [len(REGION_NAMES)])
    return QualityMaps(_MIDDLE + rating, logistic(severity), statistics)


def open_end_to_end(open_model: Callable[[str], ModelSession]) -> EndToEnd:
    """Open both networks.

    Raises
    ------
    ModelError
        When one is missing or cannot be used; neither is open then.
    """
    with ExitStack() as stack:
        session = open_model(REGIONAL_QUALITY)
        stack.callback(session.close)
        reader = open_model(REGIONAL_READING)
        stack.callback(reader.close)
        network = EndToEnd(session, reader)
        stack.pop_all()
        return network
