"""The networks: a small DenseNet that encodes a picture to a 2-d latent, and the flow that tells its density.

After "A latent space for unsupervised MR image quality control via artifact assessment" (Zuo et al.), section 2.
"""

from __future__ import annotations

import math

import torch
from torch import nn

SIZE = 224
LATENT, WIDE = 2, 64
COUPLINGS = 6
_FOLD, _STEM, _GROWTH, _BLOCKS, _KEPT = 4, 32, 16, (3, 4, 4), (48, 64)
_HIDDEN, _LARGEST_SCALE = 32, 2.0
_FAR = 150.0  # standard deviations that are counted at most: the sum of two squares is still a float16
_STRAIGHT = 4.0  # standard deviations around known frames within which the latent is hardly drawn in


class DenseLayer(nn.Module):
    """(N, C, H, W) -> (N, C + growth, H, W): what is new beside everything before.

    Normalisation comes after the convolution, unlike in Huang 2017, so that it folds into it.
    """

    def __init__(self, inputs: int, growth: int = _GROWTH) -> None:
        super().__init__()
        self.new = nn.Sequential(
            nn.Conv2d(inputs, growth, 3, padding=1, bias=False), nn.BatchNorm2d(growth), nn.ReLU(inplace=True)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return torch.cat([features, self.new(features)], dim=1)


class ArtifactEncoder(nn.Module):
    """(N, 1, 224, 224) float32 in 0..1 -> latent m (N, 2), wide features (N, 64), stage features (N, D).

    Stage features are mean and spread of every channel after every block: combs, blocks and noise have no place, and
    would be lost in a last 14 x 14 layer alone. The wide features serve training (a term beside the paper's loss),
    the stage features tell how typical a picture is (``Typicality``).
    """

    def __init__(self) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(_FOLD)  # no layer works at full resolution
        self.stem = nn.Sequential(
            nn.Conv2d(_FOLD**2, _STEM, 3, padding=1, bias=False), nn.BatchNorm2d(_STEM), nn.ReLU(inplace=True)
        )
        self.blocks, self.transitions, self.stage_width = nn.ModuleList(), nn.ModuleList(), 0
        channels = _STEM
        for place, layers in enumerate(_BLOCKS):
            self.blocks.append(nn.Sequential(*(DenseLayer(channels + _GROWTH * n) for n in range(layers))))
            channels += _GROWTH * layers
            self.stage_width += 2 * channels
            if place < len(_KEPT):
                self.transitions.append(_transition(channels, _KEPT[place]))
                channels = _KEPT[place]
        self.wide = nn.Linear(self.stage_width, WIDE)
        self.head = nn.Linear(WIDE, LATENT)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """See the class."""
        features, found = self.stem(self.fold(picture)), []
        for place, block in enumerate(self.blocks):
            features = block(features)
            found.append(_centre_and_spread(features))
            if place < len(self.transitions):
                features = self.transitions[place](features)
        stages = torch.cat(found, dim=1)
        wide = self.wide(stages)
        return self.head(torch.relu(wide)), wide, stages


def _transition(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True), nn.AvgPool2d(2)
    )


