"""The map of quality clusters fitted to a site's own frames, and how it differs from the map before. Offline alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.cluster_map import ClusterMap, named_by_severity
from capture.errors import DataError
from models.regional.evaluation.plots import sheet
from models.us2qnet.cluster_count import choose_clusters
from models.us2qnet.figures import map_panel
from models.us2qnet.postprocessing import fit_map

MOST = 1500
"""Frames that a map keeps, for the live path compares with each of them."""

SEED = 0
_CLEARLY_APART = 0.05  # of severity 0..1, between the means of neighbouring clusters
_FAITHFUL = 0.95  # of the frames have live the cluster that the fit gave them


@dataclass(frozen=True, eq=False)
class Reading:
    """What one map says of N frames, as the live program would.

    Attributes
    ----------
    ranks : (N,) cluster of each frame, 0 the worst
    places : (N, 2) place of each frame on the map
    names : of the clusters, the worst first
    noise : share that HDBSCAN gave to no cluster when the map was fitted, None when the map does not tell
    """

    ranks: np.ndarray
    places: np.ndarray
    names: tuple[str, ...]
    noise: float | None

    @property
    def words(self) -> np.ndarray:
        """Cluster's name of each frame, (N,)."""
        return np.asarray(self.names)[self.ranks]

    def clusters(self, severity: np.ndarray) -> list[dict[str, object]]:
        """Name, number of frames and their mean severity (None without frames) of each cluster, the worst first."""
        members = [severity[self.ranks == rank] for rank in range(len(self.names))]
        means = [round(float(values.mean()), 4) if len(values) else None for values in members]
        return [
            {"name": name, "frames": len(values), "severity": mean}
            for name, values, mean in zip(self.names, members, means, strict=True)
        ]


def refit(latents: np.ndarray, severity: np.ndarray, clusters: int | None, features: str) -> ClusterMap:
    """UMAP and HDBSCAN of a site's frames; every frame in a cluster, the clusters named by the model's own severity.

    Parameters
    ----------
    latents : (N, D) float32, N at most 1,500
    severity : (N,) in 0..1
    clusters : how many are wanted; None chooses by silhouette and BIC, and takes fewer where fewer stand out
    features : whose features they are, see ``quality_clusters.features_id``; the live program checks it

    Raises
    ------
    DataError
        For more frames than a map keeps, or when fewer clusters stand out than wanted, or only one.
    """
    if len(latents) > MOST:
        raise DataError(f"{len(latents)} frames are more than the {MOST} that a map keeps: give fewer")
    wanted = choose_clusters(latents, seed=SEED).count if clusters is None else clusters
    found = fit_map(latents, wanted, SEED, keep_noise=False, allow_none=True)
    fewest = 2 if clusters is None else clusters
    if len(found.names) < fewest:
        raise DataError(
            f"{len(found.names)} clusters stand out in {len(latents)} frames, {fewest} are wanted: give frames of more "
            "patients and of better and worse quality, or ask for fewer clusters; the profile is as it was"
        )
    parameters = {**found.parameters, "features": features, "frames": len(latents)}
    kept = replace(found, latents=np.asarray(latents, np.float32), parameters=parameters)
    return named_by_severity(kept, severity)


def reading(found: ClusterMap, latents: np.ndarray, its_own: bool = False) -> Reading:
    """What a map with features says of frames (N, D).

    ``its_own`` : they are the map's own frames in order, and each is judged by the others alone
    """
    numbers = [number if its_own else None for number in range(len(latents))]
    ranks = np.array([int(found.assign(*pair).argmax()) for pair in zip(latents, numbers, strict=True)])
    places = np.array([found.place(latent) for latent in latents])
    return Reading(ranks, places, found.names, found.parameters.get("noise"))


def changed_share(before: Reading, after: Reading) -> float:
    """Share of the frames whose word is another one, 0..1."""
    return float(np.mean(before.words != after.words))


def agreement(found: ClusterMap, after: Reading) -> float:
    """Share of the map's own frames that have live the cluster which the fit gave them, 0..1."""
    return float(np.mean(after.ranks == found.labels))


def doubts(found: ClusterMap, after: Reading, severity: np.ndarray) -> list[str]:
    """What a user should know before trusting a new map; empty when nothing speaks against it."""
    told = []
    means = [float(severity[found.labels == rank].mean()) for rank in range(len(found.names))]
    for rank in range(len(means) - 1):
        if means[rank] - means[rank + 1] < _CLEARLY_APART:
            told.append(
                f"{found.names[rank]} and {found.names[rank + 1]} hardly differ in severity: they may be other views "
                "or patients and not other quality; give frames of more patients"
            )
    if agreement(found, after) < _FAITHFUL:
        told.append(
            f"only {agreement(found, after):.0%} of the frames have live the cluster of the fit: give more frames or "
            "ask for fewer clusters"
        )
    return told


def before_after(before: Reading, after: Reading, titles: Sequence[str]) -> np.ndarray:
    """The same frames on both maps, beside each other and coloured by cluster, BGR uint8."""
    both = zip(titles, (before, after), strict=True)
    return sheet([map_panel(title, one.places, one.ranks, one.names) for title, one in both], across=2)
