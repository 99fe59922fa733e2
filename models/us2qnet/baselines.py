"""The methods of the paper's table II on one set: classical ones on pixels, deep ones on features of AE and VAE."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from models.us2qnet.density import density_clusters
from models.us2qnet.postprocessing import checked_features, fit_map

PCA_COMPONENTS = 50
PERPLEXITY = 30.0
OURS = "US2QNet"


@dataclass(frozen=True)
class MethodResult:
    """What one method gives.

    Attributes
    ----------
    labels : (N,) int64 clusters from 0, -1 is noise
    points : (N, 2) float32 where the method makes a plane, else None
    seconds : wall time
    parameters : every choice, all made without labels
    """

    labels: np.ndarray
    points: np.ndarray | None
    seconds: float
    parameters: dict[str, Any]


Found = tuple[np.ndarray, np.ndarray | None, dict[str, Any]]
"""Labels, points of the plane or None, parameters."""


def run_methods(
    pixels: np.ndarray,
    features_ae: np.ndarray | None,
    features_vae: np.ndarray | None,
    clusters: int,
    seed: int,
    jobs: int = 1,
) -> dict[str, MethodResult]:
    """All methods of table II by the paper's names and in its order.

    The plane of UMAP gets its labels from HDBSCAN, as in the paper's own post-processing, that of t-SNE from k-means.
    A frame that HDBSCAN leaves as noise on such a plane gets the cluster of its nearest clustered neighbour, since live
    every frame has a cluster; HDBSCAN alone keeps its noise.

    Parameters
    ----------
    pixels : (N, P) pictures as rows, one scale for all
    features_ae, features_vae : (N, D) after clustering training; None leaves those methods out
    clusters : number of clusters, at least 2
    seed : same seed, same result
    jobs : threads of t-SNE's neighbour search

    Raises
    ------
    DataError
        For a matrix of fewer than 15 rows, or of values that are not finite or all equal.
    """
    pixels = checked_features(pixels)
    return {
        name: _timed(method)
        for name, method in (
            _classical(pixels, clusters, seed, jobs)
            | _deep("DEC-AE", features_ae, clusters, seed, jobs)
            | _deep("DEC-VAE", features_vae, clusters, seed, jobs)
        ).items()
    }


def _classical(pixels: np.ndarray, clusters: int, seed: int, jobs: int) -> dict[str, Callable[[], Found]]:
    return {
        "k-means": lambda: _k_means(pixels, clusters, seed),
        "t-SNE": lambda: _t_sne(pixels, clusters, seed, jobs),
        "UMAP": lambda: _umap(pixels, clusters, seed),
        "HDBSCAN": lambda: _hdbscan(pixels, clusters, seed),
        "PCA + k-means": lambda: _k_means(_reduced(pixels, seed), clusters, seed),
    }


def _deep(
    name: str, features: np.ndarray | None, clusters: int, seed: int, jobs: int
) -> dict[str, Callable[[], Found]]:
    if features is None:
        return {}
    checked = checked_features(features)
    with_umap = OURS if name == "DEC-VAE" else f"{name} + UMAP"
    return {
        f"{name} + k-means": lambda: _k_means(checked, clusters, seed),
        f"{name} + t-SNE": lambda: _t_sne(checked, clusters, seed, jobs),
        with_umap: lambda: _umap(checked, clusters, seed),
    }


def _timed(method: Callable[[], Found]) -> MethodResult:
    started = time.monotonic()
    labels, points, parameters = method()
    return MethodResult(labels, points, time.monotonic() - started, parameters)


def _k_means(values: np.ndarray, clusters: int, seed: int) -> Found:
    """Ten starts (k-means++)."""
    labels = KMeans(clusters, n_init=10, random_state=seed).fit_predict(values)
    parameters = {"method": "k-means", "clusters": clusters, "starts": 10, "dimensions": values.shape[1], "seed": seed}
    return labels.astype(np.int64), None, parameters


def _t_sne(values: np.ndarray, clusters: int, seed: int, jobs: int) -> Found:
    """Barnes-Hut t-SNE of the first principal components, then k-means on its plane.

    t-SNE spreads its points evenly, so that HDBSCAN leaves many as noise: k-means is the stronger baseline there.
    """
    reduced = _reduced(values, seed)
    perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=jobs).fit_transform(reduced)
    labels, _, parameters = _k_means(points, clusters, seed)
    own = {"method": "t-sne + k-means", "perplexity": perplexity, "components": reduced.shape[1]}
    return labels, np.asarray(points, np.float32), parameters | own


def _umap(values: np.ndarray, clusters: int, seed: int) -> Found:
    found = fit_map(values, clusters, seed, keep_noise=False, allow_none=True)
    return found.labels, found.points, found.parameters


def _hdbscan(values: np.ndarray, clusters: int, seed: int) -> Found:
    """HDBSCAN of the first principal components: in more dimensions its search for neighbours compares all pairs."""
    reduced = _reduced(values, seed)
    found = density_clusters(reduced, clusters)
    return found.labels, None, {"method": f"pca {reduced.shape[1]} + hdbscan", **found.parameters}


def _reduced(values: np.ndarray, seed: int) -> np.ndarray:
    """The first 50 principal components, or as many as there are; (N, 50) float32."""
    components = PCA(min(PCA_COMPONENTS, *values.shape), random_state=seed)
    return np.asarray(components.fit_transform(values), np.float32)
