"""From a training run to the released file of the score, and its calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from capture.errors import DataError
from models.export import Exported, export_float, run_file, update_manifest
from models.runtime.picture_statistics import FEATURES
from models.runtime.score import MODEL
from models.score.data import read_pool
from models.score.network import StatisticsNet
from models.score.train import VALIDATION, load_score, severities

VERSION, CARD, INPUT, OUTPUT = "1.0", "models/score/card.md", "statistics", "severity"
PREPROCESSING = (
    "statistics of the tight crop of the sector, black outside: models/runtime/picture_statistics.py; "
    "score = 100 (1 - severity), severity = (output - intercept) / slope clipped to 0..1"
)
TRAINING_DATA = (
    "CAMUS training split (Leclerc et al. 2019), untouched and made worse by the frozen training kinds and four more",
    "BUSI (Al-Dhabyani et al. 2020), training groups, in the same way",
    "HC18 fetal heads (van den Heuvel et al. 2018), training examinations, in the same way",
)
LICENCE = "CC BY-NC-SA 4.0, non-commercial scientific research only (CAMUS); terms of BUSI unclear"
PARITY = {"measure": "mean_abs", "limit": 0.02}  # of the severity


def release_score(run: Path, out: Path) -> dict[str, object]:
    """Write ``score.float32.onnx`` and the manifest entry; returns what was measured.

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
    if not isinstance(network, StatisticsNet):
        raise DataError(
            f"{run} holds a network on pictures, the live score needs one on statistics: train without --net"
        )
    validation = read_pool(run / VALIDATION)
    correction = linear_correction(severities(network, validation.inputs), validation.severity)
    file = export_float(network, out, MODEL, (OUTPUT,), INPUT, torch.zeros(1, FEATURES))
    update_manifest(out / "manifest.json", MODEL, _entry(file, correction))
    found = {"correction": correction, "validation_pictures": len(validation)}
    return found | _parity(network, file, validation.inputs)


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


def _entry(file: Exported, correction: dict[str, float]) -> dict[str, object]:
    return {
        "version": VERSION,
        "task": "other",
        "contract": {
            "input": {"name": INPUT, "shape": [None, FEATURES]},
            "outputs": [{"name": OUTPUT, "shape": [None, 1]}],
            "preprocessing": PREPROCESSING,
        },
        "card": CARD,
        "training_data": list(TRAINING_DATA),
        "licence": LICENCE,
        "parity": PARITY,
        "correction": correction,
        "files": [{"precision": file.precision, "file": file.path.name, "sha256": file.sha256, "bytes": file.bytes}],
    }


def _parity(network: torch.nn.Module, file: Exported, inputs: np.ndarray) -> dict[str, object]:
    """How far the file is from the network, in severity."""
    away = np.abs(run_file(file.path, inputs)[0][:, 0] - severities(network, inputs))
    return {"mean_abs": round(float(away.mean()), 5), "max_abs": round(float(away.max()), 5), "bytes": file.bytes}
