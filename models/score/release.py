"""From a training run to the released files of the score: the network in three precisions, and its calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from capture.errors import DataError
from models.export import Exported, export_network, run_file, update_manifest
from models.runtime.score import MODEL, SIDE
from models.score.train import PICTURES, VALIDATION, load_score, severities
from models.us2qnet.samples import TrainingPictures, read_kept

VERSION, CARD, OUTPUT = "1.0", "models/score/card.md", "severity"
FLOAT_PARTS = ("/inside/", "/pool/", "/head/")
"""Parts of the graph that stay in float: sums over the sector, on which the whole score rests."""
PREPROCESSING = (
    "tight crop of the sector squashed to 224 x 224, black outside, 0..1; "
    "score = 100 (1 - severity), severity = (output - intercept) / slope clipped to 0..1"
)
TRAINING_DATA = (
    "CAMUS training split (Leclerc et al. 2019), untouched and made worse by the frozen training kinds and four more",
    "BUSI (Al-Dhabyani et al. 2020), training groups, in the same way",
    "HC18 fetal heads (van den Heuvel et al. 2018), training examinations, in the same way",
)
LICENCE = "CC BY-NC-SA 4.0, non-commercial scientific research only (CAMUS); terms of BUSI unclear"
PARITY = {"measure": "mean_abs", "limit": 0.02}  # of the severity
CALIBRATION_PICTURES, PARITY_PICTURES = 192, 64


def release_score(run: Path, out: Path) -> dict[str, object]:
    """Write ``score.{int8,float32,float16}.onnx`` and the manifest entry; returns what was measured.

    Parameters
    ----------
    run : folder of a finished ``sonogauge train score``
    out : folder of the weights

    Raises
    ------
    DataError
        When the run is not complete, or its network does not tell bad pictures from good ones.
    """
    network = load_score(run)
    pictures, validation = read_kept(run / PICTURES), read_kept(run / VALIDATION)
    correction = linear_correction(severities(network, validation.images), validation.severity)
    inputs = _spread(pictures, CALIBRATION_PICTURES)
    files = export_network(network, out, MODEL, (OUTPUT,), inputs[:, None], FLOAT_PARTS, ("picture", SIDE))
    update_manifest(out / "manifest.json", MODEL, _entry(files, correction))
    shown = inputs[:: CALIBRATION_PICTURES // PARITY_PICTURES]
    return {"correction": correction, "validation_pictures": len(validation), "files": _parity(network, files, shown)}


def linear_correction(raw: np.ndarray, severity: np.ndarray) -> dict[str, float]:
    """Slope and intercept with the least squared error of (raw - intercept) / slope; both (N,).

    Raises
    ------
    DataError
        When the raw values do not rise with severity.
    """
    gain, offset = np.polyfit(raw, severity, 1) if np.ptp(raw) > 0 else (0.0, 0.0)
    if not gain > 0:
        raise DataError("the output does not rise with severity: train longer")
    return {"slope": round(float(1 / gain), 5), "intercept": round(float(-offset / gain), 5)}


def _spread(pictures: TrainingPictures, count: int) -> np.ndarray:
    """So many of the pictures, evenly spread, (count, 1, S, S) float32 in 0..1."""
    chosen = np.linspace(0, len(pictures) - 1, count).astype(int)
    return (pictures.images[chosen, None] / np.float32(255)).astype(np.float32)


def _entry(files: list[Exported], correction: dict[str, float]) -> dict[str, object]:
    return {
        "version": VERSION,
        "task": "other",
        "contract": {
            "input": {"name": "picture", "shape": [None, 1, SIDE, SIDE], "value_range": [0.0, 1.0]},
            "outputs": [{"name": OUTPUT, "shape": [None, 1]}],
            "preprocessing": PREPROCESSING,
        },
        "card": CARD,
        "training_data": list(TRAINING_DATA),
        "licence": LICENCE,
        "parity": PARITY,
        "correction": correction,
        "files": [{"precision": f.precision, "file": f.path.name, "sha256": f.sha256, "bytes": f.bytes} for f in files],
    }


@torch.no_grad()
def _parity(network: torch.nn.Module, files: list[Exported], inputs: np.ndarray) -> dict[str, object]:
    """How far each file is from the network, in severity."""
    truth = network(torch.from_numpy(inputs)).numpy()
    report: dict[str, object] = {}
    for file in files:
        away = np.abs(run_file(file.path, inputs)[0] - truth)
        report[file.precision] = {
            "mean_abs": round(float(away.mean()), 5),
            "max_abs": round(float(away.max()), 5),
            "bytes": file.bytes,
        }
    return report
