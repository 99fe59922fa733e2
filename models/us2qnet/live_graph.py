"""What runs live, as one graph: latent, soft assignment, the place on the map by a distilled projection, severity."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from capture.errors import DataError
from models.data.degradations import LEVELS
from models.us2qnet.network import LATENT, QUALITY, ClusterHead, Us2QNet

OUTPUTS = ("shares", "place", "severity", "latent")
FLOAT_PARTS = ("/mean/", "/head/", "/projection/", "/severity/")
"""Parts of the graph that stay in float: a few thousand products, on which every decision rests."""

_WIDTH, _STEPS, _BATCH, _RATE, _SEED = 64, 4000, 256, 3e-3, 20261206


class Projection(nn.Module):
    """Latent (N, 80) -> place on the map (N, 2), learnt from the places that UMAP gave: UMAP itself never runs live."""

    def __init__(self, latent: torch.Tensor, place: torch.Tensor) -> None:
        super().__init__()
        self.latent_mean, self.latent_sd = (nn.Buffer(part) for part in _moments(latent))
        self.place_mean, self.place_sd = (nn.Buffer(part) for part in _moments(place))
        self.layers = nn.Sequential(
            nn.Linear(LATENT, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 2)
        )

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """See the class."""
        found: torch.Tensor = self.layers((latent - self.latent_mean) / self.latent_sd)
        return found * self.place_sd + self.place_mean


def _moments(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return values.mean(dim=0), values.std(dim=0).clamp(min=1e-3)


def distil_projection(latent: np.ndarray, place: np.ndarray) -> Projection:
    """The projection that reproduces the places (N, 2) of latents (N, 80), both float32."""
    torch.manual_seed(_SEED)
    given, wanted = torch.from_numpy(latent), torch.from_numpy(place)
    projection = Projection(given, wanted)
    moves = torch.optim.AdamW(projection.parameters(), _RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(moves, _STEPS)
    for _ in range(_STEPS):
        chosen = torch.randint(len(given), (min(_BATCH, len(given)),))
        error = (projection(given[chosen]) - wanted[chosen]) / projection.place_sd
        moves.zero_grad()
        functional.smooth_l1_loss(error, torch.zeros_like(error), beta=0.1).backward()  # type: ignore[no-untyped-call]
        moves.step()
        schedule.step()
    return projection.eval()


class Severity(nn.Module):
    """Latent (N, 80) -> severity (N, 1) in 0..1: piecewise linear in one coordinate, through its mean at each level."""

    def __init__(self, knots: np.ndarray) -> None:
        super().__init__()
        steps = np.diff(knots)
        if len(knots) != len(LEVELS) or not (steps > 0).all():
            raise DataError(f"severity does not rise over the levels ({np.round(knots, 2).tolist()}): train longer")
        self.start, self.step = (nn.Buffer(torch.tensor(part, dtype=torch.float32)) for part in (knots[:-1], steps))

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """See the class."""
        passed = ((latent[:, QUALITY : QUALITY + 1] - self.start) / self.step).clamp(0, 1)
        return passed.mean(dim=1, keepdim=True)


def severity_knots(latent: np.ndarray, severity: np.ndarray, reach: float = 0.06) -> np.ndarray:
    """Mean of the quality coordinate around each of the five levels, (5,); latent (N, 80), severity (N,) in 0..1.

    Raises
    ------
    DataError
        When no picture is near one of the levels.
    """
    near = [np.abs(severity - level) <= reach for level in LEVELS]
    if not all(part.any() for part in near):
        raise DataError("some level of severity has no picture: train with versions of the pictures")
    return np.array([latent[part, QUALITY].mean() for part in near])


class LiveUs2QNet(nn.Module):
    """(N, 1, 224, 224) float32 in 0..1, filtered -> shares (N, K), place (N, 2), severity (N, 1), latent (N, 80).

    Parameters
    ----------
    network : trained
    centroids : (K, 80) float32 in the latent, the worst cluster first
    projection, severity : see there
    """

    def __init__(self, network: Us2QNet, centroids: np.ndarray, projection: Projection, severity: Severity) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(network.encoder)
        self.head = ClusterHead(len(centroids))
        with torch.no_grad():
            self.head.centroids.copy_(torch.from_numpy(centroids))
        self.projection, self.severity = projection, severity

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """See the class."""
        latent, _ = self.encoder(picture)
        return self.head(latent), self.projection(latent), self.severity(latent), latent
