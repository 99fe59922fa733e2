"""The released networks on the model's square, without the search for a sector: what equal pictures are compared by."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.data.virtual_dataset import VirtualDataset
from models.regional.coherence.evaluate import evaluate_coherence
from models.runtime.causes import SHOWN_CAUSES, strength_of
from models.runtime.coherence import CoherenceMethod
from models.runtime.contract import CAUSES
from models.runtime.dense import mask_shares
from models.runtime.dense_model import REGIONAL_DENSE, DenseModel
from models.runtime.end_to_end import EndToEnd, open_end_to_end
from models.runtime.labels import strongest_class
from models.runtime.manifest import default_weights_folder
from models.runtime.methods import RegionalInput, RegionalMethod
from models.runtime.outlining import SEGMENTATION, Outliner
from models.runtime.pixel_metrics import METRICS, PixelMetric
from models.runtime.precision import open_model
from models.runtime.reference import reference_batches
from models.runtime.regions import clean_labels
from models.runtime.session import ModelSession

_WARM_RUNS, _TIMED_RUNS = 10, 60


@dataclass(frozen=True, eq=False)
class Released:
    """What the evaluation reads from the released files.

    Attributes
    ----------
    dense, end_to_end : networks that tell the view and the causes
    outliner : what outlines a frame in the program
    methods : every quality method by name
    coherence : (N, 1, 256, 256) float32 -> coherence maps of the coherence network
    """

    dense: DenseModel
    end_to_end: EndToEnd
    outliner: Outliner
    methods: dict[str, RegionalMethod]
    coherence: Callable[[np.ndarray], np.ndarray]

    def segment(self, image: np.ndarray, view: str | None = None) -> np.ndarray:
        """Cleaned labels of a model square in a view, None for the one recognised: (256, 256) uint8, in and out."""
        return clean_labels(strongest_class(self.outliner.outline(image, 0, view).logits))

    def recognise(self, image: np.ndarray) -> np.ndarray:
        """View probabilities (4,) of a model square."""
        return self.dense.read(image).view_p

    def causes(self, given: RegionalInput) -> tuple[np.ndarray, np.ndarray]:
        """Strength of each of ``CAUSES`` in the frame (causes,) and each region (8, causes); NaN where unknown."""
        reading = self.end_to_end.regions(self.end_to_end.read(given.image), mask_shares(given.masks))
        found = reading.likelihoods
        frame = np.full(len(CAUSES), np.nan)
        regions = np.full((len(given.masks), len(CAUSES)), np.nan)
        for channel, name in enumerate(SHOWN_CAUSES):
            place = CAUSES.index(name)
            frame[place], regions[:, place] = strength_of(found[channel]), found[channel]
        return frame, regions


def open_released(stack: ExitStack, weights: Path | None, provider: str) -> Released:
    """Open all networks; the stack closes them.

    Raises
    ------
    ModelError
        When a model file cannot be trusted or the provider asked for is not granted.
    """
    folder = weights or default_weights_folder()

    def opened(name: str) -> ModelSession:
        session = open_model(folder, name, provider=provider)
        stack.callback(session.close)
        return session

    segmentation, coherence = opened(SEGMENTATION), opened(CoherenceMethod.name)
    dense, end_to_end = DenseModel(opened(REGIONAL_DENSE)), open_end_to_end(opened)
    methods: dict[str, RegionalMethod] = {
        "end_to_end": end_to_end,
        "dense": dense,
        "coherence": CoherenceMethod(coherence),
    }
    methods |= {name: PixelMetric(name) for name in METRICS}
    outliner = Outliner(segmentation, dense, per_frame=True, every_frame=True)
    return Released(dense, end_to_end, outliner, methods, lambda batch: coherence.run(batch)[0])


def segmentation_ms(weights: Path | None) -> float:
    """Median ms of the INT8 segmentation network with two threads on the CPU."""
    folder = weights or default_weights_folder()
    session = open_model(folder, SEGMENTATION, provider="cpu", precision="int8", threads=2)
    batch = reference_batches(1)[0]
    took_ms = []
    for _ in range(_WARM_RUNS + _TIMED_RUNS):
        start = time.perf_counter()
        session.run(batch)
        took_ms.append(1e3 * (time.perf_counter() - start))
    session.close()
    return round(float(np.median(took_ms[_WARM_RUNS:])), 2)


def coherence_figures(released: Released, dataset: VirtualDataset) -> dict[str, object]:
    """Figures of the coherence network on virtual frames."""
    found = evaluate_coherence(released.coherence, dataset)
    count = found.pop("n")
    return found | {"coherence_n": dict.fromkeys(("coherence_ssim", "coherence_gain_change"), count)}
