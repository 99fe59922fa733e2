"""What the end-to-end network is taught: pairs, maps of targets that fit together, and where a fall counts."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.data.camus import read_split, squash
from models.regional.dense.real import RealFrame, real_frames
from models.regional.dense.virtual import VirtualFrame
from models.regional.end_to_end.network import QualityMaps, RegionalQualityNet
from models.regional.end_to_end.train import QualityItem, QualityMixture, QualityRecipe, cause_loss, quality_loss
from models.runtime.dense import CAUSE_CHANNELS
from tests.support.made_up_camus import write_camus

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> QualityMixture:
    folder: Path = tmp_path_factory.mktemp("data")
    write_camus(folder, train=3, val=1)
    return QualityMixture(real_frames(read_split(folder, "train")), [], seed=5)


def batch_of_one(item: QualityItem) -> QualityItem:
    return QualityItem(*(part[None] for part in item))


def test_maps_of_targets_agree_with_the_scores(pairs: QualityMixture):
    differences = []
    for epoch in range(6):
        pairs.epoch = epoch
        for index in range(len(pairs)):
            item = QualityItem(*(part.numpy() for part in pairs[index]))
            assert item.images.shape == (2, 1, 256, 256)
            assert item.target_map.shape == (2, 1, 32, 32)
            assert item.causes.shape == (2, len(CAUSE_CHANNELS), 32, 32)
            assert item.cause_weight.shape == (2, 32, 32)
            assert item.paired == 1
            pooled = (item.target_map * item.shares).sum(axis=(2, 3)) / np.maximum(item.shares.sum(axis=(2, 3)), 1e-6)
            differences.append(np.abs(pooled - item.targets)[item.scored > 0])
            assert (item.targets[1] <= item.targets[0] + 1e-5).all(), "the second picture is never the better one"
    found = np.concatenate(differences)
    assert found.mean() < 0.02
    assert found.max() < 0.3


def left_before_right(shares: np.ndarray) -> bool:
    """Whether region 1 lies left of region 4; shares (8, 32, 32)."""
    middle = (shares * np.arange(32)).sum(axis=(1, 2)) / np.maximum(shares.sum(axis=(1, 2)), 1e-6)
    return bool(middle[1] < middle[4])


def test_a_mirrored_picture_swaps_the_outputs(pairs: QualityMixture):
    """The left regions of the picture come first, whichever way it is turned."""
    for epoch in range(24):
        pairs.epoch = epoch
        assert all(left_before_right(shares) for shares in pairs[0].shares.numpy())


def virtual_frame_of(frame: RealFrame, rating: float) -> VirtualFrame:
    """A labelled frame as if the virtual scanner had made it."""
    cells = frame.inside.shape
    return VirtualFrame(
        image=squash(frame.item.image, cv2.INTER_AREA),
        label=frame.label,
        shares=frame.shares,
        rating=np.full(cells, rating, np.float16),
        coherence=np.full(cells, 0.5, np.float16),
        inside=frame.inside.astype(np.float16),
        causes=np.zeros((len(CAUSE_CHANNELS), *cells), np.float16),
        view=0,
        borderline=False,
        foreshortening=0.0,
    )


def test_some_items_are_virtual_frames_with_their_own_ratings(pairs: QualityMixture):
    virtual = [virtual_frame_of(pairs.frames[0], 2.0), virtual_frame_of(pairs.frames[1], 4.0)]
    mixture = QualityMixture(pairs.frames, virtual, seed=6)
    found = []
    for epoch in range(30):
        mixture.epoch = epoch
        for index in range(len(mixture)):
            item = QualityItem(*(part.numpy() for part in mixture[index]))
            if item.paired:
                continue
            for targets, scored, shares in zip(item.targets, item.scored, item.shares, strict=True):
                assert np.ptp(targets[scored > 0]) < 0.05
                assert left_before_right(shares)
                found.append(round(float(targets[scored > 0].mean())))
    assert 0.1 < len(found) / 2 / (30 * len(mixture)) < 0.3
    assert set(found) == {2, 4}


def test_virtual_items_have_no_part_in_the_fall(pairs: QualityMixture):
    """Two frames that are no pair may score in any order."""
    item = batch_of_one(pairs[0])._replace(paired=torch.zeros(1))

    class Fixed(torch.nn.Module):
        def __init__(self, scores: tuple[float, float]) -> None:
            super().__init__()
            self.scores = scores

        def maps(self, pictures: torch.Tensor) -> QualityMaps:
            score_map = torch.tensor(self.scores).view(2, 1, 1, 1).expand(2, 8, 32, 32)
            return QualityMaps(torch.zeros(2, 8, 32, 32), score_map, torch.zeros(2, len(CAUSE_CHANNELS), 32, 32))

    item = item._replace(targets=torch.full_like(item.targets, 3.0), target_map=torch.full_like(item.target_map, 3.0))
    rising, falling = (float(quality_loss(Fixed(s), QualityRecipe(), item)) for s in ((-1.0, 1.0), (1.0, -1.0)))
    assert rising == pytest.approx(falling, rel=1e-4)


def test_the_loss_rewards_the_fall_at_the_right_place(pairs: QualityMixture):
    item = batch_of_one(pairs[0])
    targets, target_map = torch.full_like(item.targets, 4.0), torch.full_like(item.target_map, 4.0)
    targets[0, 1, 2] = 2.0
    target_map[0, 1, 0][item.shares[0, 1, 2] > 0.5] = 2.0
    item = item._replace(targets=targets, target_map=target_map, scored=torch.ones_like(item.scored))

    class Fixed(torch.nn.Module):
        def __init__(self, region: int) -> None:
            super().__init__()
            self.region = region

        def maps(self, pictures: torch.Tensor) -> QualityMaps:
            score_map = torch.ones(2, 8, 32, 32)
            score_map[1, self.region] = -1.0
            attention = 20 * (item.shares[0] > 0).float()
            return QualityMaps(attention, score_map, torch.zeros(2, len(CAUSE_CHANNELS), 32, 32))

    losses = [float(quality_loss(Fixed(region), QualityRecipe(), item)) for region in range(6)]
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


def test_the_causes_are_taught_without_touching_the_scores(pairs: QualityMixture):
    torch.manual_seed(0)
    network = RegionalQualityNet()
    network.fix_all_but_causes()
    network.train()
    batch = batch_of_one(pairs[0])
    before = network(batch.images.flatten(0, 1)).scores
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(4):
        loss = cause_loss(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert torch.equal(network(batch.images.flatten(0, 1)).scores, before)
