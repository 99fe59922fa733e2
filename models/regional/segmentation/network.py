"""The light segmentation network.

It takes the published input: (N, 1, 256, 256) float32 in 0..255, the tight sector crop squashed to a square.
Normalisation is the first operation inside, so that no caller can forget it.
"""

from __future__ import annotations

import torch

from models.regional.layers import FoldedUNet

SEGMENTATION_CLASSES = 5  # background, LV, MYO, LA, AO


class SegmentationUNet(FoldedUNet):
    """Light U-Net for the three apical views.

    Shapes: (N, 1, 256, 256) float32 in 0..255 -> logits (N, classes, 256, 256).
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96, 128, 128), classes: int = SEGMENTATION_CLASSES) -> None:
        super().__init__(widths, classes)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Logits per class."""
        return self.full_size(self.decode(self.encode((grey - 50.0) / 50.0))[-1])


def with_classes(average: dict[str, torch.Tensor], classes: int) -> dict[str, torch.Tensor]:
    """Weights of a ``FoldedUNet`` for at least ``classes`` outputs; one that it did not have begins as background."""
    grown = dict(average)
    for part in ("head.weight", "head.bias"):
        known = average[part].unflatten(0, (-1, 4))  # (class, place in the 2x2 block, ...)
        missing = classes - len(known)
        grown[part] = torch.cat([known, *[known[:1]] * missing]).flatten(0, 1)
    return grown
