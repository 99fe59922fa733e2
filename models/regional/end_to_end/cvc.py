"""A network in the manner of the Cardiac View Classification network, a backbone of the paper's ablation.

What is known of the original (Ostvik et al., Ultrasound Med Biol 45(2), 2019): its abstract says a convolutional
network for single frames of up to seven views, 4.4 ms per frame; the regional quality paper trains it from scratch. Its
table of layers was not at hand, so **this is a stand-in, not a copy**: its figures say something about small networks
without pretraining, not about the original.

What was chosen: two convolutions with pooling bring the picture to 64x64. Four inception blocks (Szegedy et al. 2015:
1x1, 3x3 and 5x5 seen side by side, and a pooled branch) follow; the input of each is kept beside its output, as in a
densely connected network (Huang et al. 2017), and a 1x1 convolution with pooling passes it on. 0.5 M parameters.
"""

from __future__ import annotations

import torch
from torch import nn

FIRST_WIDTH = 16
HEAD_WIDTH = 256
_BLOCK_WIDTHS = (64, 128, 192, HEAD_WIDTH)  # after each block's transition; the branches have a quarter each


class _DenseInception(nn.Module):
    """Four branches beside the input: (N, inputs, H, W) -> (N, inputs + 4 * branch, H, W)."""

    def __init__(self, inputs: int, branch: int) -> None:
        super().__init__()
        self.point = nn.Sequential(*_convolution(inputs, branch, 1))
        self.near = nn.Sequential(*_convolution(inputs, branch, 1), *_convolution(branch, branch, 3))
        self.wide = nn.Sequential(
            *_convolution(inputs, branch, 1), *_convolution(branch, branch, 3), *_convolution(branch, branch, 3)
        )
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), *_convolution(inputs, branch, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        branches = (self.point, self.near, self.wide, self.pooled)
        return torch.cat([features, *(branch(features) for branch in branches)], dim=1)


def cvc_layers() -> list[nn.Module]:
    """All layers before the pooling, the first convolution first: (N, 1, H, W) -> (N, 256, H / 32, W / 32)."""
    width = 2 * FIRST_WIDTH
    layers = [*_convolution(1, FIRST_WIDTH, 3), nn.MaxPool2d(2), *_convolution(FIRST_WIDTH, width, 3), nn.MaxPool2d(2)]
    for number, outputs in enumerate(_BLOCK_WIDTHS):
        layers += [_DenseInception(width, outputs // 4), *_convolution(width + outputs, outputs, 1)]
        if number < len(_BLOCK_WIDTHS) - 1:
            layers.append(nn.MaxPool2d(2))
        width = outputs
    return layers


def _convolution(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]
