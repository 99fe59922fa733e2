"""How the quality network's maps are read: what it is learnt from, that it is learnt, and its release."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_camus import write_camus
from make_mock_models import write_mock_models

from capture.errors import DataError
from models.data.camus import read_split
from models.regional.dense.real import CAUSE_OF, real_frames
from models.regional.reading.fit import ReadingRecipe, fit_reading
from models.regional.reading.network import NONE, PROCESSING
from models.regional.reading.release import release_reading
from models.regional.reading.samples import DEGRADATIONS, STEPS, UNKNOWN, ReadingSamples, joined, real_samples
from models.runtime.causes import SHOWN_CAUSES
from models.runtime.end_to_end import REGIONAL_QUALITY, open_end_to_end, read_maps
from models.runtime.manifest import load_manifest
from models.runtime.precision import open_model
from models.runtime.region_features import FEATURES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch speaks of its own plans
VERSIONS = 1 + DEGRADATIONS * STEPS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_camus(tmp_path_factory.mktemp("data"), train=2, val=1)


@pytest.fixture(scope="module")
def samples(data: Path, tmp_path_factory: pytest.TempPathFactory) -> ReadingSamples:
    session = open_model(write_mock_models(tmp_path_factory.mktemp("weights")), REGIONAL_QUALITY, provider="cpu")
    random = np.random.default_rng(5)
    frames = real_frames(read_split(data, "train"))
    found = joined(part for frame in frames for part in real_samples(partial(read_maps, session), frame, random))
    session.close()
    return found


def test_a_frame_is_seen_untouched_and_worse_and_worse(samples: ReadingSamples):
    assert len(samples) == 2 * 2 * VERSIONS, "two frames, and two ways to cut regions"
    assert samples.features.shape == (len(samples), 8, FEATURES)
    assert np.isfinite(samples.features).all()
    untouched = np.flatnonzero(samples.untouched == np.arange(len(samples)))
    assert untouched.tolist() == [0, VERSIONS, 2 * VERSIONS, 3 * VERSIONS]
    fall = samples.rating[samples.untouched] - samples.rating
    assert (fall >= -1e-6).all()
    everywhere, alone = samples.region < 0, samples.region >= 0
    assert fall[everywhere].max() > 2
    own = fall[alone, samples.region[alone]]
    assert (own >= fall[alone].max(axis=1) - 1e-6).mean() > 0.9
    assert (np.diff(fall[1 : 1 + STEPS].max(axis=1)) >= 0).all(), "levels rise"


def test_causes_are_known_where_they_show_and_nowhere_else(samples: ReadingSamples):
    untouched = samples.untouched == np.arange(len(samples))
    assert (samples.cause[untouched] == NONE).all()
    told = samples.cause[~untouched]
    assert {UNKNOWN, NONE} < set(np.unique(told))
    assert set(np.unique(told)) - {UNKNOWN, NONE, PROCESSING} <= set(range(len(SHOWN_CAUSES)))
    assert set(CAUSE_OF.values()) - {"processing"} == set(SHOWN_CAUSES)


def made_up(count: int = 600, seed: int = 3) -> ReadingSamples:
    """A fall by 3 in one region, which shows in a statistic of the region and not in its own map; haze in another."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 8, FEATURES)).astype(np.float32)
    region = random.integers(8, size=count)
    untouched = np.arange(count) // 2 * 2
    worse = np.arange(count) % 2 == 1
    features[worse] = features[untouched[worse]]
    rating = np.full((count, 8), 4.5, np.float32)
    rating[worse, region[worse]] -= 3
    features[..., 12] = 4.5 - rating
    haze = SHOWN_CAUSES.index("haze")
    cause = np.where(rating < 4, haze, NONE)
    features[..., 20] = cause == haze
    alone = np.where(worse, region, -1)
    scored = np.ones((count, 8), bool)
    return ReadingSamples(features, rating, scored, cause, untouched, alone, np.zeros(count, bool))


def test_the_fit_finds_rating_place_and_cause():
    torch.manual_seed(1)
    before = torch.rand(1)
    network = fit_reading(made_up(), ReadingRecipe(epochs=20, batch=64))
    torch.manual_seed(1)
    assert torch.rand(1) == before
    unseen = made_up(200, seed=4)
    with torch.no_grad():
        rating, causes = network(torch.from_numpy(unseen.features.reshape(-1, FEATURES)))
    found = rating.numpy().reshape(-1, 8)
    assert np.abs(found - unseen.rating).mean() < 0.3
    worse = unseen.region >= 0
    fall = found[unseen.untouched[worse]] - found[worse]
    assert (fall.argmax(axis=1) == unseen.region[worse]).mean() > 0.95
    haze = causes.numpy()[:, SHOWN_CAUSES.index("haze")].reshape(-1, 8)
    assert haze[unseen.rating < 4].min() > 0.5 > haze[unseen.rating > 4].max()


def test_virtual_frames_alone_are_not_enough():
    known = made_up(4)
    virtual = ReadingSamples(**{**vars(known), "is_virtual": np.ones(4, bool)})
    with pytest.raises(ValueError, match="no real picture"):
        fit_reading(virtual, ReadingRecipe(epochs=1))
    with pytest.raises(DataError, match="no frame"):
        joined([])


def test_what_is_learnt_is_released_beside_the_network(tmp_path: Path, data: Path):
    weights = write_mock_models(tmp_path)
    before = load_manifest(weights).entry("regional_reading").files[0].sha256
    report = release_reading(weights, data, frames=1)
    assert report["pictures"] == 2 * VERSIONS
    entry = load_manifest(weights).entry("regional_reading")
    assert entry.files[0].sha256 != before
    network = open_end_to_end(partial(open_model, weights, provider="cpu"))
    assert len(network.infos) == 2
    network.close()
