"""The Frechet distance of synthetic and real pictures on features of SqueezeNet. Needs torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import DataError
from models.metrics.frechet import frechet_distance
from models.metrics.squeezenet import FEATURES, squeezenet_features
from models.synthesis.figures import Distance

_SEED = 20261212


def feature_distance(data_dir: Path) -> Distance:
    """What ``compare`` is given; the network is read from ``data_dir/backbones``."""

    def distance(made: np.ndarray, real: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
        made_features, real_features = (squeezenet_features(images, data_dir) for images in (made, real))
        return {"frechet_features": FEATURES, **frechet_figures(made_features, real_features, groups)}

    return distance


def frechet_figures(made: np.ndarray, real: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Distance of the feature sets (N, F) and (M, F), and what few pictures alone cause.

    ``frechet_halves``: with as many pictures on every side, synthetic against each half of the real examinations
    (mean), and one half against the other.
    """
    names = np.random.default_rng(_SEED).permutation(np.unique(groups))
    first = np.isin(groups, names[::2])
    halves = real[first], real[~first]
    size = min(len(made), *(len(half) for half in halves))
    if size < 2:
        raise DataError(
            f"{len(names)} examinations and {len(made)} pictures are too few for a Frechet distance: add more"
        )
    distances = [frechet_distance(made[:size], half[:size]) for half in halves]
    return {
        "frechet": round(frechet_distance(made, real), 4),
        "frechet_halves": {
            "synthetic_real": round(float(np.mean(distances)), 4),
            "real_real": round(frechet_distance(*(half[:size] for half in halves)), 4),
            "n": size,
        },
    }
