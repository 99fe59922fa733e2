"""What the plane of the artifact gate is drawn of: its density, the contour at tau, and the reference frames."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QBrush, QColor, QTransform
from PySide6.QtWidgets import QGraphicsItem

from app.overlay.palettes import CALM_GREY, Rgb
from app.ui.theme import TEXT
from app.ui.widgets.map_items import MOST_POINTS
from calibration.cluster_map import ClusterMap
from models.runtime.density_grid import DensityGrid
from models.runtime.gate_plane import GatePlane

KNOWN_COLOUR: Rgb = (116, 203, 234)
SYMBOLS = ("s", "t", "d", "x", "t1", "+", "star")
COLOURS: tuple[Rgb, ...] = (
    (230, 159, 0),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Of the types of artifacts, after Okabe and Ito 2008. Seven and six have no common factor: 42 pairs, and the next type
differs in both."""

KNOWN_PX, ARTIFACT_PX = 4.0, 7.0
TAU_PX = 3.0
SHADE: Rgb = (34, 74, 92)
"""Where the density is highest: darker than any point, so that all stand out."""

_FINER = 4
_DEPTH = 3.0
"""The picture of the density ends this many times as far below its highest value as tau does."""


def look_of(kind: int) -> tuple[str, Rgb]:
    """Symbol and colour of a type: 0 for known frames, from 1 on for artifacts."""
    if kind == 0:
        return "o", KNOWN_COLOUR
    return SYMBOLS[(kind - 1) % len(SYMBOLS)], COLOURS[(kind - 1) % len(COLOURS)]


def plane_items(plane: GatePlane) -> list[Any]:
    """Items of a plot, the lowest first; each keeps a picture of itself, so that the live point does not redraw it."""
    items = [_density(plane.density, plane.tau), _contour(plane.density, plane.tau), _points(plane.references)]
    for item in items:
        item.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
    return items


def bounds_of(plane: GatePlane) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest place, (2,) each, of the reference frames and of the density above tau; never the same."""
    density = plane.density
    inside = np.argwhere(density.values >= plane.tau)[:, ::-1]  # (N, 2): row, column -> column, row
    known = DensityGrid.axis(density.reach, len(density.values))[inside]
    places = np.concatenate([plane.references.points, known]).astype(np.float64)
    low, high = places.min(axis=0), places.max(axis=0)
    return low, np.maximum(high, low + 1e-6)


def shades(density: DensityGrid, tau: float) -> np.ndarray:
    """The density as a picture, (4 n, 4 n, 3) uint8 RGB: black where it is low; the first row is the lowest."""
    side = _FINER * len(density.values)
    values = cv2.resize(density.values, (side, side), interpolation=cv2.INTER_CUBIC)
    highest = float(density.values.max())
    depth = _DEPTH * max(highest - tau, 1.0)
    shade = np.clip((values - highest) / depth + 1, 0, 1)
    return np.asarray(np.rint(shade[..., np.newaxis] * np.array(SHADE)), np.uint8)


KNOWN_BRUSH, UNKNOWN_BRUSH = QBrush(QColor(*KNOWN_COLOUR)), QBrush(QColor(*CALM_GREY))
"""Fill of the live point."""


def _density(density: DensityGrid, tau: float) -> Any:
    item = pg.ImageItem(shades(density, tau), axisOrder="row-major", levels=None)
    corner, side = _extent(density)
    item.setRect(QRectF(corner, corner, side, side))
    return item


def _contour(density: DensityGrid, tau: float) -> Any:
    item = pg.IsocurveItem(density.values, tau, pg.mkPen(TEXT, width=TAU_PX), axisOrder="row-major")
    corner, side = _extent(density)
    step = side / len(density.values)
    item.setTransform(QTransform.fromTranslate(corner, corner).scale(step, step))
    return item


def _extent(density: DensityGrid) -> tuple[float, float]:
    """Lower left corner (both coordinates) and side of a picture whose pixels' middles are the grid's points."""
    step = 2 * density.reach / (len(density.values) - 1)
    return -density.reach - step / 2, step * len(density.values)


def _points(references: ClusterMap) -> Any:
    """All reference frames, each with the name of its type; ``sigHovered`` tells those under the mouse."""
    step = -(-len(references.points) // MOST_POINTS)
    points, kinds = references.points[::step], references.labels[::step]
    found = np.flatnonzero(kinds >= 0)
    kinds = kinds[found].tolist()
    looks = [look_of(kind) for kind in range(len(references.names))]
    brushes = [pg.mkBrush(*colour, 220) for _, colour in looks]
    return pg.ScatterPlotItem(
        pos=points[found],
        symbol=[looks[kind][0] for kind in kinds],
        brush=[brushes[kind] for kind in kinds],
        size=[ARTIFACT_PX if kind else KNOWN_PX for kind in kinds],
        data=[references.names[kind] for kind in kinds],
        pen=None,
        pxMode=True,
        antialias=True,
        hoverable=True,
        tip=None,
    )
