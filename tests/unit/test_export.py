"""From a network to its three released files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from models.export import Exported, export_network, run_file, update_manifest

# torch's TorchScript exporter, which the quantiser's node names rest on, announces that it will go one day
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Tiny(nn.Module):
    """(N, 1, 256, 256) in 0..255 -> (N, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 16, 3, 4, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 4, 1), nn.ReLU())
        self.head = nn.Linear(16, 8)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        return self.head(self.features((grey - 50.0) / 50.0).mean(dim=(2, 3)))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(3)
    return Tiny().eval()


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (6, 1, 256, 256)).astype(np.float32)


@pytest.fixture(scope="module")
def exported(network: nn.Module, inputs: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> list[Exported]:
    folder = tmp_path_factory.mktemp("export") / "new"
    return export_network(network, folder, "tiny", ["scores"], (image[None] for image in inputs), keep_float=("Gemm",))


def test_three_files_and_nothing_else(exported: list[Exported]):
    assert [file.precision for file in exported] == ["int8", "float32", "float16"]
    assert [file.path.name for file in exported] == [f"tiny.{p}.onnx" for p in ("int8", "float32", "float16")]
    assert len(list(exported[0].path.parent.iterdir())) == 3
    for file in exported:
        content = file.path.read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)


@pytest.mark.parametrize(("index", "limit"), [(0, 0.05), (1, 2e-3), (2, 1e-2)])
def test_each_file_agrees_with_the_network(
    exported: list[Exported], network: nn.Module, inputs: np.ndarray, index: int, limit: float
):
    with torch.no_grad():
        truth = network(torch.from_numpy(inputs)).numpy()
    (found,) = run_file(exported[index].path, inputs)
    assert found.dtype == np.float32
    assert np.abs(found - truth).max() < limit * max(float(np.abs(truth).max()), 1.0)


def test_the_contract_is_in_every_file(exported: list[Exported]):
    for file in exported:
        graph = onnx.load(str(file.path)).graph
        (image,), (scores,) = graph.input, graph.output
        shapes = [[d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim] for x in (image, scores)]
        assert (image.name, scores.name) == ("image", "scores")
        assert shapes[0] == ["N", 1, 256, 256]
        assert shapes[1][1:] == [8]
        types = {x.type.tensor_type.elem_type for x in (image, scores)}
        assert types == {onnx.TensorProto.FLOAT}


def test_int8_means_int8_per_channel_but_for_what_was_kept(exported: list[Exported]):
    graph = onnx.load(str(exported[0].path)).graph
    operators = [node.op_type for node in graph.node]
    assert "DequantizeLinear" in operators
    weights = [t for t in graph.initializer if t.data_type == onnx.TensorProto.INT8]
    assert [tuple(t.dims) for t in weights if len(t.dims) == 4] == [(16, 1, 3, 3), (16, 16, 3, 3)]
    scales = [t for t in graph.initializer if t.name.endswith("weight_scale") or "scale" in t.name]
    assert any(tuple(t.dims) == (16,) for t in scales)


def test_float32_stores_its_weights_as_float16(exported: list[Exported]):
    tensors = {tuple(t.dims): t.data_type for t in onnx.load(str(exported[1].path)).graph.initializer}
    assert tensors[(16, 16, 3, 3)] == onnx.TensorProto.FLOAT16


def test_the_manifest_keeps_other_models(tmp_path: Path):
    path = tmp_path / "manifest.json"
    update_manifest(path, "a", {"version": "1"})
    update_manifest(path, "b", {"version": "1"})
    update_manifest(path, "a", {"version": "2"})
    assert json.loads(path.read_text()) == {"format": 1, "models": {"a": {"version": "2"}, "b": {"version": "1"}}}
