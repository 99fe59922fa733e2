"""The commands ``train``, ``export`` and ``evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli_options import DEFAULT_DATA, Data, Json, Provider, ProviderChoice, Weights

train_app = typer.Typer(help="Train a network (needs the extra 'train').", no_args_is_help=True)
evaluate_app = typer.Typer(help="Recompute the figures of the released weights.", no_args_is_help=True)
export_app = typer.Typer(help="Turn a checkpoint into released model files.", no_args_is_help=True)

Out = Annotated[Path, typer.Option(help="Folder for the checkpoint; a run there goes on where it stopped.")]
Epochs = Annotated[int, typer.Option(min=0, help="Passes over the data per phase; 0: as the recipe says.")]
FinishEpochs = Annotated[int, typer.Option(min=0, help="Passes of the second phase; 0: as many as --epochs.")]


@train_app.command("segmentation")
def train_segmentation(
    out: Out,
    data: Data = DEFAULT_DATA,
    epochs: Epochs = 0,
    finish_epochs: FinishEpochs = 0,
    virtual: Annotated[Path | None, typer.Option(help="Train on this virtual set as well.")] = None,
    virtual_only: Annotated[bool, typer.Option("--virtual-only", help="Leave the real frames out.")] = False,
    start: Annotated[Path | None, typer.Option(help="Begin with the weights of this checkpoint.")] = None,
    net: Annotated[Literal["light", "nnunet"], typer.Option(help="nnunet: the paper's, in one phase.")] = "light",
    classes: Annotated[int, typer.Option(min=4, max=5, help="5: with the aorta, which virtual ALAX has.")] = 5,
) -> None:
    """Segmentation of LV, MYO and LA, in a long-axis view of the aorta too, on CAMUS, virtual frames or both."""
    from app.commands.train import run_train_segmentation

    common = (data, out, epochs, finish_epochs)
    raise typer.Exit(run_train_segmentation(*common, virtual, virtual_only, start, net, classes))


@train_app.command("regional")
def train_regional(
    out: Out,
    data: Data = DEFAULT_DATA,
    epochs: Epochs = 0,
    finish_epochs: FinishEpochs = 0,
    recipe: Annotated[Literal["released", "paper"], typer.Option(help="paper: its table 7.")] = "released",
    backbone: Annotated[Literal["mobilenetv2", "efficientnet", "cvc"], typer.Option()] = "mobilenetv2",
    task: Annotated[Literal["regression", "classification"], typer.Option()] = "regression",
    attention: Annotated[Literal["none", "soft", "hard", "learned"], typer.Option()] = "learned",
    virtual: Annotated[Path | None, typer.Option(help="Virtual set to train on, beside the real one.")] = None,
    start: Annotated[Path | None, typer.Option(help="Go on with the second phase from this checkpoint.")] = None,
) -> None:
    """End-to-end regional quality on CAMUS with degradations of known severity; the paper's ablations as options."""
    from app.commands.train import run_train_regional

    raise typer.Exit(
        run_train_regional(data, out, epochs, finish_epochs, backbone, task, attention, recipe, virtual, start)
    )


@train_app.command("dense")
def train_dense(
    out: Out,
    virtual: Annotated[Path, typer.Option(help="Virtual set to train on, beside the real ones.")],
    data: Data = DEFAULT_DATA,
    epochs: Epochs = 0,
    finish_epochs: FinishEpochs = 0,
    items: Annotated[int, typer.Option(min=0, help="Items of an epoch, two pictures each; 0: as the recipe says.")] = 0,
    start: Annotated[Path | None, typer.Option(help="Begin with the checkpoint of a segmentation run.")] = None,
) -> None:
    """One network for segmentation, quality, coherence, causes and view, on real and virtual frames."""
    from app.commands.train import run_train_dense

    raise typer.Exit(run_train_dense(data, virtual, out, epochs, finish_epochs, items, start))


