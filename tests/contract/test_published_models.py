"""A site's own quality model in place of ours, on a stand-in network of the published contract."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from make_mock_models import SCORES, write_mock_models
from published_model import INTERCEPT, SLOPE, direct, network, put

from calibration.crop import SectorCrop
from capture.errors import ModelError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import Sector
from models.runtime.assessor import RegionalAssessor
from models.runtime.methods import RegionalInput, RegionalMethod
from models.runtime.published import LIST_FILE, PublishedQuality, load_published, read_list

SIZE = (540, 960)
SECTOR = Sector(480, 20, 4, 490, -0.65, 0.65)
INFO = SourceInfo("test", "test", VideoMode(SIZE[1], SIZE[0]), sector=SECTOR, spacing_mm=0.3, view="A4C")


def load(folder: Path) -> PublishedQuality:
    return load_published(folder, provider="cpu", threads=1)


def picture(seed: int = 0, level: float = 80) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).rayleigh(level, (256, 256)), 0, 255).astype(np.uint8)


def given(image: np.ndarray, empty: int | None = None) -> RegionalInput:
    masks = np.zeros((8, 256, 256), bool)
    for index in range(8):
        masks[index, :, index * 32 : index * 32 + 32] = index != empty
    return RegionalInput(image, np.ones((256, 256), bool), masks, masks[0])


@pytest.fixture(scope="module")
def sound() -> bytes:
    return network().SerializeToString()


@pytest.mark.parametrize("level", [20, 60, 120])
def test_it_agrees_with_a_direct_call(tmp_path: Path, sound: bytes, level: float):
    model = load(put(tmp_path, sound))
    for seed in range(5):
        grey = picture(seed, level)
        wanted = direct(tmp_path, grey)
        np.testing.assert_allclose(model.scores(grey), np.clip(wanted, 1, 5), atol=1e-4)
        np.testing.assert_allclose(model.measure(given(grey)), wanted, atol=1e-4)
    assert np.ptp(wanted) > 1, "the stand-in tells regions apart"


def test_it_is_a_regional_method(tmp_path: Path, sound: bytes):
    method: RegionalMethod = load(put(tmp_path, sound))
    found = method.measure(given(picture(), empty=3))
    assert (method.name, found.shape, found.dtype) == ("published", (8,), np.float32)
    assert np.flatnonzero(np.isnan(found)).tolist() == [3]


def test_the_hash_is_checked_when_given_and_told_when_not(
    tmp_path: Path, sound: bytes, caplog: pytest.LogCaptureFixture
):
    digest = hashlib.sha256(sound).hexdigest()
    with caplog.at_level(logging.INFO):
        model = load(put(tmp_path, sound))
    assert digest in caplog.text
    assert model.model_id == f"published@quality.onnx#{digest[:8]}"
    assert model.info.provider == "CPUExecutionProvider"
    caplog.clear()
    with caplog.at_level(logging.INFO):
        load(put(tmp_path, sound, f'sha256 = "{digest.upper()}"'))
    assert "is not checked" not in caplog.text


def test_a_changed_file_is_refused(tmp_path: Path, sound: bytes):
    digest = hashlib.sha256(sound).hexdigest()
    rng = np.random.default_rng(7)
    for position in rng.choice(len(sound) * 8, 20, replace=False):
        damaged = bytearray(sound)
        damaged[position // 8] ^= 1 << (position % 8)
        with pytest.raises(ModelError, match=r"quality\.onnx is damaged or another file .* copy it again"):
            load(put(tmp_path, bytes(damaged), f'sha256 = "{digest}"'))


@pytest.mark.parametrize("content", [b"", b"no network at all" * 20, b"\x08\x09"])
def test_a_file_that_is_no_network_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(ModelError, match=r"quality\.onnx .*'Published models' in the README"):
        load(put(tmp_path, content))


def test_data_outside_the_file_are_refused(tmp_path: Path):
    model = network()
    onnx.external_data_helper.convert_model_to_external_data(model, location="rest.bin", size_threshold=0)
    onnx.save(model, tmp_path / "quality.onnx")
    with pytest.raises(ModelError, match=r"refers to data in another file, which is refused: .*README"):
        load(put(tmp_path, (tmp_path / "quality.onnx").read_bytes()))


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        ({"outputs": 6}, r"gave float32 \(1, 6\), expected floats \(1, 8\)"),
        ({"channels": 3}, r"does not run on \(1, 1, 256, 256\) float32"),
        ({"limit": 50}, "gave NaN or infinite scores"),
        ({"extra": True}, r"has the outputs \['flat', 'quality'\]: name one"),
    ],
)
def test_another_contract_is_refused(tmp_path: Path, made: dict, complaint: str):
    with pytest.raises(ModelError, match=complaint):
        load(put(tmp_path, network(**made).SerializeToString()))


def test_one_of_several_outputs_can_be_named(tmp_path: Path):
    folder = put(tmp_path, network(extra=True).SerializeToString(), 'output = "quality"', 'input = "pixels"')
    np.testing.assert_allclose(load(folder).measure(given(picture())), direct(folder, picture()), atol=1e-4)


@pytest.mark.parametrize(
    ("line", "changed", "complaint"),
    [
        (f"slope = {SLOPE}", "", "regional_quality.slope: Field required"),
        (f"slope = {SLOPE}", "slope = 0.0", "regional_quality.slope: .*must not be 0"),
        (f"intercept = {INTERCEPT}", "", "regional_quality.intercept: Field required"),
        ('file = "quality.onnx"', "", "regional_quality.file: Field required"),
        ('file = "quality.onnx"', 'file = "../quality.onnx"', "regional_quality.file"),
        ('file = "quality.onnx"', 'file = "other.onnx"', r"cannot read published model .*other\.onnx"),
        ('file = "quality.onnx"', 'file = "quality.onnx"\nsha256 = "12"', "regional_quality.sha256"),
        ('file = "quality.onnx"', 'file = "quality.onnx"\ninput = "x"', r"has the inputs \['pixels'\], expected x"),
        ('file = "quality.onnx"', 'file = "quality.onnx"\noutput = "x"', r"outputs \['quality'\], not 'x'"),
        ("[regional_quality]", "[quality]", "regional_quality: Field required"),
        ("[regional_quality]", "[segmentation]\n[regional_quality]", "segmentation: Extra"),
        ("[regional_quality]", "[regional_quality", "is no TOML"),
    ],
)
def test_each_problem_of_the_list_says_what_to_do(
    tmp_path: Path, sound: bytes, line: str, changed: str, complaint: str
):
    path = put(tmp_path, sound) / LIST_FILE
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, changed))
    with pytest.raises(ModelError, match=complaint) as caught:
        load(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "README" in str(caught.value) or "correct output" in str(caught.value)


def test_a_missing_list_is_named(tmp_path: Path):
    with pytest.raises(ModelError, match=r"cannot read list of published models .*published\.toml .*README"):
        read_list(tmp_path)


def test_scores_that_turn_nan_later_and_a_closed_model_are_refused(tmp_path: Path):
    model = load(put(tmp_path, network(limit=150).SerializeToString()))
    model.scores(picture())
    with pytest.raises(ModelError, match="gave NaN or infinite scores"):
        model.scores(np.full((256, 256), 200, np.uint8))
    model.close()
    model.close()
    with pytest.raises(ModelError, match="was closed"):
        model.scores(picture())


def test_the_assessor_scores_with_it(tmp_path: Path, sound: bytes):
    folder = put(tmp_path / "site", sound)
    weights = write_mock_models(tmp_path / "weights")
    rng = np.random.default_rng(2)
    pixels = (np.clip(rng.rayleigh(90, SIZE), 0, 255) * SECTOR.mask(*SIZE)).astype(np.uint8)
    with RegionalAssessor(
        weights, provider="cpu", precision="float32", threads=1, cache_dir=tmp_path, published=folder
    ) as assessor:
        assessor.use_source(INFO)
        result = assessor.assess(Frame(pixels, 0, 0, "test"))
        names = [info.name for info in assessor.models]
    assert names == ["segmentation", "regional_dense", "published"]
    assert result.model_ids["published"].startswith("published@quality.onnx#")
    scores = np.array([region.score_raw for region in result.regions])
    assert np.isfinite(scores).all()
    assert np.abs(scores - SCORES).max() > 0.5, "not those of our own stand-in"
    grey = SectorCrop(SECTOR, *SIZE).extract(pixels)
    np.testing.assert_allclose(scores, np.clip(direct(folder, grey), 1, 5), atol=1e-4)
