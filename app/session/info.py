"""``session.json``: what a session is, and all that is needed to assess it again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.session.naming import pseudonymous
from calibration.profile import ScannerProfile
from calibration.toml_file import broken_rules, swap_in
from capture.errors import ModelError, SessionError
from capture.frame import SourceInfo
from models.runtime.contract import ModelInfo
from models.runtime.manifest import load_manifest, model_id

SCHEMA_VERSION = 1
_LARGEST_FILE = 1 << 20


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SourceRecord(_Part):
    """Where the frames came from, without names of files."""

    source_id: str = Field(description="pseudonymous id")
    mode: str = Field(default="", description="size and rate that were granted")
    is_live: bool = True
    exam: str | None = None

    @classmethod
    def of(cls, info: SourceInfo) -> SourceRecord:
        """What may be kept of a source's description."""
        return cls(source_id=pseudonymous(info.source_id), mode=str(info.granted), is_live=info.is_live, exam=info.exam)


class ModelRecord(_Part):
    """One model file in use."""

    name: str
    model_id: str = Field(description="name@version-precision#hash")
    version: str = ""
    sha256: str = Field(default="", description="of the whole file; empty when it is not of the released folder")
    precision: str = ""
    provider: str = ""


class SessionInfo(_Part):
    """What a session is."""

    schema_version: Annotated[int, Field(ge=1, description="layout of the session's folder")] = SCHEMA_VERSION
    session_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
    started_at: Annotated[str, Field(description="UTC, ISO 8601")]
    started_mono_ns: Annotated[int, Field(description="capture clock at that moment")] = 0
    software: str = ""
    source: SourceRecord | None = None
    profile: ScannerProfile | None = None
    models: tuple[ModelRecord, ...] = ()
    exercise: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$", description="practice exercise, if any")] = ""
    codec: Literal["ffv1", "h264"] = "ffv1"
    whole_screen: bool = False
    settings: dict[str, Any] = Field(default_factory=dict, description="view, exam, method, smoothing, limits, ...")


def software_version() -> str:
    """Version of this program."""
    try:
        return metadata.version("sonogauge")
    except metadata.PackageNotFoundError:
        return "unknown"


def model_records(models: Iterable[ModelInfo], weights: Path) -> tuple[ModelRecord, ...]:
    """Models in use, each with the full hash that the folder of weights lists for it."""
    try:
        manifest = load_manifest(weights)
    except ModelError:
        listed = {}
    else:
        listed = {
            model_id(name, entry, file): (entry.version, file.sha256)
            for name, entry in manifest.models.items()
            for file in entry.files
        }
    records = []
    for info in models:
        version, sha256 = listed.get(info.model_id, ("", ""))
        records.append(
            ModelRecord(
                name=info.name,
                model_id=info.model_id,
                version=version,
                sha256=sha256,
                precision=info.precision,
                provider=info.provider,
            )
        )
    return tuple(records)


def save_info(info: SessionInfo, path: Path) -> None:
    """Write aside and swap in; OSError when the disk does not take it."""
    swap_in(path, (json.dumps(info.model_dump(mode="json"), indent=1) + "\n").encode())


def load_info(path: Path) -> SessionInfo:
    """Read ``session.json``.

    Raises
    ------
    SessionError
        When it is missing, damaged, or of a newer program.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE)
        values = json.loads(data)
        version = values.get("schema_version") if isinstance(values, dict) else None
    except OSError as error:
        raise SessionError(f"{path.parent} is no session ({path.name}: {error.strerror}): choose another") from error
    except (ValueError, RecursionError) as error:
        raise SessionError(f"{path} is damaged ({error}): run 'sonogauge sessions verify'") from error
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise SessionError(f"{path} is of a newer program (layout {version}, this one knows {SCHEMA_VERSION}): update")
    try:
        return SessionInfo.model_validate(values)
    except ValidationError as error:
        raise SessionError(f"{path} is damaged ({broken_rules(error)}): run 'sonogauge sessions verify'") from error
