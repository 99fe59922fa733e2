"""Networks that rate a picture as a whole: the paper's ResNet-18, and ours on the picture's statistics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from models.runtime.picture_statistics import FEATURES

SIZE = 224
WIDTH = 512
_DROPPED, _FURTHEST = 0.2, 4.0


class StatisticsNet(nn.Module):
    """(N, FEATURES) float32, statistics of pictures -> (N, 1) float32, severity: 0 untouched, 1 the worst.

    Statistics are counted in spreads around their means over the training pictures (``fit``), their logarithms first,
    since they differ by orders of magnitude; what is further out than four spreads counts as four. The output is not
    bounded, so that both ends can be learnt; the released score clips it.

    Attributes
    ----------
    noise : added in training, in spreads
    """

    noise = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.centre, self.spread = nn.Buffer(torch.zeros(FEATURES)), nn.Buffer(torch.ones(FEATURES))
        layers: list[nn.Module] = []
        for before, after in ((FEATURES, WIDTH), (WIDTH, WIDTH), (WIDTH, WIDTH // 2)):
            layers += [nn.Linear(before, after), nn.SiLU(), nn.Dropout(_DROPPED)]
        self.layers = nn.Sequential(*layers, nn.Linear(WIDTH // 2, 1))

    @torch.no_grad()
    def fit(self, statistics: torch.Tensor) -> None:
        """Take centre and spread from training pictures, (N, FEATURES)."""
        found = _logarithm(statistics)
        self.centre.copy_(found.mean(dim=0))
        self.spread.copy_(found.std(dim=0, correction=0) + 1e-3)

    def forward(self, statistics: torch.Tensor) -> torch.Tensor:
        """See the class."""
        scaled = (_logarithm(statistics) - self.centre) / self.spread
        if self.training and self.noise:
            scaled = scaled + self.noise * torch.randn_like(scaled)
        return self.layers(scaled.clamp(-_FURTHEST, _FURTHEST))


def _logarithm(values: torch.Tensor) -> torch.Tensor:
    return values.sign() * values.abs().log1p()


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class ResNet18(nn.Module):
    """ResNet-18 (He et al. 2016) with one grey channel and one output: (N, 1, S, S) float32 -> (N, 1) float32.

    From scratch: ImageNet weights of it, with which the paper starts, are not available.

    Parameters
    ----------
    start : what an untrained network gives, the middle of the targets
    """

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 64, 7, 2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, padding=1),
        )
        self.stages = nn.Sequential(
            *_blocks(64, 64, 1), *_blocks(64, 128, 2), *_blocks(128, 256, 2), *_blocks(256, 512, 2)
        )
        self.head = nn.Linear(512, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.constant_(self.head.bias, start)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """See the class; global average pooling is the paper's eq. 3."""
        return self.head(self.stages(self.stem(picture)).mean(dim=(2, 3)))


class _Block(nn.Module):
    """Two 3x3 convolutions beside an identity, or a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _stage(inputs, outputs, stride)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, padding=1, bias=False), nn.BatchNorm2d(outputs))
        self.beside: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.beside = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.second(self.first(features)) + self.beside(features))


def _blocks(inputs: int, outputs: int, stride: int) -> tuple[_Block, _Block]:
    return _Block(inputs, outputs, stride), _Block(outputs, outputs, 1)


NETWORKS: dict[str, Callable[[], nn.Module]] = {"statistics": StatisticsNet, "resnet18": ResNet18}
"""What our recipe can train; ``statistics`` is released."""
