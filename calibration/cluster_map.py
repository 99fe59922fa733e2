"""The map of quality clusters as plain arrays, with names by severity: what outlives the training libraries."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.toml_file import swap_in
from capture.errors import DataError

NEIGHBOURS = 12
"""Reference frames by which a frame is placed."""

_NOISE = -1
_ARRAYS = ("points", "labels", "centroids", "names", "parameters")
_LATENTS = "latents"
_SAME_FRAME = 1e-6  # squared distance: a frame of the map itself comes out at its own place


@dataclass(frozen=True, eq=False)
class ClusterMap:
    """Frames on a plane and the clusters they form; once named by severity, the worst cluster is the first.

    Attributes
    ----------
    points : (N, 2) float32, place of each frame; no unit
    labels : (N,) int64, cluster of each frame; -1 is noise
    centroids : (K, 2) float32, mean place of each cluster's frames
    names : K words, such as ``A-``
    parameters : how the map was made, plain values
    latents : (N, D) float32, the network's features of each frame: with them the map can place other frames. None in
        a released map, whose network does so itself.

    Raises
    ------
    DataError
        When the shapes do not fit, a value is not finite, or a label names no cluster.
    """

    points: np.ndarray
    labels: np.ndarray
    centroids: np.ndarray
    names: tuple[str, ...]
    parameters: dict[str, Any]
    latents: np.ndarray | None = None

    def __post_init__(self) -> None:
        count = len(self.names)
        fit = (
            self.points.shape == (len(self.labels), 2)
            and self.labels.ndim == 1
            and self.centroids.shape == (count, 2)
            and np.issubdtype(self.labels.dtype, np.integer)
            and bool(np.isfinite(self.points).all() and np.isfinite(self.centroids).all())
            and bool(((self.labels >= _NOISE) & (self.labels < count)).all())
            and all(isinstance(name, str) for name in self.names)
            and isinstance(self.parameters, dict)
        )
        if not fit:
            raise DataError(
                f"a cluster map of {self.points.shape} points, {self.labels.shape} labels, {self.centroids.shape} "
                f"centroids and {count} names does not fit together: fit the map anew"
            )
        self._check_latents()

    @property
    def noise(self) -> float:
        """Share of frames in no cluster, 0..1."""
        return float(np.mean(self.labels == _NOISE))

    def assign(self, latent: np.ndarray, without: int | None = None) -> np.ndarray:
        """Probability of each cluster for a frame: what its nearest reference frames are, by Student's t of distance.

        UMAP's clusters need not be round: their mean features (US2QNet paper, equation 5) would stand for them badly.

        Parameters
        ----------
        latent : (D,) features of the frame
        without : number of a reference frame to leave out: the frame itself, where it is one

        Returns
        -------
        (K,) float64, sum 1, in the order of ``names``.

        Raises
        ------
        DataError
            When the map holds no features, or the frame's have another length or are not finite.
        """
        near, squared = self._nearest(latent, self.labels != _NOISE, without)
        shares = np.bincount(self.labels[near], 1 / (1 + squared), len(self.names))
        return np.asarray(shares / shares.sum())

    def place(self, latent: np.ndarray) -> np.ndarray:
        """Where a frame stands on the map: mean place of the reference frames nearest in features, the near more.

        Parameters
        ----------
        latent : (D,) features of the frame

        Returns
        -------
        (2,) float64.

        Raises
        ------
        DataError
            As ``assign``.
        """
        near, squared = self._nearest(latent, None, None)
        weights = 1 / (squared + _SAME_FRAME)
        return np.asarray(weights @ self.points[near] / weights.sum(), np.float64)

    def _nearest(
        self, latent: np.ndarray, among: np.ndarray | None, without: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the nearest reference frames, (k,), and their squared distances, (k,) float64."""
        latent = self._checked(latent)
        assert self.latents is not None
        away = self.latents - latent  # (N, D)
        squared = np.einsum("nd,nd->n", away, away).astype(np.float64)
        if among is not None:
            squared[~among] = np.inf
        if without is not None:
            squared[without] = np.inf
        count = min(NEIGHBOURS, len(squared))
        near = np.argpartition(squared, count - 1)[:count]
        near = near[np.isfinite(squared[near])]
        return near, squared[near]

    def _check_latents(self) -> None:
        latents = self.latents
        if latents is not None and not (
            latents.ndim == 2
            and len(latents) == len(self.labels) > 0
            and latents.dtype == np.float32
            and bool(np.isfinite(latents).all())
            and set(range(len(self.names))) <= set(self.labels.tolist())
        ):
            raise DataError(
                f"features {latents.dtype} {latents.shape} do not fit a cluster map of {len(self.labels)} frames, each "
                "cluster with some: fit the map anew"
            )

    def _checked(self, latent: np.ndarray) -> np.ndarray:
        """Features of a frame as float32."""
        if self.latents is None:
            raise DataError("this cluster map holds no features and cannot place frames: fit it anew with features")
        wanted = self.latents.shape[1:]
        if latent.shape != wanted or not np.isfinite(latent).all():
            raise DataError(
                f"a frame's features {latent.shape} are not {wanted} finite numbers: use the map's own model"
            )
        return np.asarray(latent, np.float32)


