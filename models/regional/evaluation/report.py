"""The figures of ``sonogauge evaluate regional`` as text, JSON and pictures, beside the paper's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from calibration.score_map import save_score_map
from capture.errors import CalibrationError, DataError
from models.data.degradations import LEVELS
from models.metrics.agreement import to_labels
from models.regional.evaluation.evaluate import PIPELINE, SCORE_MAP_FILE, Findings
from models.regional.evaluation.plots import box_panel, sheet, table

NOT_COMPARABLE = (
    "The paper's figures are on other data: its Spearman are against labels by cardiologists on HUNT4, its coherence "
    "figures against channel data of a scanner; ours are against known severity and virtual truth. Not comparable."
)
PAPER = (
    ("spearman_end_to_end", 0.69),
    ("spearman_coherence", 0.58),
    ("spearman_gcnr", 0.24),
    ("spearman_inter_observer", 0.63),
    ("coherence_ssim", 0.994),
    ("coherence_rpe_percent", 5.6),
    ("coherence_psnr_db", 35.99),
)
"""Published figures (abstract and table 3); the numbers of tables 4 and 5 are not in our text."""


def paper_table(figures: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Rows (figure, ours, the paper's), the head first; ``-`` where there is none, as for raters that we lack."""
    rows = [("figure", "ours", "paper")]
    rows += [(name, _shown(figures.get(name)), _shown(value)) for name, value in PAPER]
    return rows


def as_text(figures: Mapping[str, Any]) -> str:
    """The table beside the paper's figures, then one line per figure; nested records one line per entry."""
    lines = [f"{name:<28}{ours:>10}{paper:>10}" for name, ours, paper in paper_table(figures)]
    lines += [NOT_COMPARABLE, ""]
    for name, value in figures.items():
        lines += _lines(name, value)
    return "\n".join(lines)


def write_report(findings: Findings, folder: Path) -> list[Path]:
    """Write ``figures.json``, ``score_map.toml`` and the pictures into ``folder``; returns the files.

    Raises
    ------
    DataError
        When the folder cannot be written.
    """
    pictures = {
        "boxes_virtual.png": sheet(virtual_panels(findings)),
        "boxes_degraded.png": sheet(degraded_panels(findings)),
        "boxes_ejection_fraction.png": sheet(measurement_panels(findings)),
        "table.png": table([*paper_table(findings.figures), *order_rows(findings.figures)]),
    }
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(findings.figures, indent=2, allow_nan=False)
        (folder / "figures.json").write_text(text + "\n", encoding="utf-8")
        for name, picture in pictures.items():
            (folder / name).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        save_score_map(findings.score_map, folder / SCORE_MAP_FILE)
    except (OSError, CalibrationError) as error:
        raise DataError(f"cannot write the report to {folder} ({error}): choose another folder") from error
    return [folder / "figures.json", folder / SCORE_MAP_FILE, *(folder / name for name in pictures)]


def virtual_panels(findings: Findings) -> list[np.ndarray]:
    """Rating by true label, one panel per method (paper, figure 4), over the scanners that no line was fitted on."""
    _, tested = findings.virtual.halves()
    truth = to_labels(findings.virtual.truth[tested].ravel())
    return [
        box_panel(
            name, {str(label): ratings[tested].ravel()[truth == label] for label in range(1, 6)}, "true label, virtual"
        )
        for name, ratings in findings.ratings.items()
    ]


def degraded_panels(findings: Findings) -> list[np.ndarray]:
    """The method's metric by severity, one panel per method."""
    observations = findings.observations
    level = np.array([o.level for o in observations])
    names = list(observations[0].scores) if observations else [PIPELINE]
    panels = []
    for name in names:
        values = np.array([o.looked_at(name) for o in observations], float)
        panels.append(box_panel(name, {f"{t:g}": values[level == t] for t in LEVELS}, "severity, degraded real frames"))
    return panels


def measurement_panels(findings: Findings) -> list[np.ndarray]:
    """Error of the ejection fraction by predicted quality (paper, figure 7), one panel per source."""
    return [
        box_panel(f"EF error, points: {name}", found.by_label(), "predicted quality")
        for name, found in findings.measured.items()
    ]


def order_rows(figures: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Methods on equal degraded frames, best first, with their intervals."""
    rows = [("on equal pictures", "Spearman", "95 %")]
    for row in figures.get("method_order", ()):
        rows.append((row["method"], _shown(row["spearman"]), f"{_shown(row['low'])} to {_shown(row['high'])}"))
    return rows


def _lines(name: str, value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [line for key, entry in value.items() for line in _lines(f"{name} {key}", entry)]
    if isinstance(value, list):
        return [line for place, entry in enumerate(value, 1) for line in _lines(f"{name} {place}", entry)]
    return [f"{name:<60} {_shown(value)}"]


def _shown(value: object) -> str:
    return "-" if value is None else str(value)
