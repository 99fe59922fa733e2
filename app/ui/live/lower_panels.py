"""The panels below the pictures: the last minute, the maps of quality clusters and artifact gate, the exam."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.overlay.palettes import Palette
from app.settings import Settings
from app.ui.live.exam_panel import ExamPanel
from app.ui.live.map_tabs import MapTabs
from app.ui.live.presenter import Scene
from app.ui.widgets.history_strip import HistoryStrip

HEIGHT_PX = 220
LEAST_PX = 140
"""Below this height neither disc nor rows can be read: the panels are left out."""

HISTORY_PX, MAP_PX = 320, 200
"""Width below which a panel cannot be read; it then leaves its place to the others."""

MARGIN_PX, SPACING_PX = 14, 18


class LowerPanels(QFrame):
    """Shares its row among the panels that are wanted, make sense, and have room; gone when there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lower")
        self.history, self.maps, self.exam = HistoryStrip(), MapTabs(), ExamPanel()
        self._of_heart = True
        layout = QHBoxLayout(self)
        layout.setContentsMargins(MARGIN_PX, 6, MARGIN_PX, 4)
        layout.setSpacing(SPACING_PX)
        for panel, share in ((self.history, 5), (self.maps, 3), (self.exam, 0)):
            layout.addWidget(panel, share)

    def show_scene(self, scene: Scene, palette: Palette) -> bool:
        """Take what is shown of the newest frame; whether other panels make sense now than before."""
        if scene.live is not None:
            cluster = None if scene.judged is None else scene.judged.cluster
            self.history.note(scene.live.t_mono_ns, scene.judged)
            self.maps.clusters.note(scene.live.t_mono_ns, cluster)
            self.maps.gate.note(scene.live.t_mono_ns, scene.gate, scene.gate_reason)
        view = self.history.view if scene.judged is None else scene.judged.view
        self.history.show_look(palette, view, scene.of_heart)
        self.maps.clusters.set_palette(palette)
        changed, self._of_heart = scene.of_heart != self._of_heart, scene.of_heart
        return changed

    def clear(self) -> None:
        """Forget the last minute and the trails."""
        self.history.clear()
        self.maps.clear()

    def fit(self, settings: Settings, window: QSize, others: Sequence[QWidget]) -> None:
        """Take what half of the window leaves beside the other rows; less than can be read: stay away."""
        room = window.height() // 2 - sum(_height(other, window.width()) for other in others)
        height = min(max(room, LEAST_PX), HEIGHT_PX)
        self.exam.fit(height - 10)
        shown = self._share_width(settings, window.width() - 2 * MARGIN_PX)
        self.setVisible(shown and room >= LEAST_PX)
        self.setFixedHeight(height)

    def _share_width(self, settings: Settings, left_px: int) -> bool:
        """Show the panels that are wanted and fit beside each other, the exam first; whether there is any."""
        wanted = (
            (self.exam, settings.bulls_eye.shown and self._of_heart, 0),
            (self.history, settings.panels.history, HISTORY_PX),
            (self.maps, settings.panels.cluster_map and self.maps.has_any, MAP_PX),
        )
        for panel, is_wanted, least_px in wanted:
            shown = is_wanted and left_px >= least_px
            panel.setVisible(shown)
            if shown:
                left_px -= (least_px or panel.minimumSizeHint().width()) + SPACING_PX
        return any(not panel.isHidden() for panel, _, _ in wanted)


def _height(widget: QWidget, width: int) -> int:
    if widget.isHidden():
        return 0
    height = widget.heightForWidth(width) if widget.hasHeightForWidth() else widget.sizeHint().height()
    return min(max(height, widget.minimumHeight()), widget.maximumHeight())
