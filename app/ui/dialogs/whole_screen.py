"""The warning before the whole screen is recorded."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMessageBox, QWidget


class WholeScreenWarning(QMessageBox):
    """Says what a whole screen holds; ``answered`` tells whether it shall be recorded all the same."""

    answered = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setIcon(QMessageBox.Icon.Warning)
        self.setWindowTitle("Record the whole screen")
        self.setText("Names of patients that the scanner shows will be in the video.")
        self.setInformativeText(
            "A whole screen is stored as it is seen, with name, date of birth and number of the patient, in each "
            "session until you choose otherwise. The sector alone leaves out what is written around it."
        )
        self.accept_button = self.addButton("Record the whole screen", QMessageBox.ButtonRole.AcceptRole)
        self.cancel_button = self.addButton("Sector alone", QMessageBox.ButtonRole.RejectRole)
        self.setDefaultButton(self.cancel_button)
        self.setEscapeButton(self.cancel_button)
        self.finished.connect(lambda _: self.answered.emit(self.clickedButton() is self.accept_button))
