"""The live quality clusters on a stand-in model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.cluster_map import ClusterMap
from capture.errors import DataError, ModelError, PictureError
from models.runtime.manifest import load_manifest, verify
from models.runtime.precision import open_model
from models.runtime.quality_clusters import QualityClusters, level_of, open_clusters
from models.runtime.reference import reference_for
from tests.support.make_mock_clusters import CENTRES, NAMES, SIDE, add_mock_clusters, mock_map

Opener = Callable[..., QualityClusters]


def square(level: float, seed: int = 0) -> np.ndarray:
    """Noise around a level 0..1, (224, 224) uint8."""
    noise = np.random.default_rng(seed).normal(255 * level, 6, (SIDE, SIDE))
    return np.clip(noise, 0, 255).astype(np.uint8)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    made: list[QualityClusters] = []

    def make(site: ClusterMap | None = None, change: Callable[[dict], None] | None = None, **options: object):
        folder = tmp_path / "weights"
        folder.mkdir(exist_ok=True)
        add_mock_clusters(folder, **options)
        path = folder / "manifest.json"
        if change is not None:
            content = json.loads(path.read_text())
            change(content["models"]["us2qnet_echo"])
            path.write_text(json.dumps(content))
        manifest = load_manifest(folder)

        def one(name: str):
            return open_model(folder, name, manifest=manifest, provider="cpu", threads=1, cache_dir=tmp_path)

        made.append(open_clusters("echo", folder, manifest, one, site))
        return made[-1]

    yield make
    for clusters in made:
        clusters.close()


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_picture_is_placed_among_the_clusters(opened: Opener, rank: int):
    found = opened().assess(square(CENTRES[rank]))
    assert (found.rank, found.name, found.names) == (rank, NAMES[rank], NAMES)
    assert sum(found.shares) == pytest.approx(1)
    assert found.p == max(found.shares) > 0.9
    assert found.place == pytest.approx((CENTRES[rank], 2 * CENTRES[rank]), abs=0.02)
    assert found.severity == pytest.approx(1 - 2 * CENTRES[rank], abs=0.04)
    assert found.level == level_of(found.severity)


def test_bytes_and_shares_of_one_give_the_same(opened: Opener):
    clusters, picture = opened(), square(0.3)
    as_float = clusters.assess(picture.astype(np.float32) / 255)
    assert as_float.shares == pytest.approx(clusters.assess(picture).shares, abs=1e-5)


def test_the_five_levels_run_from_the_best_to_the_worst():
    assert [level_of(s) for s in (0, 0.12, 0.25, 0.5, 0.75, 0.88, 1)] == [5, 5, 4, 3, 2, 1, 1]


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (np.zeros((SIDE, SIDE), np.uint8), "one colour"),
        (np.full((SIDE, SIDE), 130, np.uint8), "one colour"),
        (np.full((SIDE, SIDE), 0.5, np.float32), "one colour"),
        (np.full((SIDE, SIDE), np.nan, np.float32), "not numbers"),
        (np.full((SIDE, SIDE), 7, np.float32), r"0\.\.1"),
        (np.zeros((1, 1), np.uint8), r"\(1, 1\)"),
        (np.zeros((SIDE, SIDE, 3), np.uint8), "3"),
        (np.zeros((SIDE, SIDE), np.float64), "float64"),
        (np.zeros((SIDE, SIDE), np.int32), "int32"),
    ],
)
def test_pictures_that_cannot_be_judged_are_told(opened: Opener, picture: np.ndarray, told: str):
    clusters = opened()
    with pytest.raises(PictureError, match=told):
        clusters.assess(picture)
    assert clusters.assess(square(0.25)).name == "A"


def test_one_grey_beside_black_is_one_colour(opened: Opener):
    picture = np.full((SIDE, SIDE), 130, np.uint8)
    picture[:, :60] = 0
    picture[:, 60] = 65
    with pytest.raises(PictureError, match="one colour"):
        opened().assess(picture)


def test_a_sites_map_assigns_and_places_in_place_of_the_graph(opened: Opener):
    site = mock_map(latents=True, reverse=True)
    clusters = opened(site)
    found = clusters.assess(square(0.4))
    assert clusters.map is site
    assert found.name == "A+"
    assert found.place == pytest.approx((-0.4, -0.8), abs=0.04)
    assert found.shares == pytest.approx(site.assign(np.full(80, 0.4, np.float32)), abs=0.02)


def test_a_sites_map_of_another_model_is_refused(opened: Opener):
    few = replace(mock_map(latents=True), latents=np.zeros((30, 12), np.float32))
    for site in (few, mock_map()):
        with pytest.raises(DataError, match="features"):
            opened(site)


def test_a_map_with_other_clusters_than_the_graph_is_refused(opened: Opener):
    found = mock_map()
    two = replace(found, labels=np.minimum(found.labels, 1), centroids=found.centroids[:2], names=("A-", "A+"))
    with pytest.raises(ModelError, match="3 clusters and its map names 2"):
        opened(found=two)


def test_a_model_without_the_outputs_is_refused(opened: Opener):
    with pytest.raises(ModelError, match="shares, place, severity, latent"):
        opened(change=lambda entry: entry["contract"]["outputs"].pop())


def test_a_model_without_a_map_is_refused(opened: Opener):
    with pytest.raises(ModelError, match="no cluster map for model us2qnet_echo"):
        opened(change=lambda entry: entry.pop("map"))


def test_precisions_are_compared_on_filtered_squares(opened: Opener):
    clusters = opened(precisions=("int8", "float32"))
    spec = clusters._session.entry.contract.input
    batches = reference_for(spec)
    assert {batch.shape for batch in batches} == {(1, 1, SIDE, SIDE)}
    assert all(batch.min() >= 0 and 0.5 < batch.max() <= 1 for batch in batches)
    assert clusters.info.precision in {"int8", "float32"}


def test_verify_hashes_the_map(opened: Opener, tmp_path: Path):
    opened()
    path = tmp_path / "weights" / "us2qnet_echo_map.npz"
    assert [check.is_ok for check in verify(path.parent)] == [True, True]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    bad = [check for check in verify(path.parent) if not check.is_ok]
    assert [(check.precision, check.file) for check in bad] == [("map", "us2qnet_echo_map.npz")]
