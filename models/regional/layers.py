"""What the regional networks share: sizes, the double convolution, and the U-Net that works on folded pictures."""

from __future__ import annotations

import torch
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


class FoldedUNet(nn.Module):
    """Light U-Net whose first and last stage work at half resolution.

    The input is folded 2x2 into channels and the outputs are unfolded again (sub-pixel output), which leaves out the
    memory-bound full-resolution stage of a plain U-Net.

    Parameters
    ----------
    widths : channels of each level, from fine to deep
    outputs : maps at full resolution
    """

    def __init__(self, widths: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        previous = (4, *widths[:-1])
        self.down = nn.ModuleList(conv_block(i, o) for i, o in zip(previous, widths, strict=True))
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(
            conv_block(deep + skip, skip) for deep, skip in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Conv2d(widths[0], 4 * outputs, 1)
        self.unfold = nn.PixelShuffle(2)

    def encode(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """Features of each level, from fine to deep, of a normalised picture (N, 1, H, W)."""
        features, levels = self.fold(picture), []
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else self.pool(features))
            levels.append(features)
        return levels

    def decode(self, levels: list[torch.Tensor]) -> list[torch.Tensor]:
        """Features of each stage on the way up, from deep to fine; the last are at half resolution."""
        features, stages = levels[-1], []
        for block, skip in zip(self.up, levels[-2::-1], strict=True):
            features = block(torch.cat([self.grow(features), skip], dim=1))
            stages.append(features)
        return stages

    def full_size(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (N, outputs, H, W) of the last stage's features."""
        return self.unfold(self.head(features))
