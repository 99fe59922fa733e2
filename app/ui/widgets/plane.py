"""A plane of reference frames, drawn once, and on it the live frame as a point with a short trail."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.ui.theme import BACKGROUND, SURFACE, TEXT
from app.ui.widgets.map_items import trail_curves
from app.ui.widgets.throttle import Throttle

TRAIL_S, GAP_S, STEP_S = 3.0, 0.5, 0.06
"""Length of the trail; two points further apart in time than the second are not joined, nearer than the third merge."""

PAUSE_MS = 100
MARGIN = 0.08
"""Empty border around all that is drawn, as a share of what it takes."""

LIVE_PX, RIM_PX = 14.0, 9.0
"""Diameter of the live point; a place outside of the view is shown this far from its border."""

Place = tuple[float, float]
Bounds = tuple[np.ndarray, np.ndarray]
"""Lowest and highest place that must be seen, (2,) each; never the same."""


@dataclass(frozen=True)
class _Step:
    """One point of the trail: time in s, place (x, y)."""

    t_s: float
    place: Place


class PlaneWidget(QWidget):
    """Repaints at most ten times a second, never while hidden; what does not move is drawn once per view.

    The user may drag and zoom the plane; a double click shows all of it again.

    Parameters
    ----------
    name, accessible_name : of the widget
    live_brush : gives the fill of the live point whenever it is drawn; the same object for the same colour, since the
        plot keeps a picture of each
    """

    def __init__(
        self, name: str, accessible_name: str, live_brush: Callable[[], QBrush], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible_name)
        self.setToolTip("Drag to move, wheel to zoom, double click to see all")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self._live_brush = live_brush
        self._bounds: Bounds | None = None
        self._trail: deque[_Step] = deque()
        self._now: Place | None = None
        self._stale = False
        self._drawn: list[Any] = []
        self._build()
        self._throttle = Throttle(self, PAUSE_MS, self._refresh)

    def _build(self) -> None:
        """The bare plot: a view without axes and menu, and the items that move."""
        self.plot = pg.GraphicsView(self, background=BACKGROUND)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the window's keys stay with the window
        self.view = pg.ViewBox(enableMenu=False, defaultPadding=0)
        self.plot.setCentralItem(self.view)
        self._curves = trail_curves()
        self._live = pg.ScatterPlotItem(pxMode=True, antialias=True)
        self._rims = [pg.mkPen(TEXT, width=6.0), pg.mkPen(SURFACE, width=2.0)]
        for item in (*self._curves, self._live):
            item.setZValue(1)  # over what does not move, whenever that is drawn
            self.view.addItem(item, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.view.sigRangeChanged.connect(self._moved)
        scene = self.plot.scene()
        scene.sigMouseClicked.connect(lambda event: self._show_all() if event.double() else None)
        scene.sigPrepareForPaint.connect(self._before_paint)

    def sizeHint(self) -> QSize:
        """A little wider than high."""
        return QSize(280, 220)

    def clear(self) -> None:
        """Forget the live point and its trail."""
        self._trail.clear()
        self._now = None
        self._changed()

    def _show_plane(self, items: Sequence[Any], bounds: Bounds | None) -> None:
        """Another plane, all of it; the trail belonged to the old one. No live point is shown without bounds."""
        self._bounds = bounds
        self._draw(items)
        self._show_all()
        self.clear()

    def _draw(self, items: Sequence[Any]) -> None:
        """Replace what does not move."""
        for item in self._drawn:
            self.view.removeItem(item)
        self._drawn = list(items)
        for item in self._drawn:
            self.view.addItem(item, ignoreBounds=True)

    def _note(self, t_mono_ns: int, place: Place | None) -> None:
        """Show where a frame stands; None hides the point and lets the trail run out."""
        t_s = t_mono_ns / 1e9
        if self._trail and t_s < self._trail[-1].t_s:
            self._trail.clear()  # another clock, or a recording that begins again
        if place is not None and (not self._trail or t_s > self._trail[-1].t_s):
            self._add_step(_Step(t_s, place))
        before = len(self._trail), self._now
        while self._trail and t_s - self._trail[0].t_s > TRAIL_S:
            self._trail.popleft()
        self._now = place
        if place is not None or before != (len(self._trail), place):
            self._changed()

    def _add_step(self, step: _Step) -> None:
        """The newest step is always there; between those before it lies a least time, which halves what is drawn."""
        if len(self._trail) > 1 and self._trail[-1].t_s - self._trail[-2].t_s < STEP_S:
            self._trail.pop()
        self._trail.append(step)

    def _changed(self) -> None:
        self._stale = True
        self._throttle.ask()

    def _moved(self) -> None:
        """The view shows another part: what stands at its border moves along."""
        if self._now is not None or self._trail:
            self._changed()

    def _show_all(self) -> None:
        if self._bounds is not None:
            low, high = self._bounds
            border = MARGIN * (high - low)
            x, y = np.stack([low - border, high + border], axis=1).tolist()
            self.view.setRange(xRange=x, yRange=y, padding=0)

    def _before_paint(self) -> None:
        """Catch up with what came while hidden; what came during a pause waits, or each paint would ask for another."""
        if not self.isVisible():
            self._refresh()
        elif self._stale:
            self._throttle.ask()

    def _refresh(self) -> None:
        """Put trail and live point where they belong now."""
        if self._stale:
            self._stale = False
            self._place_trail()
            self._place_live()

    def _place_trail(self) -> None:
        """Share the steps among the curves by their age: each curve is fainter than the one before."""
        times = np.array([step.t_s for step in self._trail])
        places = self._inside(np.array([step.place for step in self._trail]).reshape(-1, 2))
        ends = times[1:]  # a stretch is as old as its newer end
        joined = np.diff(times) <= GAP_S
        newest = times[-1] if len(times) else 0.0
        band_s = TRAIL_S / len(self._curves)
        for k, curve in enumerate(self._curves):
            mine = np.flatnonzero((newest - ends >= k * band_s) & (newest - ends < (k + 1) * band_s))
            if len(mine) == 0 or self._bounds is None:
                curve.clear()
                continue
            part = slice(mine[0], mine[-1] + 2)
            curve.setData(*places[part].T, connect=np.append(joined[mine[0] : mine[-1] + 1], False))

    def _place_live(self) -> None:
        """A disc with a dark rim in a light one: pale discs stand out as well."""
        if self._now is None or self._bounds is None:
            self._live.clear()
            return
        place = self._inside(np.array([self._now]))
        self._live.setData(pos=np.repeat(place, 2, axis=0), size=LIVE_PX, pen=self._rims, brush=self._live_brush())

    def _inside(self, places: np.ndarray) -> np.ndarray:
        """The same places (K, 2), moved to the border when they lie outside: a live frame may be unlike any other."""
        seen: QRectF = self.view.viewRect()
        rim = RIM_PX * np.array(self.view.viewPixelSize())
        low, high = np.array([seen.left(), seen.top()]), np.array([seen.right(), seen.bottom()])
        rim = np.minimum(rim, (high - low) / 2)
        return np.asarray(np.clip(places, low + rim, high - rim), dtype=np.float64)
