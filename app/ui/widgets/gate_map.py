"""The plane of the artifact gate: known frames, artifacts, the density with tau, and the live frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QWidget

from app.ui.widgets.gate_items import KNOWN_BRUSH, UNKNOWN_BRUSH, bounds_of, plane_items
from app.ui.widgets.map_items import name_plate
from app.ui.widgets.map_points import MapPoints, points_of
from app.ui.widgets.plane import PlaneWidget
from models.runtime.contract import GateAssessment
from models.runtime.gate_plane import GatePlane


class GateMapWidget(PlaneWidget):
    """The nearest type of artifact of an unknown frame stands by its name; the mouse tells the others'."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("gate_map", "Plane of the artifact gate", self._brush, parent)
        self._points: MapPoints | None = None
        self._gate: GateAssessment | None = None
        self._hint: Any = name_plate("", np.zeros(2), 12, anchor=(0.5, 1.4))  # above the points that it names
        self._hint.setZValue(0.5)
        self._hint.hide()
        self.view.addItem(self._hint, ignoreBounds=True)

    def set_plane(self, plane: GatePlane | None) -> None:
        """Show another gate's plane, all of it; the trail belonged to the old one."""
        self._gate = None
        self._points = None if plane is None else points_of(plane.references)
        if plane is None or self._points is None:
            self._show_plane((), None)
        else:
            items = plane_items(plane)
            items[-1].sigHovered.connect(self._tell_types)
            self._show_plane(items, bounds_of(plane))

    def note(self, t_mono_ns: int, gate: GateAssessment | None) -> None:
        """Show where a frame stands; None hides the point and lets the trail run out."""
        self._gate = gate
        self._note(t_mono_ns, None if gate is None else gate.place)

    def _tell_types(self, _item: object, points: Sequence[Any], _event: object) -> None:
        """Each type under the mouse once, where the plot would name each of many points."""
        self.view.setToolTip(", ".join(dict.fromkeys(point.data() for point in points)))

    def _brush(self) -> QBrush:
        return KNOWN_BRUSH if self._gate is not None and self._gate.is_known else UNKNOWN_BRUSH

    def _place_live(self) -> None:
        super()._place_live()
        name = self._gate.hint if self._gate is not None and self._now is not None else None
        middle = None if name is None or self._points is None else self._middle(name)
        self._hint.setVisible(middle is not None)
        if middle is not None:
            self._hint.setText(name)
            self._hint.setPos(*middle.tolist())

    def _middle(self, name: str) -> np.ndarray | None:
        """Where the reference frames of a type lie, (2,); None where there is none of this name."""
        points = self._points
        return points.middle(points.names.index(name)) if points is not None and name in points.names else None
