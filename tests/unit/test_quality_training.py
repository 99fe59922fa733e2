"""What the end-to-end network is taught: pairs, maps of targets that fit together, and where a fall counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.data.camus import read_split
from models.regional.dense.real import real_frame
from models.regional.end_to_end.network import QualityMaps, RegionalQualityNet
from models.regional.end_to_end.train import DegradedPairs, QualityRecipe, cause_loss, quality_loss
from models.regional.labelled import labelled_images
from models.runtime.dense import CAUSE_CHANNELS
from tests.support.made_up_camus import write_camus

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> DegradedPairs:
    folder: Path = tmp_path_factory.mktemp("data")
    write_camus(folder, train=3, val=1)
    frames = [real_frame(item) for item in labelled_images(read_split(folder, "train"))]
    assert frames
    return DegradedPairs(frames, seed=5)


def test_maps_of_targets_agree_with_the_scores(pairs: DegradedPairs):
    differences = []
    for epoch in range(6):
        pairs.epoch = epoch
        for index in range(len(pairs)):
            images, targets, target_map, scored, shares, causes, weight = (part.numpy() for part in pairs[index])
            assert causes.shape == (2, len(CAUSE_CHANNELS), 32, 32)
            assert weight.shape == (2, 32, 32)
            assert images.shape == (2, 1, 256, 256)
            assert target_map.shape == (2, 1, 32, 32)
            pooled = (target_map * shares).sum(axis=(2, 3)) / np.maximum(shares.sum(axis=(1, 2)), 1e-6)
            differences.append(np.abs(pooled - targets)[:, scored > 0].ravel())
            assert (targets[1] <= targets[0] + 1e-5).all(), "the second picture is never the better one"
    found = np.concatenate(differences)
    assert found.mean() < 0.02
    assert found.max() < 0.3


def test_a_mirrored_picture_swaps_the_outputs(pairs: DegradedPairs):
    """The left regions of the picture come first, whichever way it is turned."""
    sides = []
    for epoch in range(24):
        pairs.epoch = epoch
        shares = pairs[0][4].numpy()
        middle = (shares * np.arange(32)).sum(axis=(1, 2)) / np.maximum(shares.sum(axis=(1, 2)), 1e-6)
        sides.append(middle[1] < middle[4])
    assert all(sides)


def test_the_loss_rewards_the_fall_at_the_right_place(pairs: DegradedPairs):
    images_, targets, target_map, scored, shares, *causes = (part[None] for part in pairs[0])
    targets, target_map = torch.full_like(targets, 4.0), torch.full_like(target_map, 4.0)
    targets[0, 1, 2] = 2.0
    target_map[0, 1, 0][shares[0, 2] > 0.5] = 2.0

    class Fixed(torch.nn.Module):
        def __init__(self, region: int) -> None:
            super().__init__()
            self.region = region

        def maps(self, pictures: torch.Tensor) -> QualityMaps:
            score_map = torch.ones(2, 8, 32, 32)
            score_map[1, self.region] = -1.0
            attention = 20 * (shares[0] > 0).float().expand(2, -1, -1, -1)
            return QualityMaps(attention, score_map, torch.zeros(2, len(CAUSE_CHANNELS), 32, 32))

    scored = torch.ones_like(scored)
    losses = [
        float(quality_loss(Fixed(region), QualityRecipe(), images_, targets, target_map, scored, shares, *causes))
        for region in range(6)
    ]
    assert int(np.argmin(losses)) == 2


def test_fixed_layers_stay_as_they_are():
    network = RegionalQualityNet()
    network.fix_early_layers()
    network.train()
    before = {name: value.clone() for name, value in network.to_8.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.1)
    network(255 * torch.rand(2, 1, 256, 256)).scores.sum().backward()
    optimizer.step()
    moved = {
        name.split(".")[0] for name, value in network.to_8.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {"4", "5", "6"}


def test_the_causes_are_taught_without_touching_the_scores(pairs: DegradedPairs):
    torch.manual_seed(0)
    network = RegionalQualityNet()
    network.fix_all_but_causes()
    network.train()
    batch = [part[None] for part in pairs[0]]
    before = network(batch[0].flatten(0, 1)).scores
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(4):
        loss = cause_loss(network, *batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert torch.equal(network(batch[0].flatten(0, 1)).scores, before)
