"""From features to a map of clusters: UMAP, then HDBSCAN (US2QNet, sections II.C and IV.D). Offline alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from scipy.spatial import cKDTree

from calibration.cluster_map import ClusterMap, centroids_of
from capture.errors import DataError
from models.metrics.clustering import NOISE
from models.us2qnet.density import density_clusters

with warnings.catch_warnings():
    # umap tells of the absent TensorFlow, which only its parametric form needs
    warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
    from umap import UMAP

NEIGHBOURS, MIN_DIST = 20, 0.0  # McInnes 2018 for clustering: close points packed, larger neighbourhoods
FEWEST = 15


def fit_map(
    features: np.ndarray,
    clusters: int | None = None,
    seed: int = 0,
    dimensions: int = 2,
    keep_noise: bool = True,
    allow_none: bool = False,
) -> ClusterMap:
    """Place frames on a plane by UMAP and find their clusters by HDBSCAN; no label is looked at.

    Parameters
    ----------
    features : (N, D) finite, the network's latent features
    clusters : how many are wanted, at least 2; None leaves it to HDBSCAN. Fewer come out where there are no more.
    seed : same features and seed, same map
    dimensions : of the UMAP space that is clustered; where that is not the plane, the plane is a second UMAP
    keep_noise : False gives each noise point the cluster of its nearest clustered point in that space
    allow_none : a map without any cluster, all noise, is given instead of an error: a finding, for a table

    Returns
    -------
    ClusterMap
        Named ``1`` (the largest) to ``K``; its parameters list every choice and the validity.

    Raises
    ------
    DataError
        For fewer than 15 frames, features that are not finite or all equal, fewer than 2 clusters asked for, or when
        no cluster is found and that is not allowed.
    """
    if clusters is not None and clusters < 2:
        raise DataError(f"{clusters} clusters asked for: ask for 2 or more, or leave the number free")
    points = embed_umap(features, seed)
    space = points if dimensions == 2 else embed_umap(features, seed, dimensions)
    found = cluster_points(space, points, clusters, "umap", keep_noise, allow_none)
    umap = {"neighbours": min(NEIGHBOURS, len(points) - 1), "min_dist": MIN_DIST, "dimensions": dimensions}
    found.parameters.update(umap, seed=seed)
    return found


def embed_umap(features: np.ndarray, seed: int, dimensions: int = 2) -> np.ndarray:
    """UMAP of features (N, D) with the fixed settings of this module; (N, dimensions) float32.

    Raises
    ------
    DataError
        For fewer than 15 frames or features that are not finite or all equal.
    """
    features = checked_features(features)
    with _quiet_umap():
        umap = UMAP(
            n_neighbors=min(NEIGHBOURS, len(features) - 1),
            min_dist=MIN_DIST,
            n_components=dimensions,
            random_state=seed,
            n_jobs=1,  # a seed needs one thread
        )
        return np.asarray(umap.fit_transform(features), np.float32)


def cluster_points(
    space: np.ndarray,
    points: np.ndarray,
    clusters: int | None,
    method: str,
    keep_noise: bool = True,
    allow_none: bool = False,
) -> ClusterMap:
    """HDBSCAN on ``space`` (N, d), shown at ``points`` (N, 2); ``method`` names what made the space.

    Of noise the share that HDBSCAN gave is listed, also where it is not kept.

    Raises
    ------
    DataError
        When HDBSCAN cannot work on the points, or finds no cluster and that is not allowed.
    """
    try:
        found = density_clusters(space, clusters)
    except ValueError as error:
        raise DataError(f"these features cannot be clustered: {error}") from error
    if not found.clusters and not allow_none:
        raise DataError("no clusters stand out in these features: give more frames or frames of different quality")
    labels = found.labels if keep_noise or not found.clusters else without_noise(space, found.labels)
    noise = {"noise": round(float(np.mean(found.labels == NOISE)), 4), "noise_kept": keep_noise}
    parameters = {"method": f"{method} + hdbscan", "clusters_asked": clusters, **found.parameters, **noise}
    names = tuple(str(number + 1) for number in range(found.clusters))
    points = np.asarray(points, np.float32)
    return ClusterMap(points, labels, centroids_of(points, labels), names, parameters)


def without_noise(space: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels (N,) in which a noise point of ``space`` (N, d) has the label of its nearest clustered point."""
    noise, kept = np.flatnonzero(labels == NOISE), np.flatnonzero(labels != NOISE)
    full = labels.copy()
    full[noise] = labels[kept[cKDTree(space[kept]).query(space[noise])[1]]]
    return full


def checked_features(features: np.ndarray) -> np.ndarray:
    """Features (N, D) as float32.

    Raises
    ------
    DataError
        For fewer than 15 rows, no column, or values that are not finite or all equal.
    """
    features = np.asarray(features, np.float32)
    if features.ndim != 2 or len(features) < FEWEST or not features.shape[1]:
        raise DataError(f"features of shape {features.shape} give no map: give {FEWEST} or more frames as (N, D)")
    if not np.isfinite(features).all():
        raise DataError("some features are not finite: leave out the frames that the network cannot judge")
    if np.ptp(features, axis=0).max() == 0:
        raise DataError("all features are equal: give frames that differ")
    return features


@contextmanager
def _quiet_umap() -> Iterator[None]:
    """Without the notes that umap and its compiler give on sound input."""
    with warnings.catch_warnings():
        # Far clusters leave the neighbour graph in parts: umap lays those out one by one
        warnings.filterwarnings("ignore", "Graph is not fully connected", UserWarning)
        warnings.filterwarnings("ignore", "Spectral initialisation failed", UserWarning)
        yield
