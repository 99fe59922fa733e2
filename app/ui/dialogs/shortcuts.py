"""The list of keyboard shortcuts, made from the table of actions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from app.ui.actions import ACTIONS
from app.ui.theme import ACCENT, EDGE, RAISED


class ShortcutsDialog(QDialog):
    """One row per action: its keys and what it does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        for row, spec in enumerate(ACTIONS):
            grid.addWidget(_keys(" or ".join(spec.keys)), row, 0, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(QLabel(spec.help), row, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(18)
        layout.addLayout(grid)
        layout.addWidget(buttons)


def _keys(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet(
        f"color: {ACCENT}; background: {RAISED}; border: 1px solid {EDGE}; border-radius: 4px; padding: 2px 8px;"
    )
    return label
