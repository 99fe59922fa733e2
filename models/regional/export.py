"""From the checkpoints of the regional networks to released files and their manifest entries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from capture.errors import DataError
from models.data.camus import CamusSample, read_split, squash
from models.data.degradations import TRAINING_KINDS, Degrader
from models.data.virtual_dataset import VirtualDataset
from models.export import Exported, export_network, run_file, update_manifest
from models.regional.dense.network import CLASSES, MAPS, DenseRegionalNet
from models.regional.end_to_end.network import RegionalQualityNet
from models.regional.labelled import sector_of
from models.regional.layers import REGION_COUNT
from models.regional.reading.release import release_reading
from models.regional.segmentation.network import SEGMENTATION_CLASSES, SegmentationUNet
from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE, VIEW_CHANNELS
from models.runtime.end_to_end import REGIONAL_READING

VERSIONS = {"segmentation": "1.1", "regional_dense": "1.0", "regional_quality": "1.6"}
CALIBRATION_FRAMES = 160
PARITY_FRAMES = 24
CAMUS_LICENCE = "CC BY-NC-SA 4.0, non-commercial scientific research only"
CAMUS_TRAINING = "CAMUS training split, 400 patients (Leclerc et al. 2019)"
VIRTUAL_TRAINING = "frames of the virtual scanner"
TRAINING_DATA = {
    "segmentation": (CAMUS_TRAINING, VIRTUAL_TRAINING),
    "regional_dense": (
        CAMUS_TRAINING,
        VIRTUAL_TRAINING,
        "other organs: BUSI (Al-Dhabyani et al. 2020), HC18 (van den Heuvel et al. 2018), AUL liver (Xu et al. 2022), "
        "lung (Born et al. 2021)",
    ),
    "regional_quality": (CAMUS_TRAINING, VIRTUAL_TRAINING),
}
# Not quantised: pooling has too few values to gain and sets the score; in the layers that see detail (strides up to 8)
# INT8 hides what tells a slight change from none: mean error of the quality maps .15 with them in INT8, .04 without,
# for 1 ms.
FLOAT_NODES: dict[str, tuple[str, ...]] = {
    "segmentation": (),
    "regional_dense": ("/frame_head", "/map_head"),
    "regional_quality": ("Softmax", "ReduceSum", "/Mul", "/cause_head", "/to_8/"),
}
OUTPUTS: dict[str, list[dict[str, object]]] = {
    "segmentation": [{"name": "logits", "shape": [None, SEGMENTATION_CLASSES, 256, 256]}],
    "regional_dense": [
        {"name": "logits", "shape": [None, CLASSES, 256, 256]},
        {"name": "maps", "shape": [None, MAPS, MAP_SIZE, MAP_SIZE]},
        {"name": "frame", "shape": [None, len(VIEW_CHANNELS) + 1]},
    ],
    "regional_quality": [
        {"name": "scores", "shape": [None, REGION_COUNT], "value_range": [1.0, 5.0]},
        {"name": "maps", "shape": [None, REGION_COUNT + len(CAUSE_CHANNELS), 32, 32]},
    ],
}
CHECKPOINTS = {"segmentation": "segmentation.pt", "regional_dense": "dense.pt", "regional_quality": "quality.pt"}
CARDS = {
    "segmentation": "models/regional/card_segmentation.md",
    "regional_dense": "models/regional/card_dense.md",
    "regional_quality": "models/regional/card_quality.md",
}
NETWORKS = {
    "segmentation": SegmentationUNet,
    "regional_dense": DenseRegionalNet,
    "regional_quality": RegionalQualityNet,
}
PREPROCESSING = (
    "tight sector crop, grey, expanded to full range, black outside the sector, squashed to 256x256; "
    "normalisation is inside the network"
)


def export_regional(checkpoints: Path, out: Path, data_dir: Path, virtual: Path | None = None) -> dict[str, object]:
    """Write the files of every checkpoint that is there and their manifest; returns the parity figures per file.

    Parameters
    ----------
    checkpoints : folder with ``segmentation.pt``, ``dense.pt``, ``quality.pt`` or some of them
    out : folder for files and manifest
    data_dir : folder that holds ``camus/``, for the calibration of INT8
    virtual : folder of a virtual set, whose frames then calibrate as well

    Raises
    ------
    DataError
        When there is no checkpoint, or one does not fit its network.
    """
    found = {task: checkpoints / name for task, name in CHECKPOINTS.items() if (checkpoints / name).is_file()}
    if not found:
        raise DataError(f"no checkpoint in {checkpoints}: run 'sonogauge train dense' with --out {checkpoints} first")
    inputs = list(_calibration_inputs(read_split(data_dir, "train")))
    inputs += _virtual_inputs(virtual) if virtual is not None else []
    report: dict[str, object] = {}
    for task, checkpoint in found.items():
        network = _load(NETWORKS[task](), checkpoint)
        names = [str(output["name"]) for output in OUTPUTS[task]]
        files = export_network(network, out, task, names, inputs, keep_float=FLOAT_NODES[task])
        report[task] = _parity(network, files, inputs)
        update_manifest(out / "manifest.json", task, _entry(task, files))
    if "regional_quality" in found:
        report[REGIONAL_READING] = release_reading(out, data_dir, virtual)
    return report


def _load(network: torch.nn.Module, checkpoint: Path) -> torch.nn.Module:
    try:
        network.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise DataError(f"cannot read {checkpoint} ({error}): give the folder of a finished run") from error
    return network.eval()


def _virtual_inputs(folder: Path) -> Iterator[np.ndarray]:
    data = VirtualDataset(folder)
    for index in np.linspace(0, len(data) - 1, CALIBRATION_FRAMES // 4).astype(int):
        yield np.asarray(data[int(index)].image, np.float32)[None, None]


def _calibration_inputs(samples: list[CamusSample]) -> Iterator[np.ndarray]:
    """Real training frames, half of them degraded in the whole sector, as model inputs."""
    random = np.random.default_rng(0)
    for index in random.choice(len(samples), min(CALIBRATION_FRAMES, len(samples)), replace=False):
        image = samples[index].image()
        if random.random() < 0.5:
            kind = str(random.choice(list(TRAINING_KINDS)))
            image = Degrader(image, sector_of(image)).apply(kind, float(random.uniform(0.2, 1)), None, int(index))
        yield squash(image, cv2.INTER_AREA)[None, None].astype(np.float32)


def _entry(task: str, files: list[Exported]) -> dict[str, object]:
    return {
        "version": VERSIONS[task],
        "task": task,
        "contract": {
            "input": {"name": "image", "shape": [None, 1, 256, 256], "value_range": [0.0, 255.0]},
            "outputs": OUTPUTS[task],
            "preprocessing": PREPROCESSING,
        },
        "card": CARDS[task],
        "training_data": list(TRAINING_DATA[task]),
        "licence": CAMUS_LICENCE,
        "files": [{"precision": f.precision, "file": f.path.name, "sha256": f.sha256, "bytes": f.bytes} for f in files],
    }


@torch.no_grad()
def _parity(network: torch.nn.Module, files: list[Exported], inputs: list[np.ndarray]) -> dict[str, object]:
    """Mean and largest absolute difference of each file's outputs from the network's, and label agreement."""
    images = np.concatenate(inputs[:PARITY_FRAMES])
    outputs = network(torch.from_numpy(images))
    truths = [output.numpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]
    report: dict[str, object] = {}
    for file in files:
        found = run_file(file.path, images)
        figures: dict[str, object] = {
            "mean_abs": [float(np.abs(a - b).mean()) for a, b in zip(found, truths, strict=True)],
            "max_abs": [float(np.abs(a - b).max()) for a, b in zip(found, truths, strict=True)],
        }
        if truths[0].ndim == 4:
            figures["label_agreement"] = float((found[0].argmax(1) == truths[0].argmax(1)).mean())
        report[file.precision] = figures | {"bytes": file.bytes}
    return report
