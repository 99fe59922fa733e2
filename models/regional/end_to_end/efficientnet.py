"""EfficientNet-B0 (Tan and Le 2019), a backbone of the paper's ablation.

No ImageNet weights of it are at hand (the paper had some), so it starts from scratch. Dropout and stochastic depth are
left out: the paper's ablation names neither.
"""

from __future__ import annotations

import torch
from torch import nn

STEM_WIDTH = 32
HEAD_WIDTH = 1280
_SQUEEZE_SHARE = 4  # the squeeze has a quarter of the block's input channels

# expansion, kernel, channels, blocks, first stride: table 1 of the paper
_STAGES = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)


class _SqueezeExcitation(nn.Module):
    """Channels weighted by what the whole map holds (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.SiLU(inplace=True),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features * self.weigh(features)


class _MBConv(nn.Module):
    """Inverted residual with squeeze and excitation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += _convolution(inputs, hidden, 1)
        layers += [
            *_convolution(hidden, hidden, kernel, stride, groups=hidden),
            _SqueezeExcitation(hidden, inputs // _SQUEEZE_SHARE),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        out = self.layers(features)
        return features + out if self.residual else out


def efficientnet_layers() -> list[nn.Module]:
    """All layers before the pooling, the first convolution first: (N, 1, H, W) -> (N, 1280, H / 32, W / 32)."""
    layers: list[nn.Module] = _convolution(1, STEM_WIDTH, 3, stride=2)
    width = STEM_WIDTH
    for expansion, kernel, channels, blocks, first_stride in _STAGES:
        for block in range(blocks):
            layers.append(_MBConv(width, channels, kernel, first_stride if block == 0 else 1, expansion))
            width = channels
    return layers + _convolution(width, HEAD_WIDTH, 1)


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(inplace=True),
    ]
