"""The left ventricle seen from its apex, each segment in the colour of its quality."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.engine.bulls_eye import SEGMENT_WALLS, SEGMENTS_17, SEGMENTS_18, BullsEyeState, SegmentQuality
from app.overlay.display_list import HATCHES, Cue, with_alpha
from app.overlay.palettes import DEFAULT, Palette, ink_on
from app.ui import qt_painter
from app.ui.theme import EDGE, MUTED, SURFACE
from models.runtime.contract import LABEL_TEXT, label_of

MARGIN_PX = 17
"""Around the disc, for the names of the walls."""

_RINGS = {18: (1.0, 0.7, 0.4, 0.0), 17: (1.0, 0.76, 0.52, 0.26)}
"""Number of segments -> borders of the basal, mid and apical ring, in radii of the disc."""

_SHORT = {
    "anterior": "anterior",
    "anteroseptal": "AS",
    "inferoseptal": "IS",
    "inferior": "inferior",
    "inferolateral": "IL",
    "anterolateral": "AL",
}


@dataclass(frozen=True)
class Wedge:
    """One segment on the disc: radii 0..1, degrees counter-clockwise from three o'clock."""

    name: str
    inner: float
    outer: float
    middle_deg: float
    span_deg: float

    def holds(self, radius: float, angle_deg: float) -> bool:
        """Whether a point of the disc lies in it."""
        off = abs((angle_deg - self.middle_deg + 180) % 360 - 180)
        return self.inner <= radius < self.outer and off <= self.span_deg / 2


