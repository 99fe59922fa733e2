"""The command line. Data on stdout, log on stderr; exit 0 ok, 1 failure, 2 usage, 3 partly done."""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from capture.errors import SettingsError, SonogaugeError

if TYPE_CHECKING:
    from app.bootstrap import ModelOptions

FAILURE, USAGE, PARTLY_DONE = 1, 2, 3
DEFAULT_DATA = Path("../shared/data")

app = typer.Typer(
    name="sonogauge",
    help="Real-time assistant for ultrasound image quality. Research and training use; no diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="The released model files.", no_args_is_help=True)
train_app = typer.Typer(help="Train a network (needs the extra 'train').", no_args_is_help=True)
evaluate_app = typer.Typer(help="Recompute the figures of the released weights.", no_args_is_help=True)
export_app = typer.Typer(help="Turn a checkpoint into released model files.", no_args_is_help=True)
virtual_app = typer.Typer(help="Labelled samples from the virtual scanner.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(export_app, name="export")
app.add_typer(virtual_app, name="virtual")


class ProviderChoice(StrEnum):
    """Where models run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class PrecisionChoice(StrEnum):
    """Which model files run."""

    AUTO = "auto"
    INT8 = "int8"
    FLOAT32 = "float32"
    FLOAT16 = "float16"


class ViewChoice(StrEnum):
    """The view shown, when the user says so."""

    UNKNOWN = "unknown"
    A4C = "A4C"
    A2C = "A2C"
    ALAX = "ALAX"


class MethodChoice(StrEnum):
    """What scores the regions."""

    DENSE = "dense"
    END_TO_END = "end_to_end"


Method = Annotated[MethodChoice, typer.Option(help="What scores the regions: the dense map, or the paper's network.")]
Provider = Annotated[ProviderChoice, typer.Option(help="Where models run; one asked for by name must be there.")]
Precision = Annotated[PrecisionChoice, typer.Option(help="Which model files run; auto measures and chooses.")]
View = Annotated[ViewChoice, typer.Option(help="View shown, when you know it: names the walls.")]
Weights = Annotated[Path | None, typer.Option(help="Folder of model files (default: the released ones).")]
Published = Annotated[Path | None, typer.Option(help="Folder with a published quality model to use instead of ours.")]
Profile = Annotated[Path | None, typer.Option(help="Scanner profile (TOML) with sector, levels and spacing.")]
Data = Annotated[Path, typer.Option(help="Folder that holds the data sets (camus/, ...).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _set_up(verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more, on stderr.")] = False) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )


@app.command()
def live(
    source: Annotated[str, typer.Argument(help="v4l2:/dev/video0, a video file, a folder, or virtual[:seed=N].")] = "",
    headless: Annotated[bool, typer.Option(help="Without a window.")] = False,
    seconds: Annotated[float, typer.Option(min=0, help="Stop after so long; 0: when the source ends or Ctrl+C.")] = 0.0,
    json_out: Json = False,
    screenshot: Annotated[Path | None, typer.Option(help="PNG of the window, written when it closes.")] = None,
    view: View = ViewChoice.UNKNOWN,
    patient: Annotated[str, typer.Option(help="Virtual scanner: easy, average, difficult, dilated, ...")] = "",
    probe: Annotated[str, typer.Option(help="Virtual scanner: probe and knobs, as in slide_x=10,tilt=-5,gain=6.")] = "",
    probe_path: Annotated[Path | None, typer.Option(help="Virtual scanner: a recorded probe path to replay.")] = None,
    profile: Profile = None,
    provider: Provider = ProviderChoice.AUTO,
    precision: Precision = PrecisionChoice.AUTO,
    weights: Weights = None,
    published: Published = None,
    method: Method = MethodChoice.DENSE,
) -> None:
    """Show a source live beside its assessment."""
    from app.commands.live import LiveOptions, run_live, with_virtual_options

    chosen = with_virtual_options(source, "" if view is ViewChoice.UNKNOWN else str(view), patient, probe, probe_path)
    told = ViewChoice.UNKNOWN if chosen.startswith("virtual") else view  # a virtual probe may be turned out of its view
    models = _models(told, profile, provider, precision, weights, published, method)
    raise typer.Exit(run_live(LiveOptions(chosen, headless, seconds, json_out, models, screenshot)))


@app.command()
def bench(
    source: Annotated[str, typer.Option(help="'replay' (a virtual 1080p loop) or any source of 'live'.")] = "replay",
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure.")] = 60.0,
    provider: Provider = ProviderChoice.AUTO,
    precision: Precision = PrecisionChoice.AUTO,
    weights: Weights = None,
    published: Published = None,
    method: Method = MethodChoice.DENSE,
) -> None:
    """Measure the live engine on this machine, painting included; prints JSON."""
    from app.commands.bench import run_bench

    models = _models(ViewChoice.UNKNOWN, None, provider, precision, weights, published, method)
    raise typer.Exit(run_bench(source, seconds, models))


@app.command()
def score(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, videos, folders.")],
    out: Annotated[Path, typer.Option(help="Results: .csv, .jsonl or .parquet.")],
    masks: Annotated[Path | None, typer.Option(help="Folder for one label PNG per frame.")] = None,
    view: View = ViewChoice.UNKNOWN,
    profile: Profile = None,
    provider: Provider = ProviderChoice.AUTO,
    precision: Precision = PrecisionChoice.AUTO,
    weights: Weights = None,
    published: Published = None,
    method: Method = MethodChoice.DENSE,
) -> None:
    """Score recorded pictures and videos, frame by frame."""
    from app.commands.score import run_score

    raise typer.Exit(
        run_score(paths, out, masks, _models(view, profile, provider, precision, weights, published, method))
    )


@app.command()
def doctor(json_out: Json = False, provider: Provider = ProviderChoice.AUTO, weights: Weights = None) -> None:
    """Check this machine and this installation, and say what to do."""
    from app.commands.doctor import run_doctor

    raise typer.Exit(run_doctor(str(provider), weights, json_out))


@models_app.command("list")
def models_list(weights: Weights = None, json_out: Json = False) -> None:
    """The model files, what they were trained on and what their data allow."""
    from app.commands.models import run_list

    raise typer.Exit(run_list(weights, json_out))


@models_app.command("verify")
def models_verify(weights: Weights = None, json_out: Json = False) -> None:
    """Check every model file against the hash in the manifest."""
    from app.commands.models import run_verify

    raise typer.Exit(run_verify(weights, json_out))


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
    classes: Annotated[int, typer.Option(min=4, max=5, help="5: with the aorta, which virtual ALAX has.")] = 4,
) -> None:
    """Segmentation of LV, MYO and LA on CAMUS, on virtual frames or on both."""
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
    start: Annotated[Path | None, typer.Option(help="Go on with the second phase from this checkpoint.")] = None,
) -> None:
    """End-to-end regional quality on CAMUS with degradations of known severity; the paper's ablations as options."""
    from app.commands.train import run_train_regional

    raise typer.Exit(run_train_regional(data, out, epochs, finish_epochs, backbone, task, attention, recipe, start))


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
) -> None:
    """Coherence map from the picture, on virtual samples with true coherence."""
    from app.commands.train import run_train_coherence

    raise typer.Exit(run_train_coherence(virtual, out, epochs))


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
    checkpoints: Annotated[Path, typer.Argument(help="Folder with dense.pt, quality.pt or both.")],
    out: Annotated[Path, typer.Option(help="Folder for the model files and their manifest.")],
    data: Data = DEFAULT_DATA,
    virtual: Annotated[Path | None, typer.Option(help="Virtual set: calibrates INT8 as well.")] = None,
) -> None:
    """INT8, float32 and float16 files of the regional networks, with a parity check."""
    from app.commands.train import run_export

    raise typer.Exit(run_export(checkpoints, out, data, virtual))


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


