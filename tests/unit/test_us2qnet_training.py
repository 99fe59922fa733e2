"""Training of US2QNet in the small: losses, clusters, severity, resuming, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from capture.errors import DataError, SettingsError
from models.training import Optimisation
from models.us2qnet.cluster_count import choose_clusters
from models.us2qnet.network import QUALITY, Us2QNet, target_shares
from models.us2qnet.recipe import PAPER, RELEASED, Us2QOptions, Us2QRecipe
from models.us2qnet.samples import TrainingPictures, as_is, as_tensor, kept, moved_digits, prepared
from models.us2qnet.train import (
    cluster_start,
    clustering_loss,
    encode,
    fine_tune,
    load_us2qnet,
    new_network,
    pretrain,
    stagnates,
    train_us2qnet,
    vae_loss,
)
from tests.unit.test_us2qnet_data import write_digits

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]

SMALL = Us2QRecipe(
    Optimisation(epochs=4, learning_rate=2e-3, weight_decay=0, average_decay=0.5),
    Optimisation(epochs=2, learning_rate=5e-4, weight_decay=0, average_decay=0.5),
    batch=30,
    finish_batch=30,
    seed=1,
)


def three_kinds(each: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, 28, 28) uint8 of three clear kinds: bright, dark, and bright on one side; and their kinds."""
    random = np.random.default_rng(0)
    flat = np.ones((28, 28))
    side = np.where(np.arange(28) < 14, 1.0, 0.0) * flat
    means = np.stack([220 * flat, 20 * flat, 220 * side])
    kind = np.repeat(np.arange(3), each)
    grey = means[kind] + random.normal(0, 8, (3 * each, 28, 28))
    return np.clip(grey, 0, 255).astype(np.uint8), kind


def unrated(images: np.ndarray) -> TrainingPictures:
    return TrainingPictures(images, np.full(len(images), np.nan, np.float32), len(images))


def losses(checkpoint: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in checkpoint.with_suffix(".jsonl").read_text().splitlines()]


def test_the_papers_recipe_is_the_papers():
    assert (PAPER.optimisation.learning_rate, PAPER.finish.learning_rate) == (0.01, 0.005)
    assert (PAPER.batch, PAPER.finish_batch, PAPER.gamma, PAPER.patience, PAPER.versions) == (128, 64, 0.1, 10, 0)
    assert PAPER.optimisation.epochs == PAPER.finish.epochs == 200
    assert set(RELEASED) == {"mnist", "echo", "abdomen"}


def test_a_loss_that_stopped_falling_stagnates():
    assert not stagnates([], 2)
    assert not stagnates([3.0, 2.0], 2)
    assert not stagnates([3.0, 2.0, 2.5, 1.9], 2)
    assert stagnates([3.0, 2.0, 2.5, 2.0], 2)


def test_pretraining_lowers_the_loss_and_clusters_are_found(tmp_path: Path):
    images, kind = three_kinds()
    pictures = unrated(images)
    recipe = replace(SMALL, optimisation=replace(SMALL.optimisation, epochs=12))  # until normalisation has settled
    torch.manual_seed(0)
    network = pretrain(Us2QNet(28, 3), pictures, recipe, tmp_path / "main.pt")
    story = losses(tmp_path / "main.pt")
    assert len(story) == 12
    assert story[-1] < 0.8 * story[0]
    checkpoint = fine_tune(network, pictures, SMALL, tmp_path / "us2qnet.pt", clusters=3)
    trained = load_us2qnet(checkpoint)
    mean, shares = encode(trained, images)
    assert mean.shape == (len(images), 80)
    cluster = shares.argmax(axis=1)
    counted = np.array([[np.sum(cluster[kind == k] == c) for c in range(3)] for k in range(3)])
    assert (counted.max(axis=1) == 30).all(), counted
    assert sorted(counted.argmax(axis=1)) == [0, 1, 2]
    last = json.loads(checkpoint.with_suffix(".jsonl").read_text().splitlines()[-1])
    assert sum(last["sizes"]) == len(images)


