"""``artifact`` below ``train``, ``export`` and ``evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli_options import DEFAULT_DATA, Data, Json, Weights
from app.cli_training import Epochs, Out, evaluate_app, export_app, train_app

Family = Annotated[Literal["echo", "any"], typer.Option(help="What is known: apical echo, or any organ.")]


@train_app.command("artifact")
def train_artifact(
    out: Out,
    family: Family,
    data: Data = DEFAULT_DATA,
    epochs: Epochs = 0,
    virtual: Annotated[Path | None, typer.Option(help="Virtual set, whose apical frames are known as well.")] = None,
    recipe: Annotated[Literal["released", "paper"], typer.Option(help="paper: equation 1 on the 2-d latent alone.")] = (
        "released"
    ),
    labelled: Annotated[
        int, typer.Option(min=0, help="Few-label refinement: so many labelled artifacts of the held-out kinds.")
    ] = 0,
    pull: Annotated[
        float | None, typer.Option(min=0, help="How far untypical pictures are moved in the latent; 0: not at all.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Default: the recipe's.")] = None,
) -> None:
    """Artifact gate: a contrastive encoder, then a flow for the density of known frames.

    A finished run that is called again with another --pull fits the gate anew and keeps the encoder.
    """
    from app.commands.artifact import run_train_artifact

    variant = (recipe, labelled, pull, seed)
    raise typer.Exit(run_train_artifact(family, data, out, epochs, virtual, variant))


@export_app.command("artifact")
def export_artifact(
    run: Annotated[Path, typer.Argument(help="Folder of a finished 'train artifact' of that family.")],
    family: Family,
    out: Annotated[Path, typer.Option(help="Folder for the model files, the reference points and the manifest.")],
) -> None:
    """INT8, float32 and float16 files of the gate, its thresholds and reference points, with a parity check."""
    from app.commands.artifact import run_export_artifact

    raise typer.Exit(run_export_artifact(run, family, out))


@evaluate_app.command("artifact")
def evaluate_artifact(
    data: Data = DEFAULT_DATA,
    weights: Weights = None,
    family: Annotated[
        Literal["echo", "any", "both"], typer.Option(help="Whose figures; those of echo stand at the top.")
    ] = "both",
    json_out: Json = False,
) -> None:
    """The released artifact gates on held-out patients and kinds of artifacts, beside the paper's figures."""
    from app.commands.artifact import run_evaluate_artifact

    raise typer.Exit(run_evaluate_artifact(data, weights, family, json_out))
