"""Finds out whether a session is exactly as it was recorded: one changed bit in any of its files is found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.session.layout import SessionFolder
from app.session.reader import Session
from app.session.review import review_problems
from app.session.seal import Progress, no_progress, read_seal, sha256_of
from capture.errors import SessionError


@dataclass(frozen=True)
class Finding:
    """What was found of one file; ``problem`` is empty when it is sound."""

    file: str
    problem: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the file is as it was recorded."""
        return not self.problem


def verify_session(path: Path, progress: Progress = no_progress) -> tuple[Finding, ...]:
    """Check every file of a session against its seal, and the rows of the review against their hashes.

    Parameters
    ----------
    path : the session's folder
    progress : told the share of the bytes that were read

    Returns
    -------
    One finding per file at least; those with a problem say what is wrong with it.
    """
    folder = SessionFolder(Path(path))
    review = [Finding(folder.review.name, problem) for problem in review_problems(folder)]
    if folder.review.is_file() and not review:
        review = [Finding(folder.review.name)]
    try:
        seal = read_seal(folder)
    except SessionError as error:
        return (Finding(folder.seal.name, str(error)), *review)
    found = _sealed_files(folder, seal["files"], progress)
    if all(finding.is_ok for finding in found):
        found.append(_index_of(folder, seal["files"]))
    return (Finding(folder.seal.name), *found, *review)


def _sealed_files(folder: SessionFolder, sealed: dict[str, Any], progress: Progress) -> list[Finding]:
    names = sorted(sealed.keys() | {path.name for path in folder.recorded_files})
    total, done = max(sum(entry["bytes"] for entry in sealed.values()), 1), 0
    findings = []
    for name in names:
        base = done

        def note(count: int, base: int = base) -> None:
            nonlocal done
            done += count
            progress(min(done / total, 1.0))

        findings.append(Finding(name, _problem(folder.path / name, sealed.get(name), note)))
    return findings


def _problem(path: Path, sealed: dict[str, Any] | None, note: Any) -> str:
    if sealed is None:
        return "it is no part of what was recorded"
    try:
        size = path.stat().st_size
        if size != sealed["bytes"]:
            return f"it has {size} bytes and had {sealed['bytes']}"
        return "" if sha256_of(path, note) == sealed["sha256"] else "its content was changed"
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def _index_of(folder: SessionFolder, sealed: dict[str, Any]) -> Finding:
    """Whether the index, whose bytes are sound, names the same segments as the seal."""
    try:
        with Session.open(folder.path) as session:
            wrong = [s.file for s in session.segments.values() if sealed.get(s.file, {}).get("sha256") != s.sha256]
    except SessionError as error:
        return Finding(folder.recording.name, str(error))
    return Finding(folder.recording.name, f"it names another content of {wrong[0]}" if wrong else "")
