"""What the regional network is taught: where a loss counts, and how pairs and maps of targets fit together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.data.camus import read_split
from models.data.degradations import EXTRA_KINDS, KINDS, Degrader
from models.regional.end_to_end.network import RegionalQualityNet
from models.regional.end_to_end.train import DegradedPairs, QualityRecipe, degraded_pair, quality_loss
from models.regional.labelled import ANNULI, LabelledImage, labelled_images, mean_over
from tests.support.made_up_camus import write_camus

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    folder: Path = tmp_path_factory.mktemp("data")
    write_camus(folder, train=3, val=1)
    found = labelled_images(read_split(folder, "train"))
    assert found
    return found


def test_surroundings_hold_their_region_and_stay_in_the_sector(images: list[LabelledImage]):
    item = images[0]
    regions, around, assessed = item.masks_square(), item.surroundings_square(), item.assessed_square()
    assert (around >= regions).mean() > 0.999
    assert around.sum() > 1.5 * regions.sum()
    for region in range(8):
        assert np.array_equal(assessed[region], around[region] if region in ANNULI else regions[region])


def test_mean_over_a_mask(images: list[LabelledImage]):
    item = images[0]
    masks = item.masks_square()
    assert mean_over(masks, np.full(item.image.shape, 7.0)) == pytest.approx(np.full(8, 7.0))
    assert mean_over(np.zeros_like(masks), item.image).tolist() == [0.0] * 8
    one = mean_over(masks, item.masks_native()[2].astype(np.float32))
    assert one[2] > 0.9
    assert one[4] < 0.05


def test_the_same_seed_gives_the_same_pair_and_order_is_kept(images: list[LabelledImage]):
    seen = []
    for seed in range(40):
        pair = degraded_pair(images[0], np.random.default_rng(seed))
        again = degraded_pair(images[0], np.random.default_rng(seed))
        assert all(np.array_equal(a, b) for a, b in zip(pair.pictures, again.pictures, strict=True))
        assert (pair.kept[1] <= pair.kept[0] + 1e-6).all(), "the second picture is never the better one"
        assert 0 <= pair.kept_map.min() <= pair.kept_map.max() <= 1
        seen.append(pair.kept[1].min())
    assert min(seen) < 0.4
    assert max(seen) > 0.8


def test_maps_of_targets_agree_with_the_scores(images: list[LabelledImage]):
    data, differences = DegradedPairs(images, seed=5), []
    for epoch in range(6):
        data.epoch = epoch
        for index in range(len(data)):
            _, targets, target_map, scored, shares = (part.numpy() for part in data[index])
            pooled = (target_map * shares).sum(axis=(2, 3)) / np.maximum(shares.sum(axis=(1, 2)), 1e-6)
            differences.append(np.abs(pooled - targets)[:, scored > 0].ravel())
    found = np.concatenate(differences)
    assert found.mean() < 0.04
    assert found.max() < 0.6, "a region that is partly moved out of the picture has less to show for"


@pytest.mark.parametrize("kind", EXTRA_KINDS)
def test_extra_kinds_grow_with_the_level_and_are_in_no_figure(images: list[LabelledImage], kind: str):
    assert kind not in KINDS
    degrader = Degrader(images[0].image, images[0].sector)
    pictures = [degrader.apply(kind, level, None, 3) for level in (0.25, 0.5, 1.0)]
    changes = [float(np.abs(picture.astype(float) - images[0].image).mean()) for picture in pictures]
    assert changes == sorted(changes)
    assert changes[0] > 0.5


def test_the_loss_rewards_the_fall_at_the_right_place(images: list[LabelledImage]):
    images_, targets, target_map, scored, shares = (part[None] for part in DegradedPairs(images, seed=5)[0])
    targets, target_map = torch.full_like(targets, 4.0), torch.full_like(target_map, 4.0)
    targets[0, 1, 2], target_map[0, 1, 2] = 2.0, 2.0

    class Fixed(torch.nn.Module):
        def __init__(self, region: int) -> None:
            super().__init__()
            self.region = region

        def maps(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            score_map = torch.ones(2, 8, 32, 32)
            score_map[1, self.region] = -1.0
            return 20 * (shares[0] > 0).float().expand(2, -1, -1, -1), score_map

    scored = torch.ones_like(scored)
    losses = [
        float(quality_loss(Fixed(region), QualityRecipe(), images_, targets, target_map, scored, shares))
        for region in range(6)
    ]
    assert int(np.argmin(losses)) == 2


def test_fixed_layers_stay_as_they_are():
    network = RegionalQualityNet()
    network.fix_early_layers()
    network.train()
    before = {name: value.clone() for name, value in network.to_8.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.1)
    network(255 * torch.rand(2, 1, 256, 256)).sum().backward()
    optimizer.step()
    moved = {
        name.split(".")[0] for name, value in network.to_8.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {"4", "5", "6"}
