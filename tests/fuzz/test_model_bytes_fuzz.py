"""Whatever bytes a model file or a manifest holds, the answer is ModelError or nothing."""

import contextlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import ModelError
from models.runtime.manifest import load_manifest
from models.runtime.onnx_bytes import refuse_external_data
from tests.support.make_mock_models import quality_bytes, write_mock_models


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=300)
def test_any_bytes(content):
    with contextlib.suppress(ModelError):
        refuse_external_data(content, "m.onnx")


def test_mutated_models():
    sound = np.frombuffer(quality_bytes(), np.uint8)
    refuse_external_data(sound.tobytes(), "m.onnx")
    rng = np.random.default_rng(1)
    for _ in range(2000):
        damaged = sound.copy()
        damaged[rng.integers(0, len(sound), rng.integers(1, 6))] = rng.integers(0, 256)
        with contextlib.suppress(ModelError):
            refuse_external_data(damaged[: rng.integers(1, len(sound) + 1)].tobytes(), "m.onnx")


def test_deep_nesting_is_refused_not_followed():
    content = b""
    for _ in range(3000):  # graph in attribute in node in graph ...
        for key in (b"\x32", b"\x2a", b"\x0a"):
            content = key + _length(len(content)) + content
    with contextlib.suppress(ModelError):
        refuse_external_data(b"\x3a" + _length(len(content)) + content, "m.onnx")


def _length(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def test_mutated_manifests(tmp_path):
    path = write_mock_models(tmp_path) / "manifest.json"
    sound = path.read_bytes()
    rng = np.random.default_rng(2)
    for _ in range(300):
        damaged = bytearray(sound)
        for position in rng.integers(0, len(sound), 3):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged)
        with contextlib.suppress(ModelError):
            load_manifest(tmp_path)
