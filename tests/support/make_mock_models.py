"""Stand-in ONNX models with the contracts of the released ones, of a few operators each.

The segmentation gives one drawn heart whatever it is shown. The quality network gives fixed scores, plus
``gain`` times the mean grey level of its input when asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIZE = 256
SCORES = (4.2, 3.6, 2.1, 1.4, 3.0, 4.8, 3.3, 2.6)


def heart_labels(size: int = SIZE) -> np.ndarray:
    """A drawn apical heart, (size, size) uint8: 0 background, 1 LV, 2 MYO, 3 LA."""
    y, x = np.mgrid[0:size, 0:size] * (SIZE / size)
    labels = np.zeros((size, size), np.uint8)
    labels[((x - 128) / 34) ** 2 + ((y - 200) / 40) ** 2 < 1] = 3
    wall = ((x - 128) / 52) ** 2 + ((y - 150) / 110) ** 2 < 1
    labels[wall & (y < 178)] = 2
    lumen = ((x - 128) / 34) ** 2 + ((y - 152) / 90) ** 2 < 1
    labels[lumen & (y < 178)] = 1
    return labels


def segmentation_bytes(labels: np.ndarray | None = None, *, note: str = "") -> bytes:
    """ONNX bytes: (N, 1, 256, 256) float32 -> logits (N, 4, 256, 256)."""
    labels = heart_labels() if labels is None else labels
    one_hot = (labels[None] == np.arange(4)[:, None, None])[None].astype(np.uint8)
    nodes = [
        helper.make_node("Cast", ["one_hot"], ["hot"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["image", "zero"], ["nothing"]),  # (N, 1, 256, 256)
        helper.make_node("Mul", ["hot", "ten"], ["template"]),
        helper.make_node("Add", ["template", "nothing"], ["logits"]),
    ]
    constants = {"one_hot": one_hot, "zero": np.float32(0), "ten": np.float32(10)}
    return _model(nodes, constants, ("logits", [None, 4, SIZE, SIZE]), note)


def quality_bytes(
    scores: Sequence[float] = SCORES,
    *,
    gain: float = 0.0,
    nan_above: float | None = None,
    nan_below: float | None = None,
    note: str = "",
) -> bytes:
    """ONNX bytes: (N, 1, 256, 256) float32 -> (N, 8) scores.

    With ``nan_above`` or ``nan_below`` the scores are NaN for inputs whose mean grey level is higher or lower.
    """
    terms = ["limit", "mean"] if nan_below is None else ["mean", "limit"]
    limit = 1000 if nan_above is None else nan_above
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),  # (N, 1)
        helper.make_node("Mul", ["mean", "gain"], ["brightness"]),
        helper.make_node("Add", ["brightness", "fixed"], ["plain"]),
        helper.make_node("Sub", terms, ["margin"]),
        helper.make_node("Sqrt", ["margin"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["nothing"]),
        helper.make_node("Add", ["plain", "nothing"], ["scores"]),
    ]
    constants = {
        "gain": np.float32(gain),
        "fixed": np.array([scores], np.float32),
        "limit": np.float32(limit if nan_below is None else nan_below),
        "zero": np.float32(0),
    }
    return _model(nodes, constants, ("scores", [None, 8]), note)


def half_quality_bytes() -> bytes:
    """ONNX bytes of a network whose input and output are float16: the mean grey level, eight times."""
    nodes = [
        helper.make_node("Cast", ["image"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["single"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "ones"], ["eight"]),
        helper.make_node("Cast", ["eight"], ["scores"], to=TensorProto.FLOAT16),
    ]
    constants: dict[str, np.ndarray | np.float32] = {"ones": np.ones((1, 8), np.float32)}
    return _model(nodes, constants, ("scores", [None, 8]), "half", TensorProto.FLOAT16)


def write_mock_models(
    folder: Path,
    *,
    labels: np.ndarray | None = None,
    scores: Sequence[float] = SCORES,
    gain: float = 0.0,
    nan_above: float | None = None,
    nan_below: float | None = None,
    precisions: Sequence[str] = ("int8", "float32"),
) -> Path:
    """Write both models and their manifest to ``folder`` and return it."""
    limits = {"nan_above": nan_above, "nan_below": nan_below}
    made = {
        "segmentation": {p: segmentation_bytes(labels, note=p) for p in precisions},
        "regional_quality": {p: quality_bytes(scores, gain=gain, note=p, **limits) for p in precisions},
    }
    return write_weights(folder, made)


def write_weights(folder: Path, contents: dict[str, dict[str, bytes]]) -> Path:
    """Write given model bytes, ``{model: {precision: bytes}}``, with a manifest that fits them."""
    folder.mkdir(parents=True, exist_ok=True)
    models = {}
    for name, files in contents.items():
        models[name] = {**_ENTRIES[name], "files": [_write(folder, name, p, data) for p, data in files.items()]}
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "models": models}, indent=1))
    return folder


def _write(folder: Path, name: str, precision: str, content: bytes) -> dict[str, object]:
    file = f"{name}-{precision}.onnx"
    (folder / file).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return {"precision": precision, "file": file, "sha256": digest, "bytes": len(content)}


def _contract(output: str, shape: list[int | None]) -> dict[str, object]:
    image = {"name": "image", "shape": [None, 1, SIZE, SIZE], "dtype": "float32", "value_range": [0, 255]}
    return {"input": image, "outputs": [{"name": output, "shape": shape}], "preprocessing": "tight sector crop"}


_ENTRIES: dict[str, dict[str, object]] = {
    "segmentation": {
        "version": "0.0.1",
        "task": "segmentation",
        "contract": _contract("logits", [None, 4, SIZE, SIZE]),
    },
    "regional_quality": {
        "version": "0.0.1",
        "task": "regional_quality",
        "contract": _contract("scores", [None, 8]),
    },
}


def _model(
    nodes: list,
    constants: dict[str, np.ndarray | np.float32],
    output: tuple[str, list[int | None]],
    note: str,
    element: int = TensorProto.FLOAT,
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "mock",
        [helper.make_tensor_value_info("image", element, ["N", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info(output[0], element, ["N", *output[1][1:]])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name=note)
    return model.SerializeToString()
