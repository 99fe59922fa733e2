"""``sonogauge evaluate synthesis``: figures of the released generators, from their files, and the stored ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import DataError
from models.runtime.manifest import default_weights_folder, load_manifest
from models.synthesis.balance_figures import balance_text
from models.synthesis.data import RealPictures, read_real
from models.synthesis.export import TRAINING_SPLIT
from models.synthesis.feature_distance import feature_distance
from models.synthesis.figures import Distance, compare
from models.synthesis.recipe import SIZES, SynthesisOptions
from models.synthesis.sample import LEVELS, PictureMaker, model_name

STORED = Path(__file__).with_name("sweep.json")
BALANCE = Path(__file__).with_name("balance.json")
MADE, SEED = 500, 20261214
FEWEST_HELD_OUT = 8  # examinations; fewer give no figure


def evaluate_synthesis(data: Path, weights: Path | None = None, made: int = MADE) -> dict[str, Any]:
    """All figures of the released generators against the real pictures of their sets.

    Returns
    -------
    dict
        ``frechet_64``, ``frechet_128``, ``diversity_64``, ``diversity_128``, ``lbp_distance_64``, ``lbp_distance_128``
        : fetal heads; ``lbp_distance`` : the worse of both sizes; ``lbp_bins_within`` : every difference of the four
        bins is at most the largest of 20 half-splits, by size; ``models`` : everything of every generator, see
        ``model_figures``; ``sweep`` : of the paper, a row for each checkpoint with date, command and machine;
        ``balance`` : see ``models.synthesis.balance``, a row for each generator; both stored, None before they were run

    Raises
    ------
    DataError, ModelError
        When a set, the feature network or a generator is missing or damaged.
    """
    folder = weights or default_weights_folder()
    manifest, distance = load_manifest(folder), feature_distance(data)
    wanted = [model_name("fetal", size, False) for size in SIZES]
    for name in wanted:
        manifest.entry(name)  # told before minutes of measuring
    others = sorted(name for name in manifest.models if name.startswith("synthesis_") and name not in wanted)
    models = {name: model_figures(folder, name, data, distance, made) for name in (*wanted, *others)}
    found: dict[str, Any] = {}
    for figure in ("frechet", "diversity", "lbp_distance"):
        found |= {f"{figure}_{size}": models[name][figure] for size, name in zip(SIZES, wanted, strict=True)}
    bins = {str(size): models[name]["lbp_bins"] for size, name in zip(SIZES, wanted, strict=True)}
    return found | {
        "lbp_distance": max(found[f"lbp_distance_{size}"] for size in SIZES),
        "lbp_bins_within": {size: all(row["within"] for row in rows.values()) for size, rows in bins.items()},
        "models": models,
        "sweep": stored_rows(STORED),
        "balance": stored_rows(BALANCE),
    }


def model_figures(folder: Path, name: str, data: Path, distance: Distance | None, made: int) -> dict[str, Any]:
    """Figures of one generator against all real pictures of its set, those it was trained on among them.

    ``held_out``: the same against examinations that it never saw. ``levels``: of a conditional generator, level by
    level.
    """
    set_name, size = name.split("_")[1], int(name.split("_")[2])
    maker = PictureMaker(folder, name)
    try:
        pictures = maker.pictures(made, SEED)
        options = SynthesisOptions(set_name, conditional=maker.conditional)  # type: ignore[arg-type]
        split = read_real(data, options)
        real = split.everything
        figures = {"model_id": maker.model_id, **_against(pictures, real, size, distance)}
        trained_on = load_manifest(folder).entry(name).training_data
        enough = len(set(split.held_out.groups.tolist())) >= FEWEST_HELD_OUT
        if enough and any(TRAINING_SPLIT in text for text in trained_on):
            figures["held_out"] = _against(pictures, split.held_out, size, distance)
        if maker.conditional:
            figures["levels"] = {
                f"{level:g}": _against(
                    maker.pictures(made, SEED, np.full(made, level)), real.take(real.levels == level), size, distance
                )
                for level in LEVELS
            }
    finally:
        maker.close()
    return figures


def stored_rows(path: Path) -> list[dict[str, Any]] | None:
    """Stored figures, each with its date and command; None before there are any.

    Raises
    ------
    DataError
        When the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"cannot read {path} ({error}): reinstall sonogauge") from error
    return rows


SWEEP_COLUMNS = (
    *("run", "epoch", "frechet", "lbp_distance", "diversity", "nearest_correlation"),
    *("mutual_information", "psnr_db", "ssim", "date"),
)


def as_text(found: dict[str, Any]) -> str:
    """The figures in a few lines, the four bins, the sweep and what balancing gave as tables."""
    lines = [f"{name:<18} {value}" for name, value in found.items() if isinstance(value, float)]
    for name, figures in found["models"].items():
        lines.append(f"\n{name}: {figures['n_synthetic']} synthetic, {figures['n_real']} real")
        for place, row in figures["lbp_bins"].items():
            verdict = "within" if row["within"] else "NOT within"
            limit = row["largest_half_split"]
            lines.append(f"  {place:<5} difference {row['difference']:.5f}, half-splits up to {limit:.5f}: {verdict}")
    return "\n".join([*lines, "", *_sweep_lines(found["sweep"]), "", *_balance_lines(found["balance"])])


def _sweep_lines(stored: list[dict[str, Any]] | None) -> list[str]:
    if stored is None:
        return ["The paper's sweep has not been run: sonogauge train synthesis --sweep --out DIR"]
    rows = [SWEEP_COLUMNS, *([str(row.get(column, "-")) for column in SWEEP_COLUMNS] for row in stored)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(SWEEP_COLUMNS))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, *dict.fromkeys(row["command"] for row in stored)]


def _balance_lines(stored: list[dict[str, Any]] | None) -> list[str]:
    if stored is None:
        return ["Balancing with synthetic pictures has not been run: sonogauge evaluate balance RUN --out FILE"]
    return [line for row in stored for line in (balance_text(row), f"  {row['date']}, {row['command']}")]


def _against(made: np.ndarray, real: RealPictures, size: int, distance: Distance | None) -> dict[str, Any]:
    return compare(made, real.squares(size), real.groups, distance)
