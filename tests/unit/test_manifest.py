"""The manifest: what it accepts, what it refuses by name."""

import json

import pytest

from capture.errors import ModelError
from models.runtime.manifest import Precision, load_manifest, model_id, read_checked, verify
from tests.support.make_mock_models import write_mock_models


def test_a_good_folder_verifies_file_by_file(tmp_path):
    checks = verify(write_mock_models(tmp_path))
    assert len(checks) == 7
    assert all(check.is_ok for check in checks)


def test_model_id_carries_version_precision_and_hash(tmp_path):
    entry = load_manifest(write_mock_models(tmp_path)).entry("regional_dense")
    file = entry.file_of(Precision.INT8)
    assert model_id("regional_dense", entry, file) == f"regional_dense@0.0.1-int8#{file.sha256[:8]}"
    assert entry.file_of(Precision.FLOAT16) is None


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"manifest\.json"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [("sha256", "abc", "sha256"), ("file", "../evil.onnx", "file"), ("bytes", -1, "bytes"), ("precision", "x", "prec")],
)
def test_a_bad_field_is_named(tmp_path, field, value, where):
    path = write_mock_models(tmp_path) / "manifest.json"
    content = json.loads(path.read_text())
    content["models"]["regional_dense"]["files"][0][field] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=where):
        load_manifest(tmp_path)


def test_garbage_and_another_format_are_refused(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text("{")
    with pytest.raises(ModelError, match="not valid"):
        load_manifest(tmp_path)
    path.write_text('{"format": 2, "models": {}}')
    with pytest.raises(ModelError, match="format"):
        load_manifest(tmp_path)


def test_an_unknown_model_lists_the_known_ones(tmp_path):
    with pytest.raises(ModelError, match="known: regional_dense, regional_quality, regional_reading, segmentation"):
        load_manifest(write_mock_models(tmp_path)).entry("nothing")


def test_verify_reports_each_bad_file_and_goes_on(tmp_path):
    write_mock_models(tmp_path)
    (tmp_path / "regional_dense-int8.onnx").unlink()
    (tmp_path / "regional_dense-float32.onnx").write_bytes(b"short")
    problems = {check.file: check.problem for check in verify(tmp_path)}
    assert "cannot read" in problems["regional_dense-int8.onnx"]
    assert "5 bytes" in problems["regional_dense-float32.onnx"]
    assert problems["regional_quality-int8.onnx"] == ""


def test_a_changed_byte_is_refused_by_file_name(tmp_path):
    folder = write_mock_models(tmp_path)
    file = load_manifest(folder).entry("regional_dense").files[0]
    content = bytearray((folder / file.file).read_bytes())
    content[100] ^= 1
    (folder / file.file).write_bytes(content)
    with pytest.raises(ModelError, match=file.file):
        read_checked(folder, file)
