"""From the checkpoints of the regional networks to released files and their manifest entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch

from capture.errors import DataError
from models.data.camus import CamusSample, read_split, squash
from models.data.degradations import TRAINING_KINDS, Degrader
from models.export import Exported, export_network, run_file, update_manifest
from models.regional.end_to_end.network import RegionalQualityNet
from models.regional.labelled import sector_of
from models.regional.layers import REGION_COUNT
from models.regional.segmentation.network import SEGMENTATION_CLASSES, SegmentationUNet

VERSIONS = {"segmentation": "1.0", "regional_quality": "1.1"}
CALIBRATION_FRAMES = 160
PARITY_FRAMES = 24
CAMUS_LICENCE = "CC BY-NC-SA 4.0, non-commercial scientific research only"
TRAINING_DATA = ("CAMUS training split, 400 patients (Leclerc et al. 2019)",)
# Not quantised: pooling has too few values to gain and sets the score; in the first layers INT8 hides what tells slight
# noise and gain from none (mean change of a score .08 with, .02 without) and gains no time.
FLOAT_NODES = ("Softmax", "ReduceSum", "/Mul", "/to_8/to_8.0", "/to_8/to_8.1", "/to_8/to_8.2")
PREPROCESSING = (
    "tight sector crop, grey, expanded to full range, black outside the sector, squashed to 256x256; "
    "normalisation is inside the network"
)


def export_regional(checkpoints: Path, out: Path, data_dir: Path) -> dict[str, object]:
    """Write all files and the manifest; returns the parity figures per file.

    Raises
    ------
    DataError
        When a checkpoint is missing.
    """
    segmentation = _load(SegmentationUNet(), checkpoints / "segmentation.pt")
    quality = _load(RegionalQualityNet(), checkpoints / "quality.pt")
    inputs = list(_calibration_inputs(read_split(data_dir, "train")))
    report: dict[str, object] = {}
    files = export_network(segmentation, out, "segmentation", "logits", inputs)
    report["segmentation"] = _parity(segmentation, files, inputs)
    logits = {"name": "logits", "shape": [None, SEGMENTATION_CLASSES, 256, 256]}
    entry = _entry("segmentation", "models/regional/card_segmentation.md", files, logits)
    update_manifest(out / "manifest.json", "segmentation", entry)
    files = export_network(quality, out, "regional_quality", "scores", inputs, keep_float=FLOAT_NODES)
    report["regional_quality"] = _parity(quality, files, inputs)
    scores = {"name": "scores", "shape": [None, REGION_COUNT], "value_range": [1.0, 5.0]}
    entry = _entry("regional_quality", "models/regional/card_quality.md", files, scores)
    update_manifest(out / "manifest.json", "regional_quality", entry)
    return report


def _load(network: torch.nn.Module, checkpoint: Path) -> torch.nn.Module:
    if not checkpoint.is_file():
        raise DataError(f"no checkpoint {checkpoint}: run 'sonogauge train' with --out {checkpoint.parent} first")
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    return network.eval()


def _calibration_inputs(samples: list[CamusSample]) -> Iterator[np.ndarray]:
    """Real training frames, half of them degraded in the whole sector, as model inputs."""
    random = np.random.default_rng(0)
    for index in random.choice(len(samples), min(CALIBRATION_FRAMES, len(samples)), replace=False):
        image = samples[index].image()
        if random.random() < 0.5:
            kind = str(random.choice(list(TRAINING_KINDS)))
            image = Degrader(image, sector_of(image)).apply(kind, float(random.uniform(0.2, 1)), None, int(index))
        yield squash(image, cv2.INTER_AREA)[None, None].astype(np.float32)


def _entry(task: str, card: str, files: list[Exported], output: Mapping[str, object]) -> dict[str, object]:
    return {
        "version": VERSIONS[task],
        "task": task,
        "contract": {
            "input": {"name": "image", "shape": [None, 1, 256, 256], "value_range": [0.0, 255.0]},
            "outputs": [output],
            "preprocessing": PREPROCESSING,
        },
        "card": card,
        "training_data": list(TRAINING_DATA),
        "licence": CAMUS_LICENCE,
        "files": [{"precision": f.precision, "file": f.path.name, "sha256": f.sha256, "bytes": f.bytes} for f in files],
    }


@torch.no_grad()
def _parity(network: torch.nn.Module, files: list[Exported], inputs: list[np.ndarray]) -> dict[str, object]:
    """Mean and largest absolute difference of each file from the network, and label agreement for maps."""
    images = np.concatenate(inputs[:PARITY_FRAMES])
    truth = network(torch.from_numpy(images)).numpy()
    report: dict[str, object] = {}
    for file in files:
        found = run_file(file.path, images)
        figures = {"mean_abs": float(np.abs(found - truth).mean()), "max_abs": float(np.abs(found - truth).max())}
        if truth.ndim == 4:
            figures["label_agreement"] = float((found.argmax(1) == truth.argmax(1)).mean())
        report[file.precision] = figures | {"bytes": file.bytes}
    return report
