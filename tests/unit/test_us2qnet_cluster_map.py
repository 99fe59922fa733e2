"""The cluster map as a file, and the names of its clusters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from capture.errors import DataError
from models.us2qnet.cluster_map import (
    ClusterMap,
    centroids_of,
    load_map,
    named_by_severity,
    quality_names,
    save_map,
)

POINTS = np.array([[0, 0], [2, 0], [10, 10], [12, 10], [0, 20], [50, 50]], np.float32)
LABELS = np.array([0, 0, 1, 1, 2, -1])
MAP = ClusterMap(POINTS, LABELS, centroids_of(POINTS, LABELS), ("1", "2", "3"), {"seed": 0, "clusters_asked": None})


def test_centroids_leave_noise_out():
    assert MAP.centroids.tolist() == [[1, 0], [11, 10], [0, 20]]
    assert MAP.centroids.dtype == np.float32
    assert MAP.noise == pytest.approx(1 / 6)
    assert centroids_of(POINTS, np.full(6, -1)).shape == (0, 2)


def test_a_map_comes_back_from_its_file_without_pickles(tmp_path: Path):
    path = tmp_path / "map.npz"
    save_map(MAP, path)
    again = load_map(path)
    for name in ("points", "labels", "centroids"):
        before, after = getattr(MAP, name), getattr(again, name)
        assert np.array_equal(before, after)
        assert before.dtype == after.dtype
    assert (again.names, again.parameters) == (MAP.names, MAP.parameters)
    with np.load(path, allow_pickle=False) as file:
        assert {array.dtype.hasobject for array in file.values()} == {False}


def test_bad_files_are_told(tmp_path: Path):
    with pytest.raises(DataError, match="no cluster map"):
        load_map(tmp_path / "none.npz")
    whole = tmp_path / "map.npz"
    save_map(MAP, whole)
    for name, data in (("cut", whole.read_bytes()[:200]), ("text", b"hello"), ("empty", b"")):
        path = tmp_path / f"{name}.npz"
        path.write_bytes(data)
        with pytest.raises(DataError, match="fit the map anew"):
            load_map(path)
    other = tmp_path / "other.npz"
    np.savez(other, points=POINTS)
    with pytest.raises(DataError, match="labels"):
        load_map(other)
    pickled = tmp_path / "pickled.npz"
    arrays = {name: np.array([{}], object) for name in ("points", "labels", "centroids", "names", "parameters")}
    np.savez(pickled, **arrays)
    with pytest.raises(DataError, match="no cluster map"):
        load_map(pickled)
    with pytest.raises(DataError, match="cannot write"):
        save_map(MAP, tmp_path / "no" / "folder.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"points": POINTS[:4]},
        {"points": np.full_like(POINTS, np.nan)},
        {"labels": LABELS + 1},
        {"labels": LABELS.astype(float)},
        {"centroids": MAP.centroids[:2]},
        {"names": ("1",)},
    ],
)
def test_a_map_that_does_not_fit_together_is_told(change: dict):
    with pytest.raises(DataError, match="fit together"):
        replace(MAP, **change)


def test_names_follow_severity_and_not_the_index():
    # the first cluster is middling, the second best, the third worst; noise and frames without severity say nothing
    severity = np.array([0.5, np.nan, 0.0, 0.25, 1.0, 0.9])
    assert named_by_severity(MAP, severity).names == ("A", "A+", "A-")
    assert named_by_severity(MAP, 1 - severity).names == ("A", "A-", "A+")


def test_names_for_any_number_of_clusters():
    assert quality_names(3) == ("A-", "A", "A+")
    assert quality_names(2) == ("A-", "A+")
    assert quality_names(4) == ("A--", "A-", "A+", "A++")
    assert quality_names(5) == ("A--", "A-", "A", "A+", "A++")
    assert quality_names(1) == ("A",)
    assert all(len(set(quality_names(count))) == count for count in range(1, 12))


def test_a_cluster_without_reference_cannot_be_named():
    with pytest.raises(DataError, match=r"clusters \[2\] hold no reference"):
        named_by_severity(MAP, np.array([0.5, 0.5, 0, 0, np.nan, 1]))
    with pytest.raises(DataError, match="one per frame"):
        named_by_severity(MAP, np.zeros(3))
