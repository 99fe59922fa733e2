"""Map of quality clusters and plane of the artifact gate, one beside the other as tabs."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QSizePolicy, QStackedWidget, QTabWidget, QWidget

from app.engine.state import EngineState
from app.overlay.names import as_sentence
from app.ui.live.gate_panel import GatePanel
from app.ui.theme import MUTED
from app.ui.widgets.cluster_map import ClusterMapWidget
from app.ui.widgets.map_points import points_of
from calibration.cluster_map import ClusterMap
from models.runtime.gate_plane import GatePlane

TABS = {"clusters": "Quality clusters", "gate": "Artifact gate"}
"""Name in the settings file -> text of the tab, in the order shown."""

NOT_THERE = "this model is not there"


class MapTabs(QTabWidget):
    """A tab whose model is not there says why; ``turned`` carries the name of the tab that the user chose."""

    turned = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("maps")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.tabBar().setAccessibleName("Maps")
        self.tabBar().setDrawBase(False)
        self.clusters, self.gate = ClusterMapWidget(), GatePanel()
        self.pages = {"clusters": OrReason(self.clusters), "gate": OrReason(self.gate)}
        for name, page in self.pages.items():
            self.addTab(page, TABS[name])
        self._models: tuple[ClusterMap | None, GatePlane | None, dict[str, str]] = (None, None, {})
        self.currentChanged.connect(lambda index: self.turned.emit(list(TABS)[index]))

    @property
    def has_any(self) -> bool:
        """Whether there is a map to show."""
        return self._models[:2] != (None, None)

    def show_models(self, state: EngineState) -> bool:
        """Show the maps of the models in use, or why there is none; whether anything is other than before."""
        before, missing = self._models, dict(state.missing)
        found, plane = state.cluster_map, state.gate_plane
        self._models = found, plane, missing
        if found is not before[0]:
            self.clusters.set_points(None if found is None else points_of(found))
        if plane is not before[1]:
            self.gate.map.set_plane(plane)
        self.pages["clusters"].show_reason("" if found else missing.get("cluster", NOT_THERE))
        self.pages["gate"].show_reason("" if plane else missing.get("gate", NOT_THERE))
        return found is not before[0] or plane is not before[1] or missing != before[2]

    def show_tab(self, name: str) -> None:
        """Show a tab by its name."""
        self.setCurrentIndex(list(TABS).index(name))

    def turn(self) -> None:
        """Show the other tab."""
        self.setCurrentIndex((self.currentIndex() + 1) % self.count())

    def clear(self) -> None:
        """Forget live points and trails."""
        self.clusters.clear()
        self.gate.clear()


class OrReason(QStackedWidget):
    """A widget, or a reason in its place."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.reason = QLabel()
        self.reason.setTextFormat(Qt.TextFormat.PlainText)
        self.reason.setAccessibleName("Why there is no map")
        self.reason.setWordWrap(True)
        self.reason.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.reason.setStyleSheet(f"color: {MUTED}; font-size: 14px; padding: 8px;")
        self.reason.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.addWidget(widget)
        self.addWidget(self.reason)

    def show_reason(self, why: str) -> None:
        """Show a sentence, or with an empty one the widget."""
        self.reason.setText(as_sentence(why))
        self.setCurrentIndex(1 if why else 0)
