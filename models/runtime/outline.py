"""Small helpers on masks and outlines in the pixels of one grid; points are (x, y)."""

from __future__ import annotations

import cv2
import numpy as np

_SMOOTH_POINTS = 5
_WEIGHTS = np.full(_SMOOTH_POINTS, 1 / _SMOOTH_POINTS)


def binary(flags: np.ndarray) -> np.ndarray:
    """A bool mask as the uint8 0/1 that OpenCV takes; the same memory."""
    return flags.view(np.uint8)


def mask_of(labels: np.ndarray, value: int) -> np.ndarray:
    """Where a label map has a value, (H, W) uint8 0/1, contiguous so that OpenCV may draw into it."""
    return binary(np.equal(labels, value, order="C"))


def largest_part(mask: np.ndarray) -> np.ndarray | None:
    """Outline of the largest 8-connected part, its holes counted in, (K, 1, 2) int32; None for an empty mask.

    Parameters
    ----------
    mask : (H, W) uint8 0/1
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(max(contours, key=_filled_size)) if contours else None


def fill(canvas: np.ndarray, outline: np.ndarray | None, value: int) -> None:
    """Set the area of an outline from ``largest_part``, its border included; None draws nothing."""
    if outline is not None:
        cv2.drawContours(canvas, [outline], -1, value, cv2.FILLED)


def _filled_size(contour: np.ndarray) -> float:
    return float(cv2.contourArea(contour)) + 0.5 * len(contour)


def outer_contour(mask: np.ndarray) -> np.ndarray:
    """Longest outline of a mask, pixel by pixel, (K, 2) int32; (0, 2) for an empty mask."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.zeros((0, 2), np.int32)
    return np.asarray(max(contours, key=len)).reshape(-1, 2)


def smooth_outlines(
    mask: np.ndarray, smallest_area: float = 6.0, origin: tuple[int, int] = (0, 0)
) -> tuple[np.ndarray, ...]:
    """Outlines of a mask for drawing: smoothed, on the outer edge of the pixels rather than on their centres.

    Parameters
    ----------
    mask : (H, W) uint8 0/1
    smallest_area : parts below this many pixels are left out
    origin : (x, y) of the mask's first pixel, where it is a part of a larger picture

    Returns
    -------
    One (K, 2) float32 closed outline per part; empty for an empty mask.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=origin)
    return tuple(_to_edges(contour) for contour in contours if _filled_size(contour) >= smallest_area)


def _to_edges(contour: np.ndarray) -> np.ndarray:
    """Smooth a closed pixel contour and move it outward by half a pixel; keeps every second point.

    Points are complex numbers, x + iy: a quarter turn is then a product with i, and one array holds them.
    """
    ring = contour.reshape(-1).astype(np.float64).view(np.complex128)  # (K,)
    if len(ring) >= 2 * _SMOOTH_POINTS:
        ring = np.convolve(_wrapped(ring, _SMOOTH_POINTS // 2), _WEIGHTS, mode="valid")
    step = 2 if len(ring) > 16 else 1
    ring = _wrapped(ring, 1)
    tangent = (ring[2:] - ring[:-2])[::step]
    outward = 1j * tangent / np.maximum(np.abs(tangent), 1e-6)  # outer contours of OpenCV run so that this points out
    moved = ring[1:-1:step] + 0.5 * outward
    return moved.view(np.float64).reshape(-1, 2).astype(np.float32)


def _wrapped(ring: np.ndarray, points: int) -> np.ndarray:
    """A ring with its ends repeated on the other side."""
    return np.concatenate([ring[-points:], ring, ring[:points]])


def smooth_open(path: np.ndarray) -> np.ndarray:
    """Moving average along an open path of pixels that keeps both ends, (K, 2) -> (K, 2) float64."""
    path = path.astype(np.float64)
    if len(path) < 2 * _SMOOTH_POINTS:
        return path
    half = _SMOOTH_POINTS // 2
    start = np.zeros((1, 2))
    padded = np.concatenate([start, 2 * path[0] - path[half:0:-1], path, 2 * path[-1] - path[-2 : -half - 2 : -1]])
    total = np.cumsum(padded, axis=0)
    return np.asarray((total[_SMOOTH_POINTS:] - total[:-_SMOOTH_POINTS]) / _SMOOTH_POINTS)


def arc_length(path: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Length from the first point to each point in units, (K, 2) -> (K,); ``unit`` is the pixel's size (x, y)."""
    steps = np.diff(path * unit, axis=0)
    return np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
