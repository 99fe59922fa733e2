"""The commands ``sessions``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli_options import Json

sessions_app = typer.Typer(help="Recorded sessions: list, show, verify, recover, delete.", no_args_is_help=True)

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
