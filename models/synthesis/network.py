"""DCGAN for 64 and 128 px (Radford et al. 2016): strided convolutions, and the quality level as an input if asked."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from models.synthesis.sample import LATENT

_KERNEL, _SLOPE, _INITIAL_SD = 4, 0.2, 0.02
_LEVEL_TERMS = 3  # 1, level, level^2: any figure for each of three levels


def widths(size: int, width: int) -> list[int]:
    """Channels of the stages from 4 x 4 up to half of the picture's side."""
    doublings = size.bit_length() - 4  # 4 -> 8 -> .. -> size / 2
    return [width * 2**step for step in range(doublings, -1, -1)]


class Generator(nn.Module):
    """(N, 100) of a normal distribution -> pictures (N, 1, S, S) in -1..1.

    Parameters
    ----------
    conditional : the input is (N, 101), the level of degradation 0..1 last
    """

    def __init__(self, size: int, width: int, conditional: bool = False) -> None:
        super().__init__()
        self.conditional = conditional
        channels = widths(size, width)
        layers = _growing(LATENT + conditional, channels[0], stride=1, padding=0)
        for before, after in pairwise(channels):
            layers += _growing(before, after, stride=2, padding=1)
        layers += [nn.ConvTranspose2d(channels[-1], 1, _KERNEL, 2, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """See the class."""
        if self.conditional:  # as wide as the noise beside it
            latent = torch.cat([latent[:, :LATENT], 2 * latent[:, LATENT:] - 1], dim=1)
        picture: torch.Tensor = self.layers(latent[:, :, None, None])
        return picture


class Discriminator(nn.Module):
    """Pictures (N, 1, S, S) in -1..1 -> log-odds (N,) that each is real, of its level (N,) where conditional.

    The level meets the features in the last layer, whose weights are a parabola of the level: features that tell real
    from made serve all levels.
    """

    def __init__(self, size: int, width: int, conditional: bool = False, spectral: bool = False) -> None:
        super().__init__()
        channels = widths(size, width)[::-1]
        layers = [_shrinking(1, channels[0], spectral), nn.LeakyReLU(_SLOPE)]
        for before, after in pairwise(channels):
            layers.append(_shrinking(before, after, spectral))
            layers += [] if spectral else [nn.BatchNorm2d(after)]
            layers.append(nn.LeakyReLU(_SLOPE))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Conv2d(channels[-1], _LEVEL_TERMS if conditional else 1, _KERNEL)
        self.apply(_initialise)
        if spectral:
            self.head = spectral_norm(self.head)

    def forward(self, picture: torch.Tensor, level: torch.Tensor | None = None) -> torch.Tensor:
        """See the class."""
        terms: torch.Tensor = self.head(self.layers(picture)).flatten(1).float()  # (N, 1 or 3)
        if level is None:
            return terms[:, 0]
        centred = 2 * level - 1
        powers = torch.stack([torch.ones_like(centred), centred, centred.square()], dim=1)
        return (terms * powers).sum(dim=1)


def _growing(before: int, after: int, stride: int, padding: int) -> list[nn.Module]:
    grown = nn.ConvTranspose2d(before, after, _KERNEL, stride, padding, bias=False)
    return [grown, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]


def _shrinking(before: int, after: int, spectral: bool) -> nn.Module:
    layer = nn.Conv2d(before, after, _KERNEL, 2, 1)
    return spectral_norm(layer) if spectral else layer


def _initialise(layer: nn.Module) -> None:
    """Radford et al. 2016, section 4."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and "weight" in dict(layer.named_parameters(recurse=False)):
        nn.init.normal_(layer.weight, 0.0, _INITIAL_SD)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    if isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, _INITIAL_SD)
