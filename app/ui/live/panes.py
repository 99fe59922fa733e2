"""The two picture panes, side by side, and the note of when a result reached the screen."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.ui.live.presenter import Scene
from app.ui.widgets.image_pane import ImagePane
from app.ui.widgets.scaler import Scaler

Painted = Callable[[int, int], None]
"""Called with the assessed frame's capture time and the end of its paint, both monotonic ns."""


class LivePanes(QWidget):
    """Left: newest frame, untouched. Right: the assessed frame with its overlay."""

    def __init__(self, painted: Painted, spacing: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        scaler = Scaler()
        self.live = ImagePane("live_pane", "Live", scaler, self)
        self.assessed = ImagePane("assessed_pane", "Assessed", scaler, self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(spacing)
        layout.addWidget(self.live, 1)
        layout.addWidget(self.assessed, 1)
        self._painted = painted
        self._due_ns: int | None = None
        self._last_ns: int | None = None
        self.assessed.on_painted = self._on_painted

    def show_scene(self, scene: Scene) -> None:
        """Hand both panes what they paint next; they repaint only where something changed."""
        self.live.set_picture(None if scene.live is None else scene.live.pixels, scene.part)
        frame = None if scene.assessed is None else scene.assessed.frame
        self.assessed.set_picture(None if frame is None else frame.pixels, scene.part)
        self.assessed.set_overlay(scene.overlay)
        self.assessed.set_message(scene.message)
        self.assessed.set_note(scene.note)
        if frame is not None and frame.t_mono_ns != self._last_ns:
            self._due_ns = self._last_ns = frame.t_mono_ns

    def _on_painted(self) -> None:
        """Report the first paint of each result; repaints for other reasons do not count."""
        if self._due_ns is not None:
            self._painted(self._due_ns, time.monotonic_ns())
            self._due_ns = None
