"""The full run on MNIST: figures of a finished training on all digits, and those that are stored with the program."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from capture.errors import DataError
from models.metrics.clustering import clustering_figures
from models.us2qnet.data import SHUFFLE_SEED, read_mnist
from models.us2qnet.postprocessing import fit_map
from models.us2qnet.recipe import CLUSTERS
from models.us2qnet.train import encode, load_us2qnet

STORED = Path(__file__).with_name("mnist_run.json")
DIMENSIONS = 10
"""Of the UMAP space that HDBSCAN works in (McInnes 2018: 10 for clustering, 2 for looking); no label chose it."""


def run_figures(run: Path, data: Path, dimensions: int = DIMENSIONS) -> dict[str, Any]:
    """ACC, ARI, NMI and AMI of UMAP and HDBSCAN of all digits' latents, and how they were made.

    Clustering is transductive: these are the digits that the network was trained on, without their labels. HDBSCAN's
    noise counts as wrong in ACC and as one cluster in the others.

    Parameters
    ----------
    run : folder of a finished ``sonogauge train us2qnet --set mnist``
    data : folder that holds ``mnist/``

    Raises
    ------
    DataError
        When the run or the set is missing or damaged.
    """
    checkpoint = run / "us2qnet_mnist.pt"
    asked = json.loads(checkpoint.with_suffix(".json").read_text())["asked"] if checkpoint.is_file() else {}
    network, digits = load_us2qnet(checkpoint), read_mnist(data, asked.get("count", 0))
    started = time.monotonic()
    latent = encode(network, digits.images)[0]
    found = fit_map(latent, CLUSTERS["mnist"], 0, dimensions)
    figures = clustering_figures(digits.labels, found.labels)
    return {
        **{name: round(value, 4) for name, value in figures.items()},
        "digits": len(digits),
        "order": f"random, seed {SHUFFLE_SEED}",
        "seed": asked.get("seed"),
        "map": found.parameters,
        "map_seconds": round(time.monotonic() - started),
        "pretraining": _story(checkpoint.with_stem(f"{checkpoint.stem}_main")),
        "fine_tuning": _story(checkpoint),
    }


def stored_run() -> dict[str, Any]:
    """Figures of the last run on all 70,000 digits with its date, command and machine.

    Raises
    ------
    DataError
        When the file is missing or damaged.
    """
    try:
        stored: dict[str, Any] = json.loads(STORED.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {STORED} ({error}): reinstall sonogauge") from error
    return stored


def _story(checkpoint: Path) -> dict[str, Any]:
    """Epochs and seconds of one phase."""
    story = checkpoint.with_suffix(".jsonl")
    lines = story.read_text().splitlines() if story.is_file() else []
    last = json.loads(lines[-1]) if lines else {}
    return {"epochs": last.get("epoch", 0), "seconds": last.get("seconds", 0)}
