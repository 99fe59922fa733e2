"""Small TOML files that people edit: read with every fault named, written aside and swapped in."""

from __future__ import annotations

import os
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from capture.errors import CalibrationError, SonogaugeError

_LARGEST_FILE = 64 * 1024


@dataclass(frozen=True)
class TomlKind:
    """One kind of file, for its messages.

    Attributes
    ----------
    what : what such a file is, as in "profile"
    remedy : what to do about a bad one, as in "correct the file or calibrate again"
    error : raised for every fault
    """

    what: str
    remedy: str
    error: type[SonogaugeError] = CalibrationError

    def read(self, path: Path) -> dict[str, Any]:
        """All values of a file.

        Raises
        ------
        SonogaugeError
            The kind's own error, when the file is missing, larger than 64 KiB or no TOML; names the file.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST_FILE + 1)
        except OSError as error:
            raise self.error(f"cannot read {self.what} {path} ({error.strerror}): {self.remedy}") from error
        if len(data) > _LARGEST_FILE:
            raise self.error(f"{self.what} {path} is larger than 64 KiB and so none: choose another file")
        try:
            return tomllib.loads(data.decode("utf-8"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise self.error(f"{self.what} {path} is no TOML ({error}): {self.remedy}") from error

    def version(self, values: dict[str, Any], path: Path, newest: int) -> int:
        """The file's ``schema_version``, 1 to ``newest``.

        Raises
        ------
        SonogaugeError
            The kind's own error, when it is missing, no whole number or newer.
        """
        version = values.get("schema_version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise self.error(f"{self.what} {path}: schema_version must be a whole number from 1: correct the file")
        if version > newest:
            raise self.error(
                f"{self.what} {path}: schema_version {version} is newer than this program knows ({newest}): update it"
            )
        return version

    def write(self, path: Path, values: dict[str, Any]) -> None:
        """Write a file aside, then swap it in, so that the old one stays whole whatever happens.

        Raises
        ------
        SonogaugeError
            The kind's own error, when the folder cannot be written to.
        """
        text = tomli_w.dumps(values)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            swap_in(path, text.encode())
        except OSError as error:
            raise self.error(f"cannot save {self.what} {path} ({error.strerror}): check the folder's rights") from error

    def invalid(self, path: Path, error: ValidationError) -> SonogaugeError:
        """The kind's own error for values that break a rule; names file, field and rule."""
        return self.error(f"{self.what} {path}: {broken_rules(error)}: {self.remedy}")


def broken_rules(error: ValidationError) -> str:
    """Field and rule of each finding, five at most, without the values."""
    findings = []
    for finding in error.errors(include_url=False, include_input=False, include_context=False)[:5]:
        place = ".".join(str(part) for part in finding["loc"]) or "file"
        findings.append(f"{place}: {finding['msg']}")
    return "; ".join(findings)


def swap_in(path: Path, data: bytes) -> None:
    """Write a file aside and swap it in, so that none is ever half written; OSError when that fails."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
