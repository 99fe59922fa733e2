"""Small drawings for the report, as SVG text: curves over time and the bull's-eye."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from app.engine.bulls_eye import SEGMENT_WALLS, SEGMENTS_18, BullsEyeState
from app.overlay.palettes import CALM_GREY, DEFAULT, Rgb, ink_on
from models.runtime.contract import label_of

WIDTH, LEFT, RIGHT = 920, 200, 24
MOST_POINTS = 700
"""Of a curve; a longer one shows means of equal stretches of time."""

GAP_S = 0.6
"""A curve is broken where no figure is known for so long."""

_RINGS = (100.0, 70.0, 40.0, 0.0)
_CELL = 'font-size="11" text-anchor="middle"'


def hex_of(colour: Rgb) -> str:
    """As CSS takes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def curves(t_s: np.ndarray, rows: Mapping[str, np.ndarray], bounds: tuple[float, float], row_px: int = 44) -> str:
    """One row per curve over a common axis of time.

    Parameters
    ----------
    t_s : seconds, (M,) float64 ascending
    rows : name of each curve -> values (M,), NaN where there is none
    bounds : least and largest value of all rows
    row_px : height of a row

    Returns
    -------
    An ``<svg>`` element.
    """
    height = row_px * len(rows) + 26
    first, last = (float(t_s[0]), float(t_s[-1])) if len(t_s) else (0.0, 0.0)
    parts = [_row(name, t_s, rows[name], bounds, k * row_px, row_px, (first, last)) for k, name in enumerate(rows)]
    return _svg(WIDTH, height, "".join(parts) + _axis(first, last, height))


def _row(
    name: str,
    t_s: np.ndarray,
    values: np.ndarray,
    bounds: tuple[float, float],
    top: int,
    px: int,
    ends: Sequence[float],
) -> str:
    low, high = bounds
    lines = []
    for line in _lines(*_thinned(t_s, values)):
        x = [_x(t, *ends) for t in line[:, 0]]
        y = top + px - 6 - (line[:, 1] - low) / (high - low) * (px - 12)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="#1f5d86" stroke-width="1.6"/>')
    grid = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#d5dbe0"/>'
        f'<text x="{LEFT - 6}" y="{y + 4}" font-size="10" text-anchor="end" fill="#667">{value:g}</text>'
        for value, y in ((high, top + 6), (low, top + px - 6))
    )
    title = f'<text x="4" y="{top + px / 2 + 4}" font-size="12">{escape(name)}</text>'
    return grid + title + "".join(lines)


def _thinned(t_s: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Known points only, not more than ``MOST_POINTS``."""
    known = np.isfinite(values)
    t_s, values = t_s[known], values[known]
    if len(t_s) <= MOST_POINTS:
        return t_s, values
    stretch = np.minimum(((t_s - t_s[0]) / (t_s[-1] - t_s[0]) * MOST_POINTS).astype(int), MOST_POINTS - 1)
    count = np.maximum(np.bincount(stretch, minlength=MOST_POINTS), 1)
    filled = np.bincount(stretch, minlength=MOST_POINTS) > 0
    return tuple((np.bincount(stretch, v, MOST_POINTS) / count)[filled] for v in (t_s, values))  # type: ignore[return-value]


def _lines(t_s: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """Unbroken stretches, each (K, 2) of time and value."""
    if not len(t_s):
        return []
    longest = max(GAP_S, 3 * (t_s[-1] - t_s[0]) / MOST_POINTS)
    return np.split(np.column_stack([t_s, values]), np.flatnonzero(np.diff(t_s) > longest) + 1)


def _x(t_s: float, first: float, last: float) -> float:
    return LEFT + (t_s - first) / max(last - first, 1e-9) * (WIDTH - LEFT - RIGHT)


def _axis(first: float, last: float, height: int) -> str:
    marks = [
        f'<text x="{_x(t, first, last):.1f}" y="{height - 8}" {_CELL} fill="#667">{t:.1f} s</text>'
        for t in np.linspace(first, last, 6).tolist()
    ]
    return "".join(marks if last > first else marks[:1])


def bulls_eye(state: BullsEyeState) -> str:
    """The 18 segments with the best score that each held, the anterior wall on top; an ``<svg>`` element."""
    parts = []
    for k, name in enumerate(SEGMENTS_18):
        ring, step = divmod(k, 6)
        parts.append(_wedge(name, state.segments[name].best, ring, 90.0 + 60.0 * step))
    walls = [_wall(wall, 90.0 + 60.0 * k) for k, wall in enumerate(SEGMENT_WALLS)]
    return _svg(360, 270, f'<g transform="translate(180 135)">{"".join(parts + walls)}</g>')


def _wedge(name: str, score: float | None, ring: int, middle_deg: float) -> str:
    outer, inner = _RINGS[ring], _RINGS[ring + 1]
    fill = (DEFAULT.colour(label_of(score)) or CALM_GREY) if score is not None else (232, 236, 239)
    corners = [_point(outer, middle_deg - 30), _point(outer, middle_deg + 30)]
    corners += [_point(inner, middle_deg + 30), _point(inner, middle_deg - 30)]
    (a, b, c, d) = (f"{x:.2f} {y:.2f}" for x, y in corners)
    path = f"M{a} A{outer} {outer} 0 0 0 {b} L{c} A{inner} {inner} 0 0 1 {d} Z"
    x, y = _point((outer + inner) / 2 if inner else 27.0, middle_deg)
    text = "" if score is None else f"{score:.1f}"
    return (
        f'<path d="{path}" fill="{hex_of(fill)}" stroke="#fff" stroke-width="1.5"><title>{escape(name)} {text}</title>'
        f'</path><text x="{x:.1f}" y="{y + 4:.1f}" {_CELL} fill="{hex_of(ink_on(fill))}">{text}</text>'
    )


def _wall(name: str, middle_deg: float) -> str:
    x, y = _point(117.0, middle_deg)
    anchor = "middle" if abs(x) < 10 else ("end" if x < 0 else "start")
    x = math.copysign(103.0, x) if anchor != "middle" else x
    return f'<text x="{x:.1f}" y="{y + 4:.1f}" font-size="11" text-anchor="{anchor}" fill="#445">{name}</text>'


def _point(radius: float, angle_deg: float) -> tuple[float, float]:
    angle = math.radians(angle_deg)
    return radius * math.cos(angle), -radius * math.sin(angle)


def _svg(width: int, height: int, content: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'font-family="sans-serif" role="img">{content}</svg>'
    )
