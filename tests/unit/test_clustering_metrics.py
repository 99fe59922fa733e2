"""Clustering metrics against hand-made partitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra 'train')")

from models.metrics.clustering import (
    accuracy,
    adjusted_information,
    clustering_figures,
    matched_classes,
    normalised_information,
    rand_index,
    silhouette,
)

TRUTH = np.repeat(np.arange(3), 4)


def test_names_of_clusters_do_not_matter():
    for order in itertools.permutations(range(3)):
        found = clustering_figures(TRUTH, np.array(order)[TRUTH])
        assert [found[name] for name in ("acc", "ari", "nmi", "ami")] == pytest.approx([1, 1, 1, 1])
        assert (found["noise"], found["clusters"]) == (0, 3)


def test_the_match_is_the_best_of_all():
    rng = np.random.default_rng(3)
    truth, labels = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    best = max(np.mean(np.array(order)[labels] == truth) for order in itertools.permutations(range(4)))
    assert accuracy(truth, labels) == pytest.approx(best)


def test_noise_and_clusters_without_a_class_are_wrong():
    noisy = np.where(np.arange(12) % 4 == 0, -1, TRUTH)
    assert accuracy(TRUTH, noisy) == pytest.approx(9 / 12)
    split = np.where(np.arange(12) == 0, 3, TRUTH)
    assert accuracy(TRUTH, split) == pytest.approx(11 / 12)
    assert matched_classes(TRUTH, split)[0] == -1
    assert accuracy(TRUTH, np.full(12, -1)) == 0
    assert accuracy(TRUTH, np.zeros(12, int)) == pytest.approx(1 / 3), "one cluster is one class"


def test_noise_is_one_cluster_in_the_others():
    noisy, numbered = np.where(TRUTH == 2, -1, TRUTH), TRUTH
    for figure in (rand_index, normalised_information, adjusted_information):
        assert figure(TRUTH, noisy) == figure(TRUTH, numbered) == pytest.approx(1)


def test_figures_by_hand():
    # 2x2 table [[2, 1], [1, 2]]: 2 pairs together in both, 6 in each, of 15: (2 - 2.4) / (6 - 2.4)
    truth, labels = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 0, 1, 1])
    assert rand_index(truth, labels) == pytest.approx((2 - 36 / 15) / (6 - 36 / 15))
    shared = 4 / 6 * np.log(2 * 2 / 3) + 2 / 6 * np.log(2 / 3)
    assert normalised_information(truth, labels) == pytest.approx(shared / np.log(2))
    assert adjusted_information(truth, labels) < normalised_information(truth, labels)


def test_silhouette_tells_apart_from_mixed():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 2)) + 20 * np.repeat(np.arange(3), 20)[:, None]
    labels = np.repeat(np.arange(3), 20)
    assert silhouette(points, labels) > 0.8
    assert silhouette(points, rng.permutation(labels)) < 0.1
    assert silhouette(points, labels, most=30) == silhouette(points, labels, most=30) > 0.8
    far = np.vstack([points, [[1e6, 1e6]]])
    assert silhouette(far, np.append(labels, -1)) == pytest.approx(silhouette(points, labels)), "noise is left out"
    assert np.isnan(silhouette(points, np.zeros(60, int)))
    assert np.isnan(silhouette(points[:3], np.arange(3)))


@pytest.mark.parametrize(
    ("truth", "labels", "told"),
    [
        ([0, 1], [0], "one length"),
        ([], [], "one length"),
        ([[0]], [[0]], "one length"),
        ([0.5, 1.0], [0, 1], "whole numbers"),
        ([0, 1], [0.0, np.nan], "whole numbers"),
        ([-1, 1], [0, 1], "from 0"),
        ([0, 1], [-2, 1], "from 0"),
    ],
)
def test_bad_labels_are_told(truth: list, labels: list, told: str):
    for figure in (accuracy, rand_index, normalised_information, adjusted_information, clustering_figures):
        with pytest.raises(ValueError, match=told):
            figure(np.array(truth), np.array(labels))


def test_bad_points_are_told():
    with pytest.raises(ValueError, match="finite points"):
        silhouette(np.array([[0.0, np.nan]]), np.array([0]))
    with pytest.raises(ValueError, match="finite points"):
        silhouette(np.zeros((3, 2)), np.array([0, 1]))
