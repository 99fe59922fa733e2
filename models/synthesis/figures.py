"""How real synthetic pictures are: the paper's four figures, diversity, and whether they are copies.

Every figure stands beside the same of real pictures against real ones, since none has a natural scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.metrics.diversity import diversity, mean_ssim, nearest_correlation, random_pairs
from models.metrics.image_similarity import mutual_information, psnr_db
from models.metrics.texture import NAMED_BINS, lbp_distance, lbp_vectors

HALF_SPLITS = 20
PAIRS = 500
_SEED = 20261211
_DIGITS = 5

Distance = Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, Any]]
"""Figures of synthetic (N, S, S) and real pictures (M, S, S) with their groups (M,) that need a network of features."""


def compare(made: np.ndarray, real: np.ndarray, groups: np.ndarray, distance: Distance | None = None) -> dict[str, Any]:
    """All figures of synthetic pictures against real ones, plain values.

    Parameters
    ----------
    made, real : (N, S, S) and (M, S, S) uint8
    groups : (M,) examination of each real picture
    distance : such as ``feature_distance``; None leaves the Frechet distance out

    Returns
    -------
    dict
        ``mutual_information`` (nats), ``psnr_db``, ``ssim`` : mean over pairs, synthetic with real and real with real
        of another examination; ``lbp_distance`` : of the mean vectors, and the mean of it between halves of the real
        set; ``lbp_bins`` : see ``named_bins``; ``diversity`` : of synthetic over that of real, 1 is as diverse;
        ``nearest_correlation`` : median over pictures, with the most alike real one (real: of another examination);
    """
    vectors, real_vectors = lbp_vectors(made), lbp_vectors(real)
    spread, real_spread = diversity(made, pairs=PAIRS), diversity(real, groups, PAIRS)
    same = groups[:, None] == groups[None, :]
    figures: dict[str, Any] = {
        "n_synthetic": len(made),
        "n_real": len(real),
        **_pair_figures(made, real, groups),
        "lbp_distance": _rounded(lbp_distance(vectors.mean(axis=0), real_vectors.mean(axis=0))),
        "lbp_distance_real_halves": _rounded(float(np.mean([lbp_distance(*pair) for pair in _halves(real_vectors)]))),
        "lbp_bins": named_bins(vectors, real_vectors),
        "diversity": _rounded(spread / real_spread),
        "diversity_synthetic": _rounded(spread),
        "diversity_real": _rounded(real_spread),
        "nearest_correlation": _rounded(float(np.median(nearest_correlation(made, real)))),
        "nearest_correlation_real": _rounded(float(np.median(nearest_correlation(real, real, same)))),
    }
    return figures if distance is None else figures | distance(made, real, groups)


def named_bins(vectors: np.ndarray, real_vectors: np.ndarray) -> dict[str, dict[str, float | bool]]:
    """V8, V20, V143 and V240: the difference of means beside the largest of 20 random half-splits of the real set.

    Parameters
    ----------
    vectors, real_vectors : (N, 256) and (M, 256), shares
    """
    splits = np.stack([np.abs(one - other) for one, other in _halves(real_vectors)])  # (20, 256)
    made, real = vectors.mean(axis=0), real_vectors.mean(axis=0)
    return {
        name: {
            "synthetic": _rounded(made[place]),
            "real": _rounded(real[place]),
            "difference": _rounded(abs(made[place] - real[place])),
            "largest_half_split": _rounded(splits[:, place].max()),
            "within": bool(abs(made[place] - real[place]) <= splits[:, place].max()),
        }
        for name, place in NAMED_BINS.items()
    }


def _pair_figures(made: np.ndarray, real: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    random = np.random.default_rng(_SEED)
    chosen = zip(random.integers(len(made), size=PAIRS), random.integers(len(real), size=PAIRS), strict=True)
    mixed = [(made[i], real[j]) for i, j in chosen]
    both_real = [(real[i], real[j]) for i, j in random_pairs(len(real), PAIRS, groups=groups)]
    figures = {}
    for suffix, pairs in (("", mixed), ("_real", both_real)):
        figures[f"mutual_information{suffix}"] = _rounded(float(np.mean([mutual_information(*p) for p in pairs])))
        figures[f"psnr_db{suffix}"] = _rounded(float(np.mean([_psnr_db(*p) for p in pairs])))
        figures[f"ssim{suffix}"] = _rounded(float(np.mean([mean_ssim(*p) for p in pairs])))
    return figures


def _psnr_db(first: np.ndarray, second: np.ndarray) -> float:
    return min(psnr_db(first, second, np.ones(first.shape, bool), 255.0), 100.0)  # a copy is not infinitely far


def _halves(vectors: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mean vectors of both halves of 20 random splits, (256,) each."""
    random = np.random.default_rng(_SEED)
    orders = [random.permutation(len(vectors)) for _ in range(HALF_SPLITS)]
    middle = len(vectors) // 2
    return [(vectors[order[:middle]].mean(axis=0), vectors[order[middle:]].mean(axis=0)) for order in orders]


def _rounded(value: float | np.floating) -> float:
    return round(float(value), _DIGITS)
