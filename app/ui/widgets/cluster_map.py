"""The map of quality clusters: reference frames in the colours of their clusters, and the live frame."""

from __future__ import annotations

from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QWidget

from app.overlay.palettes import DEFAULT, Palette
from app.ui.widgets.map_items import live_brush, reference_items
from app.ui.widgets.map_points import MapPoints
from app.ui.widgets.plane import PlaneWidget
from models.runtime.contract import ClusterAssessment


class ClusterMapWidget(PlaneWidget):
    """The plane of the quality clusters."""

    def __init__(self, points: MapPoints | None = None, parent: QWidget | None = None) -> None:
        super().__init__("cluster_map", "Map of quality clusters", self._brush, parent)
        self._palette = DEFAULT
        self._cluster: ClusterAssessment | None = None
        self.set_points(points)

    @property
    def points(self) -> MapPoints | None:
        """The reference frames, None when there is no map."""
        return self._points

    def set_points(self, points: MapPoints | None) -> None:
        """Show other reference frames, all of them; the trail belonged to the old ones."""
        self._points = points
        if points is None:
            self._show_plane((), None)
        else:
            self._show_plane(reference_items(points, self._palette), points.bounds)

    def set_palette(self, palette: Palette) -> None:
        """Use the colours of a palette."""
        if palette is not self._palette:
            self._palette = palette
            self._draw(() if self._points is None else reference_items(self._points, palette))
            self._changed()

    def note(self, t_mono_ns: int, cluster: ClusterAssessment | None) -> None:
        """Show where a frame stands; None hides the point and lets the trail run out."""
        self._cluster = cluster
        self._note(t_mono_ns, None if cluster is None else cluster.place)

    def _brush(self) -> QBrush:
        cluster = self._cluster
        assert cluster is not None
        return live_brush(self._palette, cluster.rank, len(cluster.names))
