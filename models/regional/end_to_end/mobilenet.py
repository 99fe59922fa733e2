"""MobileNetV2 (Sandler et al. 2018): its stages, and their start from ImageNet weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from capture.errors import DataError

STEM_WIDTH = 32
LAST_STAGE_WIDTH = 320
STORED_CONVOLUTIONS = 52  # stem, 17 blocks, and the one that widens to the classifier

# expansion, channels, blocks, first stride: table 2 of the paper
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, LAST_STAGE_WIDTH, 1, 1),
)


class InvertedResidual(nn.Module):
    """Inverted residual (table 1 of the paper): (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True)]
        layers += [
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features after the block."""
        out = self.layers(features)
        return features + out if self.residual else out


def mobilenet_stages() -> list[nn.Module]:
    """Stem for one grey channel and the 17 blocks: (N, 1, H, W) -> (N, 320, H / 32, W / 32)."""
    stem = nn.Sequential(
        nn.Conv2d(1, STEM_WIDTH, 3, 2, 1, bias=False), nn.BatchNorm2d(STEM_WIDTH), nn.ReLU6(inplace=True)
    )
    stages: list[nn.Module] = [stem]
    width = STEM_WIDTH
    for expansion, channels, blocks, first_stride in _STAGES:
        for block in range(blocks):
            stages.append(InvertedResidual(width, channels, first_stride if block == 0 else 1, expansion))
            width = channels
    return stages


def load_imagenet(parts: Iterable[nn.Module], data_dir: Path) -> None:
    """Start MobileNetV2 from the ImageNet weights in ``data_dir/backbones/mobilenetv2_nchw``.

    The stored convolutions have their batch normalisation folded in, so each normalisation layer starts as the
    identity with the stored bias. The first convolution's three colour planes are summed for grey input.

    Parameters
    ----------
    parts : hold the network's convolutions, each followed by its normalisation, from the stem on; the last stored
        convolutions stay unused where the network ends earlier
    data_dir : folder that holds ``backbones/``

    Raises
    ------
    DataError
        When the files are missing or do not fit the network.
    """
    folder = Path(data_dir) / "backbones" / "mobilenetv2_nchw" / "weights"
    files = sorted(folder.glob("conv_*_weight.npy"), key=lambda path: int(path.name.split("_")[1]))
    if len(files) != STORED_CONVOLUTIONS:
        raise DataError(f"{folder} holds {len(files)} convolutions, expected {STORED_CONVOLUTIONS}: check --data")
    layers = [module for part in parts for module in part.modules()]
    convolutions = [module for module in layers if isinstance(module, nn.Conv2d)]
    norms = [module for module in layers if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        for file, convolution, norm in zip(files, convolutions, norms, strict=False):
            weight = torch.from_numpy(np.load(file))
            if convolution.in_channels == 1 and weight.shape[1] == 3:
                weight = weight.sum(dim=1, keepdim=True)
            if weight.shape != convolution.weight.shape:
                raise DataError(f"{file} has shape {tuple(weight.shape)}, expected {tuple(convolution.weight.shape)}")
            convolution.weight.copy_(weight)
            norm.bias.copy_(torch.from_numpy(np.load(file.with_name(file.name.replace("weight", "bias")))))
            norm.running_var.fill_(1.0 - norm.eps)
