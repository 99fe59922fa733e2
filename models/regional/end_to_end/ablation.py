"""The networks of the paper's ablation study (appendix B, figure 10): backbone, task and attention are free to choose.

The released network (network.py) is none of them: it learns where to look and needs no mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from capture.errors import DataError, SettingsError
from models.regional.end_to_end import cvc, efficientnet
from models.regional.end_to_end.emd import CLASS_COUNT, expected_score
from models.regional.end_to_end.mobilenet import LAST_STAGE_WIDTH, mobilenet_stages
from models.regional.layers import REGION_COUNT

Backbone = Literal["mobilenetv2", "efficientnet", "cvc"]
Task = Literal["regression", "classification"]
Attention = Literal["none", "soft", "hard", "learned"]

DILATION = 50  # side of the square filter in pixels of the 256x256 input
_MOBILENET_HEAD_WIDTH = 1280
_MIDDLE_SCORE = 3.0


@dataclass(frozen=True)
class Ablation:
    """One network of the study; ``learned`` is the released one, for the same recipe.

    Raises
    ------
    SettingsError
        When learned attention is asked for with another backbone or task than the released network's.
    """

    backbone: Backbone = "mobilenetv2"
    task: Task = "regression"
    attention: Attention = "none"

    def __post_init__(self) -> None:
        if self.attention == "learned" and (self.backbone, self.task) != ("mobilenetv2", "regression"):
            raise SettingsError(
                f"learned attention belongs to mobilenetv2 regression, not to {self.backbone} {self.task}: "
                "add --attention none, soft or hard, and --recipe paper"
            )

    @property
    def one_region_at_a_time(self) -> bool:
        """Hard and soft attention see one region's mask and give its score alone."""
        return self.attention in ("hard", "soft")

    def __str__(self) -> str:
        return f"{self.backbone}_{self.task}_{self.attention}"


class AblationNet(nn.Module):
    """Backbone, global average pool, one dense layer (figure 10).

    - ``none``: (N, 1, 256, 256) float32 in 0..255 -> eight scores.
    - ``hard``: the picture is black outside the region's dilated mask; one score.
    - ``soft``: a convolution makes an attention map of the dilated mask, which is added element-wise to the output of
      the first convolution, before its normalisation (version c of Eppel 2018); one score. It starts at zero, so that
      training begins with the backbone as it is.

    A regression gives the score itself, a classification five logits whose expected class is the score.
    """

    def __init__(self, ablation: Ablation) -> None:
        super().__init__()
        self.ablation = ablation
        layers, width = _backbone(ablation.backbone)
        self.first, self.rest = layers[0], nn.Sequential(*layers[1:])
        if ablation.attention == "soft":
            self.side = nn.Conv2d(1, self.first.out_channels, 3, padding=1)
            nn.init.zeros_(self.side.weight)
            nn.init.zeros_(self.side.bias)
        self._regions = 1 if ablation.one_region_at_a_time else REGION_COUNT
        self._values = CLASS_COUNT if ablation.task == "classification" else 1
        self.head = nn.Linear(width, self._regions * self._values)

    def outputs(self, grey: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """What the loss works on: (N, R, 1) scores or (N, R, 5) logits; R is 8, with a mask 1.

        Parameters
        ----------
        grey : (N, 1, 256, 256) float32 in 0..255
        mask : (N, 1, 256, 256) float32, 1 in the dilated region (``dilated``); for hard and soft attention alone

        Raises
        ------
        DataError
            When hard or soft attention gets no mask.
        """
        if self.ablation.one_region_at_a_time and (mask is None or mask.shape != grey.shape):
            raise DataError(f"{self.ablation.attention} attention needs one region's mask for each picture")
        if self.ablation.attention == "hard":
            grey = grey * mask
        features = self.first((grey - 50.0) / 50.0)
        if self.ablation.attention == "soft":
            features = features + self.side(functional.interpolate(mask, features.shape[-2:]))
        pooled = self.rest(features).mean(dim=(2, 3))  # (N, width)
        values = self.head(pooled).view(-1, self._regions, self._values)
        return values if self._values > 1 else _MIDDLE_SCORE + values

    def forward(self, grey: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Scores (N, 8), with a mask (N, 1), about 1..5."""
        outputs = self.outputs(grey, mask).float()
        return expected_score(outputs) if self._values > 1 else outputs[..., 0]


def dilated(mask: np.ndarray) -> np.ndarray:
    """A region with its vicinity, so that the border of tissue shows: (256, 256) uint8 in and out."""
    return np.asarray(cv2.dilate(mask, np.ones((DILATION, DILATION), np.uint8)))


def _backbone(name: Backbone) -> tuple[list[nn.Module], int]:
    """All layers before the pooling, the first convolution apart, and how many channels they end with."""
    if name == "efficientnet":
        return efficientnet.efficientnet_layers(), efficientnet.HEAD_WIDTH
    if name == "cvc":
        return cvc.cvc_layers(), cvc.HEAD_WIDTH
    stem, *blocks = mobilenet_stages()
    widen = [
        nn.Conv2d(LAST_STAGE_WIDTH, _MOBILENET_HEAD_WIDTH, 1, bias=False),
        nn.BatchNorm2d(_MOBILENET_HEAD_WIDTH),
        nn.ReLU6(inplace=True),
    ]
    return [*stem.children(), *blocks, *widen], _MOBILENET_HEAD_WIDTH
