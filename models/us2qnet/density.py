"""HDBSCAN with a given or an automatic number of clusters; its minimum cluster size is chosen without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hdbscan import hdbscan
from hdbscan._hdbscan_tree import condense_tree

from models.metrics.clustering import NOISE

MIN_SAMPLES = 10
"""Neighbours that make a point's density; few of them leave little noise."""
_SHARES = (0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.06)
"""Tried minimum sizes as shares of the mean cluster size, coarsest first."""
_AUTOMATIC = 5
"""Clusters that the tried sizes are shares of when their number is free."""
_SMALLEST = 5

Plan = dict[int, tuple[float, tuple[int, ...]]]
"""Number of clusters -> (total stability, nodes) of the best choice below a node."""


@dataclass(frozen=True)
class DensityClusters:
    """A flat clustering.

    Attributes
    ----------
    labels : (N,) int64, 0 for the largest cluster; -1 is noise
    validity : relative density-based validity, -1..1 (``relative_validity``)
    min_cluster_size, min_samples : what was chosen
    """

    labels: np.ndarray
    validity: float
    min_cluster_size: int
    min_samples: int

    @property
    def clusters(self) -> int:
        """Number of clusters without noise."""
        return int(self.labels.max()) + 1

    @property
    def parameters(self) -> dict[str, float]:
        """What was chosen and found, as plain values."""
        return {
            "clusters_found": self.clusters,
            "min_cluster_size": self.min_cluster_size,
            "min_samples": self.min_samples,
            "validity": round(self.validity, 4),
        }


def density_clusters(points: np.ndarray, clusters: int | None = None) -> DensityClusters:
    """Cluster points by density (HDBSCAN: Campello 2013), every parameter chosen without labels.

    For a minimum cluster size the hierarchy is cut where the total stability (excess of mass) is largest, over all
    cuts when the number of clusters is free, over those into ``clusters`` parts or fewer otherwise. Of the sizes, the
    coarsest is taken that gives the wanted number, or comes nearest: a finer one gives places to fragments. For a free
    number it is the size of the highest relative validity.

    Parameters
    ----------
    points : (N, D) finite, any unit
    clusters : at least 2; None leaves it free. Fewer are given where the hierarchy has no more.

    Raises
    ------
    ValueError
        For fewer than 10 points, values that are not finite, or fewer than 2 clusters asked for.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or len(points) < 2 * _SMALLEST or not np.isfinite(points).all():
        raise ValueError(f"{2 * _SMALLEST} or more finite points (N, D) are needed, not an array of {points.shape}")
    if clusters is not None and clusters < 2:
        raise ValueError(f"{clusters} clusters asked for: ask for 2 or more, or leave the number free")
    linkage, spanning = _hierarchy(points)
    mean_size = len(points) / (clusters or _AUTOMATIC)
    sizes = sorted({max(_SMALLEST, round(mean_size * share)) for share in _SHARES}, reverse=True)
    cuts = (_cut(linkage, spanning, size, clusters) for size in sizes)
    if clusters is None:
        return max(cuts, key=lambda cut: cut.validity)
    return min(cuts, key=lambda cut: clusters - cut.clusters)  # the first, so the coarsest, among equals


def relative_validity(spanning: np.ndarray, labels: np.ndarray) -> float:
    """Density-based validity, -1..1, as far as a spanning tree shows it (after Moulavi 2014, DBCV).

    Each cluster's widest inner gap is held against the narrowest gap to another cluster; the mean over all points
    counts noise as 0. -1 when there is no cluster.

    Parameters
    ----------
    spanning : (N - 1, 3) float64, minimum spanning tree: from, to, mutual reachability distance
    labels : (N,) int64, clusters from 0, -1 is noise
    """
    count = int(labels.max()) + 1
    if not count:
        return -1.0
    first, second = labels[spanning[:, 0].astype(int)], labels[spanning[:, 1].astype(int)]
    gap = spanning[:, 2]
    inner, outer = np.zeros(count), np.full(count, gap.max())  # an island behind noise is as far as the tree is wide
    same, other = (first == second) & (first != NOISE), (first != second) & (first != NOISE) & (second != NOISE)
    np.maximum.at(inner, first[same], gap[same])
    for side in (first, second):
        np.minimum.at(outer, side[other], gap[other])
    apart = (outer - inner) / np.maximum(np.maximum(outer, inner), np.finfo(float).tiny)
    return float((np.bincount(labels[labels != NOISE], minlength=count) * apart).sum() / len(labels))


def _hierarchy(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Single linkage (N - 1, 4) and spanning tree (N - 1, 3) of mutual reachability: the costly part, made once."""
    found = hdbscan(points, min_samples=MIN_SAMPLES, gen_min_span_tree=True, core_dist_n_jobs=1)
    return found[4], found[5]


