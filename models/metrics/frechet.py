"""Frechet distance of two sets of pictures on features of an ImageNet MobileNetV2 (not Inception: hence the name).

d^2 = |m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)) of the features' means and covariances (Heusel et al. 2017, eq. 6).
Needs torch: import it only where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from models.regional.end_to_end.network import RegionalQualityNet, load_imagenet_backbone

FEATURES = "MobileNetV2 (ImageNet), last stage, mean over places, 320 features"
_BATCH = 16


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Frechet distance (the square, as is usual) of Gaussians fitted to two feature sets.

    Parameters
    ----------
    first, second : (N, F) and (M, F) float, at least two rows each
    """
    apart = first.mean(axis=0) - second.mean(axis=0)
    one, other = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = _root(one)
    # The trace of (C1 C2)^(1/2) is that of the symmetric (C1^(1/2) C2 C1^(1/2))^(1/2).
    middle = np.linalg.eigvalsh(root @ other @ root)
    return float(apart @ apart + np.trace(one) + np.trace(other) - 2 * np.sqrt(np.maximum(middle, 0)).sum())


def backbone_features(images: Sequence[np.ndarray], data_dir: Path) -> np.ndarray:
    """Features of grey pictures (256, 256) uint8; (N, 320) float64. Needs torch.

    Raises
    ------
    DataError
        The stored ImageNet weights are missing.
    """
    network = RegionalQualityNet()
    load_imagenet_backbone(network, data_dir)
    network.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            batch = torch.from_numpy(np.stack(images[start : start + _BATCH])[:, None].astype(np.float32))
            maps = network.to_32(network.to_16(network.to_8((batch - 50.0) / 50.0)))
            found.append(maps.mean(dim=(2, 3)).numpy().astype(np.float64))
    return np.concatenate(found)


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
