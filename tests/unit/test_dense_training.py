"""What the dense network is taught: pairs of known severity, virtual truth, negatives, and each part of the loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from capture.errors import DataError
from models.data.camus import read_split
from models.data.degradations import EXTRA_KINDS, GHOST_KINDS, KINDS, RESERVED_KINDS, Degrader
from models.data.other_organs import near_duplicates
from models.data.virtual_dataset import HELD_OUT_HALF_BEAMS, VirtualDataset
from models.data.virtual_generate import generate
from models.regional.dense.data import OTHER, DenseMixture, Item, real_pair_item
from models.regional.dense.loss import LossWeights, dense_loss
from models.regional.dense.negatives import empty_screen, no_contact
from models.regional.dense.network import DenseOutput, DenseRegionalNet, start_from_segmentation
from models.regional.dense.real import CAUSE_OF, RealFrame, degraded_pair, real_frames
from models.regional.dense.real import KINDS as TRAINED_KINDS
from models.regional.dense.virtual import virtual_frame, virtual_frames
from models.regional.dense.warp import random_warp
from models.regional.segmentation.network import SegmentationUNet
from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE, VIEW_CHANNELS
from tests.support.made_up_camus import write_camus

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("data")
    write_camus(folder, train=2, val=1)
    return folder


@pytest.fixture(scope="module")
def frames(data: Path) -> list[RealFrame]:
    return real_frames(read_split(data, "train"))


@pytest.fixture(scope="module")
def virtual(tmp_path_factory: pytest.TempPathFactory) -> VirtualDataset:
    folder: Path = tmp_path_factory.mktemp("virtual")
    generate(folder, 6, 3, jobs=1)
    return VirtualDataset(folder)


def test_a_set_without_a_frame_of_eight_regions_is_told(data: Path):
    one = read_split(data, "train")[0]
    with pytest.raises(DataError, match="none of 1 frames has eight regions: check the label maps"):
        real_frames([replace(one, label_path=one.image_path)])


def test_reserved_kinds_are_never_trained_on():
    assert not set(TRAINED_KINDS) & set(RESERVED_KINDS)
    assert set(CAUSE_OF) == set(TRAINED_KINDS)
    assert set(CAUSE_OF.values()) <= set(CAUSE_CHANNELS)


@pytest.mark.parametrize("kind", EXTRA_KINDS | GHOST_KINDS)
def test_kinds_for_training_alone_grow_with_the_level(frames: list[RealFrame], kind: str):
    assert kind not in KINDS
    item = frames[0].item
    degrader = Degrader(item.image, item.sector)
    pictures = [degrader.apply(kind, level, None, 3) for level in (0.25, 0.5, 1.0)]
    changes = [float(np.abs(picture.astype(float) - item.image).mean()) for picture in pictures]
    assert changes == sorted(changes)
    assert changes[0] > 0.5


def test_the_same_seed_gives_the_same_pair_and_order_is_kept(frames: list[RealFrame]):
    lowest = []
    for seed in range(40):
        pair, again = (degraded_pair(frames[0], np.random.default_rng(seed)) for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(pair.pictures, again.pictures, strict=True))
        assert (pair.kept[1] <= pair.kept[0] + 1e-5).mean() > 0.95, "what can be seen need not grow everywhere"
        assert 0 <= pair.kept.min() <= pair.kept.max() <= 1
        assert pair.causes.shape == (2, len(CAUSE_CHANNELS), MAP_SIZE, MAP_SIZE)
        lowest.append(pair.kept[1].min())
    assert min(lowest) < 0.2


def test_a_pair_shares_geometry_and_its_better_half_rates_higher(frames: list[RealFrame]):
    item = real_pair_item(frames[0], np.random.default_rng(1), random_warp)
    assert np.array_equal(item.label[0], item.label[1])
    assert np.array_equal(item.shares[0], item.shares[1])
    assert (item.rating[1] <= item.rating[0] + 1e-4).mean() > 0.99
    assert item.paired == 1


def test_anchors_follow_the_regions(frames: list[RealFrame]):
    frame = frames[0]
    best, worst = int(frame.item.anchors[:6].argmax()), int(frame.item.anchors[:6].argmin())
    shares = frame.shares.astype(np.float32)
    mean = [(frame.anchor_map * shares[r]).sum() / shares[r].sum() for r in (best, worst)]
    assert mean[0] > mean[1]
    assert 1 <= frame.anchor_map.min() <= frame.anchor_map.max() <= 5


def test_virtual_truth_keeps_its_meaning(virtual: VirtualDataset):
    for index in range(len(virtual)):
        record = virtual[index]
        frame = virtual_frame(record)
        assert VIEW_CHANNELS[frame.view] == record.view
        assert frame.is_apical == (record.view != "other")
        assert 1 <= frame.rating.min() <= frame.rating.max() <= 5
        assert 0 <= frame.coherence.min() <= frame.coherence.max() <= 1
        if frame.is_apical and frame.shares.any():
            shares = frame.shares[:6].astype(np.float32)
            found = (frame.rating * shares).sum(axis=(1, 2)) / shares.sum(axis=(1, 2))
            wanted = record.region_rating[:6]
            known = np.isfinite(wanted)
            assert np.abs(found - wanted)[known].max() < 0.35


def test_the_held_out_scanner_is_left_out(virtual: VirtualDataset):
    records = [virtual[index] for index in range(len(virtual))]
    assert len(virtual_frames(virtual)) == sum(not record.is_held_out for record in records)
    beams = [record.info["draw"]["scanner"]["half_beams"] for record in records]
    assert [b == HELD_OUT_HALF_BEAMS for b in beams] == [record.is_held_out for record in records]


def test_every_item_has_the_same_fields_and_sizes(data: Path, frames: list[RealFrame], virtual: VirtualDataset):
    mixture = DenseMixture(frames, read_split(data, "train"), virtual_frames(virtual), [], 1, 24)
    shapes = {tuple((name, tuple(value.shape), value.dtype) for name, value in mixture[i].items()) for i in range(24)}
    assert len(shapes) == 1, "a batch must stack"
    again = mixture[3]
    assert all(torch.equal(value, again[name]) for name, value in mixture[3].items())


def test_negatives_are_pictures_of_other_views():
    random = np.random.default_rng(0)
    for make in (no_contact, empty_screen):
        pictures = np.stack([make(random) for _ in range(12)])
        assert pictures.shape == (12, 256, 256)
        assert pictures.dtype == np.uint8
        assert len({picture.tobytes() for picture in pictures}) > 6
    assert Item(pictures[:2]).view.tolist() == [OTHER, OTHER]


def test_near_duplicates_share_a_group():
    random = np.random.default_rng(0)
    first, other = (random.integers(0, 256, (60, 80)).astype(np.uint8) for _ in range(2))
    brighter = np.clip(first.astype(int) + 6, 0, 255).astype(np.uint8)
    assert near_duplicates([first, other, brighter]) == [0, 1, 0]
    assert near_duplicates([]) == []


def test_a_warp_moves_maps_as_it_moves_the_picture():
    picture = np.zeros((256, 256), np.uint8)
    picture[60:100, 140:200] = 255
    cells = picture.reshape(MAP_SIZE, 4, MAP_SIZE, 4).mean(axis=(1, 3)).astype(np.float32)
    for seed in range(5):
        warp = random_warp(np.random.default_rng(seed))
        moved = warp.image(picture).reshape(MAP_SIZE, 4, MAP_SIZE, 4).mean(axis=(1, 3))
        assert np.abs(warp.maps(cells[None])[0] - moved).mean() < 2
        assert np.isin(warp.label(picture), (0, 255)).all()


def perfect_output(item: Item) -> tuple[DenseOutput, dict[str, torch.Tensor]]:
    batch = {name: value[None] for name, value in item.tensors().items()}
    logits = 20 * torch.nn.functional.one_hot(batch["label"][0].long(), 5).permute(0, 3, 1, 2).float()
    maps = torch.zeros(2, 2 + len(CAUSE_CHANNELS), MAP_SIZE, MAP_SIZE)
    maps[:, 0] = batch["rating"][0] - 3
    maps[:, 2:] = torch.logit(batch["causes"][0], eps=1e-4)
    frame = torch.zeros(2, 5)
    frame[range(2), batch["view"][0]] = 20
    return DenseOutput(logits, maps, frame), batch


@pytest.mark.parametrize("part", ["logits", "maps", "frame"])
def test_each_wrong_output_costs(frames: list[RealFrame], part: str):
    output, batch = perfect_output(real_pair_item(frames[0], np.random.default_rng(2), random_warp))
    right = float(dense_loss(output, batch, LossWeights()))
    wrong = output._replace(**{part: torch.zeros_like(getattr(output, part))})
    assert float(dense_loss(wrong, batch, LossWeights())) > right + 0.02


def test_unknown_truth_costs_nothing():
    item = Item(np.zeros((2, 256, 256), np.uint8))
    output, batch = perfect_output(item)
    base = float(dense_loss(output, batch, LossWeights()))
    noisy = output._replace(maps=torch.randn(output.maps.shape))
    assert float(dense_loss(noisy, batch, LossWeights())) == pytest.approx(base, abs=1e-6)


def test_the_trunk_begins_with_a_segmentation_network():
    torch.manual_seed(0)
    segmentation, network = SegmentationUNet().eval(), DenseRegionalNet().eval()
    start_from_segmentation(network, segmentation.state_dict())
    image = 255 * torch.rand(1, 1, 256, 256)
    with torch.no_grad():
        output = network(image)
        assert torch.allclose(output.logits, segmentation(image), atol=1e-3)
    assert output.maps.shape == (1, 9, MAP_SIZE, MAP_SIZE)
    assert output.frame.shape == (1, 5)
