"""Stand-ins for the artifact gates: the darker or brighter a picture is than mid grey, the less it is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from calibration.cluster_map import ClusterMap, centroids_of, save_map
from models.runtime.density_grid import DensityGrid

SIDE, MIDDLE, SCALE = 224, 0.3, 20.0
TAU_5, TAU_3 = -2.0, -3.0
NAMES = ("known", "empty screen", "noise")


def gate_bytes(note: str = "", *, nan_below: float | None = None) -> bytes:
    """ONNX bytes: picture (N, 1, 224, 224) -> latent (N, 2) = (20 (m - 0.3), 0), log density (N, 1) = -latent^2 / 2.

    m is the mean grey level, 0..1. With ``nan_below`` the log density of darker pictures is NaN.
    """
    nodes = [
        helper.make_node("Flatten", ["picture"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["m"], axes=[1], keepdims=1),  # (N, 1)
        helper.make_node("Sub", ["m", "middle"], ["away"]),
        helper.make_node("Mul", ["away", "scale"], ["latent"]),  # (N, 1) x (1, 2)
        helper.make_node("Mul", ["latent", "latent"], ["squared"]),
        helper.make_node("ReduceSum", ["squared", "axis"], ["length"], keepdims=1),
        helper.make_node("Mul", ["length", "minus_half"], ["sound"]),
        helper.make_node("Sub", ["m", "limit"], ["margin"]),
        helper.make_node("Sqrt", ["margin"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["doubt"]),
        helper.make_node("Add", ["sound", "doubt"], ["log_density"]),
    ]
    constants = {
        "middle": np.float32(MIDDLE),
        "scale": np.array([[SCALE, 0]], np.float32),
        "axis": np.array([1], np.int64),
        "minus_half": np.float32(-0.5),
        "limit": np.float32(-1000 if nan_below is None else nan_below),
        "zero": np.float32(0),
    }
    graph = helper.make_graph(
        nodes,
        "mock_gate",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["N", 2]),
            helper.make_tensor_value_info("log_density", TensorProto.FLOAT, ["N", 1]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name=note)
    return model.SerializeToString()


def mock_references(names: tuple[str, ...] = NAMES) -> ClusterMap:
    """Known frames around 0, dark screens to the left of them, and noise to the right."""
    x = np.concatenate([np.linspace(-1, 1, 10), np.linspace(-6, -4, 10), np.linspace(4, 12, 10)])
    points = np.column_stack([x, 0 * x]).astype(np.float32)
    labels = np.repeat([0, 1, 2], 10)
    axis = DensityGrid.axis(15.0)
    density = -0.5 * (axis[None, :] ** 2 + axis[:, None] ** 2)
    return ClusterMap(
        points, labels, centroids_of(points, labels), names, {"density": DensityGrid(15.0, density).as_plain()}
    )


def add_mock_gates(
    folder: Path,
    families: Sequence[str] = ("echo", "any"),
    *,
    precisions: Sequence[str] = ("float32",),
    references: ClusterMap | None = None,
    nan_below: float | None = None,
    tau_5: float = TAU_5,
) -> Path:
    """Put the stand-ins of families into a folder of weights, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {"format": 1, "models": {}}
    for family in families:
        stem = f"artifact_{family}"
        save_map(references or mock_references(), folder / f"{stem}_map.npz")
        files = []
        for precision in precisions:
            content = gate_bytes(f"{family} {precision}", nan_below=nan_below)
            (folder / f"{stem}.{precision}.onnx").write_bytes(content)
            files.append(
                {
                    "precision": precision,
                    "file": f"{stem}.{precision}.onnx",
                    "sha256": _hash(content),
                    "bytes": len(content),
                }
            )
        manifest["models"][stem] = {
            "version": "0.0.1",
            "task": "other",
            "contract": {
                "input": {"name": "picture", "shape": [None, 1, SIDE, SIDE], "value_range": [0, 1]},
                "outputs": [{"name": "latent", "shape": [None, 2]}, {"name": "log_density", "shape": [None, 1]}],
            },
            "thresholds": {"tau_5": tau_5, "tau_3": TAU_3},
            "map": {"file": f"{stem}_map.npz", "sha256": _hash((folder / f"{stem}_map.npz").read_bytes())},
            "files": files,
        }
    path.write_text(json.dumps(manifest, indent=1))
    return folder


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
