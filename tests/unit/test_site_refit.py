"""A map fitted to a site's own frames, on made-up features."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("umap", reason="umap-learn is not installed (extra 'refit')")

from calibration.cluster_map import ClusterMap, load_map, save_map
from capture.errors import DataError
from models.us2qnet.site_refit import Reading, agreement, before_after, changed_share, doubts, reading, refit

EACH = 40
FEATURES = "us2qnet_echo@1.0"


def frames(levels: tuple[float, ...] = (0.1, 0.5, 0.9), spread: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Latents (N, 80) around one centre per level, and severities around the levels, shuffled."""
    rng = np.random.default_rng(0)
    level = np.repeat(levels, EACH)
    centres = {value: rng.normal(0, 3, 80) for value in levels}
    latents = np.array([rng.normal(centres[value], spread) for value in level], np.float32)
    order = rng.permutation(len(level))
    return latents[order], np.clip(level + rng.normal(0, 0.03, len(level)), 0, 1)[order]


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray, ClusterMap]:
    latents, severity = frames()
    return latents, severity, refit(latents, severity, 3, FEATURES)


def test_clusters_are_found_and_named_by_severity(made: tuple[np.ndarray, np.ndarray, ClusterMap], tmp_path):
    latents, severity, found = made
    assert found.names == ("A-", "A", "A+")
    means = [severity[found.labels == rank].mean() for rank in range(3)]
    assert means == pytest.approx([0.9, 0.5, 0.1], abs=0.05)
    assert (found.parameters["features"], found.parameters["frames"]) == (FEATURES, 3 * EACH)
    save_map(found, tmp_path / "site.npz")
    again = load_map(tmp_path / "site.npz")
    assert again.latents is not None
    assert (again.latents == latents).all()
    assert again.latents.dtype == np.float32


def test_live_and_fit_agree_on_clusters_that_lie_apart(made: tuple[np.ndarray, np.ndarray, ClusterMap]):
    latents, severity, found = made
    after = reading(found, latents)
    assert agreement(found, after) == 1
    assert doubts(found, after, severity) == []
    assert after.noise == found.parameters["noise"]
    told = after.clusters(severity)
    assert [(cluster["name"], cluster["frames"]) for cluster in told] == [("A-", EACH), ("A", EACH), ("A+", EACH)]
    assert [cluster["severity"] for cluster in told] == pytest.approx([0.9, 0.5, 0.1], abs=0.05)


def test_changed_words_are_counted_whatever_the_number_of_clusters(made: tuple[np.ndarray, np.ndarray, ClusterMap]):
    latents, _, found = made
    after = reading(found, latents)
    assert changed_share(after, after) == 0
    two = Reading(np.minimum(after.ranks, 1), after.places, ("A-", "A+"), None)  # A and A+ in one
    assert changed_share(two, after) == pytest.approx(1 / 3)
    assert [cluster["frames"] for cluster in two.clusters(np.zeros(len(latents)))] == [EACH, 2 * EACH]


def test_the_picture_shows_both_maps(made: tuple[np.ndarray, np.ndarray, ClusterMap]):
    latents, _, found = made
    after = reading(found, latents)
    picture = before_after(after, Reading(after.ranks[::-1], -after.places, after.names, 0.0), ("before", "after"))
    left, right = np.split(picture, 2, axis=1)
    assert left.shape == right.shape
    assert (left != right).any()
    assert all(len(np.unique(side.reshape(-1, 3), axis=0)) > 10 for side in (left, right))


def test_the_number_of_clusters_can_be_chosen_automatically():
    latents, severity = frames((0.1, 0.9))
    assert refit(latents, severity, None, FEATURES).names == ("A-", "A+")


def test_fewer_clusters_than_wanted_are_refused():
    latents, severity = frames((0.1, 0.9))
    with pytest.raises(DataError, match=r"2 clusters stand out .* 3 are wanted: give frames"):
        refit(latents[:60], severity[:60], 3, FEATURES)


def test_clusters_of_one_severity_are_doubted():
    latents, _ = frames()
    severity = np.full(len(latents), 0.4)
    found = refit(latents, severity, 3, FEATURES)
    told = doubts(found, reading(found, latents), severity)
    assert len(told) == 2
    assert all("hardly differ in severity" in doubt for doubt in told)


def test_a_live_cluster_that_is_not_that_of_the_fit_is_told(made: tuple[np.ndarray, np.ndarray, ClusterMap]):
    latents, severity, found = made
    after = reading(found, latents)
    wrong = Reading(
        np.where(np.arange(len(latents)) < 30, (after.ranks + 1) % 3, after.ranks), after.places, found.names, 0
    )
    (told,) = doubts(found, wrong, severity)
    assert "75%" in told


def test_more_frames_than_a_map_keeps_are_refused():
    with pytest.raises(DataError, match="1501 frames"):
        refit(np.zeros((1501, 80), np.float32), np.zeros(1501), 3, FEATURES)
