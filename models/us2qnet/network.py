"""The network: a convolutional variational autoencoder, its mixture-of-Gaussians prior, and the clustering head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

LATENT = 80
QUALITY = 0  # coordinate of the latent along which a picture moves as it is made worse (released recipe)


@dataclass(frozen=True)
class Shape:
    """How the autoencoder of one picture size is built.

    Attributes
    ----------
    size : side of the square picture
    fold : pixels of a side that become channels, so that no layer works at full resolution
    widths : channels of each stage; every stage after the first halves the side
    """

    size: int
    fold: int
    widths: tuple[int, ...]

    @property
    def deepest(self) -> tuple[int, int]:
        """Channels and side of the last stage."""
        return self.widths[-1], self.size // self.fold // 2 ** (len(self.widths) - 1)


SHAPES = {224: Shape(224, 4, (32, 48, 64, 96)), 28: Shape(28, 1, (16, 32, 64))}


class Encoder(nn.Module):
    """(N, 1, S, S) float32 in 0..1 -> mean and log-variance of the latent, (N, 80) each.

    Beside the places of the last stage, the mean and the spread of each channel of every stage reach the latent:
    speckle, noise and blocks have no place, and would be lost on the way to 7 x 7 cells.
    Nothing normalises a picture by itself, since its level and contrast are part of its quality.
    """

    def __init__(self, shape: Shape, latent: int = LATENT) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(shape.fold)
        before = (shape.fold**2, *shape.widths[:-1])
        self.stages = nn.ModuleList(
            _stage(i, o, 1 if n == 0 else 2) for n, (i, o) in enumerate(zip(before, shape.widths, strict=True))
        )
        channels, side = shape.deepest
        features = channels * side * side + 2 * sum(shape.widths)
        self.mean, self.log_variance = nn.Linear(features, latent), nn.Linear(features, latent)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the class."""
        features, found = self.fold(picture), []
        for stage in self.stages:
            features = stage(features)
            centre = features.mean(dim=(2, 3))
            spread = ((features - centre[:, :, None, None]).square().mean(dim=(2, 3)) + 1e-4).sqrt()
            found += [centre, spread]
        joined = torch.cat([features.flatten(1), *found], dim=1)
        return self.mean(joined), self.log_variance(joined).clamp(-8, 8)


class Decoder(nn.Module):
    """Latent (N, 80) -> picture (N, 1, S, S) in 0..1; for training and for table 1 alone."""

    def __init__(self, shape: Shape, latent: int = LATENT) -> None:
        super().__init__()
        self.deepest = shape.deepest
        channels, side = shape.deepest
        self.start = nn.Linear(latent, channels * side * side)
        deep = shape.widths[::-1]
        self.stages = nn.ModuleList(_stage(i, o, 1) for i, o in pairwise(deep))
        self.last = nn.Conv2d(deep[-1], shape.fold**2, 3, padding=1)
        self.unfold = nn.PixelShuffle(shape.fold)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """See the class."""
        channels, side = self.deepest
        features = functional.relu(self.start(latent)).view(-1, channels, side, side)
        for stage in self.stages:
            features = stage(functional.interpolate(features, scale_factor=2, mode="nearest"))
        return self.unfold(self.last(features)).sigmoid()


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class MixturePrior(nn.Module):
    """Mixture of K Gaussians with diagonal covariance over the latent (paper, below eq. 1)."""

    def __init__(self, clusters: int, latent: int = LATENT) -> None:
        super().__init__()
        self.log_weight = nn.Parameter(torch.zeros(clusters))
        self.mean = nn.Parameter(0.05 * torch.randn(clusters, latent))
        self.log_variance = nn.Parameter(torch.zeros(clusters, latent))

    @torch.no_grad()
    def fit(self, latent: torch.Tensor, cluster: torch.Tensor) -> None:
        """Take weight, mean and variance of each cluster; latent (N, D), cluster (N,) int in 0..K-1."""
        for k in range(len(self.mean)):
            part = latent[cluster == k]
            if len(part) < 2:
                continue
            self.log_weight[k] = math.log(len(part) / len(latent))
            self.mean[k] = part.mean(dim=0)
            self.log_variance[k] = part.var(dim=0).clamp(min=1e-2).log()

    def divergence(self, sample: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
        """Upper bound of KL(q(z|x) || p(z)), (N,) in nats; all arguments (N, D).

        KL to a mixture has no closed form: this is the bound of VaDE (Jiang et al. 2017, eq. 11 and 16), whose
        responsibilities come from the sample.
        """
        log_prior = self.log_weight.log_softmax(dim=0)  # (K,)
        spread = self.log_variance.clamp(-6, 6)
        distance = (sample[:, None] - self.mean).square() * (-spread).exp() + spread  # (N, K, D)
        share = (log_prior - 0.5 * distance.sum(dim=2)).log_softmax(dim=1)  # (N, K)
        gap = (mean[:, None] - self.mean).square() + log_variance.exp()[:, None]
        each = 0.5 * (spread + gap * (-spread).exp() - 1 - log_variance[:, None]).sum(dim=2)
        return (share.exp() * (each + share - log_prior)).sum(dim=1)


class ClusterHead(nn.Module):
    """Soft assignment to K centroids (K, 80) by Student's t (eq. 5, normalised over k)."""

    def __init__(self, clusters: int, latent: int = LATENT) -> None:
        super().__init__()
        self.centroids = nn.Parameter(torch.zeros(clusters, latent))

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """(N, 80) -> (N, K), rows sum to 1."""
        distance = (latent[:, None] - self.centroids).square().sum(dim=2)
        kernel = 1 / (1 + distance)
        return kernel / kernel.sum(dim=1, keepdim=True)


def target_shares(assigned: torch.Tensor) -> torch.Tensor:
    """Target of eq. 6 with the square of DEC: (N, K) -> (N, K), rows sum to 1.

    The sum over pictures is over all rows given: hand it the whole set.
    """
    weight = assigned.square() / assigned.sum(dim=0).clamp(min=1e-12)
    return weight / weight.sum(dim=1, keepdim=True)


class Us2QNet(nn.Module):
    """Encoder, decoder, prior and clustering head.

    Parameters
    ----------
    size : side of the pictures, 224 or 28
    clusters : K
    variational : False is a plain autoencoder (the baselines with DEC-AE): no sampling, no prior in its loss
    """

    def __init__(self, size: int = 224, clusters: int = 3, variational: bool = True) -> None:
        super().__init__()
        self.size, self.variational = size, variational
        self.encoder, self.decoder = Encoder(SHAPES[size]), Decoder(SHAPES[size])
        self.prior = MixturePrior(clusters)
        self.head = ClusterHead(clusters)

    @property
    def clusters(self) -> int:
        """K."""
        return len(self.head.centroids)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What runs live: picture (N, 1, S, S) in 0..1 -> latent mean (N, 80), cluster probabilities (N, K)."""
        mean, _ = self.encoder(picture)
        return mean, self.head(mean)

    def reconstruct(self, picture: torch.Tensor) -> torch.Tensor:
        """Decoded latent mean, same shape as the picture (table 1)."""
        return self.decoder(self.encoder(picture)[0])
