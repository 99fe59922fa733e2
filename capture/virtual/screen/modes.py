"""Makes other screens of a plain one: Doppler and M-mode with a small picture, black bars around a 4:3 screen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual.screen.parameters import ScreenParameters
from capture.virtual.screen.strip import MMODE, SPECTRAL, Strip

IMAGE = "2d"
MODES = (IMAGE, SPECTRAL, MMODE)
_SPLIT = 0.47  # of the height: above it the picture, below it the strip


def with_strip(parameters: ScreenParameters, kind: str, angle: float | None = None) -> ScreenParameters:
    """The screen with a small picture on top and a sweeping strip below it.

    Parameters
    ----------
    parameters : a screen without bars; its sector is made smaller and moved up, calipers and colour box are dropped
    kind : ``spectral`` or ``mmode``
    angle : beam of the strip in radians, the middle beam by default
    """
    p = parameters
    if kind not in (SPECTRAL, MMODE):
        raise ValueError(f"a strip is spectral or mmode, not {kind!r}")
    header, footer = round(p.look.header_fraction * p.height), round(p.look.footer_fraction * p.height)
    sector = _shrunk(p.sector, header + round(0.025 * p.height), round(_SPLIT * p.height))
    rows = round(0.06 * p.height) if p.ecg_box else 0
    top = round((_SPLIT + 0.025) * p.height)
    bottom = p.height - footer - round(0.03 * p.height) - rows
    rect = Rect(round(0.06 * p.width), top, round(0.86 * p.width), bottom - top)
    middle = (sector.angle_left + sector.angle_right) / 2
    strip = Strip(rect, kind, float(np.clip(middle if angle is None else angle, sector.angle_left, sector.angle_right)))
    ecg = Rect(rect.x, bottom + round(0.012 * p.height), rect.width, rows) if p.ecg_box else None
    return replace(p, sector=sector, strip=strip, ecg_box=ecg, calipers=(), colour_box=None)


def _shrunk(sector: Sector, top: int, bottom: int) -> Sector:
    """The sector scaled and moved so that it stands between two rows, its axis where it was."""
    half = max(abs(sector.angle_left), abs(sector.angle_right))
    above = sector.radius_min_px * np.cos(half)
    scale = (bottom - top) / (sector.radius_max_px - above)
    return replace(
        sector,
        apex_y=float(top - above * scale),
        radius_min_px=float(sector.radius_min_px * scale),
        radius_max_px=float(sector.radius_max_px * scale),
    )


def boxed(parameters: ScreenParameters, width: int, height: int) -> ScreenParameters:
    """The same screen in the middle of a larger one, with black bars beside (pillarbox) or above it (letterbox).

    Raises
    ------
    ValueError
        The larger screen does not hold it.
    """
    p = parameters
    dx, dy = (width - p.width) // 2, (height - p.height) // 2
    if dx < 0 or dy < 0:
        raise ValueError(f"a screen of {p.width}x{p.height} does not fit into {width}x{height}")
    inner = p.active_rect
    active = Rect(inner.x + dx, inner.y + dy, inner.width, inner.height)
    return replace(p.moved(dx, dy), width=width, height=height, active=active)
