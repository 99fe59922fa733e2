"""Paints a display list with OpenCV: the thin half of the overlay that exports use. No Qt, no screen."""

from __future__ import annotations

import math

import cv2
import numpy as np

from app.overlay.display_list import DisplayList, Hatch, Item, Line, Polygon, Raster, Rgba, Text
from capture.geometry import Rect

_SHIFT = 4
"""OpenCV's shapes in sixteenths of a pixel."""


def draw(pixels: np.ndarray, display_list: DisplayList, size: float = 1.0) -> np.ndarray:
    """Paint an overlay over a copy of a frame.

    Parameters
    ----------
    pixels : (H, W) grey or (H, W, 3) BGR uint8, of the list's frame size
    display_list : what to paint
    size : factor for widths, offsets and letters, which do not grow with the picture

    Returns
    -------
    (H, W, 3) BGR uint8

    Raises
    ------
    ValueError
        When the picture has another size than the frame of the list.
    """
    if pixels.shape[:2] != tuple(display_list.frame_size):
        raise ValueError(f"the overlay is of a frame of {display_list.frame_size}, the picture has {pixels.shape[:2]}")
    image = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR) if pixels.ndim == 2 else pixels.copy()
    for item in display_list.items:
        _item(image, item, size)
    return np.asarray(image, dtype=np.uint8)


def _item(image: np.ndarray, item: Item, size: float) -> None:
    if isinstance(item, Polygon):
        _polygon(image, item, size)
    elif isinstance(item, Line):
        _stroke(image, item.points, item.colour, item.width_px * size, closed=False)
    elif isinstance(item, Raster):
        _raster(image, item)
    else:
        _text(image, item, size)


def _raster(image: np.ndarray, item: Raster) -> None:
    place = item.place.clipped(*image.shape[:2])
    whole = item.stretched(item.place.width, item.place.height)
    rows, columns = Rect(place.x - item.place.x, place.y - item.place.y, place.width, place.height).slices()
    colour = whole[rows, columns].astype(np.float32)
    part = image[place.slices()]
    part[:] = np.rint(part * (1 - colour[:, :, 3:] / 255) + colour[:, :, :3]).astype(np.uint8)


def _polygon(image: np.ndarray, item: Polygon, size: float) -> None:
    inside = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(inside, [_fixed(item.points)], 255, cv2.LINE_AA, _SHIFT)
    if item.fill is not None:
        _blend(image, inside, item.fill)
    if item.hatch is not None and item.outline is not None:
        _blend(image, cv2.min(inside, _hatch(image.shape[:2], item.points, item.hatch, size)), item.outline)
    if item.outline is not None:
        _stroke(image, item.points, item.outline, item.width_px * size, closed=True)


def _stroke(image: np.ndarray, points: np.ndarray, colour: Rgba, width_px: float, closed: bool) -> None:
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.polylines(mask, [_fixed(points)], closed, 255, max(round(width_px), 1), cv2.LINE_AA, _SHIFT)
    _blend(image, mask, colour)


def _hatch(shape: tuple[int, ...], points: np.ndarray, hatch: Hatch, size: float) -> np.ndarray:
    """Lines of a hatch over the box around some points, (H, W) uint8."""
    mask = np.zeros(shape[:2], np.uint8)
    low, high = points.min(axis=0), points.max(axis=0)
    middle, reach = (low + high) / 2, float(np.hypot(*(high - low))) / 2
    spacing = hatch.spacing_px * size
    steps = int(reach / spacing) + 1
    for angle in hatch.angles_deg:
        along = np.array([math.cos(math.radians(angle)), -math.sin(math.radians(angle))])
        across = np.array([-along[1], along[0]])
        for step in range(-steps, steps + 1):
            start = middle + across * (step * spacing)
            ends = _fixed(np.stack([start - along * reach, start + along * reach]))
            cv2.line(mask, tuple(ends[0].tolist()), tuple(ends[1].tolist()), 255, 1, cv2.LINE_AA, _SHIFT)
    return mask


def _text(image: np.ndarray, whole: Text, size: float) -> None:
    item = whole.within(image.shape[1] / size)
    if item is None:
        return
    scale, weight = item.size_px * size / 30.0, max(round(item.size_px * size / 12.0), 1)
    (width, height), _ = cv2.getTextSize(item.text, cv2.FONT_HERSHEY_SIMPLEX, scale, weight)
    box_h = item.size_px * size * 1.5
    box_w = box_h if item.round_plate else width + item.size_px * size * 0.9
    x = _between(item.x + item.dx_px * size, box_w / 2, image.shape[1] - 1 - box_w / 2)
    y = _between(item.y + item.dy_px * size, box_h / 2, image.shape[0] - 1 - box_h / 2)
    if item.plate is not None:
        _plate(image, (x, y), (box_w, box_h), item)
    letters = np.zeros(image.shape[:2], np.uint8)
    place = (round(x - width / 2), round(y + height / 2))
    cv2.putText(letters, item.text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, weight, cv2.LINE_AA)
    _blend(image, letters, item.colour)


def _plate(image: np.ndarray, centre: tuple[float, float], box: tuple[float, float], item: Text) -> None:
    assert item.plate is not None
    mask = np.zeros(image.shape[:2], np.uint8)
    if item.round_plate:
        place = _fixed(np.array([centre]))[0]
        cv2.circle(mask, tuple(place.tolist()), round(box[1] / 2 * (1 << _SHIFT)), 255, -1, cv2.LINE_AA, _SHIFT)
    else:
        corners = np.array(centre) + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(box) / 2
        cv2.fillPoly(mask, [_fixed(corners)], 255, cv2.LINE_AA, _SHIFT)
    _blend(image, mask, item.plate)


def _blend(image: np.ndarray, mask: np.ndarray, colour: Rgba) -> None:
    """Mix a colour into (H, W, 3) BGR in place, by a (H, W) uint8 mask times its alpha."""
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0:
        return
    part = image[y : y + height, x : x + width]
    share = mask[y : y + height, x : x + width, None].astype(np.float32) * (colour[3] / 255 / 255)
    bgr = np.array(colour[2::-1], np.float32)
    part[:] = np.rint(part * (1 - share) + bgr * share).astype(np.uint8)


def _fixed(points: np.ndarray) -> np.ndarray:
    """(K, 2) pixels to OpenCV's fixed point, (K, 2) int32."""
    return np.asarray(np.rint(points * (1 << _SHIFT)), dtype=np.int32)


def _between(value: float, low: float, high: float) -> float:
    return max(min(value, high), low)
