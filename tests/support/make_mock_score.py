"""Stand-ins for the score: the brighter the mean of a picture, or the smoother it is, the better."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.runtime.picture_statistics import FEATURES

LEVEL, STEPS = 0, 8  # places of the mean level, and of the mean step from column to column, among the statistics


def score_bytes(note: str = "", *, nan_below: float | None = None) -> bytes:
    """ONNX bytes: statistics (N, FEATURES) float32 -> severity (N, 1), minus the mean grey level in 0..1.

    With ``nan_below`` it is NaN for darker pictures, but not for one that is all zeros, which warms it up.
    """
    nodes = [
        helper.make_node("Gather", ["statistics", "level"], ["grey"], axis=1),
        helper.make_node("Mul", ["grey", "unit"], ["mean"]),
        helper.make_node("Neg", ["mean"], ["sound"]),
        helper.make_node("Sub", ["mean", "limit"], ["above"]),
        helper.make_node("Mul", ["mean", "above"], ["margin"]),
        helper.make_node("Sqrt", ["margin"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["doubt"]),
        helper.make_node("Add", ["sound", "doubt"], ["severity"]),
    ]
    limit = np.float32(-1000 if nan_below is None else nan_below)
    constants = {"level": np.array([LEVEL]), "unit": np.float32(1 / 255), "limit": limit, "zero": np.float32(0)}
    return _model(nodes, constants, note)


def rough_score_bytes(gain: float = 10.0) -> bytes:
    """ONNX bytes: statistics -> severity, -1 plus ``gain`` times the mean step between columns, in 0..1."""
    nodes = [
        helper.make_node("Gather", ["statistics", "steps"], ["grey"], axis=1),
        helper.make_node("Mul", ["grey", "gain"], ["cost"]),
        helper.make_node("Add", ["cost", "best"], ["severity"]),
    ]
    return _model(nodes, {"steps": np.array([STEPS]), "gain": np.float32(gain / 255), "best": np.float32(-1)}, "rough")


def _model(nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], note: str) -> bytes:
    graph = helper.make_graph(
        nodes,
        "mock_score",
        [helper.make_tensor_value_info("statistics", TensorProto.FLOAT, ["N", FEATURES])],
        [helper.make_tensor_value_info("severity", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name=note)
    content: bytes = model.SerializeToString()
    return content


def add_mock_score(
    folder: Path,
    precisions: tuple[str, ...] = ("float32",),
    *,
    nan_below: float | None = None,
    rough: bool = False,
    **changes: object,
) -> Path:
    """Put the stand-in and its manifest entry, with ``changes``, into a folder of weights; returns it.

    Its score is the mean grey level inside the sector, as a percentage. With ``rough`` it dislikes roughness instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {"format": 1, "models": {}}
    files = []
    for precision in precisions:
        content = rough_score_bytes() if rough else score_bytes(precision, nan_below=nan_below)
        name = f"score.{precision}.onnx"
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        files.append({"precision": precision, "file": name, "sha256": digest, "bytes": len(content)})
    entry = {
        "version": "0.0.1",
        "task": "other",
        "contract": {
            "input": {"name": "statistics", "shape": [None, FEATURES]},
            "outputs": [{"name": "severity", "shape": [None, 1]}],
        },
        "correction": {"slope": 1.0, "intercept": -1.0},
        "files": files,
    }
    manifest["models"]["score"] = entry | changes
    path.write_text(json.dumps(manifest, indent=1))
    return folder
