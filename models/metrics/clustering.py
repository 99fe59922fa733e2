"""How well clusters meet known classes: ACC, ARI, NMI, AMI (US2QNet, section IV.B), and how apart they lie."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    normalized_mutual_info_score,
    silhouette_score,
)

NOISE = -1
"""Label of a point that belongs to no cluster."""
METRICS = ("ari", "ami", "acc", "nmi")
"""In the order of the paper's table II."""


def matched_classes(truth: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The class that each point's cluster stands for, by the one-to-one match with the most points (Kuhn 1955).

    Parameters
    ----------
    truth : (N,) whole numbers from 0, the known classes
    labels : (N,) whole numbers from 0, the clusters; -1 is noise

    Returns
    -------
    (N,) int64; -1 for noise and for a cluster that is left without a class

    Raises
    ------
    ValueError
        When the arrays differ in length, are empty, hold no whole numbers, or a number below 0 (below -1 in labels).
    """
    truth, labels = _checked(truth, labels)
    classes, row = np.unique(truth, return_inverse=True)
    clusters, column = np.unique(labels[labels != NOISE], return_inverse=True)
    counts = np.zeros((len(classes), len(clusters)), np.int64)
    np.add.at(counts, (row[labels != NOISE], column), 1)
    matched = np.full(len(labels), NOISE, np.int64)
    for of_class, of_cluster in zip(*linear_sum_assignment(counts, maximize=True), strict=True):
        matched[labels == clusters[of_cluster]] = classes[of_class]
    return matched


def accuracy(truth: np.ndarray, labels: np.ndarray) -> float:
    """Unsupervised accuracy (ACC), 0..1: the share of points whose matched cluster is their class.

    Noise and clusters without a class count as wrong. Arguments and errors as in ``matched_classes``.
    """
    return float(np.mean(matched_classes(truth, labels) == truth))


def rand_index(truth: np.ndarray, labels: np.ndarray) -> float:
    """Adjusted Rand index (ARI), 1 for the same partition, 0 by chance; noise is one cluster.

    Arguments and errors as in ``matched_classes``.
    """
    return float(adjusted_rand_score(*_checked(truth, labels)))


def normalised_information(truth: np.ndarray, labels: np.ndarray) -> float:
    """Mutual information over the mean of both entropies (NMI), 0..1; noise is one cluster.

    Arguments and errors as in ``matched_classes``.
    """
    return float(normalized_mutual_info_score(*_checked(truth, labels)))


def adjusted_information(truth: np.ndarray, labels: np.ndarray) -> float:
    """Mutual information beyond chance (AMI; Vinh 2010), 1 for the same partition, 0 by chance; noise is one cluster.

    Arguments and errors as in ``matched_classes``.
    """
    return float(adjusted_mutual_info_score(*_checked(truth, labels)))


def clustering_figures(truth: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The four figures in the order of ``METRICS``, then the share of noise and the number of clusters.

    Arguments and errors as in ``matched_classes``.
    """
    return {
        "ari": rand_index(truth, labels),
        "ami": adjusted_information(truth, labels),
        "acc": accuracy(truth, labels),
        "nmi": normalised_information(truth, labels),
        "noise": float(np.mean(np.asarray(labels) == NOISE)),
        "clusters": float(len(np.unique(labels[labels != NOISE]))),
    }


def silhouette(points: np.ndarray, labels: np.ndarray, most: int = 5000, seed: int = 0) -> float:
    """Mean silhouette coefficient, -1..1 (Rousseeuw 1987; US2QNet, section III), without noise.

    NaN for fewer than two clusters or when each point is a cluster of its own.

    Parameters
    ----------
    points : (N, D) finite
    labels : (N,) whole numbers, -1 is noise
    most : more points than this are thinned to so many at random, since all pairs are compared
    seed : same seed, same points

    Raises
    ------
    ValueError
        When the shapes do not fit or a value is not finite.
    """
    points, labels = np.asarray(points), np.asarray(labels)
    if points.ndim != 2 or labels.shape != points.shape[:1] or not np.isfinite(points).all():
        raise ValueError(f"finite points (N, D) and N labels are needed, not shapes {points.shape} and {labels.shape}")
    kept = np.flatnonzero(labels != NOISE)
    if len(kept) > most:
        kept = np.random.default_rng(seed).choice(kept, most, replace=False)
    clusters = len(np.unique(labels[kept]))
    if clusters < 2 or clusters >= len(kept):
        return float("nan")
    return float(silhouette_score(points[kept], labels[kept]))


def _checked(truth: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, labels = np.asarray(truth), np.asarray(labels)
    if truth.ndim != 1 or truth.shape != labels.shape or not len(truth):
        raise ValueError(f"two arrays of one length are needed, not of shapes {truth.shape} and {labels.shape}")
    if not all(np.issubdtype(array.dtype, np.integer) for array in (truth, labels)):
        raise ValueError(f"classes and clusters are whole numbers, not {truth.dtype} and {labels.dtype}")
    if truth.min() < 0 or labels.min() < NOISE:
        raise ValueError("classes count from 0 and clusters from 0, with -1 for noise alone")
    return truth, labels