def test_one_step_toward_the_target_sharpens_the_clusters():
    images, _ = three_kinds(10)
    torch.manual_seed(0)
    network, _ = cluster_start(Us2QNet(28, 3), images, 3, SMALL)
    network.eval()
    picture = as_tensor(images)
    shares = network(picture)[1]
    target = target_shares(shares.detach())
    before = clustering_loss(target, shares)
    assert float(clustering_loss(target, target)) == pytest.approx(0, abs=1e-5)
    before.backward()
    with torch.no_grad():
        network.head.centroids -= 0.05 * network.head.centroids.grad / network.head.centroids.grad.norm()
        after = clustering_loss(target, network(picture)[1])
    assert 0 < float(after) < float(before.detach())


def graded(count: int = 60) -> TrainingPictures:
    """Random pictures, the second half of them dimmed by a known amount."""
    random = np.random.default_rng(0)
    sharp = random.integers(0, 200, (count, 28, 28)).astype(np.uint8)
    severity = random.uniform(0.25, 1, count).astype(np.float32)
    dim = np.rint(sharp * (1 - 0.8 * severity)[:, None, None]).astype(np.uint8)
    return TrainingPictures(np.concatenate([sharp, dim]), np.concatenate([0 * severity, severity]), count)


def test_known_severity_moves_a_picture_along_one_coordinate():
    pictures, recipe = graded(), replace(SMALL, versions=1, severity_step=5.0)
    network = new_network(28, 3, True, recipe)
    assert float(network.prior.log_variance[0, QUALITY].detach()) == pytest.approx(np.log(2.5**2))
    moves = torch.optim.Adam(network.parameters(), 2e-3)
    for epoch in range(15):
        for batch in pictures.batches(30, epoch, moves=False):
            network.train()
            moves.zero_grad()
            vae_loss(network, batch, recipe)[0].backward()
            moves.step()
    found = encode(network, pictures.images)[0][:, QUALITY]
    assert np.corrcoef(found, pictures.severity)[0, 1] > 0.8


def test_pictures_beside_the_set_are_shown_but_not_clustered():
    pictures = graded(20)
    batches = list(pictures.batches(8, 0, moves=False, members_first=True))
    assert len(batches) == 2, "a pass over the 20 of the set"
    for batch in batches:
        assert batch.members == 8
        assert len(batch.picture) == 16
        assert (batch.index[:8] < 20).all()
        assert (batch.index[8:] >= 20).all()
        assert np.array_equal(batch.severity.numpy(), pictures.severity[batch.index.numpy()])
    assert sum(len(batch.index) for batch in pictures.batches(8, 0, moves=False)) == 40


def test_shifted_pictures_keep_every_pixel_that_stays_inside():
    still, moved = (next(graded(20).batches(10, 3, moves=False, shift=most)) for most in (0, 4))
    assert torch.equal(moved.picture, moved.wanted)
    wide = torch.nn.functional.pad(still.picture, (4, 4, 4, 4))
    places = [(y, x) for y in range(9) for x in range(9) if (y, x) != (4, 4)]
    assert any(torch.equal(moved.picture, wide[:, :, y : y + 28, x : x + 28]) for y, x in places)


def test_a_share_of_a_batch_is_drawn():
    images, _ = three_kinds(4)
    batch = next(unrated(images).batches(12, 0, moves=False))
    network = Us2QNet(28, 3).eval()
    seen = []
    network.decoder.register_forward_hook(lambda layer, given, drawn: seen.append(len(drawn)))
    for share in (1.0, 0.25):
        vae_loss(network, batch, replace(SMALL, drawn=share))
    assert seen == [12, 3]


def test_a_plain_autoencoder_draws_no_sample_and_knows_no_prior():
    images, _ = three_kinds(4)
    network = Us2QNet(28, 3, variational=False).eval()
    batch = next(unrated(images).batches(12, 0, moves=False))
    one, other = (vae_loss(network, batch, SMALL)[0] for _ in range(2))
    assert float(one.detach()) == float(other.detach())
    one.backward()
    assert network.prior.mean.grad is None


def test_a_run_goes_on_where_it_stopped(tmp_path: Path):
    data = write_digits(tmp_path)
    short = replace(SMALL, finish=replace(SMALL.finish, epochs=1))
    options = Us2QOptions(clusters=4)
    first = train_us2qnet("mnist", data, tmp_path / "run", short, options)
    started = losses(first)
    again = train_us2qnet("mnist", data, tmp_path / "run", SMALL, options)
    assert again == first == tmp_path / "run" / "us2qnet_mnist.pt"
    assert losses(first)[:1] == started
    assert len(losses(first)) == SMALL.finish.epochs
    assert len(losses(tmp_path / "run" / "us2qnet_mnist_main.pt")) == SMALL.optimisation.epochs
    with pytest.raises(SettingsError, match="another clusters: give another folder"):
        train_us2qnet("mnist", data, tmp_path / "run", SMALL, Us2QOptions(clusters=5))


