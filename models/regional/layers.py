"""What the regional networks share: sizes, and the double convolution."""

from __future__ import annotations

from torch import nn

INPUT_SIZE = 256
REGION_COUNT = 8


def conv_block(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions with normalisation and ReLU: (N, inputs, H, W) -> (N, outputs, H, W)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
