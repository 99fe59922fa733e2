"""The 0-100 score of the picture as a whole: a number to be read from two metres, and its word."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.overlay.names import score_word
from app.ui.theme import MUTED, TEXT
from app.ui.widgets.elided_label import ElidedLabel
from models.runtime.contract import Assessment, ScoreAssessment

WIDTH_PX = 124
DIGITS_PX, NONE_PX = 44, 22
STEP = 0.8
"""Points that a score moves before its number does: it must not flicker between two neighbours."""

SPAN_S, LEAST_AGE_MS = 1.0, 50.0
"""The age shown is the largest of that span, since networks take turns; a younger one than the second is none."""


class ScorePlate(QWidget):
    """Digits with word and age; a grey "no score" with its reason."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(WIDTH_PX)
        self.digits, self.words = QLabel(), ElidedLabel("", "Score in words")
        self.digits.setTextFormat(Qt.TextFormat.PlainText)
        self.digits.setAccessibleName("Score, 0 to 100")
        self.words.setStyleSheet(f"font-size: 13px; color: {MUTED};")
        self._number: int | None = None
        self._ages: deque[tuple[int, float]] = deque()
        self._shown: tuple[str, str, bool] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addStretch(1)
        for label in (self.digits, self.words):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label)
        column.addStretch(1)
        self.show_score(None, False)

    def show_score(self, judged: Assessment | None, dim: bool) -> None:
        """Show the score of a frame, grey when its result is old; ``judged`` None: nothing may be shown."""
        if judged is None:
            self._show_none("not judged")
        elif judged.score is None:
            self._show_none(judged.score_reason.removeprefix("no score: ") or "none yet")
        else:
            self._show_number(judged, judged.score, dim)

    def _show_none(self, why: str) -> None:
        self._number = None
        self._ages.clear()
        self._show("no score", why, is_strong=False)

    def _show_number(self, judged: Assessment, score: ScoreAssessment, dim: bool) -> None:
        if self._number is None or abs(score.value - self._number) >= STEP:
            self._number = round(score.value)
        age_ms = self._held_age_ms(judged.t_mono_ns, judged.ages_ms["score"])
        old = f", {age_ms / 1000:.1f} s old" if age_ms >= LEAST_AGE_MS else ""
        self._show(str(self._number), score_word(self._number) + old, is_strong=not dim)

    def _held_age_ms(self, t_mono_ns: int, age_ms: float) -> float:
        """Largest age of the frames of the last second."""
        if self._ages and t_mono_ns < self._ages[-1][0]:
            self._ages.clear()  # a recording that begins again
        if not self._ages or t_mono_ns > self._ages[-1][0]:
            self._ages.append((t_mono_ns, age_ms))
        while t_mono_ns - self._ages[0][0] > SPAN_S * 1e9:
            self._ages.popleft()
        return max(age for _, age in self._ages)

    def _show(self, digits: str, words: str, is_strong: bool) -> None:
        if self._shown == (digits, words, is_strong):
            return
        self._shown = digits, words, is_strong
        size_px = NONE_PX if self._number is None else DIGITS_PX
        self.digits.setStyleSheet(f"font-size: {size_px}px; font-weight: 700; color: {TEXT if is_strong else MUTED};")
        self.digits.setText(digits)
        self.digits.setAccessibleDescription(words)
        self.words.setText(words)