def centroids_of(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of the points (N, D) of each cluster 0..K-1 of labels (N,), without noise; (K, D) float32."""
    count = int(labels.max(initial=_NOISE)) + 1
    means = [points[labels == cluster].mean(axis=0) for cluster in range(count)]
    return np.asarray(means, np.float32).reshape(count, points.shape[1])


def quality_names(count: int) -> tuple[str, ...]:
    """Names of ``count`` levels from worst to best: A-, A, A+ for three, one sign more per step outward.

    An even count has no plain A.
    """
    outward = [level for level in range(-(count // 2), count // 2 + 1) if level or count % 2]
    return tuple("A" + ("+" if level > 0 else "-") * abs(level) for level in outward)


def named_by_severity(found: ClusterMap, severity: np.ndarray) -> ClusterMap:
    """The map with its clusters ordered and named by the mean severity of their reference frames, the worst first.

    Parameters
    ----------
    severity : (N,) of each frame, higher is worse; NaN for a frame that is no reference

    Raises
    ------
    DataError
        When the lengths differ or a cluster holds no reference frame.
    """
    severity = np.asarray(severity, float)
    if severity.shape != found.labels.shape:
        raise DataError(f"{severity.shape} severities for {found.labels.shape} frames: give one per frame")
    known = np.isfinite(severity)
    inside = [severity[known & (found.labels == cluster)] for cluster in range(len(found.names))]
    empty = [cluster for cluster, values in enumerate(inside) if not len(values)]
    if empty:
        raise DataError(f"clusters {empty} hold no reference frame: give references of every level or fewer clusters")
    worst_first = np.argsort([-values.mean() for values in inside], kind="stable")
    rank = np.append(np.argsort(worst_first), _NOISE)  # of each label; noise is the last index and stays noise
    return replace(
        found,
        labels=rank[found.labels],
        centroids=found.centroids[worst_first],
        names=quality_names(len(inside)),
    )


def save_map(found: ClusterMap, path: Path) -> None:
    """Write the map as one .npz of plain arrays; the parameters are JSON in it.

    Raises
    ------
    DataError
        When the file cannot be written.
    """
    data = io.BytesIO()
    optional = {} if found.latents is None else {_LATENTS: found.latents}
    np.savez_compressed(
        data,
        allow_pickle=False,
        points=found.points,
        labels=found.labels,
        centroids=found.centroids,
        names=np.array(found.names, np.str_),
        parameters=np.array(json.dumps(found.parameters, allow_nan=False)),
        **optional,
    )
    try:
        swap_in(Path(path), data.getvalue())
    except OSError as error:
        raise DataError(f"cannot write the cluster map {path} ({error.strerror}): choose another folder") from error


def load_map(path: Path) -> ClusterMap:
    """Read a map that ``save_map`` wrote; nothing in the file is executed.

    Raises
    ------
    DataError
        When the file is missing, damaged or no cluster map.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(str(path), error) from error
    return map_of(content, str(path))


def map_of(content: bytes, name: str) -> ClusterMap:
    """The map in the bytes of a file, which errors call ``name``; as ``load_map``."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            points, labels, centroids, names, parameters = (file[key] for key in _ARRAYS)
            latents = file.get(_LATENTS)
        return ClusterMap(points, labels, centroids, tuple(names.tolist()), json.loads(str(parameters)), latents)
    except _UNREADABLE as error:
        raise _unreadable(name, error) from error


_UNREADABLE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


def _unreadable(name: str, error: Exception) -> DataError:
    return DataError(f"{name} is no cluster map that can be read ({error}): fit the map anew")
