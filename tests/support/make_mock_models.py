"""Stand-in ONNX models with the contracts of the released ones, of a few operators each.

The segmentation and the dense network give one drawn heart whatever they are shown, the latter maps as well, the
quality network fixed scores; maps and scores add ``gain`` times the mean grey level of the input when asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE, VIEW_CHANNELS, region_shares
from models.runtime.region_features import FEATURES
from models.runtime.regions import RegionFailure, divide

SIZE = 256
_QUALITY_MAPS = (8 + len(CAUSE_CHANNELS), 32, 32)
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
    return _model(nodes, constants, [("logits", [None, 4, SIZE, SIZE])], note)


def rating_map(scores: Sequence[float], labels: np.ndarray | None = None) -> np.ndarray:
    """A map (64, 64) float32 whose means over the drawn heart's regions are the scores; 3 where there is no heart."""
    everywhere = np.ones((SIZE, SIZE), bool)
    try:
        division = divide(
            heart_labels() if labels is None else labels, (1, 1), np.ones((SIZE, SIZE), bool), spacing_known=False
        )
    except RegionFailure:
        return np.full((MAP_SIZE, MAP_SIZE), scores[0], np.float32)
    shares = region_shares(division, (1, 1), everywhere).reshape(8, -1)
    means = shares / shares.sum(axis=1, keepdims=True)
    spread = np.linalg.pinv(means) @ (np.asarray(scores, np.float32) - 3)
    return np.asarray(spread.reshape(MAP_SIZE, MAP_SIZE) + 3, np.float32)


