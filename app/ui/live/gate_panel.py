"""The tab of the artifact gate: its plane, and below it what it says of the frame in words."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.overlay.names import as_sentence
from app.ui.theme import MUTED, TEXT
from app.ui.widgets.gate_map import GateMapWidget
from app.ui.widgets.plane import PAUSE_MS
from app.ui.widgets.throttle import Throttle
from models.runtime.contract import GateAssessment

WORDS_PX = 34
"""Two lines: the plane must not jump when a type of artifact has a long name."""


class GatePanel(QWidget):
    """Writes at most ten times a second, and not at all while hidden."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.map = GateMapWidget()
        self.words = _words_label()
        self._gate: GateAssessment | None = None
        self._why = ""
        self._throttle = Throttle(self, PAUSE_MS, self._write)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.map, 1)
        column.addWidget(self.words)

    def note(self, t_mono_ns: int, gate: GateAssessment | None, why: str) -> None:
        """Show what the gate says of a frame; without that, why it says nothing."""
        self.map.note(t_mono_ns, gate)
        self._gate, self._why = gate, why
        self._throttle.ask()

    def clear(self) -> None:
        """Forget the frame and the trail."""
        self.map.clear()
        self._gate, self._why = None, ""
        self._throttle.ask()

    def showEvent(self, event: QShowEvent) -> None:
        """Write what came while the panel was hidden."""
        super().showEvent(event)
        self._write()

    def _write(self) -> None:
        text = gate_words(self._gate, self._why)
        if text != self.words.text():
            self.words.setText(text)
            self.words.setToolTip(text)
            known = self._gate is not None and self._gate.is_known
            self.words.setStyleSheet(f"font-size: 13px; color: {TEXT if known else MUTED};")


def gate_words(gate: GateAssessment | None, why: str) -> str:
    """Verdict, log density and tau as a sentence; ``why`` there is no verdict, when there is none."""
    if gate is None:
        return as_sentence(why) or "No frame was compared yet."
    figures = f"log density {_figure(gate.log_density)}, tau {_figure(gate.threshold)}"
    return as_sentence(f"{'known' if gate.is_known else gate.reason}: {figures}")


def _figure(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _words_label() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setAccessibleName("Artifact gate")
    label.setWordWrap(True)
    label.setFixedHeight(WORDS_PX)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return label