def _cut(linkage: np.ndarray, spanning: np.ndarray, size: int, clusters: int | None) -> DensityClusters:
    labels = _flat_labels(condense_tree(linkage, size), len(linkage) + 1, clusters)
    return DensityClusters(labels, relative_validity(spanning, labels), size, MIN_SAMPLES)


def _flat_labels(tree: np.ndarray, count: int, clusters: int | None) -> np.ndarray:
    """Labels (N,) of the most stable cut through a condensed tree; a node's id is above its parent's."""
    parent, child = tree["parent"] - count, tree["child"]
    strength = tree["lambda_val"].copy()
    finite = np.isfinite(strength)
    strength[~finite] = strength[finite].max(initial=1.0)  # equal points are infinitely dense
    node = child >= count
    above, birth = np.full(parent.max() + 1, -1), np.zeros(parent.max() + 1)
    above[child[node] - count], birth[child[node] - count] = parent[node], strength[node]
    stability = np.bincount(parent, (strength - birth[parent]) * tree["child_size"], len(above))
    owner = np.full(len(above), NOISE)
    for place, chosen in enumerate(_most_stable(above, stability, clusters)):
        owner[chosen] = place
    for below in range(1, len(above)):
        owner[below] = max(owner[below], owner[above[below]])
    labels = np.empty(count, np.int64)
    labels[child[~node]] = owner[parent[~node]]
    return _largest_first(labels)


def _most_stable(above: np.ndarray, stability: np.ndarray, clusters: int | None) -> tuple[int, ...]:
    """The nodes of the cut with the largest sum of stability, no node above another; the root is no cluster."""
    plans: list[Plan] = [{} for _ in above]
    for node in range(len(above) - 1, -1, -1):
        below = [plans[child] for child in np.flatnonzero(above == node)]
        plan = _joined(below[0], below[1], clusters) if below else {}
        if node:
            _keep(plan, (float(stability[node]), (node,)), clusters)
        plans[node] = plan
    return plans[0][max(plans[0])][1] if plans[0] else ()


def _joined(left: Plan, right: Plan, most: int | None) -> Plan:
    plan: Plan = {}
    for value_left, nodes_left in left.values():
        for value_right, nodes_right in right.values():
            _keep(plan, (value_left + value_right, (*nodes_left, *nodes_right)), most)
    return plan


def _keep(plan: Plan, choice: tuple[float, tuple[int, ...]], most: int | None) -> None:
    """Keep a choice when it is the best of its number of clusters, or the best at all when that is free."""
    number = 0 if most is None else len(choice[1])
    if (most is None or number <= most) and (number not in plan or choice[0] > plan[number][0]):
        plan[number] = choice


def _largest_first(labels: np.ndarray) -> np.ndarray:
    """Clusters numbered by falling size."""
    clusters, place, sizes = np.unique(labels[labels != NOISE], return_inverse=True, return_counts=True)
    rank = np.empty(len(clusters), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(clusters))
    numbered = np.full(len(labels), NOISE, np.int64)
    numbered[labels != NOISE] = rank[place]
    return numbered
