"""The map of quality clusters as plain arrays, with names by severity: what outlives the training libraries."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.toml_file import swap_in
from capture.errors import DataError

_NOISE = -1
_ARRAYS = ("points", "labels", "centroids", "names", "parameters")


@dataclass(frozen=True)
class ClusterMap:
    """Frames on a plane and the clusters they form.

    Attributes
    ----------
    points : (N, 2) float32, place of each frame; no unit
    labels : (N,) int64, cluster of each frame; -1 is noise
    centroids : (K, 2) float32, mean place of each cluster's frames
    names : K words, such as ``A-``
    parameters : how the map was made, plain values

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

    def __post_init__(self) -> None:
        count = len(self.names)
        fit = (
            self.points.shape == (len(self.labels), 2)
            and self.labels.ndim == 1
            and self.centroids.shape == (count, 2)
            and np.issubdtype(self.labels.dtype, np.integer)
            and bool(np.isfinite(self.points).all() and np.isfinite(self.centroids).all())
            and bool(((self.labels >= _NOISE) & (self.labels < count)).all())
        )
        if not fit:
            raise DataError(
                f"a cluster map of {self.points.shape} points, {self.labels.shape} labels, {self.centroids.shape} "
                f"centroids and {count} names does not fit together: fit the map anew"
            )

    @property
    def noise(self) -> float:
        """Share of frames in no cluster, 0..1."""
        return float(np.mean(self.labels == _NOISE))


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
    """The map with its clusters named by the mean severity of their reference frames, not by their index.

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
    names = dict(zip(worst_first.tolist(), quality_names(len(inside)), strict=True))
    return replace(found, names=tuple(names[cluster] for cluster in range(len(inside))))


def save_map(found: ClusterMap, path: Path) -> None:
    """Write the map as one .npz of plain arrays; the parameters are JSON in it.

    Raises
    ------
    DataError
        When the file cannot be written.
    """
    data = io.BytesIO()
    np.savez_compressed(
        data,
        allow_pickle=False,
        points=found.points,
        labels=found.labels,
        centroids=found.centroids,
        names=np.array(found.names, np.str_),
        parameters=np.array(json.dumps(found.parameters, allow_nan=False)),
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
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
            points, labels, centroids, names, parameters = (file[name] for name in _ARRAYS)
        return ClusterMap(points, labels, centroids, tuple(names.tolist()), json.loads(str(parameters)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no cluster map that can be read ({error}): fit the map anew") from error
