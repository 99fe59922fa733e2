"""From a trained network to its three released files: INT8 (QDQ), float32 (weights stored as float16) and float16.

Shared by all model folders. Every export ends with a parity check of each file against the network itself.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16

OPSET = 17
SMALL_TENSOR = 64  # elements; smaller constants stay in float32


@dataclass(frozen=True)
class Exported:
    """One written model file."""

    precision: str
    path: Path
    sha256: str
    bytes: int


def export_network(
    network: torch.nn.Module,
    out_dir: Path,
    stem: str,
    output_names: Sequence[str],
    calibration: Iterable[np.ndarray],
    keep_float: Iterable[str] = (),
    example: tuple[str, int] = ("image", 256),
) -> list[Exported]:
    """Write ``STEM.{int8,float32,float16}.onnx`` and return what was written.

    Parameters
    ----------
    network : (N, 1, S, S) float32 -> one tensor, or a tuple of them
    output_names : of the outputs, in their order
    calibration : model inputs (1, 1, S, S) float32 that stand for real use
    keep_float : substrings of node names that are not quantised
    example : name of the input, and S
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        _to_onnx(network, plain, output_names, example[0], torch.zeros(1, 1, example[1], example[1]))
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        int8 = out_dir / f"{stem}.int8.onnx"
        _quantise(prepared, int8, ({example[0]: picture} for picture in calibration), tuple(keep_float))
        model = onnx.load(str(prepared))
        half_stored = out_dir / f"{stem}.float32.onnx"
        onnx.save(_store_weights_as_half(model), str(half_stored))
        half = out_dir / f"{stem}.float16.onnx"
        onnx.save(convert_float_to_float16(onnx.load(str(prepared)), keep_io_types=True), str(half))
    return [_describe(p, f) for p, f in (("int8", int8), ("float32", half_stored), ("float16", half))]


def export_float(
    network: torch.nn.Module,
    out_dir: Path,
    stem: str,
    output_names: Sequence[str],
    input_name: str,
    example: torch.Tensor,
) -> Exported:
    """Write ``STEM.float32.onnx`` alone, for a network that no live frame waits for, or too small to gain by another.

    Parameters
    ----------
    network : a tensor like ``example``, of any batch size -> one tensor, or a tuple of them
    output_names : of the outputs, in their order
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / f"{stem}.float32.onnx"
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        _to_onnx(network, plain, output_names, input_name, example)
        onnx.save(_store_weights_as_half(onnx.load(str(plain))), str(path))
    return _describe("float32", path)


def _to_onnx(
    network: torch.nn.Module, path: Path, output_names: Sequence[str], input_name: str, example: torch.Tensor
) -> None:
    network = network.eval().float()
    torch.onnx.export(
        network,
        (example,),
        str(path),
        input_names=[input_name],
        output_names=list(output_names),
        dynamic_axes={name: {0: "N"} for name in (input_name, *output_names)},
        opset_version=OPSET,
        dynamo=False,
    )


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, inputs: Iterable[dict[str, np.ndarray]]) -> None:
        self._inputs: Iterator[dict[str, np.ndarray]] = iter(inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)


def _quantise(
    source: Path, target: Path, calibration: Iterable[dict[str, np.ndarray]], keep_float: tuple[str, ...]
) -> None:
    nodes = [node.name for node in onnx.load(str(source)).graph.node]
    quantize_static(
        str(source),
        str(target),
        _Reader(calibration),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        calibrate_method=CalibrationMethod.MinMax,
        nodes_to_exclude=[name for name in nodes if any(part in name for part in keep_float)],
    )


def _store_weights_as_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Large weights become float16 initialisers with a Cast: half the file, float32 arithmetic."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL_TENSOR:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT, name=f"{name}_grow"))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + nodes)
    onnx.checker.check_model(model)
    return model


def _describe(precision: str, path: Path) -> Exported:
    data = path.read_bytes()
    return Exported(precision, path, hashlib.sha256(data).hexdigest(), len(data))


def run_file(path: Path, images: np.ndarray) -> list[np.ndarray]:
    """Outputs of a written file for (N, 1, S, S) float32 inputs, one at a time, on the CPU."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    runs = [session.run(None, {name: image[None]}) for image in images]
    return [np.concatenate(outputs) for outputs in zip(*runs, strict=True)]


def update_manifest(manifest: Path, name: str, entry: dict[str, object]) -> None:
    """Put or replace the entry of one model in ``manifest.json``."""
    content: dict[str, Any] = json.loads(manifest.read_text()) if manifest.exists() else {"format": 1, "models": {}}
    content["models"][name] = entry
    manifest.write_text(json.dumps(content, indent=2) + "\n")
