"""The classical metrics of each region against the blood in the left ventricle (regional quality paper, 2.3.1).

Every metric is a function of two histograms of grey levels, that of the region and that of the lumen, taken after the
picture was matched to a normal distribution: the same tissue then measures the same at another gain or compression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from models.runtime.methods import RegionalInput

TARGET = NormalDist(127, 32)
"""Grey levels of the sector after histogram matching."""

_LEVELS = np.arange(256, dtype=np.float64)


def match_histogram(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Give the sector's grey levels the distribution of ``TARGET`` (Bottenus et al. 2020).

    The pixels are put in order and each takes the quantile of its rank. Equal grey levels share the middle of their
    ranks, so that equals stay equal and the result depends on no order among them.

    Parameters
    ----------
    image : (H, W) uint8
    inside : (H, W) bool, the sector

    Returns
    -------
    (H, W) uint8, whole grey levels; 0 outside.
    """
    counts = histogram(image[inside])
    middle = (np.cumsum(counts) - counts / 2) / max(int(counts.sum()), 1)  # (256,) middle rank of each level, 0..1
    matched = np.zeros(256, np.uint8)
    for level in np.flatnonzero(counts):
        matched[level] = np.clip(np.rint(TARGET.inv_cdf(float(middle[level]))), 0, 255)
    return np.where(inside, matched[image], 0).astype(np.uint8)


def histogram(values: np.ndarray, bins: int = 256) -> np.ndarray:
    """Counts of grey levels.

    Parameters
    ----------
    values : any shape, whole numbers 0..255
    bins : of equal width; a divisor of 256

    Returns
    -------
    (bins,) int64
    """
    return np.bincount(np.ravel(values) // (256 // bins), minlength=bins)


def intensity(region: np.ndarray, _lumen: np.ndarray) -> float:
    """Mean grey level of the region, 0..255."""
    return _mean_and_variance(region)[0]


def cr(region: np.ndarray, lumen: np.ndarray) -> float:
    """Contrast ratio mu_region / mu_lumen; NaN over a lumen that is black (Smith et al. 1985)."""
    background = _mean_and_variance(lumen)[0]
    return _mean_and_variance(region)[0] / background if background else float("nan")


def cnr(region: np.ndarray, lumen: np.ndarray) -> float:
    """Contrast to noise (mu_region - mu_lumen) / sqrt(var_region + var_lumen) (Patterson and Foster 1984).

    0 for equal means; NaN where means differ and there is no noise at all to divide by.
    """
    (mean, variance), (background, spread) = _mean_and_variance(region), _mean_and_variance(lumen)
    if mean == background:
        return 0.0
    noise = np.sqrt(variance + spread)
    return float((mean - background) / noise) if noise else float("nan")


def gcnr(region: np.ndarray, lumen: np.ndarray) -> float:
    """Generalised CNR as in textbooks, 1 - sum(min(p, q)), 0..1 (Rodriguez-Molares et al. 2019).

    A region of few pixels fills few of the levels: its histogram overlaps less, and the value is biased upward.
    """
    return 1 - _overlap(region, lumen)


def gcnr_paper(region: np.ndarray, lumen: np.ndarray) -> float:
    """Generalised CNR as the regional quality paper prints it, 1 - 0.5 * sum(min(p, q)), 0.5..1."""
    return 1 - 0.5 * _overlap(region, lumen)


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "intensity": intensity,
    "cr": cr,
    "cnr": cnr,
    "gcnr_paper": gcnr_paper,
    "gcnr": gcnr,
}
"""Name -> metric of (256,) counts of region and lumen; NaN for one that is empty."""


def measure_all(given: RegionalInput) -> dict[str, np.ndarray]:
    """Every metric of ``METRICS`` from one matching of the picture.

    Returns
    -------
    Name -> (8,) float32; NaN where the region is empty, and but for the intensity where the lumen is.
    """
    matched = match_histogram(given.image, given.inside)
    lumen = histogram(matched[given.lumen])
    regions = [histogram(matched[mask]) for mask in given.masks]
    return {name: np.array([metric(r, lumen) for r in regions], np.float32) for name, metric in METRICS.items()}


@dataclass(frozen=True)
class PixelMetric:
    """One metric as a regional method.

    Attributes
    ----------
    name : a key of ``METRICS``
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in METRICS:
            raise ValueError(f"no pixel metric {self.name!r}: choose one of {', '.join(METRICS)}")

    def measure(self, given: RegionalInput) -> np.ndarray:
        """The metric of each region, (8,) float32; NaN where there is nothing to measure, see ``measure_all``."""
        return measure_all(given)[self.name]


def _mean_and_variance(counts: np.ndarray) -> tuple[float, float]:
    """Of the grey levels behind (256,) counts; NaN for none."""
    n = counts.sum()
    if not n:
        return float("nan"), float("nan")
    mean = float(counts @ _LEVELS / n)
    return mean, float(counts @ (_LEVELS - mean) ** 2 / n)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Area that two histograms have in common, 0..1; NaN when one is empty."""
    if not (a.any() and b.any()):
        return float("nan")
    return float(np.minimum(a / a.sum(), b / b.sum()).sum())
