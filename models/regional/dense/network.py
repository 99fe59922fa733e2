"""One light network for everything regional: a single pass gives segmentation, maps, view and foreshortening.

It takes the published input: (N, 1, 256, 256) float32 in 0..255, the tight sector crop squashed to a square.
Normalisation is the first operation inside, so that no caller can forget it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from models.regional.layers import FoldedUNet, conv_block
from models.regional.segmentation.network import with_classes
from models.runtime.contract import STRUCTURE_VALUES
from models.runtime.dense import CAUSE_CHANNELS, MAP_SIZE, VIEW_CHANNELS

CLASSES = 1 + len(STRUCTURE_VALUES)
MAPS = 2 + len(CAUSE_CHANNELS)  # rating, coherence, causes
WIDTHS = (32, 64, 96, 128, 128)
_HEAD_WIDTH = 64


class DenseOutput(NamedTuple):
    """What one pass gives; logits and raw values as trained.

    Attributes
    ----------
    logits : (N, 5, 256, 256), background, LV, MYO, LA, AO
    maps : (N, 9, 64, 64): rating minus 3, logit of coherence, logits of the causes' severity
    frame : (N, 5): logits of ``VIEW_CHANNELS``, logit of foreshortening
    """

    logits: torch.Tensor
    maps: torch.Tensor
    frame: torch.Tensor


class DenseRegionalNet(FoldedUNet):
    """Light U-Net with three heads.

    The trunk is that of ``SegmentationUNet``. Maps are read at a quarter of the resolution from the decoder, together
    with fine texture from the first stage: what blurs or hides a wall shows in its speckle. The view is read from the
    deepest features.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__(widths, CLASSES)
        self.texture = _strided(widths[0], widths[0])
        self.map_mix = conv_block(widths[1] + widths[0], _HEAD_WIDTH)
        self.map_head = nn.Conv2d(_HEAD_WIDTH, MAPS, 1)
        self.frame_mix = conv_block(widths[-1], widths[-1])
        self.frame_head = nn.Linear(2 * widths[-1], len(VIEW_CHANNELS) + 1)

    def forward(self, grey: torch.Tensor) -> DenseOutput:
        """All outputs of (N, 1, 256, 256) float32 in 0..255."""
        levels = self.encode((grey - 50.0) / 50.0)
        deep = self.frame_mix(levels[-1])  # (N, 128, 8, 8)
        frame = self.frame_head(torch.cat([deep.mean(dim=(2, 3)), deep.amax(dim=(2, 3))], dim=1))
        stages = self.decode(levels)
        maps = self.map_head(self.map_mix(torch.cat([stages[-2], self.texture(levels[0])], dim=1)))
        return DenseOutput(self.full_size(stages[-1]), maps, frame)


def _strided(inputs: int, outputs: int) -> nn.Sequential:
    """(N, inputs, 128, 128) -> (N, outputs, 64, 64)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def start_from_segmentation(network: DenseRegionalNet, average: dict[str, torch.Tensor]) -> None:
    """Give the trunk the weights of a ``SegmentationUNet``, whose state dict ``average`` is."""
    network.load_state_dict(network.state_dict() | with_classes(average, CLASSES))


assert MAP_SIZE == 64  # a quarter of the input: where the decoder's second last stage works
