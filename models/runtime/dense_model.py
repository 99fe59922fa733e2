"""The released dense network, ready to run, and its rating as one of the compared methods."""

from __future__ import annotations

import numpy as np

from models.runtime.dense import DenseReading, mask_shares, pooled, read_outputs
from models.runtime.methods import RegionalInput
from models.runtime.session import ModelSession, batch_of

REGIONAL_DENSE = "regional_dense"


class DenseModel:
    """One pass: segmentation, rating, coherence and cause maps, view, foreshortening.

    Parameters
    ----------
    session : of the model; closed with this object
    """

    name = "dense"

    def __init__(self, session: ModelSession) -> None:
        self.session = session

    def read(self, grey: np.ndarray) -> DenseReading:
        """Everything about a model square, (256, 256) uint8.

        Raises
        ------
        ModelError
            When the model fails or gives values that are not finite.
        """
        logits, maps, frame = self.session.run(batch_of(grey))
        return read_outputs(logits, maps, frame)

    def measure(self, given: RegionalInput) -> np.ndarray:
        """Rating of each region, (8,) float32; NaN where a region is empty."""
        return pooled(self.read(given.image).rating, mask_shares(given.masks))

    def close(self) -> None:
        """Release the session; twice is fine."""
        self.session.close()


class DenseCoherence:
    """The dense network's coherence map as a method of its own: mean coherence of each region."""

    name = "dense_coherence"

    def __init__(self, model: DenseModel) -> None:
        self._model = model

    def measure(self, given: RegionalInput) -> np.ndarray:
        """Mean coherence of each region, (8,) float32 in 0..1; NaN where a region is empty."""
        return pooled(self._model.read(given.image).coherence, mask_shares(given.masks))
