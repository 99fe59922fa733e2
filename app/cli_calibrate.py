"""The commands ``calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli_options import (
    Exam,
    ExamChoice,
    Json,
    Precision,
    PrecisionChoice,
    Provider,
    ProviderChoice,
    Weights,
)
from capture.errors import SettingsError

calibrate_app = typer.Typer(help="Fit the program to a site's own scanner and frames.", no_args_is_help=True)


@calibrate_app.command("clusters")
def calibrate_clusters(
    profile: Annotated[Path, typer.Option(help="Scanner profile (TOML) that is to name the new map.")],
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE...", help="Pictures, videos, folders, v4l2:... or virtual:...")
    ] = None,
    exam: Exam = ExamChoice.AUTO,
    frames: Annotated[int, typer.Option(min=60, max=1500, help="So many at most, evenly taken.")] = 1500,
    clusters: Annotated[str, typer.Option(help="How many, or 'auto': by silhouette and BIC.")] = "3",
    seconds: Annotated[float, typer.Option(min=1, help="How long to read a live source.")] = 60.0,
    out: Annotated[Path | None, typer.Option(help="PNG of the frames on both maps, before and after.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the map before; no map is deleted.")] = False,
    json_out: Json = False,
    provider: Provider = ProviderChoice.AUTO,
    precision: Precision = PrecisionChoice.AUTO,
    weights: Weights = None,
) -> None:
    """Fit the map of quality clusters to a site's own frames (UMAP and HDBSCAN; needs the extra 'refit').

    Give recordings of several patients and of good and bad quality. The profile names the new map from then on.
    """
    from app.bootstrap import ModelOptions
    from app.commands.calibrate import RefitOptions, clusters_of, run_refit, run_undo

    if undo:
        if sources:
            raise SettingsError("--undo reads no source: leave the sources out")
        raise typer.Exit(run_undo(profile, json_out))
    if not sources:
        raise SettingsError("nothing to fit the map to: name recordings, folders or a live source, or give --undo")
    models = ModelOptions(
        profile=profile,
        provider=str(provider),
        precision=str(precision),
        weights=weights,
        exam=None if exam is ExamChoice.AUTO else str(exam),
    )
    wanted = clusters_of(clusters)
    raise typer.Exit(run_refit(RefitOptions(tuple(sources), profile, models, frames, wanted, seconds, out, json_out)))


@calibrate_app.command("gate")
def calibrate_gate(
    name: Annotated[Path, typer.Option("--name", "--profile", help="Scanner profile (TOML) that is to hold tau.")],
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE...", help="Pictures, videos, folders, v4l2:... or virtual:...")
    ] = None,
    exam: Exam = ExamChoice.AUTO,
    share: Annotated[float, typer.Option(min=0.5, max=20, help="Percent of the frames that are to lie below.")] = 5.0,
    frames: Annotated[int, typer.Option(min=60, max=20000, help="So many at most, evenly taken.")] = 3000,
    seconds: Annotated[float, typer.Option(min=1, help="How long to read a live source.")] = 60.0,
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the threshold before.")] = False,
    json_out: Json = False,
    provider: Provider = ProviderChoice.AUTO,
    precision: Precision = PrecisionChoice.AUTO,
    weights: Weights = None,
) -> None:
    """Fit the artifact gate's threshold tau to a site's own frames.

    Give ordinary recordings, with their usual share of bad frames. The profile holds the new threshold from then on.
    """
    from app.commands.calibrate_gate import GateOptions, run_fit_gate, run_undo_gate

    if undo:
        if sources:
            raise SettingsError("--undo reads no source: leave the sources out")
        raise typer.Exit(run_undo_gate(name, json_out))
    if not sources:
        raise SettingsError(
            "nothing to fit the threshold to: name recordings, folders or a live source, or give --undo"
        )
    told = None if exam is ExamChoice.AUTO else str(exam)
    run_on = str(provider), str(precision), weights
    raise typer.Exit(run_fit_gate(GateOptions(tuple(sources), name, told, share, frames, seconds, run_on, json_out)))
