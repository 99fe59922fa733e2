"""What the live artifact gate promises: verdict against tau, hint, the profile's threshold, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from calibration.cluster_map import ClusterMap
from calibration.profile import GatePart
from capture.errors import DataError, ModelError, PictureError
from models.runtime.artifact_gate import FAMILY_OF_EXAM, MODELS, SENTENCE, ArtifactGate, open_gate
from models.runtime.density_grid import DensityGrid
from models.runtime.manifest import load_manifest, verify
from models.runtime.precision import open_model
from tests.support.make_mock_gate import MIDDLE, SCALE, SIDE, TAU_5, add_mock_gates, mock_references

Opener = Callable[..., ArtifactGate]


def grey(level: float, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    return np.full(shape, round(255 * level), np.uint8)


def site(tau: float, model: str = "artifact_echo@0.0.1", family: str = "echo") -> GatePart:
    return GatePart(family=family, log_density=tau, share=5, model=model)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    made: list[ArtifactGate] = []

    def make(
        family: str = "echo",
        own: GatePart | None = None,
        change: Callable[[dict], None] | None = None,
        **options: object,
    ) -> ArtifactGate:
        folder = add_mock_gates(tmp_path / "weights", **options)
        path = folder / "manifest.json"
        if change is not None:
            content = json.loads(path.read_text())
            change(content["models"][MODELS[family]])
            path.write_text(json.dumps(content))
        manifest = load_manifest(folder)

        def one(name: str):
            return open_model(folder, name, manifest=manifest, provider="cpu", threads=1, cache_dir=tmp_path)

        made.append(open_gate(family, folder, manifest, one, own))
        return made[-1]

    yield make
    for gate in made:
        gate.close()


def test_every_exam_has_a_family_with_a_model():
    assert set(FAMILY_OF_EXAM.values()) == set(MODELS)


def test_a_known_frame_passes_without_a_hint(opened: Opener):
    found = opened().read(grey(MIDDLE))
    assert found.is_known
    assert (found.hint, found.reason) == (None, "")
    assert found.tau == TAU_5
    assert found.log_density == pytest.approx(0, abs=0.01)
    assert found.latent == pytest.approx((0, 0), abs=0.05)


@pytest.mark.parametrize(("level", "hint"), [(0.0, "empty screen"), (0.9, "noise")])
def test_an_unknown_frame_is_refused_with_the_nearest_type(opened: Opener, level: float, hint: str):
    found = opened().read(grey(level))
    assert not found.is_known
    assert found.hint == hint
    assert found.reason == f"{SENTENCE} (looks like {hint})"
    assert found.latent[0] == pytest.approx(SCALE * (round(255 * level) / 255 - MIDDLE), abs=5e-3)
    assert found.log_density < TAU_5


def test_any_size_of_crop_is_squashed_to_the_same(opened: Opener):
    gate, random = opened(), np.random.default_rng(0)
    crop = np.repeat(np.repeat(random.integers(0, 255, (SIDE, SIDE), np.uint8), 2, axis=0), 3, axis=1)
    assert gate.read(crop).latent[0] == pytest.approx(gate.read(crop[::2, ::3]).latent[0], abs=0.1)


def test_the_profiles_threshold_replaces_the_released_one(opened: Opener):
    crop = grey(MIDDLE + 0.05)  # log density -0.5
    assert opened().read(crop).is_known
    strict = opened(own=site(-0.1))
    assert (strict.tau, strict.read(crop).is_known) == (-0.1, False)


def test_the_profiles_threshold_of_the_other_family_counts_as_none(opened: Opener):
    assert opened("any", own=site(-0.1)).tau == TAU_5


def test_a_threshold_of_another_model_is_refused(opened: Opener):
    with pytest.raises(DataError, match=r"belongs to artifact_echo@2\.0.*calibrate gate"):
        opened(own=site(-0.1, "artifact_echo@2.0"))


@pytest.mark.parametrize(
    "crop",
    [
        np.zeros((SIDE, SIDE), np.float32),
        np.zeros((SIDE, SIDE, 3), np.uint8),
        np.zeros((4, SIDE), np.uint8),
        np.zeros((0, 0), np.uint8),
    ],
)
def test_pictures_that_are_none_are_told(opened: Opener, crop: np.ndarray):
    gate = opened()
    with pytest.raises(PictureError, match="grey crop"):
        gate.read(crop)
    assert gate.read(grey(MIDDLE)).is_known


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda entry: entry.pop("thresholds"), "no thresholds"),
        (lambda entry: entry.pop("map"), "no reference points"),
        (lambda entry: entry["contract"]["outputs"].pop(), "latent, log_density"),
    ],
)
def test_a_release_that_lacks_a_part_is_refused(opened: Opener, change: Callable[[dict], None], told: str):
    with pytest.raises(ModelError, match=told):
        opened(change=change)


def test_references_that_are_no_references_are_refused(opened: Opener):
    with pytest.raises(ModelError, match="begin with known frames"):
        opened(references=mock_references(("one", "two", "three")))
    points = np.ones((4, 2), np.float32)
    of_artifacts = ClusterMap(points, np.ones(4, np.int64), points[:2], ("known", "noise"), {})
    with pytest.raises(ModelError, match="begin with known frames"):
        opened(references=of_artifacts)
    without = mock_references()
    without.parameters.clear()
    with pytest.raises(ModelError, match="density grid"):
        opened(references=without)


def test_damaged_references_are_refused_and_verify_names_them(opened: Opener, tmp_path: Path):
    opened()
    path = tmp_path / "weights" / "artifact_echo_map.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert [check.file for check in verify(path.parent) if not check.is_ok] == [path.name]
    manifest = load_manifest(path.parent)
    with pytest.raises(ModelError, match="damaged"):
        open_gate("echo", path.parent, manifest, lambda name: open_model(path.parent, name, provider="cpu"))


def test_a_closed_gate_says_so(opened: Opener):
    gate = opened()
    gate.close()
    with pytest.raises(ModelError, match="closed"):
        gate.read(grey(MIDDLE))


def test_the_grid_tells_the_density_between_its_points(opened: Opener):
    gate = opened()
    latents = np.array([[0.0, 0.0], [1.3, -2.2], [99.0, 0.0]])
    found = gate.density.at(latents)
    assert found[:2] == pytest.approx([0, -0.5 * (1.3**2 + 2.2**2)], abs=0.02)
    assert found[2] == pytest.approx(-0.5 * 15**2, abs=0.2), "the edge's value beyond the edge"
    for bad in (
        None,
        {"reach": 1.0},
        {"reach": 1.0, "values": [[0.0, 1.0]]},
        {"reach": -1, "values": [[0, 0], [0, 0]]},
    ):
        with pytest.raises(DataError):
            DensityGrid.of(bad)
