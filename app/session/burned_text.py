"""Finds text that was burned into a picture: bright strokes of one width and one level with sharp edges, in a row.

Speckle and walls are bright too, but their levels vary, their edges are as soft as the beam is wide, and they do not
stand in rows. No reading: it says that there seems to be text and where, and a person looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.geometry import Rect

_SMALLEST_PX, _LARGEST_PX = 6, 64
"""Heights of letters."""

_THINNEST_CONTRAST = 36
"""Grey levels by which a letter is brighter than what lies around it."""

_WIDEST = 3.0
"""Width of letters that touch each other, as a share of their height."""

_SMALLEST_AREA = 6

_FEWEST = 3
"""Letters of a row."""

_WIDEST_GAP = 1.0
"""Between two letters of a row, as a share of their height."""

_LEVEL_SPREAD = 30.0
"""Grey levels by which neighbours differ at most."""

_MOST_UNEVEN = 0.4
"""Middle half of the levels along a letter's strokes, as a share of its level."""

_SHARPEST_FALL = 0.25
"""Share of its level by which a letter's surroundings are darker, two pixels from its edge, for three quarters."""


@dataclass(frozen=True)
class _Letters:
    """Parts of a picture that may be letters, (K,) arrays of pixels and levels."""

    x: np.ndarray
    y: np.ndarray
    width: np.ndarray
    height: np.ndarray
    level: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


def find_text(grey: np.ndarray, inside: np.ndarray) -> list[Rect]:
    """Rows of at least three letters.

    Parameters
    ----------
    grey : (h, w) uint8; the darkest of several pictures of a moving organ, where there are several: speckle fades
    inside : (h, w) bool, pixels that count

    Returns
    -------
    Boxes around the rows, from top to bottom; empty when there is none.
    """
    found: list[Rect] = []
    for stroke_px in (3, 7):
        strokes = _strokes(grey, inside, stroke_px)
        found += _in_rows(_letters(grey, strokes, inside, stroke_px))
    return sorted(_merged(found), key=lambda box: (box.y, box.x))


def _strokes(grey: np.ndarray, inside: np.ndarray, stroke_px: int) -> np.ndarray:
    """Bright parts thinner than a stroke may be, (h, w) uint8 0 or 255."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * stroke_px + 1, 2 * stroke_px + 1))
    edge_safe = np.where(inside, grey, cv2.dilate(grey, kernel)).astype(np.uint8)
    hat = cv2.morphologyEx(edge_safe, cv2.MORPH_TOPHAT, kernel)
    top = cv2.dilate(hat, kernel)
    return np.asarray(((hat > _THINNEST_CONTRAST) & (2.0 * hat > top) & inside).astype(np.uint8) * 255)


def _letters(grey: np.ndarray, strokes: np.ndarray, inside: np.ndarray, stroke_px: int) -> _Letters:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    kept = []
    for k in range(1, count):
        x, y, width, height, area = (int(v) for v in stats[k])
        if not (_SMALLEST_PX <= height <= _LARGEST_PX and width <= _WIDEST * height and area >= _SMALLEST_AREA):
            continue
        part = slice(max(y - 2, 0), y + height + 2), slice(max(x - 2, 0), x + width + 2)
        level = _letter_level(grey[part], labels[part] == k, stroke_px)
        if level is not None:
            kept.append((x, y, width, height, level))
    return _Letters(*np.array(kept, np.float64).reshape(-1, 5).T)


def _letter_level(grey: np.ndarray, own: np.ndarray, stroke_px: int) -> float | None:
    """Level of a letter; None where the part is no even, sharp stroke of one width."""
    depth = cv2.distanceTransform(np.pad(own.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    ridge = own & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)) - 0.1)
    levels = grey[ridge].astype(np.float64)
    level = float(np.percentile(levels, 75))
    if level - float(np.percentile(levels, 25)) > _MOST_UNEVEN * level:
        return None
    around = (cv2.dilate(own.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~(
        cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    )
    fallen = (level - grey[around]) / level
    if float(np.percentile(fallen, 25)) < _SHARPEST_FALL:
        return None
    return level if float(depth[ridge].max()) <= stroke_px else None


def _in_rows(letters: _Letters) -> list[Rect]:
    """Boxes of rows: neighbours of like height and level at like height, three or more in a chain."""
    if len(letters) == 0:
        return []
    chains = _chains(_neighbours(letters))
    return [_box(letters, chain) for chain in chains if len(chain) >= _FEWEST]


def _neighbours(letters: _Letters) -> np.ndarray:
    """Which letters follow each other in a row, (K, K) bool, symmetric."""
    x, y, width, height = letters.x, letters.y, letters.width, letters.height
    taller = np.maximum(height[:, None], height[None])
    shorter = np.minimum(height[:, None], height[None])
    gap = np.maximum(x[:, None], x[None]) - np.minimum((x + width)[:, None], (x + width)[None])
    over = np.minimum((y + height)[:, None], (y + height)[None]) - np.maximum(y[:, None], y[None])
    level = np.abs(letters.level[:, None] - letters.level[None])
    near = (gap <= _WIDEST_GAP * taller) & (gap > -0.3 * taller)
    return np.asarray(near & (over >= 0.7 * shorter) & (shorter >= 0.6 * taller) & (level <= _LEVEL_SPREAD))


def _chains(neighbours: np.ndarray) -> list[np.ndarray]:
    """Groups of letters that are connected by neighbours."""
    left = set(range(len(neighbours)))
    chains = []
    while left:
        chain, fresh = set(), {left.pop()}
        while fresh:
            chain |= fresh
            fresh = {int(j) for i in fresh for j in np.flatnonzero(neighbours[i])} & left
            left -= fresh
        chains.append(np.array(sorted(chain)))
    return chains


def _box(letters: _Letters, chain: np.ndarray) -> Rect:
    x, y = int(letters.x[chain].min()), int(letters.y[chain].min())
    right = int((letters.x + letters.width)[chain].max())
    return Rect(x, y, right - x, int((letters.y + letters.height)[chain].max()) - y)


def _merged(boxes: list[Rect]) -> list[Rect]:
    """Boxes that overlap as one: both stroke widths find the same row."""
    kept: list[Rect] = []
    for box in boxes:
        for other in [one for one in kept if _overlap(one, box)]:
            kept.remove(other)
            box = _around(other, box)  # noqa: PLW2901 - it grows
        kept.append(box)
    return kept


def _overlap(a: Rect, b: Rect) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def _around(a: Rect, b: Rect) -> Rect:
    x, y = min(a.x, b.x), min(a.y, b.y)
    return Rect(x, y, max(a.x + a.width, b.x + b.width) - x, max(a.y + a.height, b.y + b.height) - y)
