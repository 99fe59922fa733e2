"""The two regional networks: shapes, pooling, and the start from ImageNet weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from capture.errors import DataError
from models.regional.end_to_end.network import RegionalQualityNet, load_imagenet_backbone, pooled_scores
from models.regional.segmentation.network import SegmentationUNet

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
BACKBONE = Path("backbones") / "mobilenetv2_nchw" / "weights"


pytestmark = pytest.mark.usefixtures("one_torch_thread")


def grey(count: int = 2) -> torch.Tensor:
    return 255 * torch.rand(count, 1, 256, 256, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_segmentation_gives_one_logit_per_class_and_pixel():
    network = SegmentationUNet(widths=(8, 8, 16)).eval()
    logits = network(grey())
    assert logits.shape == (2, 5, 256, 256)
    assert torch.allclose(logits[:1], network(grey()[:1]), atol=1e-5), "frames of a batch do not mix"


@torch.no_grad()
def test_quality_gives_eight_scores_from_maps():
    network = RegionalQualityNet().eval()
    attention, score_map, causes = network.maps(grey())
    assert attention.shape == score_map.shape == (2, 8, 32, 32)
    found = network(grey())
    assert torch.equal(found.scores, pooled_scores(attention, score_map))
    assert torch.equal(found.maps, torch.cat([score_map, causes], dim=1))
    assert (found.scores.shape, found.maps.shape) == ((2, 8), (2, 15, 32, 32))


def test_the_size_that_the_speed_was_planned_for():
    counts = [sum(p.numel() for p in made.parameters()) for made in (SegmentationUNet(), RegionalQualityNet())]
    assert 1.0e6 < counts[0] < 2.5e6
    assert 1.8e6 < counts[1] < 3.0e6


def test_pooling_reads_where_the_attention_is():
    attention = torch.full((1, 8, 4, 4), -50.0)
    score_map = torch.zeros(1, 8, 4, 4)
    for region in range(8):
        attention[0, region, region // 4, region % 4] = 50.0
        score_map[0, region, region // 4, region % 4] = 0.25 * region - 1
    assert pooled_scores(attention, score_map)[0].tolist() == pytest.approx([2 + 0.25 * r for r in range(8)])
    flat = pooled_scores(torch.zeros(1, 8, 4, 4), score_map)
    assert flat[0].tolist() == pytest.approx([3 + (0.25 * r - 1) / 16 for r in range(8)])


@torch.no_grad()
def test_imagenet_weights_start_every_stage():
    if not (DATA / BACKBONE).is_dir():
        pytest.skip(f"no ImageNet weights at {DATA / BACKBONE}")
    network = RegionalQualityNet().eval()
    load_imagenet_backbone(network, DATA)
    stem = np.load(DATA / BACKBONE / "conv_0_weight.npy")
    assert network.to_8[0][0].weight.numpy() == pytest.approx(stem.sum(axis=1, keepdims=True))
    first, norm = network.to_8[0][0], network.to_8[0][1]
    plain = first(grey(1)) + torch.from_numpy(np.load(DATA / BACKBONE / "conv_0_bias.npy"))[:, None, None]
    assert torch.allclose(norm(first(grey(1))), plain, atol=1e-3), "the normalisation starts as the stored bias"
    assert torch.isfinite(network(grey(1)).scores).all()


def test_missing_or_foreign_backbones_are_told(tmp_path: Path):
    with pytest.raises(DataError, match="holds 0 convolutions"):
        load_imagenet_backbone(RegionalQualityNet(), tmp_path)
    if not (DATA / BACKBONE).is_dir():
        pytest.skip(f"no ImageNet weights at {DATA / BACKBONE}")
    shutil.copytree(DATA / BACKBONE, tmp_path / BACKBONE)
    np.save(tmp_path / BACKBONE / "conv_0_weight.npy", np.zeros((8, 3, 3, 3), np.float32))
    with pytest.raises(DataError, match=r"conv_0_weight\.npy has shape \(8, 1, 3, 3\)"):
        load_imagenet_backbone(RegionalQualityNet(), tmp_path)
