"""Tables I to III of the US2QNet paper: the published figures, and ours beside them as text and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

SetName = Literal["mnist", "ultrasound"]
Grid = Mapping[str, Mapping[str, float]]
"""Row -> column -> figure."""

LEVELS = ("A-", "A", "A+")
METHODS = (
    "k-means",
    "t-SNE",
    "UMAP",
    "HDBSCAN",
    "PCA + k-means",
    "DEC-AE + k-means",
    "DEC-AE + t-SNE",
    "DEC-AE + UMAP",
    "DEC-VAE + k-means",
    "DEC-VAE + t-SNE",
    "US2QNet",
)


def _by_method(**metrics: tuple[float, ...]) -> Grid:
    return {method: {name: values[place] for name, values in metrics.items()} for place, method in enumerate(METHODS)}


TABLE_1: Grid = {
    "without pre-processing": {
        **dict(zip((f"SSIM {level}" for level in LEVELS), (0.90, 0.85, 0.81), strict=True)),
        **dict(zip((f"MSE {level}" for level in LEVELS), (11.01, 12.89, 13.64), strict=True)),
    },
    "with pre-processing": {
        **dict(zip((f"SSIM {level}" for level in LEVELS), (0.91, 0.93, 0.93), strict=True)),
        **dict(zip((f"MSE {level}" for level in LEVELS), (10.34, 9.80, 9.95), strict=True)),
    },
}
"""Reconstruction by the trained VAE, per class of the private bladder set."""

TABLE_2: Mapping[SetName, Grid] = {
    "ultrasound": _by_method(
        ari=(0.296, 0.385, 0.384, 0.374, 0.366, 0.487, 0.502, 0.547, 0.532, 0.619, 0.882),
        ami=(0.245, 0.394, 0.379, 0.335, 0.389, 0.393, 0.410, 0.446, 0.545, 0.637, 0.821),
        acc=(0.342, 0.389, 0.384, 0.326, 0.360, 0.536, 0.627, 0.673, 0.587, 0.742, 0.783),
        nmi=(0.287, 0.371, 0.354, 0.330, 0.296, 0.288, 0.419, 0.453, 0.553, 0.585, 0.823),
    ),
    "mnist": _by_method(
        ari=(0.570, 0.468, 0.386, 0.438, 0.546, 0.596, 0.834, 0.868, 0.556, 0.887, 0.896),
        ami=(0.595, 0.466, 0.547, 0.346, 0.528, 0.623, 0.694, 0.845, 0.619, 0.870, 0.897),
        acc=(0.546, 0.834, 0.846, 0.569, 0.468, 0.799, 0.857, 0.847, 0.821, 0.715, 0.853),
        nmi=(0.502, 0.825, 0.842, 0.532, 0.540, 0.725, 0.704, 0.886, 0.796, 0.860, 0.883),
    ),
}
"""Clustering by the eleven methods."""

TABLE_3: Grid = {
    "neither": {"acc": 0.544},
    "pre-processing": {"acc": 0.569},
    "pre-training": {"acc": 0.643},
    "both": {"acc": 0.783},
    "4 clusters": {"acc": 0.543},
    "5 clusters": {"acc": 0.542},
}
"""Ablation on the private bladder set; the last two rows are from section IV.E."""

NOT_THEIR_SET = (
    "The ultrasound set here is not the paper's: theirs is private (1833 bladder images rated by three radiologists), "
    "ours are public images at known levels of degradation. The paper's figures stand beside ours for orientation."
)
TRANSDUCTIVE = (
    "Clustering is transductive: each method clusters the digits that it saw in training. No method reads a label; the "
    "labels are for these figures alone."
)
NOTES: Mapping[SetName, str] = {"mnist": TRANSDUCTIVE, "ultrasound": NOT_THEIR_SET}


@dataclass(frozen=True)
class Table:
    """Our figures over seeds.

    Attributes
    ----------
    number : 1, 2 or 3 as in the paper
    rows : row -> column -> one figure per seed
    parameters : how the rows were made, plain values
    """

    number: int
    set_name: SetName
    seeds: tuple[int, ...]
    rows: Mapping[str, Mapping[str, Sequence[float]]]
    parameters: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain values; a figure that is not finite is None."""
        paper = published(self.number, self.set_name)
        return {
            "table": self.number,
            "set": self.set_name,
            "seeds": list(self.seeds),
            "note": NOTES[self.set_name],
            "rows": {
                row: {
                    column: {**mean_and_spread(values), "paper": paper.get(row, {}).get(column)}
                    for column, values in columns.items()
                }
                for row, columns in self.rows.items()
            },
            "parameters": dict(self.parameters),
        }


def published(number: int, set_name: SetName) -> Grid:
    """The paper's figures of a table, empty where it has none for the set.

    Raises
    ------
    ValueError
        For a table other than 1, 2 or 3.
    """
    if number not in (1, 2, 3):
        raise ValueError(f"the paper has no table {number}: ask for 1, 2 or 3")
    if number == 2:
        return TABLE_2[set_name]
    return (TABLE_1 if number == 1 else TABLE_3) if set_name == "ultrasound" else {}


def mean_and_spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, sample standard deviation and the values, 4 digits; the spread of a single value is None."""
    array = np.asarray(values, float)
    spread = float(array.std(ddof=1)) if len(array) > 1 else math.nan
    return {
        "mean": _plain(float(array.mean())),
        "sd": _plain(spread),
        "values": [_plain(float(value)) for value in array],
    }


def table_json(table: Table) -> str:
    """The table as JSON text."""
    return json.dumps(table.to_json(), indent=2, allow_nan=False)


def table_rows(table: Table) -> list[list[str]]:
    """Cells ``mean +- sd (paper)``, the head first; ``-`` where the paper has no figure."""
    found = table.to_json()["rows"]
    columns = list(dict.fromkeys(column for row in found.values() for column in row))
    head = ["ours +- sd (paper)", *(column.upper() for column in columns)]
    return [head, *([row, *(_cell(cells.get(column)) for column in columns)] for row, cells in found.items())]


def table_text(table: Table) -> str:
    """The table in columns under its title, with the note on the data and the seeds."""
    rows = table_rows(table)
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    seeds = ", ".join(str(seed) for seed in table.seeds)
    lines = [f"Table {table.number}, {table.set_name}, seeds {seeds}"]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, NOTES[table.set_name]])


def _cell(figures: Mapping[str, Any] | None) -> str:
    if figures is None or figures["mean"] is None:
        return "-"
    digits = 3 if abs(figures["mean"]) < 10 else 2
    spread = "" if figures["sd"] is None else f" +- {figures['sd']:.{digits}f}"
    paper = "-" if figures["paper"] is None else f"{figures['paper']:.{digits}f}"
    return f"{figures['mean']:.{digits}f}{spread} ({paper})"


def _plain(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
