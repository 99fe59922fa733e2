"""The panel below the pictures: what this exam has shown so far."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.engine.exam import ExamState
from app.ui.live.chips import cycle_text
from app.ui.theme import MUTED, TEXT
from app.ui.widgets.bulls_eye import BullsEyeLook, BullsEyeWidget
from models.runtime.contract import VIEWS

ROOMY_PX = 170
"""From this height on there is room for every line of text."""

TITLES = {"best": "Best quality of this exam", "last": "Quality as seen last"}


class ExamPanel(QFrame):
    """Bull's-eye, how much of it is filled, and the best cycle of each view.

    ``toggled`` when the disc was clicked, ``new_exam`` when the user begins a new one.
    """

    toggled = Signal()
    new_exam = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("exam")
        self.disc = BullsEyeWidget()
        self.title, self.filled = _line("Bull's-eye shows", is_title=True), _line("Segments")
        self.cycles = {view: _line(f"Best cycle in {view}") for view in VIEWS}
        self.reset = QPushButton("New exam (Ctrl+R)")
        self.reset.setAccessibleName("New exam")
        self.reset.setToolTip("New patient: empty the bull's-eye and the best cycle")
        self.reset.setAutoDefault(True)  # Return presses it: Space is taken by "freeze"
        self.disc.clicked.connect(self.toggled)
        self.reset.clicked.connect(self.new_exam)
        self.caption = _line("Best cycles", is_title=True)
        self.caption.setText("Best cycle of the last minute")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(_column(self.title, self.filled, self.caption, *self.cycles.values(), self.reset))
        layout.addWidget(self.disc)

    def show_exam(self, exam: ExamState, look: BullsEyeLook) -> None:
        """Show the exam."""
        self.disc.show_state(exam.bulls_eye, look)
        self.title.setText(TITLES[look.quality])
        self.filled.setText(f"{exam.bulls_eye.seen} of 18 wall segments seen")
        for view, line in self.cycles.items():
            line.setText(f"{view}:  {cycle_text(exam, view)}")

    def fit(self, height_px: int) -> None:
        """Make the disc as large as a height allows; a low panel has no room for the caption."""
        self.caption.setVisible(height_px >= ROOMY_PX)
        self.disc.setFixedWidth(height_px + 24)


def _column(*widgets: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(3)
    column.addStretch(1)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return column


def _line(name: str, is_title: bool = False) -> QLabel:
    label = QLabel()
    label.setAccessibleName(name)
    look = f"font-size: 14px; font-weight: 600; color: {TEXT};" if is_title else f"font-size: 14px; color: {MUTED};"
    label.setStyleSheet(look)
    return label
