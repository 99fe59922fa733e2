"""Small helpers on masks and outlines in the pixels of one grid; points are (x, y)."""

from __future__ import annotations

import cv2
import numpy as np

_SMOOTH_POINTS = 5


def largest_component(mask: np.ndarray) -> np.ndarray:
    """Largest 8-connected part with its holes filled, (H, W) uint8 0/1; all zero for an empty mask."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(mask)
    if contours:
        cv2.drawContours(filled, [max(contours, key=_filled_size)], -1, 1, cv2.FILLED)
    return filled


def _filled_size(contour: np.ndarray) -> float:
    return float(cv2.contourArea(contour)) + 0.5 * len(contour)


def outer_contour(mask: np.ndarray) -> np.ndarray:
    """Outline of the largest part, pixel by pixel, (K, 2) int32; (0, 2) for an empty mask."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.zeros((0, 2), np.int32)
    return np.asarray(max(contours, key=len)).reshape(-1, 2)


def smooth_outlines(mask: np.ndarray, smallest_area: float = 6.0) -> tuple[np.ndarray, ...]:
    """Outlines of a mask for drawing: smoothed, on the outer edge of the pixels rather than on their centres.

    Parameters
    ----------
    mask : (H, W) uint8 0/1
    smallest_area : parts below this many pixels are left out

    Returns
    -------
    One (K, 2) float32 closed outline per part; empty for an empty mask.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    parts = [contour.reshape(-1, 2) for contour in contours if _filled_size(contour) >= smallest_area]
    return tuple(_to_edges(part) for part in parts)


def _to_edges(contour: np.ndarray) -> np.ndarray:
    """Smooth a closed pixel contour and move it outward by half a pixel; keeps every second point."""
    smooth = smooth_closed(contour)
    tangent = np.roll(smooth, -1, axis=0) - np.roll(smooth, 1, axis=0)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])  # outer contours of OpenCV run so that this points out
    length = np.maximum(np.hypot(normal[:, 0], normal[:, 1]), 1e-6)
    moved = smooth + 0.5 * normal / length[:, None]
    return np.asarray((moved[::2] if len(moved) > 16 else moved).astype(np.float32))


def smooth_closed(contour: np.ndarray, points: int = _SMOOTH_POINTS) -> np.ndarray:
    """Moving average along a closed outline, (K, 2) -> (K, 2) float64; short ones come back unchanged."""
    contour = np.asarray(contour, dtype=np.float64)
    if len(contour) < 2 * points:
        return contour
    half = points // 2
    ring = np.vstack([contour[-half:], contour, contour[:half]])
    total = np.cumsum(np.vstack([np.zeros((1, 2)), ring]), axis=0)
    return np.asarray((total[points:] - total[:-points]) / points)


def smooth_open(path: np.ndarray, points: int = _SMOOTH_POINTS) -> np.ndarray:
    """Moving average along an open path that keeps both ends, (K, 2) -> (K, 2) float64."""
    path = np.asarray(path, dtype=np.float64)
    if len(path) < 2 * points:
        return path
    half = points // 2
    ends = 2 * path[[0, -1]]
    padded = np.vstack([ends[0] - path[half:0:-1], path, ends[1] - path[-2 : -half - 2 : -1]])
    total = np.cumsum(np.vstack([np.zeros((1, 2)), padded]), axis=0)
    return np.asarray((total[points:] - total[:-points]) / points)


def arc_length(path: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Length from the first point to each point in units, (K, 2) -> (K,); ``unit`` is the pixel's size (x, y)."""
    steps = np.diff(path * unit, axis=0)
    return np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
