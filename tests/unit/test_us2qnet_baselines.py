"""The eleven methods of table II on made-up blobs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("umap", reason="umap-learn is not installed (extra 'train')")

from made_up_blobs import made_up_blobs

from capture.errors import DataError
from models.metrics.clustering import accuracy
from models.us2qnet.baselines import MethodResult, run_methods
from models.us2qnet.tables import METHODS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PIXELS, TRUTH = made_up_blobs(3, dimensions=60)
FEATURES, _ = made_up_blobs(3, dimensions=8)  # the same seed and count: the same classes


@pytest.fixture(scope="module")
def results() -> dict[str, MethodResult]:
    return run_methods(PIXELS, FEATURES, FEATURES, clusters=3, seed=0)


def test_the_methods_are_those_of_the_paper_in_its_order(results: dict[str, MethodResult]):
    assert tuple(results) == METHODS


def test_clear_blobs_are_found_by_every_method_that_gets_good_features(results: dict[str, MethodResult]):
    found = {name: accuracy(TRUTH, result.labels) for name, result in results.items()}
    assert {name for name, value in found.items() if value < 0.95} <= {"HDBSCAN"}, "noise of 60 pixels hides density"
    assert all(result.seconds > 0 for result in results.values())


def test_methods_with_a_plane_give_it(results: dict[str, MethodResult]):
    planes = {name for name, result in results.items() if result.points is not None}
    assert planes == {"t-SNE", "UMAP", "DEC-AE + t-SNE", "DEC-AE + UMAP", "DEC-VAE + t-SNE", "US2QNet"}
    assert all(results[name].points.shape == (len(TRUTH), 2) for name in planes)  # type: ignore[union-attr]
    assert all(result.parameters["method"] for result in results.values())


def test_equal_features_and_seed_give_equal_labels(results: dict[str, MethodResult]):
    for ae, vae in (("DEC-AE + k-means", "DEC-VAE + k-means"), ("DEC-AE + UMAP", "US2QNet")):
        assert np.array_equal(results[ae].labels, results[vae].labels)


def test_bad_pixels_are_told():
    with pytest.raises(DataError, match="15 or more"):
        run_methods(PIXELS[:5], None, None, 3, 0)
    with pytest.raises(DataError, match="not finite"):
        run_methods(PIXELS, np.full_like(FEATURES, np.nan), None, 3, 0)
