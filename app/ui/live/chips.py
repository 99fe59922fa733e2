"""What can be measured now, as three chips, and the best heart cycle of the last minute."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.engine.exam import ExamState
from app.ui.theme import ACCENT, BACKGROUND, EDGE, MUTED, TEXT
from models.runtime.contract import Readiness

MEASUREMENTS = {
    "ef": ("EF", "Ejection fraction and volumes: the whole myocardium must be seen"),
    "strain": ("strain", "Strain: the whole myocardium must be seen well"),
    "mapse": ("MAPSE", "Mitral annular plane systolic excursion: both sides of the annulus must be seen"),
}
"""Field of ``Readiness`` -> text and help of its chip."""

_LOOKS = {
    True: ("yes", f"color: {BACKGROUND}; background: {ACCENT}; border: 1px solid {ACCENT};"),
    False: ("no", f"color: {TEXT}; background: transparent; border: 1px solid {MUTED};"),
    None: ("–", f"color: {MUTED}; background: transparent; border: 1px dashed {EDGE};"),
}


class ReadinessChips(QWidget):
    """Three chips that never change their size, and one small line below them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chips = {key: _chip(*texts) for key, texts in MEASUREMENTS.items()}
        self.best_cycle = QLabel()
        self.best_cycle.setAccessibleName("Best cycle")
        self.best_cycle.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.best_cycle.setStyleSheet(f"font-size: 13px; color: {MUTED};")
        self._shown: Readiness | None = None
        row = QHBoxLayout()
        row.setSpacing(8)
        for chip in self.chips.values():
            row.addWidget(chip)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.best_cycle)
        column.addStretch(1)
        for key in self.chips:
            self._show(key, None)
        self.show_exam(ExamState())

    def show_readiness(self, readiness: Readiness | None) -> None:
        """Show what can be measured; None where nothing can be said."""
        readiness = readiness or Readiness()
        if readiness == self._shown:
            return
        self._shown = readiness
        for key in self.chips:
            self._show(key, getattr(readiness, key))

    def show_exam(self, exam: ExamState) -> None:
        """Show the best cycle of the last minute; its tool tip has those of the views."""
        cycle = exam.best_cycle
        text = "no whole heart cycle yet" if cycle is None else f"best cycle {cycle_text(exam, cycle.view)}"
        if text != self.best_cycle.text():
            self.best_cycle.setText(text)

    def _show(self, key: str, ready: bool | None) -> None:
        answer, look = _LOOKS[ready]
        chip = self.chips[key]
        chip.setText(f"{MEASUREMENTS[key][0]} {answer}")
        chip.setStyleSheet(f"{look} border-radius: 6px; padding: 4px 8px; font-size: 18px; font-weight: 600;")


def cycle_text(exam: ExamState, view: str | None) -> str:
    """Rating and age of the best cycle of a view, or of the best one of all without a view; a dash without any."""
    cycle = exam.best_cycle if view is None else exam.best_by_view.get(view)
    return "–" if cycle is None else f"{cycle.rating:.1f} of 5, {exam.age_s(cycle):.0f} s ago"


def _chip(name: str, help_text: str) -> QLabel:
    chip = QLabel()
    chip.setAccessibleName(name)
    chip.setToolTip(help_text)
    chip.setAlignment(Qt.AlignmentFlag.AlignCenter)
    chip.setMinimumWidth(118)
    return chip
