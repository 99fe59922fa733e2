"""The light segmentation network.

It takes the published input: (N, 1, 256, 256) float32 in 0..255, the tight sector crop squashed to a square.
Normalisation is the first operation inside, so that no caller can forget it.
"""

from __future__ import annotations

import torch
from torch import nn

from models.regional.layers import conv_block

SEGMENTATION_CLASSES = 4  # background, LV, MYO, LA


class SegmentationUNet(nn.Module):
    """Light U-Net whose first and last stage work at half resolution.

    The input is folded 2x2 into channels and the logits are unfolded again (sub-pixel output), which leaves out the
    memory-bound full-resolution stage of a plain U-Net.

    Shapes: (N, 1, 256, 256) float32 in 0..255 -> logits (N, 4, 256, 256).
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96, 128, 128), classes: int = SEGMENTATION_CLASSES) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        previous = (4, *widths[:-1])
        self.down = nn.ModuleList(conv_block(i, o) for i, o in zip(previous, widths, strict=True))
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(
            conv_block(deep + skip, skip) for deep, skip in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Conv2d(widths[0], 4 * classes, 1)
        self.unfold = nn.PixelShuffle(2)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Logits per class."""
        features = self.fold((grey - 50.0) / 50.0)  # (N, 4, 128, 128)
        skips = []
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else self.pool(features))
            skips.append(features)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            features = block(torch.cat([self.grow(features), skip], dim=1))
        return self.unfold(self.head(features))
