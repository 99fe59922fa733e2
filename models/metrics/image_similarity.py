"""How alike two pictures are: SSIM, relative error and PSNR inside a mask, and mutual information."""

from __future__ import annotations

import cv2
import numpy as np

from capture.errors import DataError

WINDOW, WINDOW_SIGMA = 11, 1.5  # Wang et al. 2004
K1, K2 = 0.01, 0.03
_GREY_BINS = 32


def ssim_map(first: np.ndarray, second: np.ndarray, data_range: float = 1.0) -> np.ndarray:
    """Structural similarity of every pixel, (H, W) float64, -1..1 (Wang et al. 2004, equation 13).

    Local means and variances are weighted by an 11x11 Gaussian of 1.5 px; the border is mirrored.

    Parameters
    ----------
    first, second : (H, W) of one shape
    data_range : span of the values
    """
    _check_shapes(first, second)
    a, b = (np.asarray(picture, np.float64) for picture in (first, second))
    mean_a, mean_b = _local_mean(a), _local_mean(b)
    variance_a = _local_mean(a * a) - mean_a * mean_a
    variance_b = _local_mean(b * b) - mean_b * mean_b
    covariance = _local_mean(a * b) - mean_a * mean_b
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return np.asarray(likeness / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)))


def whole_windows(inside: np.ndarray) -> np.ndarray:
    """Pixels whose 11x11 window lies within the mask and the picture, (H, W) bool."""
    kernel = np.ones((WINDOW, WINDOW), np.uint8)
    kept = cv2.erode(np.asarray(inside, np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(kept > 0)


def ssim(first: np.ndarray, second: np.ndarray, inside: np.ndarray, data_range: float = 1.0) -> float:
    """Mean structural similarity over the windows that lie within a mask.

    Parameters
    ----------
    first, second : (H, W) of one shape; what is outside the mask does not matter
    inside : (H, W) bool
    data_range : span of the values

    Returns
    -------
    1 for equal pictures; NaN when the mask holds no whole window.

    Raises
    ------
    DataError
        The shapes differ.
    """
    _check_shapes(first, second, inside)
    windows = whole_windows(inside)
    return float(ssim_map(first, second, data_range)[windows].mean()) if windows.any() else float("nan")


def relative_pixel_error(truth: np.ndarray, found: np.ndarray, inside: np.ndarray, floor: float = 1e-4) -> float:
    """Mean of abs(truth - found) / max(truth, floor) inside a mask (regional quality paper, section 3.1)."""
    _check_shapes(truth, found, inside)
    t, p = (np.asarray(picture, np.float64)[inside] for picture in (truth, found))
    return float((np.abs(t - p) / np.maximum(t, floor)).mean()) if t.size else float("nan")


def psnr_db(truth: np.ndarray, found: np.ndarray, inside: np.ndarray, data_range: float = 1.0) -> float:
    """Peak signal to noise ratio inside a mask in dB; infinite for equal pictures, NaN for an empty mask."""
    _check_shapes(truth, found, inside)
    difference = np.asarray(truth, np.float64)[inside] - np.asarray(found, np.float64)[inside]
    if not difference.size:
        return float("nan")
    power = float((difference**2).mean())
    return 10 * float(np.log10(data_range**2 / power)) if power > 0 else float("inf")


def mutual_information(first: np.ndarray, second: np.ndarray) -> float:
    """What the grey of one picture tells of the grey of the other, in nats, from a 32 x 32 joint histogram.

    Parameters
    ----------
    first, second : (H, W) uint8 of one shape

    Raises
    ------
    DataError
        The shapes differ.
    """
    _check_shapes(first, second)
    step = 256 // _GREY_BINS
    both = (first // step).astype(np.int64) * _GREY_BINS + second // step
    joint = np.bincount(both.ravel(), minlength=_GREY_BINS**2).reshape(_GREY_BINS, _GREY_BINS) / both.size
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    some = joint > 0
    return float((joint[some] * np.log(joint[some] / independent[some])).sum())


def _local_mean(picture: np.ndarray) -> np.ndarray:
    size = (WINDOW, WINDOW)
    return np.asarray(cv2.GaussianBlur(picture, size, WINDOW_SIGMA, borderType=cv2.BORDER_REFLECT_101))


def _check_shapes(*pictures: np.ndarray) -> None:
    shapes = {np.shape(picture) for picture in pictures}
    if len(shapes) > 1 or any(len(shape) != 2 for shape in shapes):
        raise DataError(f"cannot compare pictures of shapes {sorted(map(str, shapes))}: give two of one size (H, W)")
