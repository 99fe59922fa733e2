"""Fit of a sector to evidence: the sector that holds most picture and least background.

With the apex fixed, beams and ranges are the axes of a polar map, and the best sector is the rectangle of largest sum
in it. What remains is a search over the two coordinates of the apex.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calibration.linear_fit import largest_run
from capture.geometry import Sector

_WIDEST = np.radians(80.0)
_RANGES, _BEAMS = 96, 144
_FINE = 4  # times as many in the last look


@dataclass(frozen=True)
class Fit:
    """A sector in working pixels and the evidence for it (pixels of picture less cost of background)."""

    sector: Sector
    gain: float


class SectorFitter:
    """Finds the best sector for a map of evidence.

    Parameters
    ----------
    weight : (h, w) float32, positive for picture, negative for background, 0 for unknown
    body : (h, w) bool, coarse picture area that gives the start
    """

    def __init__(self, weight: np.ndarray, body: np.ndarray) -> None:
        self.weight = weight
        self.body = body

    def fit(self) -> Fit | None:
        """Best sector, or None when the body has no two slanting sides to start from."""
        fits = [fit for apex in self._starts() if (fit := self._at(*apex, None)) is not None]
        if not fits:
            return None
        best = max(fits, key=lambda fit: fit.gain)
        side = max(self.body.shape)
        for step in (side / 40, side / 80, side / 160, side / 320):
            best = self._climb(best, step)
        best = self._at(best.sector.apex_x, best.sector.apex_y, best.sector, fine=True) or best
        for _ in range(3):
            straight = self._straightened(best)
            if straight is None or straight.gain <= best.gain:
                break
            best = straight
        return best

    def _straightened(self, best: Fit) -> Fit | None:
        """The fit with its apex where straight lines along both sides meet; None when they do not."""
        lines = [edge_line(self.weight, best.sector, side) for side in (-1, 1)]
        apex = _meeting(lines[0], lines[1])
        return self._at(*apex, best.sector, fine=True) if apex else None

    def _climb(self, best: Fit, step: float) -> Fit:
        """Greedy moves of the apex by ``step`` while they pay."""
        for _ in range(12):
            x, y = best.sector.apex_x, best.sector.apex_y
            moves = ((step, 0), (-step, 0), (0, step), (0, -step))
            tried = [self._at(x + dx, y + dy, best.sector) for dx, dy in moves]
            found = max((fit for fit in tried if fit), key=lambda fit: fit.gain, default=best)
            if found.gain <= best.gain:
                return best
            best = found
        return best

    def _starts(self) -> list[tuple[float, float]]:
        """Candidate apexes: where the two sides of the body meet, and the middle of its top."""
        rows = np.flatnonzero(self.body.any(axis=1))
        if rows.size < 8:
            return []
        left, right = _sides(self.body, rows)
        width = self.body.shape[1]
        top = rows[0]
        middle = float(left[0] + right[0]) / 2
        starts = [(middle, float(top)), (middle, float(top) - 0.15 * rows.size)]
        left_line, right_line = _side_line(left, rows, -1, width), _side_line(right, rows, 1, width)
        if left_line is not None and right_line is not None:
            (a0, b0), (a1, b1) = left_line, right_line
            if b1 - b0 > 0.1:
                y = (a0 - a1) / (b1 - b0)
                starts.append((a0 + b0 * y, y))
        return starts

    def _at(self, x: float, y: float, near: Sector | None, fine: bool = False) -> Fit | None:
        """Best sector with its apex at (x, y)."""
        reach = self._reach(x, y)
        low, high, ranges, beams = self._window(near, reach, fine)
        angle = np.linspace(low, high, beams + 1)
        radius = np.linspace(0, reach, ranges + 1)
        centre_a, centre_r = (angle[1:] + angle[:-1]) / 2, (radius[1:] + radius[:-1]) / 2
        map_x = (x + np.outer(centre_r, np.sin(centre_a))).astype(np.float32)
        map_y = (y + np.outer(centre_r, np.cos(centre_a))).astype(np.float32)
        polar = cv2.remap(self.weight, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        polar *= (centre_r * (radius[1] * (angle[1] - angle[0]))).astype(np.float32)[:, None]  # area of each cell
        return _best_rectangle(polar, radius, angle, (x, y), near)

    def _reach(self, x: float, y: float) -> float:
        height, width = self.body.shape
        return float(np.hypot(max(abs(x), abs(width - x)), max(abs(y), abs(height - y))))

    def _window(self, near: Sector | None, reach: float, fine: bool) -> tuple[float, float, int, int]:
        if near is None:
            return -_WIDEST, _WIDEST, _RANGES, _BEAMS
        slack = np.radians(6.0)
        low, high = max(near.angle_left - slack, -_WIDEST), min(near.angle_right + slack, _WIDEST)
        return low, high, _FINE * _RANGES if fine else _RANGES, _FINE * _BEAMS if fine else _BEAMS


def _best_rectangle(
    polar: np.ndarray, radius: np.ndarray, angle: np.ndarray, apex: tuple[float, float], near: Sector | None
) -> Fit | None:
    """Rectangle of largest sum in a polar map (ranges, beams), by turns over its two axes."""
    if near is None:
        first, last = 0, int(np.argmax(polar.sum(axis=1).cumsum())) + 1
    else:
        first, last = (int(np.searchsorted(radius, r)) for r in (near.radius_min_px, near.radius_max_px))
    gain = 0.0
    for _ in range(3):
        left, right, _ = largest_run(polar[max(first - 1, 0) : last].sum(axis=0))
        first, last, gain = largest_run(polar[:, left:right].sum(axis=1))
    if gain <= 0 or right - left < 3 or last - first < 3:
        return None
    return Fit(Sector(*apex, radius[first], radius[last], angle[left], angle[right]), gain)


def edge_line(weight: np.ndarray, sector: Sector, side: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Straight line along one side of a sector (-1 left, 1 right): a point and a direction, or None when off screen.

    Where picture changes to background is found on short cuts across the side; a robust line goes through them.
    """
    angle = sector.angle_left if side < 0 else sector.angle_right
    along = np.array([np.sin(angle), np.cos(angle)])
    across = side * np.array([np.cos(angle), -np.sin(angle)])  # outward
    span = sector.radius_max_px - sector.radius_min_px
    radius = sector.radius_min_px + span * np.linspace(0.06, 0.97, 160)
    reach = max(0.03 * span, 4.0)
    offset = np.linspace(-reach, reach, 4 * int(reach) + 1)
    points = np.array([sector.apex_x, sector.apex_y]) + radius[:, None, None] * along + offset[:, None] * across
    cuts = cv2.remap(
        weight, points[..., 0].astype(np.float32), points[..., 1].astype(np.float32), cv2.INTER_LINEAR, borderValue=0
    )  # (points, offsets)
    cuts = cv2.blur(cuts, (1, 5))
    change = cuts.cumsum(axis=1).argmax(axis=1)
    seen = (change > 0) & (change < offset.size - 1) & (np.abs(cuts).min(axis=1) > 0)
    if seen.sum() < 20:
        return None
    r, o = radius[seen], offset[change[seen]]
    return _robust_line(r, o, np.array([sector.apex_x, sector.apex_y]), along, across)


