"""Choice of INT8 or float32: measured, remembered, pinned."""

import json

import numpy as np
import pytest

from capture.errors import ModelError
from models.runtime import precision as subject
from models.runtime.manifest import Precision, load_manifest
from models.runtime.precision import CACHE_FILE, PrecisionCache, PrecisionTrial, compare, open_model
from models.runtime.providers import cuda_problem, default_threads
from models.runtime.reference import reference_batches
from tests.support.make_mock_models import quality_bytes, reading_bytes, write_mock_models, write_weights


def quality_weights(folder, int8_scores):
    contents = {"int8": quality_bytes(int8_scores, note="int8"), "float32": quality_bytes([3.0] * 8, note="float32")}
    return write_weights(folder, {"regional_quality": contents})


@pytest.fixture
def int8_is_faster(monkeypatch):
    monkeypatch.setattr(subject, "measure_ms", lambda session, *_: 1.0 if session.precision == "int8" else 2.0)


def opened(folder, cache, **options):
    return open_model(folder, "regional_quality", provider="cpu", cache_dir=cache, **options)


@pytest.mark.usefixtures("int8_is_faster")
def test_int8_wins_when_faster_and_alike(tmp_path):
    session = opened(quality_weights(tmp_path, [3.01] * 8), tmp_path / "cache")
    assert session.precision is Precision.INT8


@pytest.mark.usefixtures("int8_is_faster")
def test_lost_parity_takes_float32(tmp_path):
    assert opened(quality_weights(tmp_path, [4.0] * 8), tmp_path / "cache").precision is Precision.FLOAT32


def test_slower_int8_takes_float32(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "measure_ms", lambda session, *_: 2.0 if session.precision == "int8" else 1.0)
    assert opened(quality_weights(tmp_path, [3.0] * 8), tmp_path / "cache").precision is Precision.FLOAT32


@pytest.mark.usefixtures("int8_is_faster")
def test_the_choice_is_remembered_until_the_model_changes(tmp_path, monkeypatch):
    trials = []
    monkeypatch.setattr(subject, "compare", lambda *args: trials.append(1) or compare(*args))
    cache = tmp_path / "cache"
    folder = quality_weights(tmp_path / "a", [3.0] * 8)
    assert opened(folder, cache).precision is opened(folder, cache).precision
    assert len(trials) == 1
    opened(folder, cache, threads=default_threads() + 1)
    assert len(trials) == 2  # another number of threads is another machine
    opened(quality_weights(tmp_path / "b", [3.02] * 8), cache)
    assert len(trials) == 3


@pytest.mark.parametrize("content", ["", "{", "[]", '"x"', "null"])
@pytest.mark.usefixtures("int8_is_faster")
def test_a_damaged_cache_is_replaced(tmp_path, content):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / CACHE_FILE).write_text(content)
    opened(quality_weights(tmp_path / "w", [3.0] * 8), cache)
    assert len(json.loads((cache / CACHE_FILE).read_text())) == 1
    assert [path.name for path in cache.iterdir()] == [CACHE_FILE]


def test_a_damaged_record_is_no_record(tmp_path):
    (tmp_path / CACHE_FILE).write_text('{"a": {"precision": "int9"}, "b": 3, "c": {"precision": "int8", "x": 1}}')
    cache = PrecisionCache(tmp_path)
    assert [cache.get(key) for key in "abcd"] == [None] * 4
    trial = PrecisionTrial(Precision.INT8, 1.0, 2.0, 0.99)
    cache.put("d", trial)
    assert cache.get("d") == trial


@pytest.mark.usefixtures("int8_is_faster")
def test_a_cache_that_cannot_be_written_costs_only_a_warning(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("")
    session = opened(quality_weights(tmp_path / "w", [3.0] * 8), blocked / "cache")
    assert session.precision is Precision.INT8
    assert "cannot remember" in caplog.text


def test_a_single_file_is_taken_whatever_is_pinned(tmp_path):
    folder = write_weights(tmp_path / "w", {"regional_reading": {"float32": reading_bytes()}})
    session = open_model(folder, "regional_reading", provider="cpu", precision="int8", cache_dir=tmp_path / "cache")
    assert session.precision is Precision.FLOAT32


def test_a_precision_can_be_pinned_without_a_trial(tmp_path):
    folder = quality_weights(tmp_path / "w", [4.0] * 8)
    assert opened(folder, tmp_path / "cache", precision="int8").precision is Precision.INT8
    assert opened(folder, tmp_path / "cache", precision="float32").precision is Precision.FLOAT32
    assert not (tmp_path / "cache").exists()
    with pytest.raises(ModelError, match="no float16 file"):
        opened(folder, tmp_path / "cache", precision="float16")


def test_one_file_needs_no_trial(tmp_path):
    folder = write_mock_models(tmp_path / "w", precisions=("float32",))
    assert opened(folder, tmp_path / "cache").precision is Precision.FLOAT32
    assert not (tmp_path / "cache").exists()


def test_a_machine_without_a_gpu_does_not_need_the_file_for_it(tmp_path):
    if not cuda_problem():
        pytest.skip("this machine may have a GPU")
    folder = write_mock_models(tmp_path / "w", precisions=("int8", "float32", "float16"))
    (folder / "regional_dense-float16.onnx").unlink()
    session = open_model(folder, "regional_dense", cache_dir=tmp_path / "cache")
    assert session.precision in (Precision.INT8, Precision.FLOAT32)


def test_label_agreement_is_measured_on_the_strongest_class(tmp_path):
    folder = write_mock_models(tmp_path)
    entry = load_manifest(folder).entry("regional_dense")
    sessions = [
        open_model(folder, "regional_dense", provider="cpu", precision=file.precision, cache_dir=tmp_path)
        for file in entry.files
    ]
    assert compare(*sessions, reference_batches(1)).parity == 1.0


def test_reference_frames_are_the_same_every_time():
    first, again = reference_batches(), reference_batches()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[0].shape == (1, 1, 256, 256)
    assert first[0].dtype == np.float32
    assert 0 <= first[0].min() < 20 < first[0].max() <= 255
