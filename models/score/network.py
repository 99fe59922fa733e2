"""Networks that rate a picture as a whole: the paper's ResNet-18, and a small one that runs live."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

SIZE = 224
FOLD = 4  # pixels of a side that become channels, so that no layer works at full resolution
WIDTHS = (32, 48, 64, 96)  # every stage after the first halves the side


class ScoreNet(nn.Module):
    """(N, 1, 224, 224) float32 in 0..1, 0 outside the sector -> (N, 1) float32, severity: 0 untouched, 1 the worst.

    Mean and spread of each channel of every stage reach the output, over the sector alone: how much black surrounds
    a sector tells the probe, not the quality. Nothing normalises a picture by itself, since its level is part of its
    quality. The output is not bounded, so that both ends can be learnt; the released score clips it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fold, self.inside, self.pool = nn.PixelUnshuffle(FOLD), Inside(SIZE // FOLD), SectorPool()
        before = (FOLD**2 + 1, *WIDTHS[:-1])
        self.stages = nn.ModuleList(
            _stage(i, o, 1 if n == 0 else 2) for n, (i, o) in enumerate(zip(before, WIDTHS, strict=True))
        )
        self.head = nn.Sequential(nn.Linear(2 * sum(WIDTHS), 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """See the class."""
        inside = self.inside(picture)  # (N, 1, 56, 56)
        features, found = torch.cat([self.fold(picture), inside], dim=1), []
        for number, stage in enumerate(self.stages):
            features = stage(features)
            inside = inside if number == 0 else functional.avg_pool2d(inside, 2)
            found.append(self.pool(features, inside))
        return self.head(torch.cat(found, dim=1))


class Inside(nn.Module):
    """(N, 1, 4 S, 4 S) in 0..1 -> (N, 1, S, S): 1 in the sector, 0 around it.

    Inside is what has a grey cell on either side of it along its row, and above and below it along its column:
    cavities and shadows within a sector are black too. Sums up to a cell are products with a triangle of ones, since
    the runtime has no running sum in float16.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.up_to = nn.Buffer(torch.ones(side, side).triu(), persistent=False)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """See the class."""
        grey = (functional.max_pool2d(picture, FOLD) > 0).to(picture.dtype)
        across = (grey @ self.up_to).clamp(max=1) * (grey @ self.up_to.T).clamp(max=1)
        along = (self.up_to.T @ grey).clamp(max=1) * (self.up_to @ grey).clamp(max=1)
        return (across * along).to(picture.dtype)


class SectorPool(nn.Module):
    """Features (N, C, h, w) and weights (N, 1, h, w) -> weighted mean and spread of each channel, (N, 2 C)."""

    def forward(self, features: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """See the class."""
        share = weight / weight.sum(dim=(2, 3), keepdim=True).clamp(min=1)
        centre = (features * share).sum(dim=(2, 3), keepdim=True)
        spread = ((features - centre).square() * share).sum(dim=(2, 3)).add(1e-4).sqrt()
        return torch.cat([centre.flatten(1), spread], dim=1)


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


NETWORKS: dict[str, Callable[[], nn.Module]] = {"small": ScoreNet, "resnet18": ResNet18}
"""What our recipe can train; ``small`` is released."""
