"""The cluster map as a file, and the names of its clusters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.cluster_map import (
    ClusterMap,
    centroids_of,
    load_map,
    map_of,
    named_by_severity,
    quality_names,
    save_map,
)
from capture.errors import DataError

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
        {"names": (1, 2, 3)},
        {"parameters": []},
    ],
)
def test_a_map_that_does_not_fit_together_is_told(change: dict):
    with pytest.raises(DataError, match="fit together"):
        replace(MAP, **change)


def test_names_and_order_follow_severity_and_not_the_index():
    # the first cluster is middling, the second best, the third worst; noise and frames without severity say nothing
    severity = np.array([0.5, np.nan, 0.0, 0.25, 1.0, 0.9])
    named = named_by_severity(MAP, severity)
    assert named.names == ("A-", "A", "A+")
    assert named.labels.tolist() == [1, 1, 2, 2, 0, -1]
    assert named.centroids.tolist() == [[0, 20], [1, 0], [11, 10]]
    assert named_by_severity(MAP, 1 - severity).labels.tolist() == [1, 1, 0, 0, 2, -1]
    assert named_by_severity(named, severity).labels.tolist() == named.labels.tolist()


def with_latents(seed: int = 0) -> ClusterMap:
    """Three clusters of 40 frames, 10 apart in 80 features, and one frame of noise."""
    rng = np.random.default_rng(seed)
    labels = np.append(np.repeat([0, 1, 2], 40), -1)
    latents = rng.normal(0, 0.2, (121, 80)).astype(np.float32)
    latents[np.arange(121), labels] += 10
    points = np.stack([labels * 5.0, np.zeros(121)], axis=1).astype(np.float32) + latents[:, 3:5]
    return ClusterMap(points, labels, centroids_of(points, labels), ("A-", "A", "A+"), {}, latents)


def test_a_map_with_features_places_other_frames():
    fitted, fresh = with_latents(), with_latents(seed=1)
    for label, latent in zip(fresh.labels[:-1], fresh.latents[:-1], strict=True):
        shares = fitted.assign(latent)
        assert shares.argmax() == label
        assert shares.sum() == pytest.approx(1)
        assert np.abs(fitted.place(latent) - fitted.centroids[label]).max() < 0.7
    assert fitted.place(fitted.latents[7]) == pytest.approx(fitted.points[7], abs=1e-4)


def test_shares_are_the_students_t_of_the_distance_to_reference_frames():
    frames = np.array([[0, 0], [3, 0]], np.float32)
    fitted = ClusterMap(frames, np.array([0, 1]), frames, ("A-", "A+"), {}, frames)
    kernel = np.array([1 / (1 + 1), 1 / (1 + 4)])
    assert fitted.assign(np.array([1, 0], np.float32)) == pytest.approx(kernel / kernel.sum())
    assert fitted.assign(frames[0], without=0) == pytest.approx([0, 1])


def test_a_bent_cluster_is_followed():
    """A ring around a dot: their mean features are the same place."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = 6 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    latents = np.concatenate([ring, np.random.default_rng(0).normal(0, 0.3, (60, 2))]).astype(np.float32)
    labels = np.repeat([0, 1], 60)
    fitted = ClusterMap(latents, labels, centroids_of(latents, labels), ("A-", "A+"), {}, latents)
    found = [int(fitted.assign(latent, number).argmax()) for number, latent in enumerate(latents)]
    assert found == labels.tolist()


def test_features_outlive_the_file(tmp_path: Path):
    save_map(with_latents(), tmp_path / "map.npz")
    assert np.array_equal(load_map(tmp_path / "map.npz").latents, with_latents().latents)


def test_what_cannot_be_placed_is_told():
    with pytest.raises(DataError, match="fit it anew with features"):
        MAP.assign(np.zeros(80, np.float32))
    for latent in (np.zeros(79, np.float32), np.full(80, np.nan, np.float32)):
        with pytest.raises(DataError, match="80"):
            with_latents().place(latent)


@pytest.mark.parametrize(
    "latents",
    [np.zeros((5, 80), np.float32), np.zeros(121, np.float32), np.zeros((121, 80)), np.full((121, 80), np.inf, "f4")],
)
def test_features_that_do_not_fit_the_map_are_told(latents: np.ndarray):
    with pytest.raises(DataError, match="features"):
        replace(with_latents(), latents=latents)


def test_mutated_files_give_the_one_error_or_a_map(tmp_path: Path):
    save_map(with_latents(), tmp_path / "map.npz")
    whole, rng = (tmp_path / "map.npz").read_bytes(), np.random.default_rng(3)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        try:
            map_of(bytes(data), "mutated.npz")
        except DataError:  # any other error fails the test
            refused += 1
    assert refused > 100


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
