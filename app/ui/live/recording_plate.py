"""Recording, at the right end of the header: the button, a big red sign while it goes on, and the time that is left."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from app.session.disk_guard import DiskLevel
from app.ui.live.recording_status import RecordingStatus
from app.ui.theme import ALARM, CAUTION, MUTED, TEXT

_LEFT_COLOURS = {DiskLevel.OK: TEXT, DiskLevel.AMBER: CAUTION, DiskLevel.RED: ALARM, DiskLevel.FULL: ALARM}


class RecordingPlate(QWidget):
    """Shows a ``RecordingStatus``; ``pressed`` asks to start or to stop."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sign, self.left, self.button = QLabel(), QLabel(), QPushButton()
        self.sign.setProperty("role", "recording")
        self.left.setAccessibleName("Recording time left")
        self.button.setAutoDefault(True)  # Return presses it: Space is taken by "freeze"
        self.button.clicked.connect(self.pressed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        for widget in (self.sign, self.left, self.button):
            layout.addWidget(widget)
        self._shown: RecordingStatus | None = None
        self.show_status(RecordingStatus())

    def show_status(self, status: RecordingStatus) -> None:
        """Show the recordings of this moment."""
        if status == self._shown:
            return
        self._shown = status
        self.sign.setVisible(status.is_on)
        self.sign.setText(f"● {status.text}" if status.is_on else "")
        self.sign.setAccessibleName(f"Recording {status.text.removeprefix('REC ')}" if status.is_on else "Recording")
        beside = status.left if status.is_on else status.text
        self.left.setText(beside)
        self.left.setVisible(bool(beside))
        self.left.setToolTip(f"{status.lost} frames are not in the recording" if status.lost else "")
        self.left.setStyleSheet(f"color: {_LEFT_COLOURS[status.disk] if status.is_on else MUTED};")
        self.button.setText("Stop" if status.is_on else "● Record")
        name = "Stop recording" if status.is_on else "Record"
        self.button.setAccessibleName(name)
        self.button.setToolTip(f"{name} (R)")
