"""The coherence U-Net of the regional quality paper (section 2.3.2, table 2), made light enough for two CPU cores."""

from __future__ import annotations

import torch
from torch import nn

from models.regional.layers import conv_block


class CoherenceUNet(nn.Module):
    """Predicts the coherence of every pixel from the picture alone.

    Channels and depth are the paper's (16 down to 128 and up to 16, lowest resolution 4x4, upsampling by 2x2
    repeats, batch normalisation, sigmoid). Two departures for speed: the first and last stage work at half
    resolution on 2x2 pixels folded into channels, and ReLU stands for GELU, which INT8 cannot fuse. The picture is
    divided by its own root mean square, so that gain cancels but for what saturates.

    Shapes: (N, 1, 256, 256) float32 in 0..255 -> (N, 1, 256, 256) float32 in 0..1: the coherence factor to the power
    of one half (paper's gamma).
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128, 128, 128)) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        previous = (4, *widths[:-1])
        self.down = nn.ModuleList(conv_block(i, o) for i, o in zip(previous, widths, strict=True))
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(
            conv_block(deep + skip, skip) for deep, skip in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Conv2d(widths[0], 4, 1)
        self.unfold = nn.PixelShuffle(2)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Coherence map."""
        features = self.fold(normalised(grey))  # (N, 4, 128, 128)
        skips = []
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else self.pool(features))
            skips.append(features)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            features = block(torch.cat([self.grow(features), skip], dim=1))
        return torch.sigmoid(self.unfold(self.head(features)))


def normalised(grey: torch.Tensor) -> torch.Tensor:
    """Picture over its own root mean square, (N, 1, H, W); a black one stays black."""
    power = (grey * grey).mean(dim=(1, 2, 3), keepdim=True)
    return grey / torch.sqrt(power + 1.0)
