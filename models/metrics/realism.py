"""Figures by which virtual and real echo frames are compared, on the square of the tight sector crop (256 x 256)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SIZE = 256
QUANTILES = (5, 25, 50, 75, 95)
_LOCAL_SIGMA_PX = 6.0
_LAGS = 16
_NEAR, _DEEP = (0.18, 0.45), (0.60, 0.92)  # shares of depth
_MIDDLE = 0.45  # share of the half opening around the middle beam where beams run nearly along columns
_BAND_PX = 7.0
_LV, _MYO = 1, 2


@dataclass(frozen=True, eq=False)
class Framed:
    """A frame for measuring.

    Attributes
    ----------
    image : (256, 256) uint8, tight crop of the sector squashed to a square
    inside : (256, 256) bool, the sector
    half_angle_deg : half opening of the sector before it was squashed
    labels : (256, 256) uint8, None when unknown
    """

    image: np.ndarray
    inside: np.ndarray
    half_angle_deg: float
    labels: np.ndarray | None = None


def frame_figures(frame: Framed) -> dict[str, float]:
    """All figures of one frame; NaN where one cannot be measured.

    Returns
    -------
    dict
        ``grey_p5`` .. ``grey_p95`` : quantiles of grey in the sector;
        ``axial_near_px``, ``lateral_near_px``, ``axial_deep_px``, ``lateral_deep_px`` : half width at half maximum of
        the autocorrelation of what is finer than 6 px, along columns and rows near the middle beam;
        ``speckle_sd`` : standard deviation of that, grey levels; ``speckle_snr`` : local mean over local deviation,
        median over the sector; ``half_angle_deg``;
        ``edge_contrast`` : (wall - cavity) / (wall + cavity) of grey within 7 px of the endocardium;
        ``cavity_grey``, ``wall_grey`` : means inside labels
    """
    image, inside = frame.image.astype(np.float32), frame.inside
    figures = {f"grey_p{q}": float(v) for q, v in zip(QUANTILES, np.percentile(image[inside], QUANTILES), strict=True)}
    fine, mean = _fine(image, inside)
    for name, share in (("near", _NEAR), ("deep", _DEEP)):
        middle = _middle(inside, share)
        figures[f"axial_{name}_px"] = correlation_length(fine, middle, axis=0)
        figures[f"lateral_{name}_px"] = correlation_length(fine, middle, axis=1)
    deviation = np.sqrt(_local(fine**2, inside))
    figures["speckle_sd"] = float(np.sqrt(np.mean(fine[inside] ** 2)))
    figures["speckle_snr"] = float(np.median((mean / np.maximum(deviation, 1e-3))[inside & (mean > 4)]))
    figures["half_angle_deg"] = frame.half_angle_deg
    return {**figures, **_edge_figures(image, frame)}


def median_figures(frames: Sequence[Framed]) -> dict[str, float]:
    """Median of each figure over the frames, NaN left out."""
    rows = [frame_figures(frame) for frame in frames]
    return {name: float(np.nanmedian([row[name] for row in rows])) for name in rows[0]}


def correlation_length(fine: np.ndarray, where: np.ndarray, axis: int) -> float:
    """Half width at half maximum of the autocorrelation along an axis, in px.

    Parameters
    ----------
    fine : (H, W) float32 of zero local mean
    where : (H, W) bool, places that count; both partners of a pair must lie there
    """
    values = np.where(where, fine, 0).astype(np.float32)
    weight = where.astype(np.float32)
    if axis == 0:
        values, weight = values.T, weight.T
    curve = []
    for lag in range(_LAGS):
        pairs = weight[:, lag:] * weight[:, : weight.shape[1] - lag]
        curve.append(float((values[:, lag:] * values[:, : values.shape[1] - lag]).sum() / max(pairs.sum(), 1)))
    level = np.array(curve) / curve[0] if curve[0] > 0 else np.full(_LAGS, np.nan)
    below = np.flatnonzero(level < 0.5)
    if not below.size:
        return float("nan")
    first = int(below[0])
    return float(first - 1 + (level[first - 1] - 0.5) / (level[first - 1] - level[first]))


def _fine(image: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is finer than 6 px, and the local mean; the sector's outside does not count."""
    mean = _local(image, inside)
    return np.where(inside, image - mean, 0).astype(np.float32), mean


def _local(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    weight = inside.astype(np.float32)
    above = cv2.GaussianBlur(values.astype(np.float32) * weight, (0, 0), _LOCAL_SIGMA_PX)
    return np.asarray(above / np.maximum(cv2.GaussianBlur(weight, (0, 0), _LOCAL_SIGMA_PX), 1e-3))


def _middle(inside: np.ndarray, depth: tuple[float, float]) -> np.ndarray:
    """Part of the sector around the middle beam between two shares of depth, (256, 256) bool."""
    rows = np.arange(SIZE)[:, None] / SIZE
    columns = np.abs(np.arange(SIZE) + 0.5 - SIZE / 2) / (SIZE / 2)
    return np.asarray(inside & (rows >= depth[0]) & (rows < depth[1]) & (columns < _MIDDLE * rows))


def _edge_figures(image: np.ndarray, frame: Framed) -> dict[str, float]:
    names = ("edge_contrast", "cavity_grey", "wall_grey")
    labels = frame.labels
    if labels is None:
        return dict.fromkeys(names, float("nan"))
    cavity, wall = ((labels == value) & frame.inside for value in (_LV, _MYO))
    if cavity.sum() < 100 or wall.sum() < 100:
        return dict.fromkeys(names, float("nan"))
    from_wall = cv2.distanceTransform((labels != _MYO).astype(np.uint8), cv2.DIST_L2, 3)
    from_cavity = cv2.distanceTransform((labels != _LV).astype(np.uint8), cv2.DIST_L2, 3)
    inner = float(image[cavity & (from_wall <= _BAND_PX)].mean())
    outer = float(image[wall & (from_cavity <= _BAND_PX)].mean())
    contrast = (outer - inner) / max(outer + inner, 1e-3)
    return dict(zip(names, (contrast, float(image[cavity].mean()), float(image[wall].mean())), strict=True))
