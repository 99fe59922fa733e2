"""From a trained encoder to a gate: typicality, the latent's scale, the flow, and the thresholds tau."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch

from capture.errors import DataError
from models.artifact.data import as_tensor
from models.artifact.network import ArtifactEncoder, LatentMap, RealNVP, Typicality
from models.artifact.recipe import ArtifactRecipe

log = logging.getLogger(__name__)

TAUS = (5.0, 3.0)
"""Percent of the frames that the flow is fitted on that lie below the threshold (paper, section 3.3)."""
_AXES_SHARE, _MOST_AXES, _LEAST_SPREAD = 0.95, 48, 1e-3
_FEWEST = 20
_BATCH = 512


@dataclass(frozen=True, eq=False)
class Encoded:
    """What the encoder gives of N pictures.

    Attributes
    ----------
    m : (N, 2) float32
    stages : (N, D) float32
    """

    m: np.ndarray
    stages: np.ndarray


@torch.no_grad()
def encode(encoder: ArtifactEncoder, images: np.ndarray, batch: int = 128) -> Encoded:
    """Latent and stage features of (N, 224, 224) uint8."""
    encoder.eval()
    found = [encoder(as_tensor(images[start : start + batch])) for start in range(0, len(images), batch)]
    m, _, stages = (torch.cat(part).numpy() for part in zip(*found, strict=True))
    return Encoded(m, stages)


def fit_typicality(stages: np.ndarray) -> Typicality:
    """Distance of stage features from those of known frames (N, D) float32.

    Raises
    ------
    DataError
        For fewer than 20 frames.
    """
    if len(stages) < _FEWEST:
        raise DataError(f"{len(stages)} known frames tell nothing of what is typical: give {_FEWEST} or more")
    values = torch.from_numpy(stages).double()
    centre, spread = values.mean(dim=0), values.std(dim=0).clamp(min=_LEAST_SPREAD)
    away = (values - centre) / spread * values.shape[1] ** -0.5
    variances, axes = torch.linalg.eigh(away.T @ away / len(away))
    variances, axes = variances.flip(0).clamp(min=1e-9), axes.flip(1)
    needed = int((variances.cumsum(0) / variances.sum() < _AXES_SHARE).sum()) + 1
    count = min(needed, _MOST_AXES, len(stages) // 4)
    rest = variances[count:].sum().clamp(min=1e-6).sqrt()
    parts = (centre, spread, axes[:, :count].contiguous(), variances[:count].sqrt(), rest)
    return Typicality(*(part.float() for part in parts)).eval()


@torch.no_grad()
def fit_latent_map(seen: Encoded, known: Encoded, artifacts: Encoded, pull: float) -> LatentMap:
    """The latent's scale, and where untypical pictures are moved.

    Parameters
    ----------
    seen : known frames that the encoder was trained on: what is typical
    known : known frames of other patients: how far new ones lie from it
    artifacts : of training kinds: which way is away from known frames
    pull : see ``LatentMap``
    """
    typicality = fit_typicality(seen.stages)
    distance = typicality(torch.from_numpy(known.stages))[:, 0]
    m = torch.from_numpy(known.m)
    columns = (m[:, 0], m[:, 1], distance)
    moments = torch.stack([torch.stack([c.median(), _spread(c)]) for c in columns])  # (3, 2)
    mean, spread = moments[:2, 0], moments[:2, 1]
    towards = -((torch.from_numpy(artifacts.m) - mean) / spread).mean(dim=0)
    towards = towards / towards.norm().clamp(min=1e-6)
    return LatentMap(typicality, moments, towards, pull).eval()


def _spread(values: torch.Tensor) -> torch.Tensor:
    """Standard deviation that a few far values do not widen: from the middle two thirds."""
    low, high = torch.quantile(values, torch.tensor([0.1587, 0.8413]))
    return ((high - low) / 2).clamp(min=_LEAST_SPREAD)


def fit_flow(latent: np.ndarray, recipe: ArtifactRecipe) -> RealNVP:
    """The flow of highest likelihood for latents (N, 2) float32 (paper, equation 2 and below).

    Raises
    ------
    DataError
        For fewer than 20 frames, or when the fit fails.
    """
    if len(latent) < _FEWEST or not np.isfinite(latent).all():
        raise DataError(
            f"{len(latent)} latents give no density: train on {_FEWEST} known frames of new patients or more"
        )
    torch.manual_seed(recipe.seed)
    flow, points = RealNVP(), torch.from_numpy(latent)
    moves = torch.optim.AdamW(flow.parameters(), recipe.flow_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(moves, recipe.flow_steps)
    for _ in range(recipe.flow_steps):
        chosen = points[torch.randint(len(points), (min(_BATCH, len(points)),))]
        moves.zero_grad()
        loss = -flow(chosen + recipe.jitter * torch.randn_like(chosen)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        moves.step()
        schedule.step()
    if not np.isfinite(float(loss.detach())):
        raise DataError("the flow's likelihood is not finite: lower flow_rate, or train the encoder longer")
    log.info("flow: %.3f nats per frame", float(loss.detach()))
    return flow.eval()


@torch.no_grad()
def log_density(flow: RealNVP, latent: np.ndarray) -> np.ndarray:
    """(N, 2) -> (N,) float32."""
    return np.asarray(flow(torch.from_numpy(np.asarray(latent, np.float32)))[:, 0].numpy())


@torch.no_grad()
def place(latent_map: LatentMap, encoded: Encoded) -> np.ndarray:
    """Latents (N, 2) float32 of encoded pictures."""
    return np.asarray(latent_map(torch.from_numpy(encoded.m), torch.from_numpy(encoded.stages)).numpy())


def thresholds(log_densities: np.ndarray) -> dict[str, float]:
    """``tau_5`` and ``tau_3``: log densities below which that many percent of the given frames lie."""
    return {f"tau_{share:g}": float(np.percentile(log_densities, share)) for share in TAUS}
