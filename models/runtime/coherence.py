"""Local coherence as a regional metric: mean of a predicted coherence map over each region (paper, section 2.3.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from models.runtime.methods import RegionalInput
from models.runtime.precision import open_model
from models.runtime.providers import Provider


class _Session(Protocol):
    def run(self, batch: np.ndarray) -> tuple[np.ndarray, ...]: ...


class CoherenceMethod:
    """Coherence (gamma .5, 0..1) of regions or of the whole sector, from the picture alone.

    Parameters
    ----------
    session : runs the model ``coherence``: (1, 1, 256, 256) float32 in 0..255 -> map of the same shape, 0..1
    """

    name = "coherence"

    def __init__(self, session: _Session) -> None:
        self._session = session

    @classmethod
    def open(
        cls, weights: Path, provider: Provider | str = Provider.AUTO, precision: str | None = None
    ) -> CoherenceMethod:
        """The method with the released model of a folder.

        Raises
        ------
        ModelError
            When the folder has no model ``coherence``, or it cannot be run.
        """
        return cls(open_model(weights, cls.name, provider=provider, precision=precision))

    def coherence_map(self, image: np.ndarray) -> np.ndarray:
        """Coherence of every pixel of a (256, 256) uint8 picture, float32; without meaning outside the sector."""
        return np.asarray(self._session.run(image.astype(np.float32)[None, None])[0][0, 0])

    def measure(self, given: RegionalInput) -> np.ndarray:
        """Mean coherence of each region, (8,) float32; NaN for an empty one."""
        return _means(self.coherence_map(given.image), given.masks)

    def global_coherence(self, image: np.ndarray, inside: np.ndarray) -> float:
        """Mean coherence of the sector, which needs no segmentation; NaN when there is no sector.

        Parameters
        ----------
        image : (256, 256) uint8
        inside : (256, 256) bool
        """
        return float(_means(self.coherence_map(image), inside[None])[0])


def _means(values: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Mean of (H, W) over each of (K, H, W) bool, (K,) float32; NaN for an empty mask."""
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    count = flat.sum(axis=1)
    total = flat @ values.reshape(-1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan)))
