"""MobileNetV2 regression of eight regional scores, the paper's end-to-end method.

It takes the published input: (N, 1, 256, 256) float32 in 0..255, the tight sector crop squashed to a square.
Normalisation is the first operation inside, so that no caller can forget it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import nn

from models.regional.end_to_end.mobilenet import load_imagenet, mobilenet_stages
from models.regional.layers import REGION_COUNT, conv_block
from models.runtime.dense import CAUSE_CHANNELS


class QualityOutput(NamedTuple):
    """What one pass gives.

    Attributes
    ----------
    scores : (N, 8), about 1..5, in the order of the published outputs
    maps : (N, 15, 32, 32), score map of each region minus 3, then logits of the severity of each of ``CAUSE_CHANNELS``
    """

    scores: torch.Tensor
    maps: torch.Tensor


class QualityMaps(NamedTuple):
    """Maps before they are pooled: attention logits and scores minus 3, (N, 8, 32, 32), causes (N, 7, 32, 32)."""

    attention: torch.Tensor
    scores: torch.Tensor
    causes: torch.Tensor


class RegionalQualityNet(nn.Module):
    """MobileNetV2 regression of eight regional scores (paper, section 2.3.3 and appendix B).

    Departs from the paper in the last layer alone: instead of one global average, each output averages a score map with
    a learned attention of its own, so that what happens in one region stays in that region's score. The attention is
    taught with the region masks and is not an input: the network still sees nothing but the picture.

    A second head reads from the same features where which cause lowers the quality.

    Input: (N, 1, 256, 256) float32 in 0..255.
    """

    def __init__(self) -> None:
        super().__init__()
        stages = mobilenet_stages()
        self.to_8 = nn.Sequential(*stages[:7])  # (N, 32, 32, 32)
        self.to_16 = nn.Sequential(*stages[7:14])  # (N, 96, 16, 16)
        self.to_32 = nn.Sequential(*stages[14:])  # (N, 320, 8, 8)
        self.side_8 = nn.Conv2d(32, _HEAD_WIDTH, 1)
        self.side_16 = nn.Conv2d(96, _HEAD_WIDTH, 1)
        self.side_32 = nn.Conv2d(320, _HEAD_WIDTH, 1)
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")
        self.mix = conv_block(_HEAD_WIDTH, _HEAD_WIDTH)
        self.head = nn.Conv2d(_HEAD_WIDTH, 2 * REGION_COUNT, 1)
        self.cause_mix = nn.Sequential(
            nn.Conv2d(_HEAD_WIDTH, _CAUSE_WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(_CAUSE_WIDTH),
            nn.ReLU(inplace=True),
        )
        self.cause_head = nn.Conv2d(_CAUSE_WIDTH, len(CAUSE_CHANNELS), 1)
        self._fixed: tuple[nn.Module, ...] = ()

    def fix_early_layers(self) -> None:
        """Train the stages from 64x64 to 32x32 on alone: the rest costs half of a step's time and has settled."""
        self._fix(self.to_8[:_EARLY_LAYERS])

    def fix_all_but_causes(self) -> None:
        """Train the causes' head alone: scores stay as they are."""
        self._fix(*(part for name, part in self.named_children() if not name.startswith("cause_")))

    def _fix(self, *parts: nn.Module) -> None:
        self._fixed = parts
        for part in parts:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As in any module, but fixed layers keep their normalisation."""
        super().train(mode)
        for part in self._fixed:
            part.eval()
        return self

    def maps(self, grey: torch.Tensor) -> QualityMaps:
        """Everything place by place."""
        eighth = self.to_8((grey - 50.0) / 50.0)
        sixteenth = self.to_16(eighth)
        deep = self.side_16(sixteenth) + self.grow(self.side_32(self.to_32(sixteenth)))
        features = self.mix(self.side_8(eighth) + self.grow(deep))
        both = self.head(features)
        causes = self.cause_head(self.cause_mix(features))
        return QualityMaps(both[:, :REGION_COUNT], both[:, REGION_COUNT:], causes)

    def forward(self, grey: torch.Tensor) -> QualityOutput:
        """Scores of the eight regions, and the maps behind them."""
        maps = self.maps(grey)
        return QualityOutput(pooled_scores(maps.attention, maps.scores), torch.cat([maps.scores, maps.causes], dim=1))


_HEAD_WIDTH = 96
_CAUSE_WIDTH = 48
_EARLY_LAYERS = 4  # stem and blocks up to 24 channels at 64x64


def pooled_scores(attention: torch.Tensor, score_map: torch.Tensor) -> torch.Tensor:
    """Attention logits and score maps (N, 8, h, w) -> scores (N, 8)."""
    share = attention.flatten(2).softmax(dim=2)
    return 3.0 + (share * score_map.flatten(2)).sum(dim=2)


def load_imagenet_backbone(network: RegionalQualityNet, data_dir: Path) -> None:
    """Start the MobileNetV2 stages from the ImageNet weights below ``data_dir``; see ``load_imagenet``."""
    load_imagenet((network.to_8, network.to_16, network.to_32), data_dir)