@cache
def wedges(count: int) -> tuple[Wedge, ...]:
    """The 17 or 18 segments; the anterior wall is on top, the septum on the left."""
    names = SEGMENTS_18 if count == 18 else SEGMENTS_17
    borders, found = _RINGS[count], []
    for place, name in enumerate(names):
        ring, step = min(place // 6, 2), place % 6
        in_ring = 4 if count == 17 and ring == 2 else 6
        if name == "apex":
            found.append(Wedge(name, 0.0, borders[3], 90.0, 360.0))
        else:
            found.append(Wedge(name, borders[ring + 1], borders[ring], 90.0 + step * 360 / in_ring, 360 / in_ring))
    return tuple(found)


@dataclass(frozen=True)
class BullsEyeLook:
    """How the disc looks: palette, cue, 17 or 18 segments, and which of the two qualities."""

    palette: Palette = DEFAULT
    cue: Cue = Cue.NUMBER
    count: int = 18
    quality: str = "best"


class BullsEyeWidget(QWidget):
    """Repaints only when a score that it shows, or its look, has changed. ``clicked`` by the mouse."""

    clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bulls_eye")
        self.setAccessibleName("Bull's-eye")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 120)
        self.look = BullsEyeLook()
        self._segments = dict(BullsEyeState().segments)
        self._scores: dict[str, float | None] = {}

    def show_state(self, state: BullsEyeState, look: BullsEyeLook) -> None:
        """Show an exam; scores are compared to one decimal, which is all that is shown of them."""
        segments = dict(state.of(look.count))
        scores = {name: _rounded(_of(quality, look.quality)) for name, quality in segments.items()}
        self._segments = segments
        if (scores, look) != (self._scores, self.look):
            self._scores, self.look = scores, look
            self.setAccessibleDescription(f"{state.seen} of {len(SEGMENTS_18)} segments seen, {look.quality} quality")
            self.update()

    def sizeHint(self) -> QSize:
        """A square of the panel's height."""
        return QSize(max(self.height(), 120), 220)

    def segment_at(self, position: QPointF) -> str | None:
        """Name of the segment under a position, None beside the disc."""
        centre, radius_px = self._disc()
        away = position - centre
        radius = math.hypot(away.x(), away.y()) / radius_px
        angle_deg = math.degrees(math.atan2(-away.y(), away.x()))
        return next((wedge.name for wedge in wedges(self.look.count) if wedge.holds(radius, angle_deg)), None)

    def tip(self, name: str) -> str:
        """What the tool tip of a segment says."""
        quality = self._segments[name]
        if quality.best is None or quality.last is None:
            return f"{name}: not seen yet"
        return f"{name}: best {_words(quality.best)}, last {_words(quality.last)}"

    def event(self, event: QEvent) -> bool:
        """Tool tips of segments."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            name = self.segment_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self.tip(name) if name else "", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click of the left button."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """All segments, then the names of the walls around them."""
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            centre, radius = self._disc()
            for wedge in wedges(self.look.count):
                self._paint_wedge(painter, wedge, centre, radius)
            self._paint_walls(painter, centre, radius)
        finally:
            painter.end()

    def _disc(self) -> tuple[QPointF, float]:
        centre = QRectF(self.rect()).center()
        return centre, max(min(self.width(), self.height()) / 2 - MARGIN_PX, 1.0)

    def _paint_wedge(self, painter: QPainter, wedge: Wedge, centre: QPointF, radius: float) -> None:
        score = self._scores.get(wedge.name)
        label = None if score is None else label_of(score)
        colour = self.look.palette.colour(label) if label is not None else None
        path = _path(wedge, centre, radius)
        painter.setPen(QPen(QColor(SURFACE if colour else EDGE), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush if colour is None else QColor(*colour))
        painter.drawPath(path)
        if colour is None or label is None:
            return
        hatch = HATCHES.get(label)
        if self.look.cue is Cue.PATTERN and hatch is not None:
            painter.save()
            painter.setClipPath(path)
            qt_painter.paint_hatch(painter, path.boundingRect(), hatch, with_alpha(ink_on(colour), 0.8))
            painter.restore()
        elif self.look.cue is Cue.NUMBER:
            painter.setPen(QColor(*ink_on(colour)))
            _write(painter, str(label), _middle(wedge, centre, radius), 12)

    def _paint_walls(self, painter: QPainter, centre: QPointF, radius: float) -> None:
        painter.setPen(QColor(MUTED))
        for step, wall in enumerate(SEGMENT_WALLS):
            away = radius + (9 if wall in ("anterior", "inferior") else 12)
            _write(painter, _SHORT[wall], _on_circle(centre, away, 90 + 60 * step), 11)


def _of(quality: SegmentQuality, which: str) -> float | None:
    return quality.best if which == "best" else quality.last


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 1)


def _words(score: float) -> str:
    return f"{score:.1f} ({LABEL_TEXT[label_of(score)]})"


def _path(wedge: Wedge, centre: QPointF, radius: float) -> QPainterPath:
    path = QPainterPath()
    outer = _square(centre, wedge.outer * radius)
    if wedge.span_deg >= 360:
        path.addEllipse(outer)
        return path
    start = wedge.middle_deg - wedge.span_deg / 2
    path.arcMoveTo(outer, start)
    path.arcTo(outer, start, wedge.span_deg)
    if wedge.inner > 0:
        path.arcTo(_square(centre, wedge.inner * radius), start + wedge.span_deg, -wedge.span_deg)
    else:
        path.lineTo(centre)
    path.closeSubpath()
    return path


def _middle(wedge: Wedge, centre: QPointF, radius: float) -> QPointF:
    """Where the number stands: further out in a wedge that ends in a point."""
    if wedge.span_deg >= 360:
        return centre
    share = 0.62 if wedge.inner == 0 else 0.5
    return _on_circle(centre, radius * (wedge.inner + share * (wedge.outer - wedge.inner)), wedge.middle_deg)


def _square(centre: QPointF, half: float) -> QRectF:
    return QRectF(centre.x() - half, centre.y() - half, 2 * half, 2 * half)


def _on_circle(centre: QPointF, radius: float, angle_deg: float) -> QPointF:
    angle = math.radians(angle_deg)
    return QPointF(centre.x() + radius * math.cos(angle), centre.y() - radius * math.sin(angle))


def _write(painter: QPainter, text: str, at: QPointF, size_px: int) -> None:
    font = painter.font()
    font.setPixelSize(size_px)
    painter.setFont(font)
    painter.drawText(QRectF(at.x() - 40, at.y() - 10, 80, 20), Qt.AlignmentFlag.AlignCenter, text)
