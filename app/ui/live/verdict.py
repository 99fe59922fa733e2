"""The strip that is read from two metres: cluster, score, sentence, colour, and what can be measured."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.overlay.gauge import probability_text
from app.overlay.names import Summary
from app.overlay.palettes import CALM_GREY, DEFAULT, Palette, Rgb, ink_on, label_of_rank
from app.ui.live.chips import ReadinessChips
from app.ui.live.score_plate import ScorePlate
from app.ui.theme import EDGE, MUTED, TEXT
from app.ui.widgets.fitted_label import FittedLabel
from models.runtime.contract import Assessment, ClusterAssessment

HEIGHT_PX = 92
BAR_PX = 10
SENTENCE_PX = (28, 22, 19, 15)
"""Sizes of the sentence's letters: verdicts are short, error messages may not be."""


class VerdictStrip(QFrame):
    """Cluster word, 0-100 score, usable regions, the weakest region or the reason as a sentence, its colour as a bar.

    Its height never changes, so that the pictures do not jump when a sentence takes two lines.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("verdict")
        self.setFixedHeight(HEIGHT_PX)
        self.number = _label("Usable regions", 28, TEXT)
        self.caption = _label("What the number counts", 13, MUTED)
        self.cluster, self.cluster_p = _label("Quality cluster", 34, TEXT), _label("Probability", 13, MUTED)
        self.sentence = FittedLabel("Verdict", SENTENCE_PX)
        self.score, self.chips = ScorePlate(), ReadinessChips()
        self._bar = QColor(*CALM_GREY)
        self._shown: tuple[Summary, Palette] | None = None
        self._shown_cluster: tuple[str, str, Rgb | None] | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(BAR_PX + 18, 4, 18, 4)
        layout.setSpacing(22)
        layout.addLayout(_column(78, self.cluster, self.cluster_p))
        layout.addWidget(self.score)
        layout.addLayout(_column(140, self.number, self.caption))
        layout.addWidget(self.sentence, 1)
        layout.addWidget(self.chips)
        self.show_cluster(None, "", DEFAULT)

    def show_summary(self, summary: Summary, palette: Palette) -> None:
        """Show a summary; the bar takes the colour of the weakest region, calm grey without one."""
        if self._shown == (summary, palette):
            return
        self._shown = (summary, palette)
        judged = summary.usable is not None
        self.number.setText(f"{summary.usable}/{summary.total}" if judged else "–")
        self.caption.setText(summary.caption if judged else "not judged")
        self.sentence.show_text(summary.sentence, TEXT if judged else MUTED)
        self._bar = QColor(*(palette.colour(summary.label) or CALM_GREY))
        self.update()

    def show_cluster(self, judged: Assessment | None, reason: str, palette: Palette) -> None:
        """Show the cluster of a frame on a plate of its colour; a dash in calm grey without one.

        ``reason`` says why nothing at all may be shown, when ``judged`` is None.
        """
        cluster = None if judged is None else judged.cluster
        why = reason if judged is None else judged.cluster_reason
        self._set_cluster_tip(cluster, why)
        colour = None if cluster is None else palette.colour(label_of_rank(cluster.rank, len(cluster.names)))
        shown = ("–", "cluster", None) if cluster is None else (cluster.name, probability_text(cluster), colour)
        if shown != self._shown_cluster:
            self._shown_cluster = shown
            self.cluster.setText(shown[0])
            self.cluster_p.setText(shown[1])
            self.cluster.setStyleSheet(_plate(colour))

    def _set_cluster_tip(self, cluster: ClusterAssessment | None, why: str) -> None:
        tip = f"Global quality cluster, level {cluster.level} of 5" if cluster else why or "No global quality cluster"
        if tip != self.cluster.toolTip():
            self.cluster.setToolTip(tip)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame, then the bar."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.fillRect(0, 1, BAR_PX, self.height() - 1, self._bar)
        painter.end()


def _column(width_px: int, *labels: QLabel) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(2)
    column.addStretch(1)
    for label in labels:
        label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        label.setMinimumWidth(width_px)
        column.addWidget(label)
    column.addStretch(1)
    return column


def _plate(colour: Rgb | None) -> str:
    ink = MUTED if colour is None else f"rgb{ink_on(colour)}"
    ground = "transparent" if colour is None else f"rgb{colour}"
    edge = f"1px dashed {EDGE}" if colour is None else f"1px solid {ground}"
    return f"font-size: 34px; font-weight: 700; color: {ink}; background: {ground}; border: {edge}; border-radius: 6px;"


def _label(name: str, size_px: int, colour: str) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setAccessibleName(name)
    weight = 600 if size_px > 20 else 400
    label.setStyleSheet(f"font-size: {size_px}px; font-weight: {weight}; color: {colour};")
    return label
