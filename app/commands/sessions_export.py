"""``sonogauge sessions export``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Bar

from app.commands.sessions import library_of
from app.session.deid import refuse_text, text_inside
from app.session.export.aside import file_aside, folder_aside
from app.session.export.formats import ExportFormat
from app.session.export.plan import ExportPlan, check_place, open_plan
from app.session.seal import Progress
from capture.errors import SettingsError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportOptions:
    """What to export: see ``open_plan``; ``accept_text`` lets pictures leave in which text was found."""

    format: ExportFormat
    frame: int | None = None
    from_s: float | None = None
    to_s: float | None = None
    overlay: bool = True
    accept_text: bool = False


Writer = Callable[[ExportPlan, Path, Progress], None]


def run_export(library: Path | None, session: str, out: Path, options: ExportOptions) -> int:
    """Export a session; names what was written on stdout."""
    _check(options)
    folder = library_of(library).folder(session)
    check_place(folder, out)
    with _bars() as bar:
        span = (options.frame, options.from_s, options.to_s)
        with open_plan(folder, *span, options.overlay, bar("verifying")) as plan:
            write, shown = _writer(options.format, plan)
            if shown is not None:
                plan = _without_text(plan, shown, options.accept_text, bar)  # noqa: PLW2901 - it knows more
            target = _target(out, plan, options.format)
            aside = folder_aside if options.format is ExportFormat.DICOM else file_aside
            with aside(target) as path:
                write(plan, path, bar("writing"))
    log.info("session %s left as %s", folder.session_id, plan.name)
    sys.stdout.write(f"{target}\n")
    return 0


def _check(options: ExportOptions) -> None:
    if options.format is ExportFormat.PNG and options.frame is None:
        raise SettingsError("a png shows one frame: say which with --frame")
    if options.frame is not None and (options.from_s is not None or options.to_s is not None):
        raise SettingsError("--frame is one frame, --from and --to are many: use one of them")


def _without_text(plan: ExportPlan, shown: list[int], accept: bool, bar: Callable[[str], Progress]) -> ExportPlan:
    """The plan, once nothing that looks like text would leave, or somebody accepted it."""
    found = text_inside(plan.session, plan.pictures, shown, bar("looking for text"))
    if not accept:
        refuse_text(found, plan.session)
    elif found:
        log.warning("what looks like text inside the sector leaves too, as you accepted: %d places", len(found))
    return replace(plan, has_text=bool(found))


def _writer(chosen: ExportFormat, plan: ExportPlan) -> tuple[Writer, list[int] | None]:
    """What writes a format, and the frames whose pictures it shows; None when it shows none."""
    if chosen in (ExportFormat.CSV, ExportFormat.PARQUET):
        from app.session.export.tables import write_csv, write_parquet

        return (write_csv if chosen is ExportFormat.CSV else write_parquet), None
    if chosen is ExportFormat.HTML:
        from app.session.export.report import shown_frames, write_html

        return write_html, shown_frames(plan)
    return _picture_writer(chosen), plan.with_pictures.tolist()


def _picture_writer(chosen: ExportFormat) -> Writer:
    if chosen is ExportFormat.DICOM:
        from app.session.export.dicom_folder import write_dicom

        return write_dicom
    from app.session.export.video import write_mp4, write_png

    return write_mp4 if chosen is ExportFormat.MP4 else write_png


def _target(out: Path, plan: ExportPlan, chosen: ExportFormat) -> Path:
    """The file or, of DICOM, the folder to write; in an existing folder under the session's pseudonym."""
    if not out.is_dir():
        return out
    return out / (plan.name if chosen is ExportFormat.DICOM else f"{plan.name}.{chosen}")


@contextmanager
def _bars() -> Iterator[Callable[[str], Progress]]:
    """Progress on stderr, one bar per step."""
    with Bar(console=Console(stderr=True), transient=True) as bars:

        def bar(step: str) -> Progress:
            task = bars.add_task(step, total=1.0)
            return lambda share: bars.update(task, completed=share)

        yield bar