@train_app.command("coherence")
def train_coherence(
    virtual: Annotated[Path, typer.Option(help="Folder of virtual samples, made by 'virtual dataset'.")],
    out: Out,
    epochs: Epochs = 0,
    finish_epochs: FinishEpochs = 0,
    data: Annotated[Path | None, typer.Option(help="Folder with camus/: its frames, degraded, as well.")] = None,
    start: Annotated[Path | None, typer.Option(help="Go on with the second phase from this checkpoint.")] = None,
) -> None:
    """Coherence map from the picture, on virtual samples with true coherence, then on degraded real frames as well."""
    from app.commands.train import run_train_coherence

    raise typer.Exit(run_train_coherence(virtual, out, epochs, finish_epochs, data, start))


@train_app.command("us2qnet")
def train_us2qnet(
    set_name: Annotated[Literal["mnist", "echo", "abdomen"], typer.Option("--set", help="What to cluster.")],
    out: Out,
    data: Data = DEFAULT_DATA,
    epochs: Epochs = 0,
    finish_epochs: FinishEpochs = 0,
    clusters: Annotated[
        str | None, typer.Option(help="How many, or 'auto': by silhouette and BIC. Default: 10 digits, 3 levels.")
    ] = None,
    pretraining: Annotated[bool, typer.Option("--pretraining/--no-pretraining", help="Ablation of table III.")] = True,
    fuzzy: Annotated[bool, typer.Option("--filter/--no-filter", help="The fuzzy filter; never on digits.")] = True,
    autoencoder: Annotated[bool, typer.Option("--autoencoder", help="Plain, for the DEC-AE baselines.")] = False,
    count: Annotated[int, typer.Option(min=0, help="So many of the shuffled digits; 0: all.")] = 0,
    seed: Annotated[int | None, typer.Option(min=0, help="Default: the recipe's.")] = None,
    recipe: Annotated[Literal["released", "paper"], typer.Option(help="paper: its section IV A.")] = "released",
) -> None:
    """Quality clusters without labels: a variational autoencoder, then deep embedded clustering."""
    from app.commands.train import run_train_us2qnet

    variant = (clusters, pretraining, fuzzy, not autoencoder, count)
    raise typer.Exit(run_train_us2qnet(set_name, data, out, epochs, finish_epochs, variant, seed, recipe))


@export_app.command("coherence")
def export_coherence(
    run: Annotated[Path, typer.Argument(help="Folder of 'train coherence', with coherence.pt.")],
    virtual: Annotated[Path, typer.Option(help="Virtual training set: sets the value ranges of the INT8 file.")],
    out: Annotated[Path, typer.Option(help="Folder for the model files and their manifest.")],
    data: Annotated[Path | None, typer.Option(help="Folder with camus/: real frames set ranges as well.")] = None,
) -> None:
    """INT8, float32 and float16 files of the coherence network, with a parity check."""
    from app.commands.train import run_export_coherence

    raise typer.Exit(run_export_coherence(run, virtual, out, data))


@export_app.command("regional")
def export_regional(
    checkpoints: Annotated[
        Path, typer.Argument(help="Folder with segmentation.pt, dense.pt, quality.pt or some of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the model files and their manifest.")],
    data: Data = DEFAULT_DATA,
    virtual: Annotated[Path | None, typer.Option(help="Virtual set: calibrates INT8 as well.")] = None,
) -> None:
    """INT8, float32 and float16 files of the regional networks, with a parity check."""
    from app.commands.train import run_export

    raise typer.Exit(run_export(checkpoints, out, data, virtual))


@export_app.command("us2qnet")
def export_us2qnet(
    run: Annotated[Path, typer.Argument(help="Folder of a finished 'train us2qnet' of that set.")],
    set_name: Annotated[Literal["echo", "abdomen"], typer.Option("--set", help="What was clustered.")],
    out: Annotated[Path, typer.Option(help="Folder for the model files, the map and the manifest.")],
) -> None:
    """INT8, float32 and float16 files of the quality clusters and their map, with a parity check."""
    from app.commands.train import run_export_us2qnet

    raise typer.Exit(run_export_us2qnet(run, set_name, out))