def _centre_and_spread(features: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, 2 C)."""
    centre = features.mean(dim=(2, 3))
    spread = ((features - centre[:, :, None, None]).square().mean(dim=(2, 3)) + 1e-4).sqrt()
    return torch.cat([centre, spread], dim=1)


class Coupling(nn.Module):
    """One flow module: m'_1 = m_2, m'_2 = m_1 exp(s(m_2)) + t(m_2) (paper, section 2.2)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 2)
        )
        nn.init.zeros_(self.net[-1].weight)  # starts as a swap: the density of a unit Gaussian
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, m: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 2) -> (N, 2), and the log of the determinant, (N, 1)."""
        first, second = m[:, :1], m[:, 1:]
        scale, shift = self.net(second).split(1, dim=1)
        scale = _LARGEST_SCALE * torch.tanh(scale / _LARGEST_SCALE)
        return torch.cat([second, first * scale.exp() + shift], dim=1), scale


class RealNVP(nn.Module):
    """Density of the latent (paper, equation 2; Dinh 2016): (N, 2) -> log p (N, 1)."""

    def __init__(self, couplings: int = COUPLINGS) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(Coupling() for _ in range(couplings))

    def forward(self, m: torch.Tensor) -> torch.Tensor:
        """See the class."""
        z, total = self.to_normal(m)
        z = z.clamp(-_FAR, _FAR)
        return total - 0.5 * z.square().sum(dim=1, keepdim=True) - math.log(2 * math.pi)

    def to_normal(self, m: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """z = f(m), (N, 2), and log |det df/dm|, (N, 1)."""
        total = torch.zeros_like(m[:, :1])
        for coupling in self.couplings:
            m, log_determinant = coupling(m)
            total = total + log_determinant
        return m, total


class Typicality(nn.Module):
    """Stage features (N, D) -> log of their distance from those of known frames, (N, 1); a departure from the paper.

    Along the ``axes`` in which known frames vary most, the distance is in their standard deviations; what is left is
    taken as one more axis, by its root mean square.

    Parameters
    ----------
    centre, spread : (D,) float32, of the features of known frames
    axes : (D, K) float32, orthonormal, of the features in their spreads over the root of D
    scales : (K,) float32, standard deviations along the axes
    rest : root mean square length of what is left
    """

    def __init__(
        self, centre: torch.Tensor, spread: torch.Tensor, axes: torch.Tensor, scales: torch.Tensor, rest: torch.Tensor
    ) -> None:
        super().__init__()
        self.centre, self.spread, self.axes = nn.Buffer(centre), nn.Buffer(spread), nn.Buffer(axes)
        self.scales, self.rest = nn.Buffer(scales), nn.Buffer(rest)

    def forward(self, stages: torch.Tensor) -> torch.Tensor:
        """See the class."""
        away = ((stages - self.centre) / self.spread).clamp(-_FAR, _FAR) * stages.shape[1] ** -0.5
        along = away @ self.axes
        left = (away.square().sum(dim=1, keepdim=True) - along.square().sum(dim=1, keepdim=True)).clamp(min=0)
        inner = (along / self.scales).clamp(-_FAR, _FAR).square().mean(dim=1, keepdim=True)
        outer = (left.sqrt() / self.rest).clamp(max=_FAR).square()
        return 0.5 * torch.log(inner + outer + 1e-4)


class LatentMap(nn.Module):
    """Encoder outputs -> the latent of which the density is told: (N, 2), known frames around 0 with spread 1.

    m is standardised over known frames, and far places are drawn in (the radius by its logarithm), so that no artifact
    decides the flow's fit alone. With ``pull`` above 0, a picture whose stage features are untypical is moved
    against the direction in which known frames lie, by ``pull`` for each standard deviation of the log distance: an
    unseen kind may look known to the contrastive head alone. ``pull`` 0 is the paper's m.

    Parameters
    ----------
    typicality : of known frames
    moments : (3, 2) float32: middle and spread of m_1, of m_2 and of the log distance
    towards : (2,) float32, unit vector from artifacts towards known frames, in standardised m
    pull : see above
    """

    def __init__(self, typicality: Typicality, moments: torch.Tensor, towards: torch.Tensor, pull: float) -> None:
        super().__init__()
        self.typicality = typicality
        self.moments, self.towards = nn.Buffer(moments), nn.Buffer(towards)
        self.pull = nn.Buffer(torch.tensor(float(pull)))

    def forward(self, m: torch.Tensor, stages: torch.Tensor) -> torch.Tensor:
        """See the class."""
        mean, spread = self.moments[:, 0], self.moments[:, 1]
        untypical = (self.typicality(stages) - mean[2]) / spread[2]
        placed = ((m - mean[:2]) / spread[:2] - self.pull * untypical * self.towards).clamp(-_FAR, _FAR)
        radius = (placed.square().sum(dim=1, keepdim=True) + 1e-4).sqrt()
        return placed * (_STRAIGHT * torch.log1p(radius / _STRAIGHT) / radius)


class ArtifactGateNet(nn.Module):
    """What runs live, as one graph: (N, 1, 224, 224) float32 in 0..1 -> latent (N, 2), log density (N, 1)."""

    def __init__(self, encoder: ArtifactEncoder, latent_map: LatentMap, flow: RealNVP) -> None:
        super().__init__()
        self.encoder, self.latent_map, self.flow = encoder, latent_map, flow

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the class."""
        m, _, stages = self.encoder(picture)
        latent = self.latent_map(m, stages)
        return latent, self.flow(latent)


def blank_gate(axes: int) -> ArtifactGateNet:
    """A gate of which every weight and number is still to be loaded; ``axes`` of its typicality."""
    encoder = ArtifactEncoder()
    width, zero = encoder.stage_width, torch.zeros
    typicality = Typicality(zero(width), zero(width), zero(width, axes), zero(axes), torch.tensor(0.0))
    return ArtifactGateNet(encoder, LatentMap(typicality, zero(3, 2), zero(2), 0.0), RealNVP())
