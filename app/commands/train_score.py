"""``train score``, ``export score`` and ``evaluate score``: thin doors to ``models.score``, imported only when used."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.training_extra import need_training_extra

if TYPE_CHECKING:
    from models.score.recipe import NetworkName


def run_train_score(data: Path, out: Path, recipe: str, network: NetworkName, epochs: int) -> int:
    """Train the score; prints the checkpoint's path, for the paper's recipe that of its figures."""
    need_training_extra()
    if recipe == "paper":
        from models.score.paper_recipe import PaperRecipe, train_paper

        paper = PaperRecipe()
        made = train_paper(data, out, replace(paper, optimisation=paper.optimisation.of(epochs)))
    else:
        from models.score.recipe import ScoreRecipe
        from models.score.train import train_score

        ours = ScoreRecipe(network=network)
        made = train_score(data, out, replace(ours, optimisation=ours.optimisation.of(epochs)))
    sys.stdout.write(f"{made}\n")
    return 0


def run_export_score(run: Path, out: Path) -> int:
    """Write the model files of the score and their manifest entry; prints what was measured."""
    need_training_extra()
    from models.score.release import release_score

    sys.stdout.write(json.dumps(release_score(run, out), indent=2) + "\n")
    return 0


def run_evaluate_score(data: Path, weights: Path | None, as_json: bool) -> int:
    """Recompute the figures of the released score; prints JSON, or one figure per line."""
    need_training_extra()
    from models.score.released import evaluate_released

    figures = evaluate_released(data, weights)
    lines = (f"{name:<22} {value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures, indent=2, allow_nan=False) if as_json else "\n".join(lines)) + "\n")
    return 0
