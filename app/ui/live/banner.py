"""A line that says what is wrong and what to do, while the picture goes on."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app.overlay.names import as_sentence
from app.ui.live.messages import Tone


class Banner(QFrame):
    """Shows the most important sentence and how many more there are; never modal.

    ``dismissed`` is sent when the user has read it.
    """

    dismissed = Signal()
    choose_source = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setAccessibleName("Message")
        self.choose = _button("Choose source… (D)", "Choose another source")
        self.close_button = _button("Dismiss", "Dismiss this message")
        self.choose.clicked.connect(self.choose_source)
        self.close_button.clicked.connect(self.dismissed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.choose)
        layout.addWidget(self.close_button)
        self.hide()

    def show_messages(self, messages: Sequence[str], source_is_bad: bool, tone: Tone = Tone.CAUTION) -> None:
        """Show the first message, which is meant so, and the number of others; hide when there are none."""
        if messages:
            self._show_tone(tone)
            more = f"  (+{len(messages) - 1} more)" if len(messages) > 1 else ""
            text = as_sentence(messages[0]) + more
            if text != self.text.text():
                self.text.setText(text)
                self.setToolTip("\n".join(messages))
        self.choose.setVisible(source_is_bad)
        self.setVisible(bool(messages))

    def _show_tone(self, tone: Tone) -> None:
        if self.property("tone") != str(tone):
            self.setProperty("tone", str(tone))
            self.style().unpolish(self)  # Qt looks at properties once
            self.style().polish(self)


def _button(text: str, name: str) -> QPushButton:
    button = QPushButton(text)
    button.setAccessibleName(name)
    button.setAutoDefault(True)  # Return presses it: Space is taken by "freeze"
    return button
