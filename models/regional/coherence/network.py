"""The coherence U-Net of the regional quality paper (section 2.3.2, table 2), made light enough for two CPU cores."""

from __future__ import annotations

import torch

from models.regional.layers import FoldedUNet


class CoherenceUNet(FoldedUNet):
    """Predicts the coherence of every pixel from the picture alone.

    Channels and depth are the paper's (16 down to 128 and up to 16, lowest resolution 4x4, upsampling by 2x2
    repeats, batch normalisation, sigmoid). Two departures for speed: the first and last stage work at half
    resolution on 2x2 pixels folded into channels, and ReLU stands for GELU, which INT8 cannot fuse. The picture is
    divided by its own root mean square, so that gain cancels but for what saturates.

    Shapes: (N, 1, 256, 256) float32 in 0..255 -> (N, 1, 256, 256) float32 in 0..1: the coherence factor to the power
    of one half (paper's gamma).
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128, 128, 128)) -> None:
        super().__init__(widths, 1)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Coherence map."""
        return torch.sigmoid(self.full_size(self.decode(self.encode(normalised(grey)))[-1]))


def normalised(grey: torch.Tensor) -> torch.Tensor:
    """Picture over its own root mean square, (N, 1, H, W); a black one stays black."""
    power = (grey * grey).mean(dim=(1, 2, 3), keepdim=True)
    return grey / torch.sqrt(power + 1.0)
