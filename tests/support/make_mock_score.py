"""Stand-ins for the score: the brighter the mean of a picture, or the smoother it is, the better."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIDE = 224


def score_bytes(note: str = "", *, nan_below: float | None = None) -> bytes:
    """ONNX bytes: picture (N, 1, 224, 224) float32 -> severity (N, 1), minus the mean grey level 0..1.

    With ``nan_below`` it is NaN for darker pictures.
    """
    nodes = [
        helper.make_node("Flatten", ["picture"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Neg", ["mean"], ["sound"]),
        helper.make_node("Sub", ["mean", "limit"], ["margin"]),
        helper.make_node("Sqrt", ["margin"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["doubt"]),
        helper.make_node("Add", ["sound", "doubt"], ["severity"]),
    ]
    constants = {"limit": np.float32(-1000 if nan_below is None else nan_below), "zero": np.float32(0)}
    graph = helper.make_graph(
        nodes,
        "mock_score",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("severity", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name=note)
    content: bytes = model.SerializeToString()
    return content


def rough_score_bytes(gain: float = 10.0) -> bytes:
    """ONNX bytes: picture -> severity, -0.5 plus ``gain`` times how far pixels lie from their neighbours' mean."""
    nodes = [
        helper.make_node(
            "AveragePool", ["picture"], ["even"], kernel_shape=[5, 5], pads=[2, 2, 2, 2], count_include_pad=1
        ),
        helper.make_node("Sub", ["picture", "even"], ["steps"]),
        helper.make_node("Abs", ["steps"], ["size"]),
        helper.make_node("Flatten", ["size"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "gain"], ["cost"]),
        helper.make_node("Add", ["cost", "best"], ["severity"]),
    ]
    constants = {"gain": np.float32(gain), "best": np.float32(-0.5)}
    graph = helper.make_graph(
        nodes,
        "mock_rough_score",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("severity", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
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

    Its calibration makes a black picture 0 points and one of mean grey level 0.5 or more 100. With ``rough`` the score
    dislikes roughness instead.
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
            "input": {"name": "picture", "shape": [None, 1, SIDE, SIDE], "value_range": [0, 1]},
            "outputs": [{"name": "severity", "shape": [None, 1]}],
        },
        "correction": {"slope": 0.5, "intercept": -0.5},
        "files": files,
    }
    manifest["models"]["score"] = entry | changes
    path.write_text(json.dumps(manifest, indent=1))
    return folder
