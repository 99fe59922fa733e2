"""Box plots of scores by true label or severity, and the table of figures, drawn with OpenCV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

PANEL = (340, 420)  # height, width
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 34, 48
_BLACK, _GREY, _BLUE, _ORANGE = (30, 30, 30), (205, 205, 205), (190, 130, 60), (40, 120, 220)  # BGR
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_ROW, _TEXT = 24, 0.45


def box_panel(title: str, groups: Mapping[str, np.ndarray], x_label: str) -> np.ndarray:
    """Box plots beside each other, (340, 420, 3) BGR uint8.

    Boxes run from quartile to quartile with the median in orange, whiskers to the last value within 1.5 times that
    range. The number of values stands below each group; a group of fewer than 2 finite values gets no box.

    Parameters
    ----------
    groups : text under the box -> values (N,), NaN allowed
    """
    panel = np.full((*PANEL, 3), 255, np.uint8)
    finite = {name: np.asarray(values, float)[np.isfinite(values)] for name, values in groups.items()}
    axis = _Axis(np.concatenate([np.zeros(0), *finite.values()]))
    axis.draw(panel)
    step = (PANEL[1] - _LEFT - _RIGHT) / max(len(finite), 1)
    for place, (name, values) in enumerate(finite.items()):
        x = round(_LEFT + (place + 0.5) * step)
        if len(values) > 1:
            _box(panel, axis, values, x, round(0.3 * step))
        _centred(panel, name, x, PANEL[0] - _BOTTOM + 16)
        _centred(panel, f"n={len(values)}", x, PANEL[0] - _BOTTOM + 30, 0.33)
    _centred(panel, x_label, (_LEFT + PANEL[1] - _RIGHT) // 2, PANEL[0] - 5, 0.4)
    _centred(panel, title, PANEL[1] // 2, 20, 0.5)
    return panel


def sheet(panels: Sequence[np.ndarray], across: int = 3) -> np.ndarray:
    """Panels of one size in rows of ``across``, BGR uint8.

    Raises
    ------
    ValueError
        For no panel at all.
    """
    if not panels:
        raise ValueError("no panel to put on the sheet")
    across = min(across, len(panels))
    filled = [*panels, *[np.full_like(panels[0], 255)] * (-len(panels) % across)]
    rows = [np.hstack(filled[start : start + across]) for start in range(0, len(filled), across)]
    return np.asarray(np.vstack(rows))


def table(rows: Sequence[Sequence[str]]) -> np.ndarray:
    """Rows of text in columns, the first row as the head, BGR uint8.

    Raises
    ------
    ValueError
        For no row.
    """
    if not rows:
        raise ValueError("no row to draw")
    columns = list(zip(*rows, strict=True))
    widths = [max(_text_width(text) for text in column) + 24 for column in columns]
    picture = np.full((_ROW * len(rows) + 16, sum(widths) + 16, 3), 255, np.uint8)
    for number, row in enumerate(rows):
        x, y = 16, _ROW * (number + 1)
        for text, width in zip(row, widths, strict=True):
            cv2.putText(picture, text, (x, y), _FONT, _TEXT, _BLACK, 1, cv2.LINE_AA)
            x += width
    cv2.line(picture, (8, _ROW + 8), (picture.shape[1] - 8, _ROW + 8), _BLACK, 1)
    return picture


class _Axis:
    """Vertical axis over all values of a panel."""

    def __init__(self, values: np.ndarray) -> None:
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        margin = 0.05 * (high - low) or 0.5
        self.low, self.high = low - margin, high + margin

    def row(self, value: float) -> int:
        """Pixel row of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(PANEL[0] - _BOTTOM - share * (PANEL[0] - _BOTTOM - _TOP))

    def draw(self, panel: np.ndarray) -> None:
        """Five grid lines with their values."""
        for value in np.linspace(self.low, self.high, 7)[1:-1]:
            y = self.row(value)
            cv2.line(panel, (_LEFT, y), (PANEL[1] - _RIGHT, y), _GREY, 1)
            cv2.putText(panel, f"{value:.3g}", (6, y + 4), _FONT, 0.38, _BLACK, 1, cv2.LINE_AA)
        cv2.rectangle(panel, (_LEFT, _TOP), (PANEL[1] - _RIGHT, PANEL[0] - _BOTTOM), _BLACK, 1)


def box_numbers(values: np.ndarray) -> tuple[float, float, float, float, float]:
    """Lower whisker, quartile, median, quartile, upper whisker of finite values (N,)."""
    first, median, third = (float(value) for value in np.quantile(values, (0.25, 0.5, 0.75)))
    reach = 1.5 * (third - first)
    within = values[(values >= first - reach) & (values <= third + reach)]
    return float(within.min()), first, median, third, float(within.max())


def _box(panel: np.ndarray, axis: _Axis, values: np.ndarray, x: int, half: int) -> None:
    low, first, median, third, high = (axis.row(value) for value in box_numbers(values))
    cv2.line(panel, (x, low), (x, high), _BLACK, 1)
    cv2.rectangle(panel, (x - half, third), (x + half, first), _BLUE, cv2.FILLED)
    cv2.rectangle(panel, (x - half, third), (x + half, first), _BLACK, 1)
    cv2.line(panel, (x - half, median), (x + half, median), _ORANGE, 2)
    for end in (low, high):
        cv2.line(panel, (x - half // 2, end), (x + half // 2, end), _BLACK, 1)


def _text_width(text: str, scale: float = _TEXT) -> int:
    return int(cv2.getTextSize(text, _FONT, scale, 1)[0][0])


def _centred(panel: np.ndarray, text: str, x: int, y: int, scale: float = 0.42) -> None:
    cv2.putText(panel, text, (x - _text_width(text, scale) // 2, y), _FONT, scale, _BLACK, 1, cv2.LINE_AA)
