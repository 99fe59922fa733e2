"""``score``, the 0-100 one, below ``train``, ``export`` and ``evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli_options import DEFAULT_DATA, Data, Json, Weights
from app.cli_training import Epochs, Out, evaluate_app, export_app, train_app


@train_app.command("score")
def train_score(
    out: Out,
    data: Data = DEFAULT_DATA,
    epochs: Epochs = 0,
    recipe: Annotated[
        Literal["released", "paper"], typer.Option(help="paper: BUSI alone, its section 3.")
    ] = "released",
    net: Annotated[
        Literal["statistics", "resnet18"], typer.Option(help="Of the released recipe; the paper's is always resnet18.")
    ] = "statistics",
) -> None:
    """The 0-100 score on three organs, made worse by known amounts; or the paper's recipe with its figures."""
    from app.commands.train_score import run_train_score

    raise typer.Exit(run_train_score(data, out, recipe, net, epochs))


@export_app.command("score")
def export_score(
    run: Annotated[Path, typer.Argument(help="Folder of a finished 'train score'.")],
    out: Annotated[Path, typer.Option(help="Folder for the model files and their manifest.")],
) -> None:
    """INT8, float32 and float16 files of the score with its calibration, and a parity check."""
    from app.commands.train_score import run_export_score

    raise typer.Exit(run_export_score(run, out))


@evaluate_app.command("score")
def evaluate_score(data: Data = DEFAULT_DATA, weights: Weights = None, json_out: Json = False) -> None:
    """The released score on held-out groups and on organs never trained on; the paper's recipe as it was stored."""
    from app.commands.train_score import run_evaluate_score

    raise typer.Exit(run_evaluate_score(data, weights, json_out))
