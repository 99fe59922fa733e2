"""Faults of model files and outputs: each is refused with a message that names the file or the model."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from capture.errors import ModelError
from models.runtime.manifest import Precision, load_manifest
from models.runtime.onnx_bytes import refuse_external_data
from models.runtime.precision import open_model
from models.runtime.providers import Provider, ProviderError, cuda_problem
from models.runtime.session import ModelSession
from tests.support.make_mock_models import (
    dense_bytes,
    heart_labels,
    quality_bytes,
    write_mock_models,
    write_weights,
)

FLIPS = 200


def open_float32(folder, name="regional_quality", provider=Provider.CPU):
    entry = load_manifest(folder).entry(name)
    return ModelSession(folder, name, entry, entry.file_of(Precision.FLOAT32), provider, threads=1)


def with_file(folder, content, name="regional_quality"):
    return write_weights(folder, {name: {"float32": content}})


def test_every_flipped_bit_is_refused_by_name(tmp_path):
    folder = write_mock_models(tmp_path, precisions=("float32",))
    path = folder / "regional_quality-float32.onnx"
    sound = path.read_bytes()
    rng = np.random.default_rng(7)
    refused = 0
    for position in rng.choice(len(sound) * 8, FLIPS, replace=False):
        damaged = bytearray(sound)
        damaged[position // 8] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"regional_quality-float32\.onnx is damaged"):
            open_float32(folder)
        refused += 1
    assert refused == FLIPS
    path.write_bytes(sound)
    open_float32(folder)


def test_a_truncated_file_is_refused_by_name(tmp_path):
    folder = write_mock_models(tmp_path)
    path = folder / "regional_dense-float32.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"regional_dense-float32\.onnx has .* bytes, expected"):
        open_float32(folder, "regional_dense")


def test_a_missing_file_is_refused_by_name(tmp_path):
    folder = write_mock_models(tmp_path)
    (folder / "regional_dense-float32.onnx").unlink()
    with pytest.raises(ModelError, match=r"cannot read model file .*regional_dense-float32\.onnx"):
        open_float32(folder, "regional_dense")


def test_a_wrong_hash_in_the_manifest_is_refused(tmp_path):
    folder = write_mock_models(tmp_path)
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    for file in content["models"]["regional_quality"]["files"]:
        file["sha256"] = "0" * 64
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match="regional_quality"):
        open_model(folder, "regional_quality", provider="cpu", cache_dir=tmp_path / "cache")


def test_a_damaged_file_is_not_hidden_by_the_automatic_choice(tmp_path):
    """Neither the trial of CUDA nor the one of INT8 may pass over a file that is not what was released."""
    folder = write_mock_models(tmp_path)
    (folder / "regional_dense-int8.onnx").write_bytes((folder / "regional_dense-float32.onnx").read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match="regional_dense-int8"):
        open_model(folder, "regional_dense", cache_dir=tmp_path / "cache")


def test_nan_from_the_first_run_on_is_refused(tmp_path):
    folder = with_file(tmp_path, quality_bytes([float("nan")] * 8))
    with pytest.raises(ModelError, match=r"regional_quality@0\.0\.1-float32#\w{8} gave NaN"):
        open_float32(folder)


@pytest.mark.filterwarnings("error")
def test_nan_later_is_refused_by_model_id(tmp_path):
    session = open_float32(with_file(tmp_path, quality_bytes(nan_above=200)))
    session.run(np.full((1, 1, 256, 256), 100, np.float32))
    with pytest.raises(ModelError, match=r"regional_quality@0\.0\.1-float32#\w{8} gave NaN"):
        session.run(np.full((1, 1, 256, 256), 220, np.float32))


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_infinite_output_is_refused(tmp_path, value):
    with pytest.raises(ModelError, match="NaN or infinite"):
        open_float32(with_file(tmp_path, quality_bytes([value, *[3.0] * 7])))


def test_external_data_is_refused_although_hash_and_size_are_right(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the runtime would look for the data here
    model = onnx.load_from_string(dense_bytes())
    onnx.save(model, "plain.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    folder = with_file(tmp_path / "w", (tmp_path / "plain.onnx").read_bytes(), "regional_dense")
    with pytest.raises(ModelError, match=r"regional_dense-float32\.onnx refers to data in another file"):
        open_float32(folder, "regional_dense")


def test_external_data_inside_a_branch_is_found():
    tensor = helper.make_tensor("deep", TensorProto.FLOAT, [1], [1.0])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="x.bin")
    constant = helper.make_node("Constant", [], ["out"], value=tensor)
    branch = helper.make_graph([constant], "b", [], [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])])
    node = helper.make_node("If", ["flag"], ["y"], then_branch=branch, else_branch=branch)
    inputs = [helper.make_tensor_value_info("flag", TensorProto.BOOL, [])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])]
    model = helper.make_model(helper.make_graph([node], "g", inputs, outputs))
    with pytest.raises(ModelError, match="another file"):
        refuse_external_data(model.SerializeToString(), "m.onnx")


@pytest.mark.parametrize("content", [b"not a model", b"\xff" * 64, b"", bytes(range(256))])
def test_bytes_that_are_no_model_are_refused_by_name(tmp_path, content):
    folder = with_file(tmp_path, content or b"\x00")
    with pytest.raises(ModelError, match=r"regional_quality-float32\.onnx"):
        open_float32(folder)


def test_a_model_that_breaks_its_contract_is_refused(tmp_path):
    folder = with_file(tmp_path, dense_bytes(heart_labels()), "regional_quality")
    with pytest.raises(ModelError, match="no tensor 'scores'"):
        open_float32(folder)


@pytest.mark.parametrize(("key", "value"), [("shape", [None, 9]), ("shape", [8]), ("dtype", "int64")])
def test_a_wrong_shape_or_type_is_refused(tmp_path, key, value):
    folder = write_mock_models(tmp_path)
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["models"]["regional_quality"]["contract"]["outputs"][0][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"scores of model file regional_quality-float32\.onnx is"):
        open_float32(folder)


def test_cuda_asked_for_by_name_and_not_granted_is_an_error(tmp_path):
    if not cuda_problem():
        pytest.skip("this machine may have a GPU")
    folder = write_mock_models(tmp_path)
    with pytest.raises(ProviderError, match="CUDA was asked for"):
        open_float32(folder, provider=Provider.CUDA)
    with pytest.raises(ProviderError, match="--provider cpu"):
        open_model(folder, "regional_dense", provider="cuda", cache_dir=tmp_path / "cache")
