"""The released networks on the model's square, without the search for a sector: what equal pictures are compared by."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from capture.errors import ModelError
from models.runtime.assessor import REGIONAL_QUALITY, SEGMENTATION
from models.runtime.contract import REGION_NAMES
from models.runtime.labels import strongest_class
from models.runtime.manifest import default_weights_folder
from models.runtime.methods import RegionalInput
from models.runtime.precision import open_model
from models.runtime.reference import reference_batches
from models.runtime.regions import clean_labels

_WARM_RUNS, _TIMED_RUNS = 10, 60


class _Network:
    """One released network.

    Parameters
    ----------
    weights : folder of model files, None for the released ones
    provider : ``auto``, ``cpu`` or ``cuda``
    precision : pins one file, None chooses
    threads : within one operator, None for the usual number

    Raises
    ------
    ModelError
        When a model file cannot be trusted or the provider asked for is not granted.
    """

    model = ""

    def __init__(
        self, weights: Path | None, provider: str = "auto", precision: str | None = None, threads: int | None = None
    ) -> None:
        folder = weights or default_weights_folder()
        self._session = open_model(folder, self.model, provider=provider, precision=precision, threads=threads)

    def _run(self, image: np.ndarray) -> np.ndarray:
        """First output of a model square: (256, 256) uint8 -> its shape without the batch, float32."""
        batch = image.astype(np.float32)[np.newaxis, np.newaxis]  # (1, 1, 256, 256) in 0..255
        return np.asarray(self._session.run(batch)[0][0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()


class EndToEnd(_Network):
    """Ratings of the network that predicts all regions at once, as a ``RegionalMethod``."""

    model, name = REGIONAL_QUALITY, "end_to_end"

    def measure(self, given: RegionalInput) -> np.ndarray:
        """Corrected ratings 1..5, (8,) float32; NaN for a region without a pixel inside the sector.

        Raises
        ------
        ModelError
            When the model fails, or gives another number of scores.
        """
        raw = self._run(given.image)
        if raw.shape != (len(REGION_NAMES),):
            raise ModelError(f"{self._session.model_id} gave {raw.shape} scores, expected {len(REGION_NAMES)}")
        correction = self._session.entry.correction
        rating = np.clip((raw - correction.intercept) / correction.slope, 1, 5)
        return np.asarray(np.where(given.masks.any(axis=(1, 2)), rating, np.nan), np.float32)


class Segmenter(_Network):
    """Labels of the released segmentation."""

    model = SEGMENTATION

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Cleaned labels of a model square: (256, 256) uint8 -> (256, 256) uint8."""
        return clean_labels(strongest_class(self._run(image)))

    def median_ms(self) -> float:
        """Median time of the network alone over 60 runs."""
        square = reference_batches(1)[0][0, 0].astype(np.uint8)
        took_ms = []
        for _ in range(_WARM_RUNS + _TIMED_RUNS):
            start = time.perf_counter()
            self._run(square)
            took_ms.append(1e3 * (time.perf_counter() - start))
        return round(float(np.median(took_ms[_WARM_RUNS:])), 2)


def segmentation_ms(weights: Path | None) -> float:
    """Median ms of the INT8 segmentation with two threads on the CPU."""
    with Segmenter(weights, "cpu", "int8", threads=2) as segmenter:
        return segmenter.median_ms()
