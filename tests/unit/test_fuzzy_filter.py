"""The fuzzy filter against the equations written out, its three forms against each other, and what it refuses."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from real_images import data_root, stills
from stopwatch import cpu_ms

from capture.errors import PictureError, SettingsError
from models.runtime.fuzzy_filter import (
    LEAST_SIGMA,
    MEAN_TAPS,
    SIDE,
    SPREAD,
    FuzzyFilter,
    half_shifts,
    noise_sigma,
    prepare,
    sharpen,
    stabilised,
)

SEARCHES = (5, 7, 11)
TOLERANCE = 1e-3


def _speckled_blobs(side: int = SIDE, strength: float = 0.25) -> np.ndarray:
    """A sector-like picture: bright blobs times speckle, black at the left."""
    rng = np.random.default_rng(3)
    blobs = cv2.GaussianBlur(rng.random((side, side)).astype(np.float32), (0, 0), 9)
    blobs = cv2.normalize(blobs, None, 0, 200, cv2.NORM_MINMAX) * rng.gamma(strength**-2, strength**2, (side, side))
    blobs[:, : side // 5] = 0
    return np.clip(blobs, 0, 255).astype(np.uint8)


def _pictures() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    half = np.zeros((SIDE, SIDE), np.uint8)
    half[:, SIDE // 2 :] = 255
    corner = np.zeros((SIDE, SIDE), np.uint8)
    corner[0, 0] = corner[-1, -1] = 255
    return {
        "random": rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8),
        "speckle": _speckled_blobs(),
        "edge": half,
        "corners": corner,
        "black": np.zeros((SIDE, SIDE), np.uint8),
        "white": np.full((SIDE, SIDE), 255, np.uint8),
        "ramp": np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1)),
    }


def _written_out(picture: np.ndarray, search: int, sigma: float) -> np.ndarray:
    """Equations 7-9, one pixel pair at a time, on a small float32 picture in 0..1."""
    reach, margin = search // 2, search // 2 + 2
    padded = np.pad(picture.astype(np.float64), margin, mode="reflect")
    stable = 2 * np.sqrt(255 * padded + 20)
    taps = np.outer(MEAN_TAPS, MEAN_TAPS)
    means = np.zeros_like(stable)
    for y in range(1, len(stable) - 1):
        for x in range(1, len(stable) - 1):
            means[y, x] = (stable[y - 1 : y + 2, x - 1 : x + 2] * taps).sum()
    out = np.empty_like(picture)
    offsets = [(dy, dx) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1)]
    for y, x in np.ndindex(picture.shape):
        row, column = y + margin, x + margin
        window = means[row - 1 : row + 2, column - 1 : column + 2]
        weights, levels = [], []
        for dy, dx in offsets:
            other = means[row + dy - 1 : row + dy + 2, column + dx - 1 : column + dx + 2]
            distance = np.sqrt(((window - other) ** 2).mean())
            weights.append(np.exp(-(distance**2) / (2 * (SPREAD * sigma) ** 2)))
            levels.append(padded[row + dy, column + dx])
        out[y, x] = np.dot(weights, levels) / np.sum(weights)
    return out


@pytest.mark.parametrize("search", [3, 5, 7])
def test_filter_is_the_equations_written_out(search: int) -> None:
    picture = _speckled_blobs(24).astype(np.float32) / 255
    found = FuzzyFilter(search, sigma=1.5, shape=(24, 24))(picture)
    np.testing.assert_allclose(found, _written_out(picture, search, 1.5), atol=1e-5)


def test_buffers_of_one_picture_do_not_leak_into_the_next() -> None:
    fuzzy, pictures = FuzzyFilter(7), _pictures()
    first = fuzzy(pictures["speckle"])
    kept = first.copy()
    fuzzy(pictures["random"])
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(fuzzy(pictures["speckle"]), kept)


def test_uint8_and_float32_give_the_same() -> None:
    picture = _speckled_blobs()
    fuzzy = FuzzyFilter(5)
    np.testing.assert_allclose(fuzzy(picture), fuzzy(picture.astype(np.float32) / 255), atol=1e-6)


def test_one_colour_stays() -> None:
    for name in ("black", "white"):
        picture = _pictures()[name]
        np.testing.assert_allclose(FuzzyFilter(7).preprocess(picture), picture / 255, atol=1e-5)


def test_half_of_the_shifts_and_their_opposites_are_the_search_square() -> None:
    half = half_shifts(7)
    every = {*half, *((-dy, -dx) for dy, dx in half), (0, 0)}
    assert len(half) == 24
    assert len(every) == 49


@pytest.mark.parametrize("strength", [0.1, 0.2, 0.4])
def test_noise_is_estimated_near_its_true_strength(strength: float) -> None:
    rng = np.random.default_rng(1)
    clean = np.full((SIDE, SIDE), 80, np.float32)
    clean[:, 100:] = 140  # an edge must not count as noise
    clean[:60] = 0  # nor black as silence
    noisy = np.clip(clean * rng.gamma(strength**-2, strength**2, clean.shape), 0, 255).astype(np.float32) / 255
    true = (stabilised(noisy) - stabilised(clean / 255))[clean > 0].std()
    assert noise_sigma(noisy) == pytest.approx(true, rel=0.1)


def test_a_picture_without_noise_has_the_least() -> None:
    assert noise_sigma(np.zeros((SIDE, SIDE), np.float32)) == LEAST_SIGMA
    assert noise_sigma(np.full((SIDE, SIDE), 0.5, np.float32)) == LEAST_SIGMA


def test_sharpening_adds_the_four_differences_and_clips() -> None:
    picture = np.full((5, 5), 0.5, np.float32)
    picture[2, 2] = 0.6
    sharp = sharpen(picture)
    assert sharp[2, 2] == pytest.approx(1.0)
    assert sharp[2, 1] == pytest.approx(0.4)
    assert sharp[1, 1] == pytest.approx(0.5)
    picture[2, 2] = 0.9
    assert sharpen(picture).max() == 1


@pytest.fixture(scope="module", params=SEARCHES)
def forms(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The CPU version, the torch module and the ONNX graph of one search size."""
    torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")
    import onnxruntime

    from models.us2qnet.preprocessing import Preprocessing, export_preprocessing

    path: Path = tmp_path_factory.mktemp("filter") / "filter.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's TorchScript exporter announces its end
        export_preprocessing(path, request.param)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    module = Preprocessing(request.param).eval()

    def in_torch(batch: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return module(torch.from_numpy(batch)).numpy()

    return {
        "cpu": FuzzyFilter(request.param).preprocess,
        "torch": in_torch,
        "onnx": lambda batch: session.run(None, {"image": batch})[0],
    }


@pytest.mark.parametrize("name", list(_pictures()))
def test_cpu_torch_and_graph_agree(forms: dict, name: str) -> None:
    _assert_agreement(forms, prepare_plain(_pictures()[name]))


def test_forms_agree_on_real_pictures(forms: dict) -> None:
    for image in stills("camus/val/images/*.png", step=25) + stills("liver_aul/*/image/*", step=200):
        _assert_agreement(forms, prepare(image))


def test_each_picture_of_a_batch_has_its_own_noise(forms: dict) -> None:
    pictures = [prepare_plain(_pictures()[name]) for name in ("random", "speckle", "black")]
    batch = np.stack(pictures)[:, None]
    expected = np.stack([forms["cpu"](picture) for picture in pictures])
    for form in ("torch", "onnx"):
        np.testing.assert_allclose(forms[form](batch)[:, 0], expected, atol=TOLERANCE)


def prepare_plain(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float32) / 255


def _assert_agreement(forms: dict, picture: np.ndarray) -> None:
    expected = forms["cpu"](picture)
    for form in ("torch", "onnx"):
        np.testing.assert_allclose(forms[form](picture[None, None])[0, 0], expected, atol=TOLERANCE)


def test_a_given_sigma_is_used_by_all_forms() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")
    from models.us2qnet.preprocessing import FuzzyFilter as TorchFilter

    picture = prepare_plain(_speckled_blobs())
    expected = FuzzyFilter(7, sigma=4.0)(picture)
    found = TorchFilter(7, sigma=4.0)(torch.from_numpy(picture)[None, None]).numpy()[0, 0]
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)
    assert np.abs(expected - FuzzyFilter(7)(picture)).max() > 10 * TOLERANCE


