"""Figures 4, 5 and 6 of the US2QNet paper, drawn with OpenCV: maps of points and bars of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from capture.errors import DataError
from models.metrics.clustering import METRICS
from models.regional.evaluation.plots import PANEL, sheet
from models.us2qnet.baselines import OURS, MethodResult
from models.us2qnet.experiments import Stage

FIGURE_6 = ("UMAP", "t-SNE", "DEC-AE + UMAP", OURS)
_TOP, _BOTTOM, _SIDE = 34, 60, 24
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BLACK = (30, 30, 30)
# BGR, told apart by colour-blind readers (Okabe and Ito 2008); more than eight classes go around again, lighter
_COLOURS = (
    (178, 114, 0),
    (0, 94, 213),
    (115, 158, 0),
    (167, 121, 204),
    (0, 159, 230),
    (233, 180, 86),
    (66, 228, 240),
    (90, 90, 90),
)


def map_panel(title: str, points: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Points coloured by their true class, with a legend, (340, 420, 3) BGR uint8.

    Parameters
    ----------
    points : (N, 2) finite, N at least 1
    truth : (N,) whole numbers from 0
    names : one per class
    """
    panel = np.full((*PANEL, 3), 255, np.uint8)
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.array([PANEL[1] - 2 * _SIDE, PANEL[0] - _TOP - _BOTTOM])
    shares = (points - low) / np.maximum(high - low, 1e-9)
    places = np.rint(shares * span + np.array([_SIDE, _TOP])).astype(int)
    for (x, y), number in zip(places.tolist(), truth.tolist(), strict=True):
        cv2.circle(panel, (x, y), 1, _colour(number), cv2.FILLED, cv2.LINE_AA)
    _write(panel, title, (_SIDE, 20), 0.5)
    _legend(panel, names)
    return panel


def bar_panel(title: str, groups: Mapping[str, Mapping[str, float]]) -> np.ndarray:
    """Bars from 0 to 1 with their values, one colour per series, (340, 420, 3) BGR uint8.

    Parameters
    ----------
    groups : series -> metric -> value; a value below 0 has no height, one that is not finite no bar
    """
    panel = np.full((*PANEL, 3), 255, np.uint8)
    metrics = list(dict.fromkeys(metric for values in groups.values() for metric in values))
    floor, height = PANEL[0] - _BOTTOM, PANEL[0] - _TOP - _BOTTOM
    step = (PANEL[1] - 2 * _SIDE) // max(len(metrics), 1)
    width = int(0.8 * step / max(len(groups), 1))
    for series, values in enumerate(groups.values()):
        for place, metric in enumerate(metrics):
            value = values.get(metric, np.nan)
            if np.isfinite(value):
                left = _SIDE + place * step + series * width
                top = floor - round(height * min(max(value, 0), 1))
                cv2.rectangle(panel, (left, top), (left + width - 2, floor), _colour(series), cv2.FILLED)
                _write(panel, f"{value:.2f}", (left, top - 4), 0.33)
    for place, metric in enumerate(metrics):
        _write(panel, metric.upper(), (_SIDE + place * step, floor + 16), 0.42)
    cv2.line(panel, (_SIDE, floor), (PANEL[1] - _SIDE, floor), _BLACK, 1)
    _write(panel, title, (_SIDE, 20), 0.5)
    _legend(panel, list(groups))
    return panel


def figure_4(stages: Mapping[str, Stage], truth: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The maps after pre-training and at later epochs, beside each other, BGR uint8."""
    return sheet([map_panel(name, stage.found.points, truth, names) for name, stage in stages.items()], across=2)


def figure_5(stages: Mapping[str, Stage], set_name: str) -> np.ndarray:
    """Bars of the four metrics at the first and the last stage, BGR uint8."""
    ends = {name: stages[name].figures for name in (next(iter(stages)), list(stages)[-1])}
    return bar_panel(set_name, {name: {metric: found[metric] for metric in METRICS} for name, found in ends.items()})


def figure_6(results: Mapping[str, MethodResult], truth: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The planes of UMAP, t-SNE, DEC-AE + UMAP and US2QNet, beside each other, BGR uint8."""
    planes = ((name, results[name].points) for name in FIGURE_6 if name in results)
    return sheet([map_panel(name, points, truth, names) for name, points in planes if points is not None], across=2)


def write_picture(picture: np.ndarray, path: Path) -> Path:
    """Write a picture as PNG, with its folder.

    Raises
    ------
    DataError
        When the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    except OSError as error:
        raise DataError(f"cannot write the figure {path} ({error}): choose another folder") from error
    return path


def _legend(panel: np.ndarray, names: Sequence[str]) -> None:
    """Names with their colours in the lowest lines, wrapped at the edge."""
    x, y = _SIDE, PANEL[0] - 24
    for number, name in enumerate(names):
        width = cv2.getTextSize(name, _FONT, 0.4, 1)[0][0] + 26
        if x + width > PANEL[1] - 4:
            x, y = _SIDE, y + 16
        cv2.circle(panel, (x, y - 4), 4, _colour(number), cv2.FILLED, cv2.LINE_AA)
        _write(panel, name, (x + 8, y), 0.4)
        x += width


def _colour(number: int) -> tuple[int, int, int]:
    blue, green, red = _COLOURS[number % len(_COLOURS)]
    if number // len(_COLOURS) % 2:
        return (blue + 255) // 2, (green + 255) // 2, (red + 255) // 2
    return blue, green, red


def _write(panel: np.ndarray, text: str, place: tuple[int, int], scale: float) -> None:
    cv2.putText(panel, text, place, _FONT, scale, _BLACK, 1, cv2.LINE_AA)
