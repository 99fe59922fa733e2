"""``sonogauge sessions list|show|verify|recover|delete|expired``."""

from __future__ import annotations

import datetime
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from app.session.reader import Session
from app.session.recover import recover_session
from app.session.store import Library, Search, SessionSummary, default_library
from app.session.verify import verify_session
from app.settings import of_this_user
from capture.errors import SessionError


def library_of(path: Path | None) -> Library:
    """The library that was named, else that of the settings, else this user's own."""
    chosen = of_this_user().recording.library
    return Library(path or (Path(chosen).expanduser() if chosen else default_library()))


def run_list(library: Path | None, search: Search, as_json: bool) -> int:
    """Print the sessions that are found, the newest first."""
    found = library_of(library).sessions(search)
    if as_json:
        sys.stdout.write(json.dumps([asdict(summary) for summary in found], indent=2) + "\n")
        return 0
    heads = ("session", "started (UTC)", "length", "frames", "view", "score", "MB", "state")
    table = Table(*(Column(head, no_wrap=True) for head in heads), box=None, padding=(0, 1, 0, 0))  # fits 80 columns
    for summary in found:
        table.add_row(*_row(summary))
    Console().print(table)
    return 0


def run_show(library: Path | None, session: str, as_json: bool) -> int:
    """Print what one session is."""
    folder = library_of(library).folder(session)
    with Session.open(folder.path) as opened:
        found = _description(opened)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    table = Table("session", folder.session_id)
    for name, value in found.items():
        table.add_row(name, value if isinstance(value, str) else json.dumps(value, indent=1))
    Console().print(table)
    return 0


def run_verify(library: Path | None, session: str, as_json: bool) -> int:
    """Check every file of a session; 0 when all are as they were recorded, else 1."""
    folder = library_of(library).folder(session)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=1.0)
        found = verify_session(folder.path, lambda share: bar.update(task, completed=share))
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in found], indent=2) + "\n")
    else:
        for finding in found:
            sys.stdout.write(f"{'ok  ' if finding.is_ok else 'BAD '} {finding.file}  {finding.problem}\n")
    return 0 if all(finding.is_ok for finding in found) else 1


def run_recover(library: Path | None, session: str) -> int:
    """Bring a session that was cut off into order."""
    folder = library_of(library).folder(session)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sealing", total=1.0)
        found = recover_session(folder.path, lambda share: bar.update(task, completed=share))
    sys.stdout.write(
        f"session {folder.session_id} is recovered: {found.frames} frames, {found.added} of them known from the video "
        f"alone, {found.missing} missing in it\n"
    )
    return 0


def run_delete(library: Path | None, session: str, yes: bool) -> int:
    """Delete a session, after asking."""
    store = library_of(library)
    folder = store.folder(session)
    if not yes:
        if not sys.stdin.isatty():
            raise SessionError(f"session {folder.session_id} is not deleted without a yes: add --yes")
        sys.stdout.write(f"Delete session {folder.session_id} with all its files for good? Type yes: ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() != "yes":
            sys.stdout.write("Nothing was deleted.\n")
            return 1
    store.delete(folder)
    sys.stdout.write(f"session {folder.session_id} is deleted\n")
    return 0


def run_expired(library: Path | None, days: int | None, as_json: bool) -> int:
    """Print the sessions that are older than the retention; deletes none."""
    kept = of_this_user().recording.retention_days if days is None else days
    found = library_of(library).expired(kept, datetime.datetime.now(datetime.UTC))
    if as_json:
        sys.stdout.write(json.dumps([asdict(summary) for summary in found], indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{summary.session_id}\n" for summary in found)
    return 0


def _row(summary: SessionSummary) -> tuple[str, ...]:
    quality = "-" if summary.quality is None else f"{summary.quality:.0f}"
    length = str(datetime.timedelta(seconds=round(summary.seconds)))
    views = ", ".join(summary.views) or "-"
    started = summary.started_at[2:16].replace("T", " ")
    state = f"{summary.state} {summary.problem}".strip()
    return summary.session_id, started, length, str(summary.frames), views, quality, f"{summary.bytes / 1e6:.1f}", state


def _description(session: Session) -> dict[str, Any]:
    segments = [
        {
            "file": segment.file,
            "codec": str(segment.codec),
            "frames": int((session.frames.segment == segment.number).sum()),
            "size": [segment.geometry.rect.width, segment.geometry.rect.height],
            "view": segment.geometry.view,
            "spacing_mm": segment.geometry.spacing_mm,
            "sha256": segment.sha256,
        }
        for segment in session.segments.values()
    ]
    return {
        **session.info.model_dump(mode="json"),
        "sealed": session.folder.is_sealed,
        "seconds": round(session.seconds, 3),
        "frames": len(session),
        "assessed": len(session.assessed_frames),
        "drops": session.drops,
        "segments": segments,
        "events": [[round((e.t_mono_ns - session.info.started_mono_ns) / 1e9, 3), e.kind] for e in session.events],
    }