def test_without_pretraining_there_is_no_first_phase(tmp_path: Path):
    made = train_us2qnet("mnist", write_digits(tmp_path), tmp_path, SMALL, Us2QOptions(4, pretraining=False))
    assert not (tmp_path / "us2qnet_mnist_main.pt").exists()
    assert load_us2qnet(made).clusters == 4


def test_the_count_can_be_chosen(tmp_path: Path):
    images, _ = three_kinds()
    torch.manual_seed(0)
    network, found = cluster_start(Us2QNet(28, 10), images, None, SMALL)
    assert found is not None
    assert network.clusters == found["count"] == 3


def test_centroids_can_start_from_the_map():
    images, kind = three_kinds()
    torch.manual_seed(0)
    network, _ = cluster_start(Us2QNet(28, 3), images, 3, replace(SMALL, start="map"))
    cluster = encode(network, images)[1].argmax(axis=1)
    assert all(len(set(cluster[kind == k])) == 1 for k in range(3))
    assert len(set(cluster)) == 3


def test_the_count_of_clear_clusters_is_found_without_labels():
    random = np.random.default_rng(0)
    for count in (3, 5):
        centres = 12 * np.eye(count, 20)
        latent = centres[np.arange(300) % count] + random.normal(size=(300, 20))
        found = choose_clusters(latent)
        assert found.count == count
        assert max(found.silhouette, key=lambda k: found.silhouette[k]) == count
    with pytest.raises(DataError, match="give --clusters"):
        choose_clusters(latent[:5])
    with pytest.raises(DataError, match="finite"):
        choose_clusters(np.full((40, 3), np.nan))


def test_moved_digits_stay_in_the_picture():
    images, _ = three_kinds(2)
    digit = torch.zeros(6, 1, 28, 28)
    digit[:, :, 10:18, 10:18] = 1
    moved = moved_digits(digit, np.random.default_rng(0))
    assert moved.shape == digit.shape
    assert not torch.equal(moved, digit)
    assert torch.allclose(moved.sum(dim=(1, 2, 3)), digit.sum(dim=(1, 2, 3)), rtol=0.35)
    batch = next(unrated(images).batches(6, 0, moves=True))
    assert torch.equal(batch.wanted, as_tensor(images[batch.index.numpy()])), "drawn unmoved"


def test_preparing_keeps_pictures_to_eight_bits():
    images, _ = three_kinds(2)
    assert np.array_equal(prepared(images, as_is), images)
    assert prepared(images, lambda picture: np.full(picture.shape, 1.7, np.float32)).min() == 255


def test_prepared_pictures_are_kept_and_made_again_for_other_options(tmp_path: Path):
    images, _ = three_kinds(2)
    calls = []

    def make() -> TrainingPictures:
        calls.append(1)
        return unrated(images)

    for filtered in (True, True, False):
        found = kept(tmp_path / "p.npz", {"filtered": filtered}, make)
        assert np.array_equal(found.images, images)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("name", "options", "error", "advice"),
    [
        ("heart", Us2QOptions(), SettingsError, "choose one of"),
        ("mnist", Us2QOptions(clusters=1), SettingsError, "2 or more, or auto"),
        ("mnist", Us2QOptions(clusters=30, count=20), DataError, "fewer clusters"),
    ],
)
def test_what_cannot_be_trained_is_told(
    tmp_path: Path, name: str, options: Us2QOptions, error: type[Exception], advice: str
):
    one = replace(SMALL, optimisation=replace(SMALL.optimisation, epochs=1))
    with pytest.raises(error, match=advice):
        train_us2qnet(name, write_digits(tmp_path), tmp_path / "run", one, options)


def test_a_missing_checkpoint_is_told(tmp_path: Path):
    with pytest.raises(DataError, match="sonogauge train us2qnet"):
        load_us2qnet(tmp_path / "us2qnet_echo.pt")
