"""``sonogauge evaluate us2qnet`` without a table: the figures of the released files, from those files."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from capture.errors import DataError
from models.metrics.clustering import clustering_figures
from models.runtime.fuzzy_filter import FuzzyFilter
from models.runtime.manifest import Manifest, Precision, default_weights_folder, load_manifest
from models.runtime.providers import Provider
from models.runtime.session import ModelSession
from models.us2qnet.data import (
    FIVE_LEVELS,
    THREE_LEVELS,
    ULTRASOUND,
    QualityImages,
    bladder_pictures,
    in_one,
    known_levels,
)
from models.us2qnet.digits import stored_run
from models.us2qnet.filter_figures import clean_pictures, measure_filter
from models.us2qnet.release import reference_map
from models.us2qnet.samples import BLADDER_VALIDATION

THREADS = 2
TIMED, FILTERED = 200, 24  # pictures


@dataclass(frozen=True, eq=False)
class Readings:
    """What a model file gives for N pictures.

    Attributes
    ----------
    shares : (N, K), the worst cluster first
    severity : (N,) in 0..1
    latent : (N, 80)
    """

    shares: np.ndarray
    severity: np.ndarray
    latent: np.ndarray

    @property
    def cluster(self) -> np.ndarray:
        """Most probable cluster, (N,)."""
        return np.asarray(self.shares.argmax(axis=1))


class ReleasedModel:
    """Both files of one exam on the CPU, and the filter before them.

    Raises
    ------
    ModelError
        When a file is missing or damaged.
    """

    def __init__(self, exam: str, weights: Path | None = None) -> None:
        folder = weights or default_weights_folder()
        self.filter = FuzzyFilter()
        self.int8, self.float32 = (
            _session(folder, load_manifest(folder), f"us2qnet_{exam}", precision)
            for precision in (Precision.INT8, Precision.FLOAT32)
        )

    def read(self, images: np.ndarray, session: ModelSession) -> Readings:
        """Each of (N, 224, 224) uint8 as it is read live."""
        runs = [session.run(self.filter.preprocess(image)[None, None]) for image in images]
        shares, _, severity, latent = (np.concatenate(part) for part in zip(*runs, strict=True))
        return Readings(shares, severity[:, 0], latent)

    def live_ms(self, images: np.ndarray) -> float:
        """Median time of filter and graph, the faster file, over up to 200 pictures."""
        return round(min(self._median_ms(images[:TIMED], session) for session in (self.int8, self.float32)), 2)

    def _median_ms(self, images: np.ndarray, session: ModelSession) -> float:
        times = []
        for image in images:
            start = time.perf_counter()
            session.run(self.filter.preprocess(image)[None, None])
            times.append((time.perf_counter() - start) * 1e3)
        return statistics.median(times)

    def close(self) -> None:
        """Release both sessions."""
        self.int8.close()
        self.float32.close()


def evaluate_released(data: Path, weights: Path | None = None) -> dict[str, Any]:
    """All figures of the released quality clusters, of held-out patients; labels serve for these figures alone.

    ``acc``, ``ari``, ``nmi``, ``ami``: UMAP and HDBSCAN of the latents of echo at three known levels.
    ``spearman_5level``: severity against the five known levels. ``live_agreement``: share of frames whose most
    probable cluster (INT8) is that of UMAP and HDBSCAN; ``live_acc``: whose cluster is the known level.
    ``int8_agreement``: same cluster in INT8 and float32. ``live_ms``: filter and graph, 2 threads.
    ``abdomen`` holds the same of liver pictures, and ``bladder`` of the virtual bladder. ``filter``: gain on speckle
    and time beside OpenCV's, see ``measure_filter``. ``mnist``: the last full run, stored.

    Raises
    ------
    DataError, ModelError
        When a set or a model file is missing or damaged.
    """
    figures = exam_figures("echo", data, weights)
    abdomen = exam_figures("abdomen", data, weights)
    name, pictures = clean_pictures(data, FILTERED)
    fuzzy = {"set": name} | measure_filter(pictures)
    return figures | {"abdomen": abdomen, "filter": fuzzy, "mnist": stored_run()}


def exam_figures(exam: str, data: Path, weights: Path | None = None) -> dict[str, Any]:
    """The figures of one exam, see ``evaluate_released``."""
    model = ReleasedModel(exam, weights)
    try:
        untouched = ULTRASOUND[exam](data, "val")
        three, five = (in_one(known_levels(untouched, levels)) for levels in (THREE_LEVELS, FIVE_LEVELS))
        figures = set_figures(model, three)
        rated = model.read(five.images, model.int8).severity
        figures |= {"spearman_5level": _rounded(spearmanr(rated, five.labels).statistic)}
        figures |= {"live_ms": model.live_ms(three.images), "n_5level": len(five)}
        if exam == "abdomen":
            figures["bladder"] = set_figures(model, in_one(bladder_pictures(*BLADDER_VALIDATION)))
    finally:
        model.close()
    return figures


def set_figures(model: ReleasedModel, pictures: QualityImages) -> dict[str, Any]:
    """Clusters of one set against its known levels (0 the best), offline and live."""
    exact, fast = (model.read(pictures.images, session) for session in (model.float32, model.int8))
    worst_first = exact.shares.shape[1] - 1 - pictures.labels
    found = reference_map(exact.latent, exact.severity, exact.shares.shape[1], allow_fewer=True)
    figures = {name: _rounded(value) for name, value in clustering_figures(worst_first, found.labels).items()}
    return figures | {
        "live_acc": _rounded(np.mean(fast.cluster == worst_first)),
        "live_agreement": _rounded(np.mean(fast.cluster == found.labels)),
        "int8_agreement": _rounded(np.mean(fast.cluster == exact.cluster)),
        "n": len(pictures),
        "patients": len(set(pictures.groups.tolist())),
    }


def _session(folder: Path, manifest: Manifest, name: str, precision: Precision) -> ModelSession:
    entry = manifest.entry(name)
    file = entry.file_of(precision)
    if file is None:
        raise DataError(f"{name} has no {precision} file: release it again")
    return ModelSession(folder, name, entry, file, Provider.CPU, THREADS)


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
