"""The command ``synth``, ``synthesis`` below ``train``, ``export`` and ``evaluate``, and ``evaluate balance``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli_options import DEFAULT_DATA, Data, Json, Weights
from app.cli_training import Out, evaluate_app, export_app, train_app

PictureSet = Annotated[Literal["fetal", "echo"], typer.Option("--set", help="Fetal heads, or apical echo.")]
Size = Annotated[Literal["64", "128"], typer.Option(help="Side of the pictures in pixels.")]


def synth(
    out: Annotated[Path, typer.Option(help="An empty or new folder.")],
    n: Annotated[int, typer.Option("--n", min=1, help="How many pictures.")] = 100,
    set_name: PictureSet = "fetal",
    size: Size = "128",
    level: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Level of degradation, 0 as it came to 1; needs such a generator."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same pictures.")] = 1,
    data: Data = DEFAULT_DATA,
    weights: Weights = None,
) -> None:
    """Make synthetic pictures, marked as such, and a report that compares them with real ones."""
    from app.commands.synthesis import SynthOptions, run_synth

    raise typer.Exit(run_synth(SynthOptions(n, out, set_name, int(size), level, seed, data, weights)))


@train_app.command("synthesis")
def train_synthesis(
    out: Out,
    data: Data = DEFAULT_DATA,
    sweep: Annotated[bool, typer.Option("--sweep", help="All runs of the paper's study, a folder each.")] = False,
    size: Size = "64",
    set_name: PictureSet = "fetal",
    images: Annotated[int, typer.Option(min=0, help="So many real pictures; 0: the training split.")] = 0,
    epochs: Annotated[int, typer.Option(min=0, help="Passes over the pictures; 0: as the recipe says.")] = 0,
    conditional: Annotated[bool, typer.Option("--conditional", help="The level of degradation is an input.")] = False,
    degraded_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Conditional: share of the training examinations with degraded pictures."),
    ] = 1.0,
    recipe: Annotated[Literal["released", "paper"], typer.Option(help="paper: the plain DCGAN.")] = "released",
    learning_rate: Annotated[float | None, typer.Option(min=1e-7, max=1, help="Default: the recipe's, 2e-4.")] = None,
    r1_weight: Annotated[float | None, typer.Option(min=0, help="Gradient penalty; default: the recipe's, 0.")] = None,
) -> None:
    """Synthetic ultrasound (DCGAN); each checkpoint's figures go into figures.jsonl."""
    from app.commands.synthesis import run_sweep_synthesis, run_train_synthesis
    from models.synthesis.recipe import SynthesisOptions

    if sweep:
        raise typer.Exit(run_sweep_synthesis(data, out))
    options = SynthesisOptions(set_name, images, conditional, degraded_share)
    raise typer.Exit(run_train_synthesis(data, out, int(size), options, epochs, recipe, learning_rate, r1_weight))


@export_app.command("synthesis")
def export_synthesis(
    run: Annotated[Path, typer.Argument(help="Folder of 'train synthesis'.")],
    out: Annotated[Path, typer.Option(help="Folder for the model file and its manifest.")],
    epoch: Annotated[int, typer.Option(min=0, help="Of a checkpoint that was kept; 0: the last.")] = 0,
) -> None:
    """The ONNX file of a generator, with a parity check."""
    from app.commands.synthesis import run_export_synthesis

    raise typer.Exit(run_export_synthesis(run, out, epoch))


@evaluate_app.command("synthesis")
def evaluate_synthesis(data: Data = DEFAULT_DATA, json_out: Json = False, weights: Weights = None) -> None:
    """The released generators against real pictures; stored figures of the paper's sweep and of balancing."""
    from app.commands.synthesis import run_evaluate_synthesis

    raise typer.Exit(run_evaluate_synthesis(data, weights, json_out))


@evaluate_app.command("balance")
def evaluate_balance(
    runs: Annotated[list[Path], typer.Argument(help="Folders of 'train synthesis --conditional', one or more.")],
    data: Data = DEFAULT_DATA,
    degraded_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the training examinations with degraded pictures.")
    ] = 0.1,
    seeds: Annotated[int, typer.Option(min=2, help="How many; mean and spread are over them.")] = 5,
    steps: Annotated[int, typer.Option(min=1, help="Of each training of the small classifier.")] = 1500,
    json_out: Json = False,
    out: Annotated[Path | None, typer.Option(help="File that keeps the figures, balance.json.")] = None,
) -> None:
    """Whether synthetic pictures of rare levels help a small classifier, tested on examinations that none saw.

    A run trained with the same --degraded-share is the strict test: its generator saw no picture that the classifier
    lacks. Other generators saw degraded pictures of all training examinations.
    """
    from app.commands.synthesis import run_evaluate_balance

    raise typer.Exit(run_evaluate_balance(runs, data, degraded_share, seeds, steps, out, json_out))
