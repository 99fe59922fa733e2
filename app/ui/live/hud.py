"""The small figures below: how fast, how late, how much was dropped, and on what it runs."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from app.engine.state import EngineState
from app.engine.timing import Percentiles
from app.ui.live.header import keep_room_when_hidden
from app.ui.live.legend import Legend

FIGURES = {
    "fps": ("Frame rate", "Frames captured per second; assessed ones behind the stroke when they are fewer"),
    "age": ("Capture age", "Time since the newest frame was captured"),
    "assess": ("Assessment time", "Time to assess one frame: median of the last 10 s"),
    "paint": ("Paint latency", "From capture to the end of painting with its assessment: median of the last 10 s"),
    "ages": ("Ages", "Live, less urgent networks take turns with frames: so much older theirs is at most"),
    "drops": ("Drops", "Frames lost by the source, and frames not assessed because a newer one was there"),
    "provider": ("Provider", "What the models run on, and in which precision"),
    "load": ("Processor load", "Processor time of this program, in percent of one core"),
}
"""Name and help of each figure, in the order shown."""

_PRECISIONS = {"int8": "INT8", "float16": "FP16", "float32": "FP32"}


class Hud(QFrame):
    """One line of figures, and the legend."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("hud")
        self.legend = Legend()
        keep_room_when_hidden(self.legend)
        self.figures = {key: _figure(*texts) for key, texts in FIGURES.items()}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 4, 14, 4)
        layout.setSpacing(22)
        for label in self.figures.values():
            layout.addWidget(label)
        layout.addStretch(1)
        layout.addWidget(self.legend)

    def show_state(self, state: EngineState) -> None:
        """Show the figures of an engine state."""
        for key, text in figures(state).items():
            self.figures[key].setText(text)
        self.figures["drops"].setToolTip("\n".join([FIGURES["drops"][1], *_by_channel(state)]))
        self.figures["ages"].setToolTip("\n".join([FIGURES["ages"][1], *_each_age(state)]))
        self.figures["provider"].setToolTip("\n".join(info.model_id for info in state.models) or FIGURES["provider"][1])


def figures(state: EngineState) -> dict[str, str]:
    """Text of each figure; a dash where nothing was measured."""
    slower = state.fps_assessed < 0.9 * state.fps_captured
    return {
        "fps": f"{state.fps_captured:.1f} fps" + (f" / {state.fps_assessed:.1f} assessed" if slower else ""),
        "age": f"age {_ms(state.capture_age_ms)}",
        "assess": f"assess {_ms(_median(state.assess_ms))}",
        "paint": f"paint {_ms(_median(state.capture_to_paint_ms))}",
        "ages": _ages(state),
        "drops": f"drops {sum(state.drops.values()) + state.source_drops}",
        "provider": _provider(state),
        "load": f"load {state.usage.cpu_percent:.0f} %" if state.usage else "load –",
    }


def _ages(state: EngineState) -> str:
    """Largest age of each: by name when it is the only one, else in the order of the tool tip."""
    if len(state.ages_ms) < 2:
        return _each_age(state)[0]
    return f"ages +{'/'.join(f'{age_ms:.0f}' for age_ms in state.ages_ms.values())} ms"


def _each_age(state: EngineState) -> list[str]:
    return [f"{name} +{_ms(age_ms)}" for name, age_ms in state.ages_ms.items()] or ["cluster +–"]


def _provider(state: EngineState) -> str:
    if not state.models_ready:
        return "models loading"
    short = state.provider.replace("ExecutionProvider", "")
    return f"{short} {_PRECISIONS.get(state.precision, state.precision)}".strip() or "no models"


def _median(value: Percentiles | None) -> float | None:
    return None if value is None else value.p50


def _ms(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.0f} s"


def _by_channel(state: EngineState) -> list[str]:
    return [f"{name}: {count}" for name, count in {"source": state.source_drops, **state.drops}.items()]


def _figure(name: str, help_text: str) -> QLabel:
    label = QLabel("–")
    label.setAccessibleName(name)
    label.setToolTip(help_text)
    return label
