"""The paper's recipe for end-to-end networks: what they are shown, what they are taught, and that they learn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from made_up_camus import write_backbone, write_camus
from torch.utils.data import DataLoader

from models.data.camus import read_split, squash
from models.regional.dense.real import DegradedFrames, RealFrame, real_frames
from models.regional.end_to_end import paper_recipe
from models.regional.end_to_end.ablation import Ablation, AblationNet
from models.regional.end_to_end.network import QualityOutput, RegionalQualityNet
from models.regional.end_to_end.paper_recipe import (
    PaperSamples,
    agreement,
    make_network,
    paper_loss,
)
from models.regional.end_to_end.train import MIRRORED_ORDER
from models.runtime.dense import pooled

pytestmark = pytest.mark.usefixtures("one_torch_thread")

MIRROR = np.array([[-1.0, 0.0, 255.0], [0.0, 1.0, 0.0]])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_backbone(write_camus(tmp_path_factory.mktemp("data"), train=2, val=1))


@pytest.fixture(scope="module")
def frames(data: Path) -> list[RealFrame]:
    return real_frames(read_split(data, "train"))


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No degradation, and mirroring alone."""

    def pair(frame: RealFrame, random: np.random.Generator) -> DegradedFrames:
        return DegradedFrames([frame.item.image] * 2, np.ones((2, 64, 64), np.float32), np.zeros((2, 7, 64, 64)))

    monkeypatch.setattr(paper_recipe, "degraded_pair", pair)
    monkeypatch.setattr(paper_recipe, "_paper_affine", lambda random: (MIRROR, True))
    monkeypatch.setattr(paper_recipe, "_gamma", lambda image, gamma: image)


@pytest.mark.usefixtures("untouched")
def test_mirroring_turns_picture_and_labels(frames: list[RealFrame]):
    picture, mask, targets, scored = (part.numpy() for part in PaperSamples(frames, 5, one_region=False)[0])
    assert np.array_equal(picture[0], squash(frames[0].item.image, cv2.INTER_AREA)[:, ::-1])
    assert mask.min() == 1
    anchors = pooled(frames[0].anchor_map, frames[0].shares.astype(np.float32))
    assert targets.tolist() == pytest.approx(anchors[MIRRORED_ORDER].tolist())
    assert scored.tolist() == frames[0].item.scored[MIRRORED_ORDER].tolist()


@pytest.mark.usefixtures("untouched")
def test_one_region_at_a_time_comes_with_its_own_mask(frames: list[RealFrame]):
    samples = PaperSamples(frames, 5, one_region=True)
    assert len(samples) == 8 * len(frames)
    for region in range(8):
        _, mask, target, scored = (part.numpy() for part in samples[8 + region])
        turned = frames[1].item.masks_square()[region][:, ::-1]
        assert mask[0][turned].min() == 1
        assert mask.sum() > turned.sum()
        assert mask.mean() < 0.5
        anchor = pooled(frames[1].anchor_map, frames[1].shares.astype(np.float32))[region]
        assert (target[0], scored[0]) == (pytest.approx(anchor), frames[1].item.scored[region])


def test_the_same_epoch_gives_the_same_sample_and_another_one_does_not(frames: list[RealFrame]):
    samples = PaperSamples(frames, 5, one_region=False)
    first, again = samples[0], samples[0]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    samples.epoch = 1
    assert not torch.equal(samples[0][0], first[0])


def test_targets_fall_with_the_degradation_and_stay_on_the_scale(frames: list[RealFrame]):
    samples, targets = PaperSamples(frames, 5, one_region=False, augment=False), []
    for epoch in range(12):
        samples.epoch = epoch
        targets.append(samples[0][2].numpy())
    found = np.stack(targets)
    assert found.min() >= 1
    anchors = pooled(frames[0].anchor_map, frames[0].shares.astype(np.float32))
    assert (found <= anchors + 1e-5).all()
    assert np.ptp(found, axis=0).max() > 1


def test_what_is_not_scored_does_not_count():
    class Fixed(torch.nn.Module):
        def forward(self, picture: torch.Tensor) -> QualityOutput:
            return QualityOutput(torch.tensor([[1.0, 2.0, 3.0]]), picture)

    batch = (torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8), torch.tensor([[1.5, 4.0, 9.0]]))
    assert float(paper_loss(Fixed(), (*batch, torch.tensor([[1.0, 1.0, 0.0]])))) == pytest.approx((0.25 + 4) / 2)
    assert float(paper_loss(Fixed(), (*batch, torch.zeros(1, 3)))) == 0


@pytest.mark.parametrize(
    ("backbone", "task", "attention"),
    [
        ("mobilenetv2", "regression", "none"),
        ("mobilenetv2", "classification", "none"),
        ("mobilenetv2", "regression", "soft"),
        ("mobilenetv2", "regression", "hard"),
        ("mobilenetv2", "regression", "learned"),
        ("efficientnet", "regression", "none"),
        ("efficientnet", "classification", "hard"),
        ("cvc", "classification", "none"),
        ("cvc", "regression", "soft"),
    ],
)
def test_one_step_lowers_the_loss(data: Path, frames: list[RealFrame], backbone: str, task: str, attention: str):
    torch.manual_seed(0)
    ablation = Ablation(backbone, task, attention)  # type: ignore[arg-type]
    network = make_network(ablation, data)
    assert isinstance(network, RegionalQualityNet if attention == "learned" else AblationNet)
    samples = PaperSamples(frames, 5, ablation.one_region_at_a_time)
    batch = next(iter(DataLoader(samples, 4)))
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    before = paper_loss(network, batch)
    before.backward()
    optimizer.step()
    assert paper_loss(network, batch).item() < before.item()


def test_agreement_is_perfect_for_one_who_knows(frames: list[RealFrame]):
    samples = PaperSamples(frames, 5, one_region=False, augment=False)
    answers = iter([torch.stack([samples[k][2] for k in range(len(samples))])] * 2)

    class Knowing(torch.nn.Module):
        def forward(self, picture: torch.Tensor) -> QualityOutput:
            return QualityOutput(next(answers), picture)

    class Ignorant(torch.nn.Module):
        def forward(self, picture: torch.Tensor) -> QualityOutput:
            return QualityOutput(torch.full((len(picture), 8), 3.0), picture)

    assert agreement(Knowing(), samples, 16) == {"val_spearman": 1.0, "val_mae": 0.0}
    ignorant = agreement(Ignorant(), samples, 16)
    assert np.isnan(ignorant["val_spearman"])
    assert ignorant["val_mae"] > 0.1


def test_gamma_keeps_black_and_white_and_moves_the_middle():
    image = np.array([[0, 128, 255]], np.uint8)
    darker, brighter = paper_recipe._gamma(image, 1.1), paper_recipe._gamma(image, 0.9)
    assert darker[0, [0, 2]].tolist() == brighter[0, [0, 2]].tolist() == [0, 255]
    assert darker[0, 1] < 128 < brighter[0, 1]