@export_app.command("reading")
def export_reading(
    weights: Annotated[Path, typer.Argument(help="Folder of model files with the quality network; changed.")],
    data: Data = DEFAULT_DATA,
    virtual: Annotated[Path | None, typer.Option(help="Virtual set, whose frames then count as well.")] = None,
    frames: Annotated[int, typer.Option(min=0, help="Training frames to learn from; 0: all.")] = 0,
) -> None:
    """Learn to rate regions and tell causes from the quality network's maps; 'export regional' does it as well."""
    from app.commands.train import run_export_reading

    raise typer.Exit(run_export_reading(weights, data, virtual, frames))


@evaluate_app.command("regional")
def evaluate_regional(
    data: Data = DEFAULT_DATA,
    json_out: Json = False,
    provider: Provider = ProviderChoice.AUTO,
    weights: Weights = None,
    limit: Annotated[int, typer.Option(min=0, help="Frames of the validation split; 0: all.")] = 0,
    virtual: Annotated[Path | None, typer.Option(help="Folder of virtual frames; without it they are made.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for figures.json and the plots.")] = None,
) -> None:
    """Segmentation, and the quality methods on degraded CAMUS frames and virtual ones, beside the paper's figures."""
    from app.commands.train import run_evaluate
    from models.regional.evaluation.evaluate import EvaluationPlan

    raise typer.Exit(run_evaluate(EvaluationPlan(data, weights, str(provider), limit, virtual), out, json_out))


@evaluate_app.command("us2qnet")
def evaluate_us2qnet(
    table: Annotated[
        int | None,
        typer.Option(min=1, max=3, help="1: reconstruction, 2: all methods, 3: ablation. None: the released models."),
    ] = None,
    set_name: Annotated[
        Literal["mnist", "ultrasound"], typer.Option("--set", help="Digits, or CAMUS at three known levels.")
    ] = "ultrasound",
    runs: Annotated[
        Path | None, typer.Option(help="Folder for a table's networks; runs there go on, or are read when complete.")
    ] = None,
    data: Data = DEFAULT_DATA,
    weights: Weights = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many; mean and spread are over them.")] = 3,
    count: Annotated[
        int | None, typer.Option(min=0, help="So many of the shuffled digits, 0: all. Default: 10000.")
    ] = None,
    epochs: Epochs = 0,
    finish_epochs: FinishEpochs = 0,
    json_out: Json = False,
    out: Annotated[Path | None, typer.Option(help="Folder for figures.json and figures 4, 5 and 6.")] = None,
    digits: Annotated[Path | None, typer.Option(help="Folder of a finished 'train us2qnet --set mnist'.")] = None,
) -> None:
    """The released quality clusters on held-out patients; with --table the paper's tables I to III beside ours.

    A table trains the networks that are missing in --runs. With --digits: the figures of a full run on MNIST.
    """
    from app.commands.train import run_evaluate_digits, run_evaluate_released_clusters, run_evaluate_us2qnet

    if digits is not None:
        raise typer.Exit(run_evaluate_digits(digits, data))
    if table is None:
        raise typer.Exit(run_evaluate_released_clusters(data, weights, json_out))
    if runs is None:
        raise typer.BadParameter("a table needs a folder for its networks: give --runs DIR")
    asked = (table, set_name, data, runs, seeds, count, epochs, finish_epochs)
    raise typer.Exit(run_evaluate_us2qnet(*asked, out, json_out))


@evaluate_app.command("raters")
def evaluate_raters(
    ratings: Annotated[Path, typer.Argument(help="CSV of item,rater,rating; ratings 1 to 5, 0 for out of sector.")],
    method: Annotated[
        list[str] | None, typer.Option(help="A rater that is a method, no person; may be given again.")
    ] = None,
) -> None:
    """Disagreement of several raters, and of methods with them; prints one JSON object."""
    from app.commands.train import run_raters

    raise typer.Exit(run_raters(ratings, method or []))