@pytest.mark.parametrize("shape", [(600, 800), (600, 800, 3), (224, 224), (28, 28), (2, 300), (300, 100, 3)])
def test_any_picture_becomes_the_input(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    found = prepare(picture)
    assert found.shape == (SIDE, SIDE)
    assert found.dtype == np.float32
    assert 0 <= found.min() < found.max() <= 1


def test_grey_and_bgr_of_it_are_the_same_input() -> None:
    grey = _speckled_blobs(300)
    np.testing.assert_array_equal(prepare(grey), prepare(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)))


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full((300, 300), 7, np.uint8), "one colour"),
        (np.full((300, 300, 3), (3, 90, 7), np.uint8), "one colour"),
        (np.array([[5]], np.uint8), "1x1"),
        (np.zeros((0, 0), np.uint8), "0x0"),
        (np.zeros((0, 300, 3), np.uint8), "300x0"),
        (np.full((300, 300), np.nan, np.float32), "float32"),
        (np.zeros((300, 300), np.uint16), "uint16"),
        (np.zeros((300, 300, 4), np.uint8), "shape"),
        (np.zeros(300, np.uint8), "shape"),
        ([[1, 2], [3, 4]], "list"),
        (None, "NoneType"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_its_reason(picture: object, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        prepare(picture)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full((SIDE, SIDE), np.nan, np.float32), "not numbers"),
        (np.where(np.eye(SIDE) > 0, np.inf, 0).astype(np.float32), "not numbers"),
        (np.full((SIDE, SIDE), 200, np.float32), r"0\.\.1"),
        (np.full((SIDE, SIDE), -0.1, np.float32), r"0\.\.1"),
        (np.zeros((SIDE, SIDE)), "float64"),
        (np.zeros((SIDE, SIDE, 3), np.uint8), "prepare"),
        (np.zeros((1, 1), np.uint8), "prepare"),
        (np.zeros((0, 0), np.float32), "prepare"),
        ("picture", "str"),
    ],
)
def test_the_filter_refuses_what_is_no_picture_of_its_size(picture: object, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        FuzzyFilter(3)(picture)  # type: ignore[arg-type]


@pytest.mark.parametrize("search", [1, 4, 0, -5, 2.5, "7", True, None])
def test_a_search_size_that_is_none_is_refused(search: object) -> None:
    with pytest.raises(SettingsError, match="odd number"):
        FuzzyFilter(search)  # type: ignore[arg-type]


@pytest.mark.parametrize("sigma", [0, -1, float("nan"), float("inf")])
def test_a_noise_level_that_is_none_is_refused(sigma: float) -> None:
    with pytest.raises(SettingsError, match="noise level"):
        FuzzyFilter(5, sigma)


def test_a_picture_smaller_than_the_search_is_refused() -> None:
    with pytest.raises(SettingsError, match="too small"):
        FuzzyFilter(11, shape=(6, 6))


@pytest.mark.parametrize("search", SEARCHES)
def test_not_slower_than_non_local_means_of_opencv(search: int) -> None:
    picture, fuzzy = _speckled_blobs(), FuzzyFilter(search)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        ours = cpu_ms(lambda: fuzzy(picture), turns=15)
        theirs = cpu_ms(lambda: cv2.fastNlMeansDenoising(picture, None, 20, 5, search), turns=15)
    finally:
        cv2.setNumThreads(threads)
    assert ours <= theirs


def test_a_clean_picture_takes_no_longer_than_a_noisy_one() -> None:
    """Tiny weights must not become denormal numbers, which cost several times the time."""
    noisy, clean = _speckled_blobs(), cv2.GaussianBlur(_speckled_blobs(), (0, 0), 4)
    slow, fast = FuzzyFilter(7, sigma=LEAST_SIGMA), FuzzyFilter(7, sigma=4.0)
    assert cpu_ms(lambda: slow(clean), turns=15) <= 2 * cpu_ms(lambda: fast(noisy), turns=15)


def test_figures_show_a_higher_gain_than_non_local_means_at_its_best() -> None:
    from models.us2qnet.filter_figures import STRENGTHS, clean_pictures, measure_filter

    stills("camus/val/images/*.png", step=500)  # skips where the real pictures are absent
    stills("liver_aul/*/image/*", step=500)
    name, pictures = clean_pictures(data_root(), 2)
    figures = measure_filter(pictures, repeats=1)
    assert name == "camus_val_and_liver_aul"
    assert [row["strength"] for row in figures["strengths"]] == list(STRENGTHS)
    assert all(row["fuzzy_gain_db"] > row["nlm_gain_db"] > 0 for row in figures["strengths"])


def test_figures_need_no_real_picture(tmp_path: Path) -> None:
    import json

    from models.us2qnet.filter_figures import clean_pictures, measure_filter

    name, pictures = clean_pictures(tmp_path, 1)
    figures = json.loads(json.dumps(measure_filter(pictures, search=5, strengths=(0.2,), repeats=1)))
    assert name == "virtual"
    assert figures["pictures"] == 1
    assert figures["fuzzy_gain_db"] > 0


def test_no_picture_gives_no_figures() -> None:
    from capture.errors import DataError
    from models.us2qnet.filter_figures import measure_filter

    with pytest.raises(DataError, match="no picture"):
        measure_filter([])
