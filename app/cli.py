"""The command line. Data on stdout, log on stderr; exit 0 ok, 1 failure, 2 usage, 3 partly done."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app import cli_artifact, cli_score  # noqa: F401 (they add their commands)
from app.cli_calibrate import calibrate_app
from app.cli_options import (
    DEFAULT_DATA,
    CodecChoice,
    Exam,
    ExamChoice,
    Json,
    Method,
    MethodChoice,
    Precision,
    PrecisionChoice,
    PreRoll,
    Profile,
    Provider,
    ProviderChoice,
    Published,
    Record,
    RecordCodec,
    RecordScreen,
    View,
    ViewChoice,
    Weights,
)
from app.cli_sessions import sessions_app
from app.cli_synthesis import synth
from app.cli_training import evaluate_app, export_app, train_app
from capture.errors import SettingsError, SonogaugeError

if TYPE_CHECKING:
    from app.bootstrap import ModelOptions

FAILURE, USAGE, PARTLY_DONE = 1, 2, 3

app = typer.Typer(
    name="sonogauge",
    help="Real-time assistant for ultrasound image quality. Research and training use; no diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="The released model files.", no_args_is_help=True)
virtual_app = typer.Typer(help="Labelled samples from the virtual scanner.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(export_app, name="export")
app.add_typer(virtual_app, name="virtual")
app.add_typer(calibrate_app, name="calibrate")
app.add_typer(sessions_app, name="sessions")
app.command()(synth)


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
    exam: Exam = ExamChoice.AUTO,
    method: Method = MethodChoice.END_TO_END,
    record: Record = None,
    record_codec: RecordCodec = CodecChoice.SETTINGS,
    record_screen: RecordScreen = False,
    pre_roll: PreRoll = None,
) -> None:
    """Show a source live beside its assessment."""
    from app.commands.live import LiveOptions, run_live, with_virtual_options
    from app.commands.recording import RecordOptions

    chosen = with_virtual_options(source, "" if view is ViewChoice.UNKNOWN else str(view), patient, probe, probe_path)
    told = ViewChoice.UNKNOWN if chosen.startswith("virtual") else view  # a virtual probe may be turned out of its view
    models = _models(told, profile, provider, precision, weights, published, method, exam)
    codec = "" if record_codec is CodecChoice.SETTINGS else str(record_codec)
    wish = RecordOptions(record, codec, record_screen, pre_roll)
    raise typer.Exit(run_live(LiveOptions(chosen, headless, seconds, json_out, models, screenshot, wish)))


@app.command()
def bench(
    source: Annotated[str, typer.Option(help="'replay' (a virtual 1080p loop) or any source of 'live'.")] = "replay",
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure.")] = 60.0,
    provider: Provider = ProviderChoice.AUTO,
    precision: Precision = PrecisionChoice.AUTO,
    weights: Weights = None,
    published: Published = None,
    method: Method = MethodChoice.END_TO_END,
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
    saliency: Annotated[
        Path | None, typer.Option(help="Folder for one PNG per judged frame: what lowers its 0-100 score.")
    ] = None,
    view: View = ViewChoice.UNKNOWN,
    profile: Profile = None,
    provider: Provider = ProviderChoice.AUTO,
    precision: Precision = PrecisionChoice.AUTO,
    weights: Weights = None,
    published: Published = None,
    exam: Exam = ExamChoice.AUTO,
    method: Method = MethodChoice.END_TO_END,
) -> None:
    """Score recorded pictures and videos, frame by frame."""
    from app.commands.score import run_score

    models = _models(view, profile, provider, precision, weights, published, method, exam)
    raise typer.Exit(run_score(paths, out, masks, models, saliency))


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
    exam: ExamChoice = ExamChoice.AUTO,
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
        exam=None if exam is ExamChoice.AUTO else str(exam),
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
