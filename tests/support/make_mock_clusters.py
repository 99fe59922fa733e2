"""Stand-ins for the models of quality clusters: the brighter the picture, the better its cluster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from calibration.cluster_map import ClusterMap, centroids_of, save_map

SIDE, LATENT = 224, 80
NAMES = ("A-", "A", "A+")
CENTRES = (0.1, 0.25, 0.4)
"""Mean grey level, 0..1, in the middle of each cluster."""

_WIDTHS = {"shares": len(NAMES), "place": 2, "severity": 1, "latent": LATENT}


def clusters_bytes(*, nan_below: float | None = None, note: str = "") -> bytes:
    """ONNX bytes: picture (N, 1, 224, 224) float32 -> shares (N, 3), place (N, 2), severity (N, 1), latent (N, 80).

    All follow from the mean grey level m: severity is 1 - 2 m, place (m, 2 m), and every feature is m. With
    ``nan_below`` the shares are NaN for darker pictures.
    """
    nodes = [
        helper.make_node("Flatten", ["picture"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["m"], axes=[1], keepdims=1),  # (N, 1)
        helper.make_node("Sub", ["m", "centres"], ["away"]),
        helper.make_node("Mul", ["away", "away"], ["squared"]),
        helper.make_node("Mul", ["squared", "sharpness"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["sound"], axis=1),
        helper.make_node("Sub", ["m", "limit"], ["margin"]),
        helper.make_node("Sqrt", ["margin"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["doubt"]),
        helper.make_node("Add", ["sound", "doubt"], ["shares"]),
        helper.make_node("Mul", ["m", "one_two"], ["place"]),
        helper.make_node("Mul", ["m", "minus_two"], ["darker"]),
        helper.make_node("Add", ["darker", "one"], ["open"]),
        helper.make_node("Clip", ["open", "zero", "one"], ["severity"]),
        helper.make_node("Mul", ["m", "ones"], ["latent"]),
    ]
    constants = {
        "centres": np.array([CENTRES], np.float32),
        "sharpness": np.float32(-400),
        "limit": np.float32(-1000 if nan_below is None else nan_below),
        "zero": np.float32(0),
        "one": np.float32(1),
        "one_two": np.array([[1, 2]], np.float32),
        "minus_two": np.float32(-2),
        "ones": np.ones((1, LATENT), np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "mock_clusters",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width]) for name, width in _WIDTHS.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name=note)
    return model.SerializeToString()


def mock_map(*, latents: bool = False, reverse: bool = False) -> ClusterMap:
    """Thirty reference frames along the line on which the stand-in places pictures.

    ``latents`` makes it a site's own map; ``reverse`` one in which the darkest frames lie at the far end.
    """
    m = np.concatenate([centre + np.linspace(-0.05, 0.05, 10) for centre in CENTRES]).astype(np.float32)
    points = np.stack([m, 2 * m], axis=1) * np.float32(-1 if reverse else 1)
    labels = np.repeat([0, 1, 2], 10)
    features = np.repeat(m[:, None], LATENT, axis=1) if latents else None
    return ClusterMap(points, labels, centroids_of(points, labels), NAMES, {"seed": 0}, features)


def add_mock_clusters(
    folder: Path,
    exams: Sequence[str] = ("echo",),
    *,
    nan_below: float | None = None,
    precisions: Sequence[str] = ("float32",),
    found: ClusterMap | None = None,
) -> Path:
    """Put the stand-ins of exams, their maps and manifest entries into a folder of weights, and return it."""
    manifest_path = folder / "manifest.json"
    manifest = json.loads(manifest_path.read_text()) if manifest_path.exists() else {"format": 1, "models": {}}
    for exam in exams:
        stem = f"us2qnet_{exam}"
        save_map(found or mock_map(), folder / f"{stem}_map.npz")
        files = []
        for precision in precisions:
            content = clusters_bytes(nan_below=nan_below, note=precision)
            name = f"{stem}.{precision}.onnx"
            (folder / name).write_bytes(content)
            files.append({"precision": precision, "file": name, "sha256": _hash(content), "bytes": len(content)})
        map_bytes = (folder / f"{stem}_map.npz").read_bytes()
        manifest["models"][stem] = {
            "version": "0.0.1",
            "task": "other",
            "contract": {
                "input": {"name": "picture", "shape": [None, 1, SIDE, SIDE], "value_range": [0, 1]},
                "outputs": [{"name": name, "shape": [None, width]} for name, width in _WIDTHS.items()],
            },
            "map": {"file": f"{stem}_map.npz", "sha256": _hash(map_bytes)},
            "files": files,
        }
    manifest_path.write_text(json.dumps(manifest, indent=1))
    return folder


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
