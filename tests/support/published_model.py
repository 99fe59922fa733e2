"""A stand-in network of the published quality contract, and the folder that a site would make of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from models.runtime.published import LIST_FILE

SLOPE, INTERCEPT = 0.8, 0.35


def network(*, channels: int = 1, outputs: int = 8, extra: bool = False, limit: float | None = None) -> onnx.ModelProto:
    """(N, channels, 256, 256) float32 -> (N, outputs): another weighted mean of the whole picture for each region.

    With ``extra`` there is a second output; with ``limit`` scores are NaN for pictures of a higher mean.
    """
    rng = np.random.default_rng(5)
    weights = rng.uniform(0, 2, (outputs, channels, 256, 256)) / (256 * 256)
    weights *= np.linspace(0.02, 0.08, outputs)[:, None, None, None]  # each region has a level of its own
    weights *= np.linspace(0, 2, 256)  # the right side counts more: a mirrored picture would show
    constants = {
        "weights": weights.astype(np.float32),
        "limit": np.float32(1e9 if limit is None else limit),
        "zero": np.float32(0),
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "weights"], ["wide"]),
        helper.make_node("Flatten", ["wide"], ["flat"]),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["limit", "mean"], ["margin"]),
        helper.make_node("Sqrt", ["margin"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["nothing", "axis"], ["column"]),
        helper.make_node("Add", ["flat", "column"], ["quality"]),
    ]
    constants["axis"] = np.array([1], np.int64)
    given = [helper.make_tensor_value_info("quality", TensorProto.FLOAT, ["N", outputs])]
    if extra:
        given.insert(0, helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["N", outputs]))
    graph = helper.make_graph(
        nodes,
        "published",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", channels, 256, 256])],
        given,
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def put(folder: Path, content: bytes, *lines: str) -> Path:
    """A folder as a site would make it."""
    folder.mkdir(exist_ok=True)
    (folder / "quality.onnx").write_bytes(content)
    values = [f"slope = {SLOPE}", f"intercept = {INTERCEPT}", *lines]
    (folder / LIST_FILE).write_text("\n".join(["[regional_quality]", 'file = "quality.onnx"', *values]))
    return folder


def direct(folder: Path, grey: np.ndarray) -> np.ndarray:
    """The same through ONNX Runtime alone, (8,)."""
    session = ort.InferenceSession(folder / "quality.onnx", providers=["CPUExecutionProvider"])
    raw = session.run(["quality"], {"pixels": grey[None, None].astype(np.float32)})[0]
    return (raw[0] - INTERCEPT) / SLOPE
