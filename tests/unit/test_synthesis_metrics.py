"""Figures for synthetic pictures: patterns, mutual information, diversity, and the feature network's reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from real_images import data_root

from capture.errors import DataError
from models.metrics.diversity import diversity, nearest_correlation, random_pairs
from models.metrics.frechet import frechet_distance
from models.metrics.image_similarity import mutual_information
from models.metrics.squeezenet import FOLDER, load_squeezenet, squeezenet_features, squeezenet_scores
from models.metrics.texture import BINS, NAMED_BINS, lbp_codes, lbp_distance, lbp_vector, lbp_vectors


def noise(count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size)).astype(np.uint8)


@pytest.mark.parametrize(
    ("brighter", "code"),
    [([(0, 2)], 2), ([(0, 0)], 8), ([(0, 1), (1, 0)], 20), ([(2, 0), (2, 1), (2, 2), (1, 0)], 240)],
)
def test_bits_run_counter_clockwise_from_the_right(brighter: list[tuple[int, int]], code: int):
    picture = np.zeros((3, 3), np.uint8)
    picture[1, 1] = 100
    for place in brighter:
        picture[place] = 200
    assert lbp_codes(picture).tolist() == [[code]]


def test_pattern_shares():
    assert lbp_vector(np.full((8, 8), 7, np.uint8))[255] == 1
    vectors = lbp_vectors(noise(3))
    assert vectors.shape == (3, BINS)
    np.testing.assert_allclose(vectors.sum(axis=1), 1)
    assert max(NAMED_BINS.values()) < BINS
    assert lbp_distance(vectors[0], vectors[0]) == 0
    assert lbp_distance(np.eye(BINS)[0], np.eye(BINS)[1]) == 1


@pytest.mark.parametrize("shape", [(2, 9), (3, 3, 3)])
def test_what_has_no_patterns_is_refused(shape: tuple[int, ...]):
    with pytest.raises(DataError, match="3 x 3"):
        lbp_codes(np.zeros(shape, np.uint8))


def test_mutual_information_of_a_picture_with_itself_is_its_entropy():
    picture = np.repeat(np.arange(0, 256, 64, dtype=np.uint8), 16).reshape(8, 8)  # four greys, equally often
    assert mutual_information(picture, picture) == pytest.approx(np.log(4))
    assert mutual_information(picture, 255 - picture) == pytest.approx(np.log(4))
    assert mutual_information(picture, np.zeros_like(picture)) == pytest.approx(0)
    with pytest.raises(DataError, match="cannot compare"):
        mutual_information(picture, picture[:4])


def test_copies_have_no_diversity_and_noise_has():
    images = noise(6)
    assert diversity(np.repeat(images[:1], 5, axis=0)) == pytest.approx(0, abs=1e-9)
    assert diversity(images) > 0.9
    half_copies = np.concatenate([images[:3], images[:3]])
    assert 0.5 < diversity(half_copies) < 0.9


def test_pairs_are_different_and_of_different_groups():
    groups = np.array(["a", "a", "b", "b", "b"])
    pairs = random_pairs(5, groups=groups)
    assert len(pairs) == 6
    assert (groups[pairs[:, 0]] != groups[pairs[:, 1]]).all()
    assert len(random_pairs(100, pairs=7)) == 7
    with pytest.raises(DataError, match="no pair"):
        random_pairs(2, groups=np.array(["a", "a"]))


def test_a_copy_is_found_among_others():
    images = noise(4)
    darker = (images[:1] // 2).astype(np.uint8)
    assert nearest_correlation(darker, images)[0] > 0.99
    own = np.eye(4, dtype=bool)
    assert nearest_correlation(images, images, own).max() < 0.3


def test_the_feature_network_gives_its_stored_reference():
    reference = data_root() / FOLDER / "test_data_set" / "0"
    if not reference.is_dir():
        pytest.skip("no SqueezeNet below the data folder: set SONOGAUGE_DATA to where the data sets are")
    picture, wanted = (np.load(reference / f"{name}_0.npy") for name in ("input", "output"))
    with torch.inference_mode():
        found = squeezenet_scores(load_squeezenet(data_root()), torch.from_numpy(picture)).numpy()
    np.testing.assert_allclose(found, wanted.reshape(found.shape), rtol=1e-3, atol=1e-3)


def test_features_tell_noise_from_even_pictures():
    if not (data_root() / FOLDER).is_dir():
        pytest.skip("no SqueezeNet below the data folder: set SONOGAUGE_DATA to where the data sets are")
    flat = np.stack([np.full((32, 32), grey, np.uint8) for grey in (20, 60, 100, 140)])
    rough, again, even = (squeezenet_features(images, data_root()) for images in (noise(4), noise(4, seed=1), flat))
    assert rough.shape == (4, 512)
    assert frechet_distance(rough, again) < 0.5 * frechet_distance(rough, even)


def test_a_missing_feature_network_is_told(tmp_path: Path):
    with pytest.raises(DataError, match="backbones"):
        load_squeezenet(tmp_path)
