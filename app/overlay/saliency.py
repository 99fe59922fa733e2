"""The saliency map as part of a display list: colour over the sector, and the legend that says what it means."""

from __future__ import annotations

import cv2
import numpy as np

from app.overlay.display_list import Item, Raster, Text, with_alpha
from app.overlay.palettes import Rgb, ink_on
from capture.geometry import Rect, SectorShape
from models.runtime.frame_saliency import SaliencyMap

TITLE = "what lowers the score"
TOPS = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Points at the bright end of the scale: few steps, so that the same colour mostly means the same from map to map."""

STRONGEST = 0.7
"""Opacity at the bright end; the picture stays visible below. It falls to nothing where a place costs nothing."""

LEGEND_PX = 208.0
_ROWS_PX = (46.0, 74.0, 102.0)
_SMALL_PX, _DISC_PX, _PITCH_PX, _DISCS = 14.0, 11.0, 19.0, 5
_SOFT: Rgb = (235, 240, 245)
_DARK: Rgb = (12, 14, 18)


def scale_top(found: SaliencyMap) -> float:
    """Points of score that the brightest colour stands for."""
    highest = float(found.points.max(initial=0.0))
    return next((top for top in TOPS if highest <= top), TOPS[-1])


def tint(found: SaliencyMap, place: Rect | None = None, sector: SectorShape | None = None) -> Raster:
    """Colours of a map: viridis, dark and clear where a place costs nothing, bright where it costs most.

    What holds the score up is left clear as well.

    Parameters
    ----------
    found : the map
    place, sector : where it lies and what it may cover, None for its own place on the screen
    """
    share = np.clip(found.points / scale_top(found), 0, 1)  # (S, S)
    bgr = _viridis(share)  # (S, S, 3)
    alpha = STRONGEST * share[:, :, None]
    bgra = np.concatenate([bgr * alpha, 255 * alpha], axis=2)
    return Raster(np.rint(bgra).astype(np.uint8), place or found.crop, (sector or found.sector).outline())


def legend(found: SaliencyMap, age_ms: float, place: Rect | None = None) -> tuple[Item, ...]:
    """What the colours mean, their scale and the map's age, in the upper left corner of the crop.

    Parameters
    ----------
    found : the map
    age_ms : how much older its frame is than the one on show, 0 for its own
    place : where the crop lies, None for its own place on the screen
    """
    corner = place or found.crop
    title, scale, age = _ROWS_PX
    middle = LEGEND_PX / 2
    end = middle + _PITCH_PX * _DISCS / 2
    return (
        _text(TITLE, corner, middle, title),
        _text("0", corner, middle - (end - middle) - 14, scale),
        *(_disc((index + 1) / _DISCS, corner, middle + (index - _DISCS // 2) * _PITCH_PX, scale) for index in range(5)),
        _text(f"{scale_top(found):.0f} points", corner, end + 38, scale),
        _text("of this frame" if age_ms <= 0 else f"{age_ms / 1000:.1f} s old", corner, middle, age),
    )


def _viridis(share: np.ndarray) -> np.ndarray:
    """Colours of shares 0..1, (H, W) -> (H, W, 3) uint8 BGR."""
    return np.asarray(cv2.applyColorMap(np.rint(255 * share).astype(np.uint8), cv2.COLORMAP_VIRIDIS))


def _disc(share: float, corner: Rect, x_px: float, y_px: float) -> Text:
    blue, green, red = (int(value) for value in _viridis(np.full((1, 1), share))[0, 0])
    return _text(" ", corner, x_px, y_px, _DISC_PX, (red, green, blue))


def _text(
    text: str, corner: Rect, x_px: float, y_px: float, size_px: float = _SMALL_PX, plate: Rgb | None = None
) -> Text:
    return Text(
        text,
        float(corner.x),
        float(corner.y),
        with_alpha(_SOFT if plate is None else ink_on(plate), 1.0),
        dx_px=x_px,
        dy_px=y_px,
        size_px=size_px,
        plate=with_alpha(_DARK, 0.72) if plate is None else with_alpha(plate, 1.0),
        round_plate=plate is not None,
        group_px=LEGEND_PX,
    )