def _robust_line(
    r: np.ndarray, o: np.ndarray, origin: np.ndarray, along: np.ndarray, across: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Line o = a + b r by iterated biweight, as a point and a direction on the screen."""
    trust = np.ones_like(r)
    for _ in range(8):
        b, a = np.polyfit(r, o, 1, w=np.sqrt(trust))
        residual = np.abs(o - a - b * r)
        scale = max(3.0 * float(np.median(residual)), 0.75)
        trust = np.clip(1 - (residual / scale) ** 2, 1e-3, None) ** 2
    return origin + a * across, along + b * across


def _meeting(
    left: tuple[np.ndarray, np.ndarray] | None, right: tuple[np.ndarray, np.ndarray] | None
) -> tuple[float, float] | None:
    """Where two lines, each a point and a direction, meet; None when one is missing or they run parallel."""
    if left is None or right is None:
        return None
    matrix = np.column_stack([left[1], -right[1]])
    if abs(np.linalg.det(matrix)) < 0.05:
        return None
    x, y = left[0] + np.linalg.solve(matrix, right[0] - left[0])[0] * left[1]
    return float(x), float(y)


def _sides(body: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last body column of each of ``rows``."""
    inside = body[rows]
    return inside.argmax(axis=1), body.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)


def _side_line(columns: np.ndarray, rows: np.ndarray, sign: int, width: int) -> tuple[float, float] | None:
    """Line x = a + b y along one side of the body, by consensus; None when too little of the side is on screen.

    ``sign`` is -1 for the left side, 1 for the right. Points far outside a line speak against it, points inside
    (shadow at the edge) hardly.
    """
    widest = int(np.argmax(sign * columns)) + 1
    x, y = columns[:widest].astype(np.float64), rows[:widest].astype(np.float64)
    on_screen = (x > 1) & (x < width - 2)
    x, y = x[on_screen], y[on_screen]
    if x.size < 8:
        return None
    random = np.random.default_rng(0)
    i, j = random.integers(0, x.size, (2, 300))
    apart = np.abs(y[i] - y[j]) > max(0.15 * np.ptp(y), 3)
    i, j = i[apart], j[apart]
    if i.size == 0:
        return None
    slope = (x[j] - x[i]) / (y[j] - y[i])
    start = x[i] - slope * y[i]
    outward = sign * (x - start[:, None] - slope[:, None] * y)  # (pairs, points)
    votes = (np.abs(outward) < 1.5).sum(axis=1) - 0.7 * (outward > 3).sum(axis=1)
    best = int(np.argmax(votes))
    return float(start[best]), float(slope[best])
