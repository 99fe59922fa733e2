"""From a training run to the released files of one exam: the live graph in three precisions, and its map."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from calibration.cluster_map import ClusterMap, centroids_of, named_by_severity, save_map
from capture.errors import DataError
from models.export import Exported, export_network, run_file, update_manifest
from models.runtime.fuzzy_filter import SEARCH
from models.us2qnet.data import SIZE
from models.us2qnet.live_graph import (
    FLOAT_PARTS,
    OUTPUTS,
    LiveUs2QNet,
    Severity,
    distil_projection,
    severity_knots,
)
from models.us2qnet.network import LATENT, Us2QNet
from models.us2qnet.postprocessing import fit_map
from models.us2qnet.recipe import CLUSTERS
from models.us2qnet.samples import TrainingPictures, read_kept
from models.us2qnet.train import encode, load_us2qnet

VERSION, CARD = "1.0", "models/us2qnet/card.md"
PREPROCESSING = (
    "tight crop of the sector squashed to 224 x 224, black outside; fuzzy filter, "
    f"search {SEARCH} x {SEARCH}; 4-neighbour sharpening; 0..1"
)
TRAINING_DATA = {
    "echo": ("CAMUS training split (Leclerc et al. 2019), untouched and made worse by the frozen degradations",),
    "abdomen": (
        "AUL liver training split (Xu et al. 2022), untouched and made worse by the frozen degradations",
        "virtual bladder of this program",
        "HC18 fetal heads (van den Heuvel et al. 2018), made worse in the same way, for severity alone",
    ),
}
LICENCE = {
    "echo": "CC BY-NC-SA 4.0, non-commercial scientific research only (CAMUS)",
    "abdomen": "CC BY 4.0 (AUL, HC18)",
}
PARITY = {"measure": "mean_abs", "limit": 0.03}  # of the cluster probabilities
CALIBRATION_PICTURES, PARITY_PICTURES, MAP_POINTS, SEED = 192, 64, 1500, 0


def release_us2qnet(name: str, run: Path, out: Path) -> dict[str, object]:
    """Write ``us2qnet_NAME.{int8,float32,float16}.onnx``, its map and the manifest entry; returns what was measured.

    Parameters
    ----------
    name : ``echo`` or ``abdomen``
    run : folder of a finished ``sonogauge train us2qnet``
    out : folder of the weights

    Raises
    ------
    DataError
        When the run is not complete, or its pictures do not fall into the wanted clusters.
    """
    checkpoint = run / f"us2qnet_{name}.pt"
    network = load_us2qnet(checkpoint)
    pictures = read_kept(run / f"us2qnet_{name}_pictures.npz")
    latent = encode(network, pictures.images)[0]
    members, severity = latent[: pictures.members], pictures.severity[: pictures.members]
    found = reference_map(members, severity, CLUSTERS[name])
    live = live_graph(network, found, members, latent, pictures.severity)
    stem = f"us2qnet_{name}"
    inputs = _spread(pictures, CALIBRATION_PICTURES)
    files = export_network(live, out, stem, OUTPUTS, inputs[:, None], FLOAT_PARTS, ("picture", SIZE))
    shown = _thinned(found)
    save_map(shown, out / f"{stem}_map.npz")
    update_manifest(out / "manifest.json", stem, _entry(name, files, out / f"{stem}_map.npz", len(found.names)))
    placed = live.projection(torch.from_numpy(members)).detach().numpy()
    return {
        "map": found.parameters,
        "sizes": np.bincount(found.labels, minlength=len(found.names)).tolist(),
        "projection_r2": round(float(_explained(placed, found.points)), 4),
        "files": _parity(live, files, inputs[:: CALIBRATION_PICTURES // PARITY_PICTURES]),
    }


def reference_map(latent: np.ndarray, severity: np.ndarray, clusters: int, allow_fewer: bool = False) -> ClusterMap:
    """UMAP and HDBSCAN of the reference frames, every frame in a cluster, the worst cluster first.

    Parameters
    ----------
    latent : (N, 80) float32
    severity : (N,) severity of each, by which the clusters are named
    allow_fewer : a map of fewer clusters, or none, is given: a finding, for a figure

    Raises
    ------
    DataError
        When fewer clusters stand out than wanted, and that is not allowed.
    """
    found = fit_map(latent, clusters, SEED, keep_noise=False, allow_none=True)
    if len(found.names) < clusters and not allow_fewer:
        raise DataError(f"{len(found.names)} clusters stand out, {clusters} are wanted: train longer")
    return named_by_severity(found, severity)


def live_graph(
    network: Us2QNet, found: ClusterMap, members: np.ndarray, latent: np.ndarray, severity: np.ndarray
) -> LiveUs2QNet:
    """The graph whose centroids are the mean latents of the map's clusters.

    Parameters
    ----------
    members : (N, 80) float32, latents of the frames of the map
    latent, severity : (M, 80) and (M,), of every training picture
    """
    projection, centroids = distil_projection(members, found.points), centroids_of(members, found.labels)
    return LiveUs2QNet(network, centroids, projection, Severity(severity_knots(latent, severity))).eval()


def _spread(pictures: TrainingPictures, count: int) -> np.ndarray:
    """So many of the pictures, evenly spread, (count, 1, S, S) float32 in 0..1."""
    chosen = np.linspace(0, len(pictures) - 1, count).astype(int)
    return (pictures.images[chosen, None] / np.float32(255)).astype(np.float32)


def _thinned(found: ClusterMap) -> ClusterMap:
    """The map with as many reference points as a window can show."""
    chosen = np.random.default_rng(SEED).permutation(len(found.labels))[:MAP_POINTS]
    return replace(found, points=found.points[chosen], labels=found.labels[chosen])


def _explained(found: np.ndarray, wanted: np.ndarray) -> np.floating:
    return 1 - np.square(found - wanted).sum() / np.square(wanted - wanted.mean(axis=0)).sum()


def _entry(name: str, files: list[Exported], map_path: Path, clusters: int) -> dict[str, object]:
    ranges = {"shares": [0.0, 1.0], "place": None, "severity": [0.0, 1.0], "latent": None}
    widths = {"shares": clusters, "place": 2, "severity": 1, "latent": LATENT}
    outputs = [{"name": output, "shape": [None, widths[output]], "value_range": ranges[output]} for output in OUTPUTS]
    return {
        "version": VERSION,
        "task": "other",
        "contract": {
            "input": {"name": "picture", "shape": [None, 1, SIZE, SIZE], "value_range": [0.0, 1.0]},
            "outputs": outputs,
            "preprocessing": PREPROCESSING,
        },
        "card": CARD,
        "training_data": list(TRAINING_DATA[name]),
        "licence": LICENCE[name],
        "parity": PARITY,
        "map": {"file": map_path.name, "sha256": hashlib.sha256(map_path.read_bytes()).hexdigest()},
        "files": [{"precision": f.precision, "file": f.path.name, "sha256": f.sha256, "bytes": f.bytes} for f in files],
    }


@torch.no_grad()
def _parity(live: LiveUs2QNet, files: list[Exported], inputs: np.ndarray) -> dict[str, object]:
    """How far each file is from the network: probabilities, and the share of pictures in the same cluster."""
    truth = live(torch.from_numpy(inputs))[0].numpy()
    report: dict[str, object] = {}
    for file in files:
        shares = run_file(file.path, inputs)[0]
        report[file.precision] = {
            "mean_abs": round(float(np.abs(shares - truth).mean()), 5),
            "same_cluster": round(float((shares.argmax(axis=1) == truth.argmax(axis=1)).mean()), 4),
            "bytes": file.bytes,
        }
    return report
