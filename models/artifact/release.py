"""From a finished run to the released files of one family: the gate in three precisions, and its reference points."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from calibration.cluster_map import ClusterMap, centroids_of, save_map
from models.artifact.density import log_density
from models.artifact.gate import FittedGate, load_gate
from models.artifact.kinds import FAMILIES
from models.artifact.network import LATENT, SIZE
from models.artifact.train import gate_checkpoint
from models.export import Exported, export_network, run_file, update_manifest
from models.runtime.density_grid import DensityGrid

VERSION, CARD = "1.0", "models/artifact/card.md"
OUTPUTS = ("latent", "log_density")
_STATISTICS = tuple(f"/encoder/{operation}" for operation in ("Reduce", "Sub", "Mul", "Pow", "Sqrt", "Add", "Concat"))
FLOAT_PARTS = ("/head/", "/wide/", "/latent_map/", "/flow/", *_STATISTICS)
"""Parts of the graph that stay in float: mean and spread of channels, and a few thousand products on them."""

PREPROCESSING = "tight crop of the sector squashed to 224 x 224, black outside, 0..1; no filter"
TRAINING_DATA = {
    "echo": (
        "CAMUS training split (Leclerc et al. 2019), untouched and mildly degraded",
        "frames of the virtual scanner, where the run was given any",
        "as artifacts: AUL liver (Xu et al. 2022) and BUSI breast (Al-Dhabyani et al. 2020)",
    ),
    "any": (
        "CAMUS training split (Leclerc et al. 2019), untouched and mildly degraded",
        "AUL liver (Xu et al. 2022), BUSI breast (Al-Dhabyani et al. 2020), HC18 (van den Heuvel et al. 2018)",
        "frames of the virtual scanner, where the run was given any",
    ),
}
LICENCE = "CC BY-NC-SA 4.0, non-commercial scientific research only (CAMUS)"
PARITY = {"measure": "mean_abs", "limit": 0.25}  # of the latent, in standard deviations of known frames


def release_artifact(family: str, run: Path, out: Path) -> dict[str, object]:
    """Write ``artifact_FAMILY.{int8,float32,float16}.onnx``, its map and manifest entry; returns what was measured.

    Parameters
    ----------
    family : ``echo`` or ``any``
    run : folder of a finished ``sonogauge train artifact``
    out : folder of the weights

    Raises
    ------
    DataError
        When the run is not finished.
    """
    stem = f"artifact_{family}"
    gate = load_gate(gate_checkpoint(run / f"{stem}.pt"))
    inputs = (gate.pictures[:, None] / np.float32(255)).astype(np.float32)  # (P, 1, 224, 224)
    files = export_network(gate.network, out, stem, OUTPUTS, inputs[:, None], FLOAT_PARTS, ("picture", SIZE))
    map_path = out / f"{stem}_map.npz"
    save_map(reference_points(family, gate), map_path)
    update_manifest(out / "manifest.json", stem, _entry(family, gate, files, map_path))
    return {"thresholds": gate.thresholds, "fitted": gate.fitted, "files": _parity(gate, files, inputs[::3])}


def reference_points(family: str, gate: FittedGate) -> ClusterMap:
    """Known frames and artifacts on the latent plane, in the form of the other maps; ``known`` is the first name."""
    about = {
        "family": family,
        "fitted": gate.fitted,
        "labelled": gate.labelled,
        "density": density_grid(gate).as_plain(),
        "trained_on": [name for name in gate.names if name in FAMILIES[family].training_kinds],
    }
    return ClusterMap(gate.points, gate.labels, centroids_of(gate.points, gate.labels), gate.names, about)


def density_grid(gate: FittedGate) -> DensityGrid:
    """Log density over the plane as far as there are reference points."""
    reach = float(np.ceil(1.1 * np.abs(gate.points).max()))
    axis = DensityGrid.axis(reach)
    plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return DensityGrid(reach, log_density(gate.network.flow, plane).reshape(len(axis), len(axis)))


def _entry(family: str, gate: FittedGate, files: list[Exported], map_path: Path) -> dict[str, object]:
    told = (f"{gate.labelled} labelled artifacts of the kinds that are otherwise held out",) if gate.labelled else ()
    return {
        "version": VERSION,
        "task": "other",
        "contract": {
            "input": {"name": "picture", "shape": [None, 1, SIZE, SIZE], "value_range": [0.0, 1.0]},
            "outputs": [{"name": "latent", "shape": [None, LATENT]}, {"name": "log_density", "shape": [None, 1]}],
            "preprocessing": PREPROCESSING,
        },
        "card": CARD,
        "training_data": [*TRAINING_DATA[family], *told],
        "licence": LICENCE,
        "parity": PARITY,
        "thresholds": gate.thresholds,
        "map": {"file": map_path.name, "sha256": hashlib.sha256(map_path.read_bytes()).hexdigest()},
        "files": [{"precision": f.precision, "file": f.path.name, "sha256": f.sha256, "bytes": f.bytes} for f in files],
    }


@torch.no_grad()
def _parity(gate: FittedGate, files: list[Exported], inputs: np.ndarray) -> dict[str, object]:
    """How far each file is from the network: latent, log density, and the share of equal verdicts at tau 5 %."""
    latent, density = (part.numpy() for part in gate.network(torch.from_numpy(inputs)))
    tau = gate.thresholds["tau_5"]
    report: dict[str, object] = {}
    for file in files:
        found_latent, found_density = run_file(file.path, inputs)
        report[file.precision] = {
            "latent_mean_abs": round(float(np.abs(found_latent - latent).mean()), 5),
            "log_density_median_abs": round(float(np.median(np.abs(found_density - density))), 5),
            "same_verdict": round(float(((found_density >= tau) == (density >= tau)).mean()), 4),
            "bytes": file.bytes,
        }
    return report