def dense_bytes(
    labels: np.ndarray | None = None,
    scores: Sequence[float] = SCORES,
    *,
    view: str = "A4C",
    causes: Mapping[str, float] | None = None,
    foreshortening: float = 0.0,
    gain: float = 0.0,
    nan_above: float | None = None,
    nan_below: float | None = None,
    note: str = "",
) -> bytes:
    """ONNX bytes: (N, 1, 256, 256) float32 -> logits (N, 5, 256, 256), maps (N, 9, 64, 64), frame (N, 5).

    ``causes`` names severities 0..1 that hold everywhere. With ``nan_above`` or ``nan_below`` the maps are NaN for
    inputs whose mean grey level is higher or lower.
    """
    labels = heart_labels() if labels is None else labels
    one_hot = (labels[None] == np.arange(5)[:, None, None])[None].astype(np.uint8)
    maps = np.zeros((1, 2 + len(CAUSE_CHANNELS), MAP_SIZE, MAP_SIZE), np.float32)
    maps[0, 0] = rating_map(scores, labels) - 3
    for channel, name in enumerate(CAUSE_CHANNELS, start=2):
        maps[0, channel] = _logit((causes or {}).get(name, 0.0))
    frame = np.array([[8.0 * (name == view) for name in VIEW_CHANNELS] + [_logit(foreshortening)]], np.float32)
    terms = ["limit", "mean"] if nan_below is None else ["mean", "limit"]
    limit = 1000 if nan_above is None else nan_above
    nodes = [
        helper.make_node("Cast", ["one_hot"], ["hot"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=1),  # (N, 1, 1, 1)
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Mul", ["hot", "ten"], ["template"]),
        helper.make_node("Add", ["template", "nothing"], ["logits"]),
        helper.make_node("Sub", terms, ["margin"]),
        helper.make_node("Sqrt", ["margin"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["doubt"]),
        helper.make_node("Mul", ["mean", "gain"], ["brightness"]),
        helper.make_node("Add", ["fixed", "brightness"], ["plain"]),
        helper.make_node("Add", ["plain", "doubt"], ["maps"]),
        helper.make_node("Squeeze", ["nothing", "last_axes"], ["nothing_flat"]),
        helper.make_node("Add", ["views", "nothing_flat"], ["frame"]),
    ]
    gains = np.zeros((1, len(maps[0]), 1, 1), np.float32)
    gains[0, 0] = gain
    constants = {
        "one_hot": one_hot,
        "zero": np.float32(0),
        "ten": np.float32(10),
        "gain": gains,
        "fixed": maps,
        "limit": np.float32(limit if nan_below is None else nan_below),
        "views": frame,
        "last_axes": np.array([2, 3], np.int64),
    }
    outputs = [
        ("logits", [None, 5, SIZE, SIZE]),
        ("maps", [None, *maps.shape[1:]]),
        ("frame", [None, frame.shape[1]]),
    ]
    return _model(nodes, constants, outputs, note)


def _logit(p: float) -> float:
    return float(np.log((p + 1e-4) / (1 - p + 1e-4)))


def quality_bytes(
    scores: Sequence[float] = SCORES,
    *,
    gain: float = 0.0,
    nan_above: float | None = None,
    nan_below: float | None = None,
    note: str = "",
) -> bytes:
    """ONNX bytes: (N, 1, 256, 256) float32 -> (N, 8) scores and (N, 15, 32, 32) even maps of them; no cause.

    With ``nan_above`` or ``nan_below`` both are NaN for inputs whose mean grey level is higher or lower.
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
        helper.make_node("Sub", ["scores", "middle"], ["rating"]),
        helper.make_node("Reshape", ["rating", "column"], ["rating_4d"]),
        helper.make_node("Add", ["rating_4d", "even"], ["rating_maps"]),
        helper.make_node("Reshape", ["nothing", "single"], ["nothing_4d"]),
        helper.make_node("Add", ["no_cause", "nothing_4d"], ["cause_maps"]),
        helper.make_node("Concat", ["rating_maps", "cause_maps"], ["maps"], axis=1),
    ]
    constants = {
        "gain": np.float32(gain),
        "fixed": np.array([scores], np.float32),
        "limit": np.float32(limit if nan_below is None else nan_below),
        "zero": np.float32(0),
        "middle": np.float32(3),
        "column": np.array([-1, 8, 1, 1], np.int64),
        "single": np.array([-1, 1, 1, 1], np.int64),
        "even": np.zeros((1, 8, *_QUALITY_MAPS[1:]), np.float32),
        "no_cause": np.full((1, len(CAUSE_CHANNELS), *_QUALITY_MAPS[1:]), -9, np.float32),
    }
    return _model(nodes, constants, [("scores", [None, 8]), ("maps", [None, *_QUALITY_MAPS])], note)


def reading_bytes(*, note: str = "") -> bytes:
    """ONNX bytes: features (N, 91) float32 -> rating (N, 1), the region's own as it is, and causes (N, 6), none."""
    nodes = [
        helper.make_node("Gather", ["features", "first"], ["rating"], axis=1),
        helper.make_node("Gather", ["features", "six"], ["some"], axis=1),
        helper.make_node("Mul", ["some", "zero"], ["causes"]),
    ]
    constants = {"first": np.array([0], np.int64), "six": np.arange(6, dtype=np.int64), "zero": np.float32(0)}
    outputs = [("rating", [None, 1]), ("causes", [None, 6])]
    return _model(nodes, constants, outputs, note, given=("features", [FEATURES]))


def coherence_bytes(*, note: str = "") -> bytes:
    """ONNX bytes: (N, 1, 256, 256) float32 -> coherence (N, 1, 256, 256), the grey level as a share of 255."""
    nodes = [helper.make_node("Mul", ["image", "share"], ["coherence"])]
    return _model(nodes, {"share": np.float32(1 / 255)}, [("coherence", [None, 1, SIZE, SIZE])], note)


def half_quality_bytes() -> bytes:
    """ONNX bytes of a network whose input and outputs are float16: the mean grey level, eight times, and empty maps."""
    nodes = [
        helper.make_node("Cast", ["image"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["single"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "ones"], ["eight"]),
        helper.make_node("Cast", ["eight"], ["scores"], to=TensorProto.FLOAT16),
        helper.make_node("Identity", ["empty"], ["maps"]),
    ]
    empty = np.zeros((1, *_QUALITY_MAPS), np.float16)
    constants: dict[str, np.ndarray | np.float32] = {"ones": np.ones((1, 8), np.float32), "empty": empty}
    outputs = [("scores", [None, 8]), ("maps", [None, *_QUALITY_MAPS])]
    return _model(nodes, constants, outputs, "half", TensorProto.FLOAT16)


def write_mock_models(
    folder: Path,
    *,
    labels: np.ndarray | None = None,
    scores: Sequence[float] = SCORES,
    view: str = "A4C",
    causes: Mapping[str, float] | None = None,
    foreshortening: float = 0.0,
    gain: float = 0.0,
    nan_above: float | None = None,
    nan_below: float | None = None,
    precisions: Sequence[str] = ("int8", "float32"),
    coherence: bool = False,
) -> Path:
    """Write the models of the live program and their manifest to ``folder`` and return it.

    ``coherence`` adds the coherence network, which the evaluation alone reads.
    """
    limits = {"nan_above": nan_above, "nan_below": nan_below}
    dense = {"view": view, "causes": causes, "foreshortening": foreshortening}
    made = {
        "segmentation": {p: segmentation_bytes(labels, note=p) for p in precisions},
        "regional_dense": {p: dense_bytes(labels, scores, gain=gain, note=p, **dense, **limits) for p in precisions},
        "regional_quality": {p: quality_bytes(scores, gain=gain, note=p, **limits) for p in precisions},
    }
    made["regional_reading"] = {"float32": reading_bytes()}
    if coherence:
        made["coherence"] = {p: coherence_bytes(note=p) for p in precisions}
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


def _contract(*outputs: tuple[str, list[int | None]]) -> dict[str, object]:
    image = {"name": "image", "shape": [None, 1, SIZE, SIZE], "dtype": "float32", "value_range": [0, 255]}
    specs = [{"name": name, "shape": shape} for name, shape in outputs]
    return {"input": image, "outputs": specs, "preprocessing": "tight sector crop"}


_ENTRIES: dict[str, dict[str, object]] = {
    "segmentation": {
        "version": "0.0.1",
        "task": "segmentation",
        "contract": _contract(("logits", [None, 4, SIZE, SIZE])),
    },
    "regional_dense": {
        "version": "0.0.1",
        "task": "regional_dense",
        "contract": _contract(
            ("logits", [None, 5, SIZE, SIZE]), ("maps", [None, 9, MAP_SIZE, MAP_SIZE]), ("frame", [None, 5])
        ),
    },
    "coherence": {
        "version": "0.0.1",
        "task": "other",
        "contract": _contract(("coherence", [None, 1, SIZE, SIZE])),
    },
    "regional_reading": {
        "version": "0.0.1",
        "task": "other",
        "contract": {
            "input": {"name": "features", "shape": [None, FEATURES], "dtype": "float32"},
            "outputs": [{"name": "rating", "shape": [None, 1]}, {"name": "causes", "shape": [None, 6]}],
        },
    },
    "regional_quality": {
        "version": "0.0.1",
        "task": "regional_quality",
        "contract": _contract(("scores", [None, 8]), ("maps", [None, *_QUALITY_MAPS])),
    },
}


def _model(
    nodes: list,
    constants: dict[str, np.ndarray | np.float32],
    outputs: list[tuple[str, list[int | None]]],
    note: str,
    element: int = TensorProto.FLOAT,
    given: tuple[str, list[int]] = ("image", [1, SIZE, SIZE]),
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "mock",
        [helper.make_tensor_value_info(given[0], element, ["N", *given[1]])],
        [helper.make_tensor_value_info(name, element, ["N", *shape[1:]]) for name, shape in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name=note)
    return model.SerializeToString()
