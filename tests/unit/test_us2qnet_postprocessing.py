"""UMAP then HDBSCAN on made-up features. umap compiles for some ten seconds: few fits, shared."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("umap", reason="umap-learn is not installed (extra 'train')")

from made_up_blobs import made_up_blobs

from calibration.cluster_map import ClusterMap
from capture.errors import DataError
from models.metrics.clustering import accuracy, clustering_figures
from models.us2qnet.postprocessing import cluster_points, fit_map, without_noise

pytestmark = pytest.mark.slow
FEATURES, TRUTH = made_up_blobs(3)


@pytest.fixture(scope="module")
def found() -> ClusterMap:
    return fit_map(FEATURES, 3, seed=1)


@pytest.mark.timeout(600)
def test_clusters_are_found_without_labels(found: ClusterMap):
    assert accuracy(TRUTH, found.labels) > 0.98
    assert found.points.shape == (len(FEATURES), 2)
    assert found.points.dtype == np.float32
    assert found.names == ("1", "2", "3")


@pytest.mark.timeout(600)
def test_every_parameter_is_listed(found: ClusterMap):
    assert found.parameters == {
        "method": "umap + hdbscan",
        "clusters_asked": 3,
        "clusters_found": 3,
        "min_cluster_size": found.parameters["min_cluster_size"],
        "min_samples": 10,
        "validity": found.parameters["validity"],
        "noise": round(found.noise, 4),
        "noise_kept": True,
        "neighbours": 20,
        "min_dist": 0.0,
        "dimensions": 2,
        "seed": 1,
    }


@pytest.mark.timeout(600)
def test_the_same_seed_gives_the_same_map(found: ClusterMap):
    again = fit_map(FEATURES, 3, seed=1)
    assert np.array_equal(again.points, found.points)
    assert np.array_equal(again.labels, found.labels)


@pytest.mark.timeout(600)
def test_clustering_in_more_dimensions_still_shows_a_plane(found: ClusterMap):
    deep = fit_map(FEATURES, 3, seed=1, dimensions=4)
    assert np.array_equal(deep.points, found.points)
    assert deep.parameters["dimensions"] == 4
    assert accuracy(TRUTH, deep.labels) > 0.98


def test_noise_can_go_to_its_nearest_cluster():
    space = np.vstack([FEATURES, FEATURES[TRUTH == 1][:1] + 100])
    kept = cluster_points(space, space[:, :2], 3, "made up")
    given = cluster_points(space, space[:, :2], 3, "made up", keep_noise=False)
    assert kept.labels[-1] == -1
    assert given.noise == 0
    assert (given.labels == kept.labels)[kept.labels >= 0].all()
    assert given.parameters["noise"] == kept.parameters["noise"] > 0
    assert not given.parameters["noise_kept"]
    labels = np.array([0, 1, -1, -1])
    assert without_noise(np.array([[0.0], [10], [4], [6]]), labels).tolist() == [0, 1, 0, 1]
    assert without_noise(np.array([[0.0], [10]]), labels[:2]).tolist() == [0, 1]


def test_no_cluster_is_an_error_unless_it_is_a_finding():
    even = np.arange(20.0)[:, None] * np.ones(2)
    with pytest.raises(DataError, match="no clusters stand out"):
        cluster_points(even, even, 3, "made up")
    found = cluster_points(even, even, 3, "made up", keep_noise=False, allow_none=True)
    assert (found.noise, found.names, found.parameters["clusters_found"]) == (1.0, (), 0)
    assert np.isfinite(found.parameters["validity"])
    figures = clustering_figures(np.arange(20) % 3, found.labels)
    assert (figures["acc"], figures["ari"], figures["nmi"], figures["noise"]) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("features", "clusters", "told"),
    [
        (FEATURES[:10], 3, "15 or more"),
        (FEATURES[:, 0], 3, "15 or more"),
        (FEATURES[:, :0], 3, "15 or more"),
        (np.where(FEATURES > 8, np.nan, FEATURES), 3, "not finite"),
        (np.ones((40, 5)), 3, "all features are equal"),
        (FEATURES, 1, "ask for 2 or more"),
    ],
)
def test_bad_features_are_told(features: np.ndarray, clusters: int, told: str):
    with pytest.raises(DataError, match=told):
        fit_map(features, clusters)
