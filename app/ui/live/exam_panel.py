"""The panel below the pictures: what this exam has shown so far."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.engine.exam import ExamState
from app.ui.live.chips import cycle_text
from app.ui.theme import MUTED, TEXT
from app.ui.widgets.bulls_eye import BullsEyeLook, BullsEyeWidget
from models.runtime.contract import VIEWS

HEIGHT_PX = 220
LEAST_PX = 140
"""Below this height the disc cannot be read: the panel is left out."""

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
        layout = QHBoxLayout(self)
        layout.setContentsMargins(28, 4, 14, 4)
        layout.setSpacing(24)
        caption = _line("Best cycles", is_title=True)
        caption.setText("Best cycle of the last minute")
        layout.addLayout(_column(caption, *self.cycles.values()))
        layout.addStretch(1)
        layout.addLayout(_column(self.title, self.filled, self.reset))
        layout.addWidget(self.disc)

    def show_exam(self, exam: ExamState, look: BullsEyeLook) -> None:
        """Show the exam."""
        self.disc.show_state(exam.bulls_eye, look)
        self.title.setText(TITLES[look.quality])
        self.filled.setText(f"{exam.bulls_eye.seen} of 18 wall segments seen")
        for view, line in self.cycles.items():
            line.setText(f"{view}:  {cycle_text(exam, view)}")

    def fit(self, wanted: bool, window: QSize, others: Sequence[QWidget]) -> None:
        """Take what half of the window leaves beside the other rows; less than can be read: stay away."""
        room = window.height() // 2 - sum(_height(other, window.width()) for other in others)
        self.setVisible(wanted and room >= LEAST_PX)
        self.setFixedHeight(min(max(room, LEAST_PX), HEIGHT_PX))
        self.disc.setFixedWidth(self.height() + 24)


def _height(widget: QWidget, width: int) -> int:
    if widget.isHidden():
        return 0
    height = widget.heightForWidth(width) if widget.hasHeightForWidth() else widget.sizeHint().height()
    return min(max(height, widget.minimumHeight()), widget.maximumHeight())


def _column(*widgets: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(6)
    column.addStretch(1)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return column


def _line(name: str, is_title: bool = False) -> QLabel:
    label = QLabel()
    label.setAccessibleName(name)
    look = f"font-size: 15px; font-weight: 600; color: {TEXT};" if is_title else f"font-size: 15px; color: {MUTED};"
    label.setStyleSheet(look)
    return label
