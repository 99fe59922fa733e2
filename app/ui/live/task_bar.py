"""A line for work that takes long: offers it, shows how far it is, and never stands in the way."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget


class TaskBar(QFrame):
    """An offer with two buttons, or a sentence with its progress; hidden when there is neither.

    ``accepted`` and ``declined`` answer an offer; both hide nothing by themselves.
    """

    accepted = Signal()
    declined = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("task")
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setAccessibleName("Task")
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setFixedWidth(220)
        self.bar.setAccessibleName("Progress")
        self.accept_button, self.decline_button = QPushButton(), QPushButton("Not now")
        self.decline_button.setAccessibleName("Not now")
        self.accept_button.clicked.connect(self.accepted)
        self.decline_button.clicked.connect(self.declined)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.addWidget(self.text, 1)
        for widget in (self.bar, self.accept_button, self.decline_button):
            layout.addWidget(widget)
        for button in (self.accept_button, self.decline_button):
            button.setAutoDefault(True)  # Return presses it: Space is taken by "freeze"
        self.hide()

    def offer(self, text: str, button: str, name: str) -> None:
        """Ask whether to begin; ``name`` is the button's accessible name."""
        self.text.setText(text)
        self.accept_button.setText(button)
        self.accept_button.setAccessibleName(name)
        self._show(is_offer=True)

    def progress(self, text: str, share: float) -> None:
        """Show how far something is, 0..1."""
        self.text.setText(text)
        self.bar.setValue(round(100 * share))
        self._show(is_offer=False)

    def _show(self, is_offer: bool) -> None:
        self.bar.setVisible(not is_offer)
        self.accept_button.setVisible(is_offer)
        self.decline_button.setVisible(is_offer)
        self.show()
