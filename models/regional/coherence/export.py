"""From the checkpoint of the coherence network to released files and their manifest entry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from models.data.camus import read_split, squash
from models.data.virtual_dataset import HELD_OUT_HALF_BEAMS, VirtualDataset
from models.export import Exported, export_network, run_file, update_manifest
from models.regional.coherence.data import random_display
from models.regional.coherence.network import CoherenceUNet
from models.regional.coherence.truth import seen_styles
from models.regional.export import CAMUS_LICENCE, PREPROCESSING
from models.training import load_average

NAME, VERSION, CARD = "coherence", "1.0", "models/regional/card_coherence.md"
VIRTUAL_FRAMES, REAL_FRAMES, PARITY_FRAMES = 96, 64, 24
PARITY = {"measure": "mean_abs", "limit": 0.02}
VIRTUAL_LICENCE = "Apache-2.0"
VIRTUAL_SOURCE = f"virtual scanner of this program, without the look of {HELD_OUT_HALF_BEAMS} half beams"
REAL_SOURCE = "CAMUS training split (Leclerc et al. 2019) for the value ranges of the INT8 file alone"


def export_coherence(run_dir: Path, virtual: Path, out: Path, data_dir: Path | None = None) -> dict[str, object]:
    """Write ``coherence.{int8,float32,float16}.onnx`` and the manifest entry; returns the parity figures per file.

    Parameters
    ----------
    run_dir : of ``sonogauge train coherence``, with ``coherence.pt``
    virtual : training set; some of its frames set the value ranges of the INT8 file
    out : folder of the files and ``manifest.json``
    data_dir : folder that holds ``camus/``: real frames then set ranges too, and their licence binds the files

    Raises
    ------
    DataError
        The checkpoint or a set is missing or cannot be read.
    """
    network = CoherenceUNet()
    load_average(network, run_dir / "coherence.pt")
    virtual_inputs = list(_virtual_inputs(VirtualDataset(virtual)))
    real_inputs = list(_real_inputs(data_dir)) if data_dir is not None else []
    inputs = virtual_inputs + real_inputs
    files = export_network(network.eval(), out, NAME, ["coherence"], inputs)
    update_manifest(out / "manifest.json", NAME, _entry(files, bool(real_inputs)))
    return _parity(network, files, inputs[:: max(len(inputs) // PARITY_FRAMES, 1)])


def _virtual_inputs(samples: VirtualDataset) -> Iterator[np.ndarray]:
    """Frames under random display settings, as model inputs."""
    random = np.random.default_rng(0)
    seen = seen_styles(samples)
    for index in random.choice(seen, min(VIRTUAL_FRAMES, len(seen)), replace=False):
        yield random_display(samples[int(index)].image, random)[None, None].astype(np.float32)


def _real_inputs(data_dir: Path) -> Iterator[np.ndarray]:
    samples = read_split(data_dir, "train")
    random = np.random.default_rng(0)
    for index in random.choice(len(samples), min(REAL_FRAMES, len(samples)), replace=False):
        yield random_display(squash(samples[index].image(), cv2.INTER_AREA), random)[None, None].astype(np.float32)


def _entry(files: list[Exported], real: bool) -> dict[str, object]:
    shape = [None, 1, 256, 256]
    return {
        "version": VERSION,
        "task": "other",
        "contract": {
            "input": {"name": "image", "shape": shape, "value_range": [0.0, 255.0]},
            "outputs": [{"name": "coherence", "shape": shape, "value_range": [0.0, 1.0]}],
            "preprocessing": PREPROCESSING,
        },
        "card": CARD,
        "training_data": [VIRTUAL_SOURCE, REAL_SOURCE] if real else [VIRTUAL_SOURCE],
        "licence": CAMUS_LICENCE if real else VIRTUAL_LICENCE,
        "parity": PARITY,
        "files": [{"precision": f.precision, "file": f.path.name, "sha256": f.sha256, "bytes": f.bytes} for f in files],
    }


@torch.no_grad()
def _parity(network: torch.nn.Module, files: list[Exported], inputs: list[np.ndarray]) -> dict[str, object]:
    """Mean and largest absolute difference of each file from the network."""
    images = np.concatenate(inputs)
    truth = network(torch.from_numpy(images)).numpy()
    report: dict[str, object] = {}
    for file in files:
        difference = np.abs(run_file(file.path, images)[0] - truth)
        report[file.precision] = {
            "mean_abs": float(difference.mean()),
            "max_abs": float(difference.max()),
            "bytes": file.bytes,
        }
    return report
