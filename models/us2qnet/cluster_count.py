"""How many quality clusters a set of latents has, from silhouette and BIC, without a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture

from capture.errors import DataError

CANDIDATES = tuple(range(2, 9))
_MOST = 4000  # pictures looked at: silhouette needs all their distances
_DIRECTIONS = 10
_VARIANCE = 0.95


@dataclass(frozen=True)
class ClusterCount:
    """The count chosen, and both criteria of every candidate.

    Attributes
    ----------
    count : K
    silhouette : by candidate, -1..1, higher is better
    bic : by candidate, per picture, lower is better
    """

    count: int
    silhouette: dict[int, float]
    bic: dict[int, float]


def choose_clusters(latent: np.ndarray, candidates: Sequence[int] = CANDIDATES, seed: int = 0) -> ClusterCount:
    """Choose K for latents (N, D) float.

    Silhouette is of k-means, BIC of a Gaussian mixture in the directions that hold 95 % of the variance (at most 10).
    Each is stretched to 0..1 over the candidates, BIC upside down; the highest sum wins, the smaller K of equal ones.

    Raises
    ------
    DataError
        For latents that are not finite, or fewer pictures than twice the largest candidate.
    """
    latent = np.asarray(latent, np.float64)
    if latent.ndim != 2 or not np.isfinite(latent).all():
        raise DataError(f"latents {latent.shape} are no table of finite numbers: train the network again")
    if len(latent) < 2 * max(candidates):
        raise DataError(
            f"{len(latent)} pictures are too few to choose among {list(candidates)} clusters: give --clusters"
        )
    if len(latent) > _MOST:
        latent = latent[np.random.default_rng(seed).permutation(len(latent))[:_MOST]]
    main = _main_directions(latent, seed)
    silhouette = {k: _silhouette(latent, k, seed) for k in candidates}
    bic = {
        k: float(GaussianMixture(k, random_state=seed, n_init=2).fit(main).bic(main)) / len(main) for k in candidates
    }
    merit = _stretched(np.array(list(silhouette.values()))) + _stretched(-np.array(list(bic.values())))
    return ClusterCount(int(candidates[int(merit.argmax())]), silhouette, bic)


def _main_directions(latent: np.ndarray, seed: int) -> np.ndarray:
    """(N, D) -> (N, d), d at most 10."""
    fitted = PCA(min(_DIRECTIONS, *latent.shape), random_state=seed).fit(latent)
    kept = int(np.searchsorted(np.cumsum(fitted.explained_variance_ratio_), _VARIANCE)) + 1
    return np.asarray(fitted.transform(latent)[:, :kept])


def _silhouette(latent: np.ndarray, clusters: int, seed: int) -> float:
    labels = KMeans(clusters, n_init=5, random_state=seed).fit_predict(latent)
    return float(silhouette_score(latent, labels)) if len(set(labels)) > 1 else -1.0


def _stretched(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.min()) / max(float(np.ptp(values)), 1e-12))
