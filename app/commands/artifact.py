"""``train``, ``export`` and ``evaluate artifact``: thin doors to the artifact gate, imported only when used."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.commands.training_extra import need_training_extra

Variant = tuple[str, int, float | None, int | None]


def run_train_artifact(family: str, data: Path, out: Path, epochs: int, virtual: Path | None, variant: Variant) -> int:
    """Train a gate; prints its path. ``variant`` is recipe, labelled artifacts, pull and seed; None: the recipe's."""
    need_training_extra()
    from models.artifact.recipe import OURS, PAPER
    from models.artifact.train import train_artifact

    name, labelled, pull, seed = variant
    recipe = PAPER if name == "paper" else OURS
    recipe = replace(
        recipe,
        optimisation=recipe.optimisation.of(epochs),
        labelled=labelled,
        pull=recipe.pull if pull is None else pull,
        seed=recipe.seed if seed is None else seed,
    )
    sys.stdout.write(f"{train_artifact(family, data, out, recipe, virtual)}\n")
    return 0


def run_export_artifact(run: Path, family: str, out: Path) -> int:
    """Write the model files of a gate and its manifest entry; prints what was measured."""
    need_training_extra()
    from models.artifact.release import release_artifact

    sys.stdout.write(json.dumps(release_artifact(family, run, out), indent=2) + "\n")
    return 0


def run_evaluate_artifact(data: Path, weights: Path | None, family: str, as_json: bool) -> int:
    """Recompute the figures of the released gates; prints JSON, or tables beside the paper's figures."""
    need_training_extra()
    from models.artifact.evaluate import evaluate_artifact
    from models.artifact.kinds import FAMILIES

    figures = evaluate_artifact(data, weights, tuple(FAMILIES) if family == "both" else (family,))
    if as_json:
        sys.stdout.write(json.dumps(figures, indent=2, allow_nan=False) + "\n")
        return 0
    console = Console(width=100)
    for name in FAMILIES:
        found = figures if name == "echo" else figures.get(name, {})
        if "auc" in found:
            console.print(_table(name, found, figures["paper"]))
    return 0


def _table(family: str, found: dict[str, Any], paper: dict[str, Any]) -> Table:
    table = Table("held-out kind", "frames", "tau 5 %", "tau 3 %", "AUC", title=f"artifact gate: {family}")
    for kind, share in found["per_kind"].items():
        row = share, found["tau_3"]["per_kind"][kind], found["auc_per_kind"][kind]
        table.add_row(kind, str(found["n"][kind]), *(f"{value:.3f}" for value in row))
    table.add_section()
    for what in ("sensitivity", "specificity"):
        ours = [f"{found[tau][what]:.3f} (paper, MR: {paper[tau][what]:.3f})" for tau in ("tau_5", "tau_3")]
        frames = "" if what == "sensitivity" else str(found["n"]["known"])
        table.add_row(what, frames, *ours, f"{found['auc']:.3f}" if what == "sensitivity" else "")
    return table