@virtual_app.command("dataset")
def virtual_dataset(
    n: Annotated[int, typer.Option("--n", min=1, help="How many samples.")],
    out: Annotated[Path, typer.Option(help="Folder; a data set there goes on where it stopped.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same samples.")] = 1,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one per core. The samples do not depend on it.")] = 0,
    views: Annotated[str, typer.Option(help="Views and their shares, as in A4C=2,ALAX=1; empty: the usual mix.")] = "",
) -> None:
    """Make labelled samples: pictures, labels, coherence, true quality, causes; any patient, pose and setting."""
    from app.commands.virtual import run_dataset

    raise typer.Exit(run_dataset(n, seed, out, jobs, views))


@virtual_app.command("realism")
def virtual_realism(
    data: Annotated[Path, typer.Option(help="Folder of virtual samples, made by 'virtual dataset'.")],
    out: Annotated[Path, typer.Option(help="HTML page; the figures go beside it as JSON.")],
    real: Annotated[Path, typer.Option(help="Folder that holds the real data sets (camus/, ...).")] = DEFAULT_DATA,
    frames: Annotated[int, typer.Option(min=4, help="Frames of each kind to compare.")] = 400,
    json_out: Json = False,
) -> None:
    """Compare virtual frames with real ones; exit 1 when a held figure is more than 30 % from real."""
    from app.commands.virtual import run_realism

    raise typer.Exit(run_realism(data, real, out, frames, json_out))


def _models(
    view: ViewChoice,
    profile: Path | None,
    provider: ProviderChoice,
    precision: PrecisionChoice,
    weights: Path | None,
    published: Path | None,
    method: MethodChoice,
) -> ModelOptions:
    from app.bootstrap import ModelOptions

    return ModelOptions(
        view=None if view is ViewChoice.UNKNOWN else str(view),
        profile=profile,
        provider=str(provider),
        precision=str(precision),
        weights=weights,
        published=published,
        method=str(method),
    )


def main() -> None:
    """Run the command line; expected errors become one line on stderr and an exit code."""
    try:
        app()
    except SettingsError as error:
        _complain(error)
        sys.exit(USAGE)
    except SonogaugeError as error:
        _complain(error)
        sys.exit(FAILURE)
    except KeyboardInterrupt:
        sys.exit(130)


def _complain(error: Exception) -> None:
    sys.stderr.write(f"sonogauge: {error}\n")
