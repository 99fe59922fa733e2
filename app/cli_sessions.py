"""The commands ``sessions``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli_options import Json
from app.session.export.formats import ExportFormat

sessions_app = typer.Typer(help="Recorded sessions: list, show, verify, recover, export, delete.", no_args_is_help=True)

LibraryFolder = Annotated[Path | None, typer.Option("--library", help="Folder of the sessions (default: settings).")]
Which = Annotated[str, typer.Argument(metavar="SESSION", help="Id in the library, or path of the session's folder.")]


@sessions_app.command("list")
def sessions_list(
    library: LibraryFolder = None,
    since: Annotated[str, typer.Option(help="From this day (UTC) on, YYYY-MM-DD.")] = "",
    until: Annotated[str, typer.Option(help="Up to this day (UTC), YYYY-MM-DD.")] = "",
    view: Annotated[str, typer.Option(help="That show this view.")] = "",
    min_score: Annotated[float | None, typer.Option(min=0, max=100, help="Mean 0-100 score at least.")] = None,
    max_score: Annotated[float | None, typer.Option(min=0, max=100, help="Mean 0-100 score at most.")] = None,
    exercise: Annotated[str, typer.Option(help="Of this practice exercise.")] = "",
    json_out: Json = False,
) -> None:
    """The sessions of a library, the newest first."""
    from app.commands.sessions import run_list
    from app.session.store import Search

    search = Search(since, until, view, min_score, max_score, exercise)
    raise typer.Exit(run_list(library, search, json_out))


@sessions_app.command("show")
def sessions_show(session: Which, library: LibraryFolder = None, json_out: Json = False) -> None:
    """What a session is: source, models, settings, segments, events."""
    from app.commands.sessions import run_show

    raise typer.Exit(run_show(library, session, json_out))


@sessions_app.command("verify")
def sessions_verify(session: Which, library: LibraryFolder = None, json_out: Json = False) -> None:
    """Check that every file of a session is as it was recorded, to the bit."""
    from app.commands.sessions import run_verify

    raise typer.Exit(run_verify(library, session, json_out))


@sessions_app.command("recover")
def sessions_recover(session: Which, library: LibraryFolder = None) -> None:
    """Bring a session that a crash cut off into order; nothing is deleted."""
    from app.commands.sessions import run_recover

    raise typer.Exit(run_recover(library, session))


@sessions_app.command("export")
def sessions_export(
    session: Which,
    out: Annotated[
        Path, typer.Option(help="File to write; dicom: a new folder. In a folder that exists: a name of ours.")
    ],
    format_: Annotated[ExportFormat, typer.Option("--format", help="html is a report, csv and parquet are figures.")],
    library: LibraryFolder = None,
    frame: Annotated[int | None, typer.Option(min=0, help="One frame alone, counted from 0.")] = None,
    from_s: Annotated[float | None, typer.Option("--from", min=0, help="From this second on.")] = None,
    to_s: Annotated[float | None, typer.Option("--to", min=0, help="Up to this second.")] = None,
    overlay: Annotated[bool, typer.Option(help="Paint the assessment over mp4, png and the report's pictures.")] = True,
    accept_text: Annotated[
        bool, typer.Option("--accept-text", help="Export although there seems to be text inside the sector.")
    ] = False,
) -> None:
    """Export a session, de-identified: nothing outside the sector, no names, no dates."""
    from app.commands.sessions_export import ExportOptions, run_export

    options = ExportOptions(format_, frame, from_s, to_s, overlay, accept_text)
    raise typer.Exit(run_export(library, session, out, options))


@sessions_app.command("delete")
def sessions_delete(
    session: Which,
    library: LibraryFolder = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a session with all its files."""
    from app.commands.sessions import run_delete

    raise typer.Exit(run_delete(library, session, yes))


@sessions_app.command("expired")
def sessions_expired(
    library: LibraryFolder = None,
    days: Annotated[int | None, typer.Option(min=0, help="Older than so many days (default: settings).")] = None,
    json_out: Json = False,
) -> None:
    """The sessions older than the retention. Deletes none: give their ids to 'sessions delete'."""
    from app.commands.sessions import run_expired

    raise typer.Exit(run_expired(library, days, json_out))
