"""The networks of the paper's ablation study: sizes, shapes, and what hard and soft attention let through."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from real_images import data_root

from capture.errors import DataError, SettingsError
from models.regional.end_to_end.ablation import Ablation, AblationNet, dilated
from models.regional.end_to_end.emd import class_shares, expected_score, squared_emd
from models.regional.end_to_end.mobilenet import load_imagenet

pytestmark = pytest.mark.usefixtures("one_torch_thread")

BACKBONE = Path("backbones") / "mobilenetv2_nchw" / "weights"
BACKBONES = ("mobilenetv2", "efficientnet", "cvc")
TASKS = ("regression", "classification")


def grey(count: int = 2, side: int = 256) -> torch.Tensor:
    return 255 * torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(1))


def middle(count: int = 2, side: int = 256) -> torch.Tensor:
    mask = torch.zeros(count, 1, side, side)
    mask[..., side // 4 : side // 2, side // 4 : side // 2] = 1
    return mask


def network(**choice: str) -> AblationNet:
    torch.manual_seed(0)
    return AblationNet(Ablation(**choice)).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("attention", ["none", "soft", "hard"])
@torch.no_grad()
def test_every_combination_gives_scores(backbone: str, task: str, attention: str):
    made = network(backbone=backbone, task=task, attention=attention)
    mask = None if attention == "none" else middle()
    regions = 8 if attention == "none" else 1
    assert made.outputs(grey(), mask).shape == (2, regions, 5 if task == "classification" else 1)
    scores = made(grey(), mask)
    assert scores.shape == (2, regions)
    assert torch.isfinite(scores).all()
    if task == "classification":
        assert ((scores >= 1) & (scores <= 5)).all()


@pytest.mark.parametrize(
    ("backbone", "published"),
    [("mobilenetv2", 3_504_872 - 1_281_000), ("efficientnet", 5_288_548 - 1_281_000)],
)
def test_backbones_have_the_published_size_but_for_classifier_and_colour(backbone: str, published: int):
    made = network(backbone=backbone)
    count = sum(p.numel() for part in (made.first, made.rest) for p in part.parameters())
    assert count == published - 2 * 32 * 9, "two of three colour planes of the first convolution fall away"


@torch.no_grad()
def test_hard_attention_hides_what_is_outside_and_nothing_inside():
    made, picture, mask = network(attention="hard").train(), grey(), middle()  # untrained, in eval the signal fades
    other_outside = torch.where(mask > 0, picture, 255 - picture)
    assert torch.equal(made(picture, mask), made(other_outside, mask))
    other_inside = torch.where(mask > 0, 255 - picture, picture)
    assert not torch.allclose(made(picture, mask), made(other_inside, mask))


def test_soft_attention_starts_as_the_backbone_and_then_tells_regions_apart():
    made, picture, mask = network(attention="soft").train(), grey(), middle()
    with torch.no_grad():
        assert torch.equal(made(picture, mask), made(picture, 1 - mask))
    made(picture, mask).sum().backward()
    assert made.side.weight.grad.abs().max() > 0
    with torch.no_grad():
        made.side.weight.add_(1.0)
        assert not torch.allclose(made(picture, mask), made(picture, 1 - mask))
        assert not torch.allclose(made(picture, mask), made(255 - picture, mask)), "the picture outside still counts"


def test_a_missing_mask_is_told():
    with pytest.raises(DataError, match="hard attention needs one region's mask"):
        network(attention="hard")(grey())


def test_learned_attention_belongs_to_the_released_network():
    with pytest.raises(SettingsError, match="not to cvc regression"):
        Ablation("cvc", "regression", "learned")
    assert str(Ablation("mobilenetv2", "regression", "learned")) == "mobilenetv2_regression_learned"


def test_dilation_is_a_square_of_50_pixels():
    mask = np.zeros((256, 256), np.uint8)
    mask[100, 120] = 1
    rows, columns = np.nonzero(dilated(mask))
    assert len(rows) == 50 * 50
    assert np.ptp(rows) == np.ptp(columns) == 49
    assert rows.mean() == pytest.approx(100, abs=0.6)
    assert columns.mean() == pytest.approx(120, abs=0.6)


def test_squared_emd_by_hand():
    share = torch.tensor([0.1, 0.2, 0.4, 0.2, 0.1])
    target = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0])
    # cumulative .1 .3 .7 .9 1 against 0 0 1 1 1: .01 + .09 + .09 + .01
    assert float(squared_emd(share.log(), target)) == pytest.approx(0.20, abs=1e-6)
    near, far = (torch.full((5,), -30.0).index_fill(0, torch.tensor([k]), 30.0) for k in (1, 4))
    first = class_shares(torch.tensor(1.0))
    assert float(squared_emd(near, first)) == pytest.approx(1.0)
    assert float(squared_emd(far, first)) == pytest.approx(4.0)
    assert float(squared_emd(near, class_shares(torch.tensor(2.0)))) == pytest.approx(0.0)


def test_a_score_as_classes_and_back():
    scores = torch.tensor([[1.0, 2.3, 5.0], [4.75, 3.0, 3.5]])
    shares = class_shares(scores)
    assert shares.shape == (2, 3, 5)
    assert torch.allclose(shares.sum(dim=-1), torch.ones(2, 3))
    assert shares[0, 1].tolist() == pytest.approx([0, 0.7, 0.3, 0, 0], abs=1e-6)
    assert torch.allclose(expected_score(shares.clamp(min=1e-30).log()), scores, atol=1e-5)


@torch.no_grad()
def test_imagenet_weights_reach_the_last_layer_of_the_papers_network(tmp_path: Path):
    if not (data_root() / BACKBONE).is_dir():
        pytest.skip(f"no ImageNet weights at {data_root() / BACKBONE}")
    made = network()
    load_imagenet((made.first, made.rest), data_root())
    widen = made.rest[-3].weight
    assert widen.shape == (1280, 320, 1, 1)
    assert widen.numpy() == pytest.approx(np.load(data_root() / BACKBONE / "conv_95_weight.npy"))
    assert torch.isfinite(made(grey(1))).all()
    shutil.copytree(data_root() / BACKBONE, tmp_path / BACKBONE)
    (tmp_path / BACKBONE / "conv_95_weight.npy").unlink()
    with pytest.raises(DataError, match="holds 51 convolutions, expected 52"):
        load_imagenet((made.first, made.rest), tmp_path)
