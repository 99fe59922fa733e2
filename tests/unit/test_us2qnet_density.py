"""HDBSCAN with a wanted number of clusters."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("hdbscan", reason="hdbscan is not installed (extra 'train')")

from hdbscan import HDBSCAN
from made_up_blobs import made_up_blobs

from models.metrics.clustering import accuracy
from models.us2qnet.density import density_clusters, relative_validity


def test_the_number_is_found_when_it_is_free():
    points, truth = made_up_blobs(4, dimensions=4, apart=15)
    found = density_clusters(points)
    assert found.clusters == 4
    assert accuracy(truth, found.labels) > 0.95
    assert found.validity > 0
    assert found.parameters["min_cluster_size"] == found.min_cluster_size


@pytest.mark.parametrize("wanted", [2, 3, 4])
def test_the_wanted_number_is_met(wanted: int):
    points, truth = made_up_blobs(4, dimensions=4, apart=15)
    points[truth == 1] += 40  # 2 is right at one scale, 4 at another
    points[truth == 2] += 40
    found = density_clusters(points, wanted)
    assert found.clusters == wanted
    if wanted == 2:
        assert accuracy(np.isin(truth, (1, 2)).astype(int), found.labels) > 0.95


def test_fragments_do_not_take_the_place_of_clusters():
    rng = np.random.default_rng(4)
    wide = [rng.normal(size=(300, 2)) + centre for centre in ((0, 0), (7, 0), (0, 7))]
    fragments = [rng.normal(scale=0.05, size=(20, 2)) + centre for centre in ((60, 60), (60, 90))]
    found = density_clusters(np.vstack([*wide, *fragments]), 3)
    assert found.clusters == 3
    assert accuracy(np.repeat(np.arange(3), 300), found.labels[:900]) > 0.9
    assert (found.labels[900:] == -1).all()


def test_no_more_clusters_are_given_than_there_are():
    points, _ = made_up_blobs(3, each=20, dimensions=3, apart=30)
    assert 3 <= density_clusters(points, 40).clusters < 40


def test_the_free_cut_is_that_of_hdbscan():
    points, _ = made_up_blobs(5, dimensions=5, apart=5, seed=2)
    found = density_clusters(points)
    theirs = HDBSCAN(min_cluster_size=found.min_cluster_size, min_samples=found.min_samples).fit_predict(points)
    assert ((found.labels == -1) == (theirs == -1)).all()
    assert accuracy(theirs[theirs >= 0], found.labels[theirs >= 0]) == 1


def test_clusters_are_numbered_by_falling_size_and_a_stray_point_is_noise():
    rng = np.random.default_rng(1)
    sizes = (30, 90, 60)
    points = np.vstack([rng.normal(size=(size, 2)) + 40 * place for place, size in enumerate(sizes)])
    found = density_clusters(np.vstack([points, [[400.0, -400.0]]]), 3)
    assert np.bincount(found.labels[found.labels >= 0]).tolist() == sorted(sizes, reverse=True)
    assert found.labels[-1] == -1


def test_equal_points_do_no_harm():
    points = np.repeat(np.array([[0.0, 0], [9, 0], [0, 9]]), 30, axis=0)
    found = density_clusters(points, 3)
    assert found.clusters == 3
    assert accuracy(np.repeat(np.arange(3), 30), found.labels) == 1


def test_validity_by_hand():
    # 0 -1- 1 -4- 2 -2- 3: gaps of 1 and 2 inside, 4 between: (3 / 4 + 2 / 4) / 2
    spanning = np.array([[0, 1, 1.0], [1, 2, 4.0], [2, 3, 2.0]])
    assert relative_validity(spanning, np.array([0, 0, 1, 1])) == pytest.approx(0.625)
    assert relative_validity(spanning, np.array([0, 0, -1, -1])) == pytest.approx(0.375), "noise counts as 0"
    assert relative_validity(spanning, np.full(4, -1)) == -1


@pytest.mark.parametrize(
    ("points", "clusters", "told"),
    [
        (np.zeros((5, 2)), None, "10 or more"),
        (np.zeros(50), None, "10 or more"),
        (np.full((50, 2), np.nan), None, "finite"),
        (np.arange(100.0).reshape(50, 2), 1, "2 or more"),
    ],
)
def test_bad_points_are_told(points: np.ndarray, clusters: int | None, told: str):
    with pytest.raises(ValueError, match=told):
        density_clusters(points, clusters)
