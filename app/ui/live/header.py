"""The line above the pictures: where they come from, in which mode, which view it is, and whether they are recorded."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QWidget

from app.engine.state import EngineState
from app.ui.live.recording_plate import RecordingPlate
from app.ui.widgets.elided_label import ElidedLabel
from models.runtime.contract import WALLS

UNKNOWN = "unknown"

VIEWS: tuple[str | None, ...] = (None, *WALLS)
"""Choices of the view menu; None is "unknown": the models' own finding, where they have one."""


class Header(QFrame):
    """Source, granted mode, profile, view menu, "frozen" badge, recording.

    ``view_chosen`` carries the view as a string, empty for unknown.
    """

    view_chosen = Signal(str)

    def __init__(self, profile: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self.source = ElidedLabel("No source", "Source")
        self.mode = _muted("", "Granted mode")
        self.profile = _muted(f"Profile {profile}" if profile else "", "Scanner profile")
        self.frozen = QLabel("FROZEN")
        self.frozen.setProperty("role", "badge")
        self.frozen.setAccessibleName("Frozen")
        self.frozen.hide()
        self.view = _view_menu()
        self.view.activated.connect(lambda index: self.view_chosen.emit(VIEWS[index] or ""))
        self.caption = _muted("&View", "View")
        self.caption.setBuddy(self.view)
        keep_room_when_hidden(self.view)
        self.recording = RecordingPlate()
        self.recording.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 6, 14, 6)
        layout.setSpacing(18)
        layout.addWidget(self.source, 1)
        for widget in (self.mode, self.profile, self.frozen, self.caption, self.view, self.recording):
            layout.addWidget(widget)

    def show_state(self, state: EngineState) -> None:
        """Show what is known of the source."""
        info = state.source
        self.source.setText(info.name if info else "No source")
        self.mode.setText(str(info.granted) if info else "")
        asked = f"asked for: {info.requested}" if info and info.requested.width else ""
        self.mode.setToolTip("\n".join([asked, *(info.notes if info else ())]).strip())

    def show_view(self, view: str | None) -> None:
        """Show a view in the menu without telling anybody."""
        self.view.setCurrentIndex(VIEWS.index(view))

    def show_found(self, found: str) -> None:
        """Name the view that was recognised at the place of "unknown"; empty when none was."""
        if self.view.itemText(0) != (found or UNKNOWN):
            self.view.setItemText(0, found or UNKNOWN)

    def show_of_heart(self, of_heart: bool) -> None:
        """Offer the views of the heart, or not."""
        self.caption.setVisible(of_heart)
        self.view.setVisible(of_heart)

    def show_frozen(self, frozen: bool) -> None:
        """Show or hide the badge."""
        self.frozen.setVisible(frozen)


def keep_room_when_hidden(widget: QWidget) -> None:
    """Let a widget hold its place while it is hidden, so that the pictures do not jump."""
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    widget.setSizePolicy(policy)


def _view_menu() -> QComboBox:
    menu = QComboBox()
    menu.setObjectName("view_menu")
    menu.setAccessibleName("View")
    menu.setToolTip("View shown by the probe (V): names the walls")
    menu.addItems([view or UNKNOWN for view in VIEWS])
    menu.setMinimumContentsLength(len("ALAX (auto 100 %)"))
    return menu


def _muted(text: str, name: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "muted")
    label.setAccessibleName(name)
    return label
