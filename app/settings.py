"""What the program remembers between two starts: typed, versioned, and tolerant of a damaged file.

The file is TOML in the user's configuration folder. It is written aside and swapped in, so that a crash leaves the old
one whole. One bad field costs only itself: it falls back to its default and is named in the problems.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import MutableMapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.overlay.display_list import Cue
from calibration.toml_file import swap_in
from capture.errors import SettingsError

_log = logging.getLogger(__name__)

VERSION = 1


class OverlaySettings(BaseModel):
    """Look of the overlay."""

    model_config = ConfigDict(frozen=True)

    shown: Annotated[bool, Field(description="paint the regions over the assessed image")] = True
    palette: Annotated[Literal["safe", "published"], Field(description="colours of the labels 1 to 5")] = "safe"
    cue: Annotated[Cue, Field(description="what repeats the colour: number, pattern or none")] = Cue.NUMBER
    wall_names: Annotated[bool, Field(description="write the walls when the view is known")] = True


class WindowSettings(BaseModel):
    """The window itself."""

    model_config = ConfigDict(frozen=True)

    width: Annotated[int, Field(ge=640, le=16384, description="pixels")] = 1600
    height: Annotated[int, Field(ge=480, le=16384, description="pixels")] = 960
    whole_screen: Annotated[bool, Field(description="show the whole grabbed screen, not only the sector")] = False


class BullsEyeSettings(BaseModel):
    """The panel that collects the segments of an exam."""

    model_config = ConfigDict(frozen=True)

    shown: Annotated[bool, Field(description="show the panel below the pictures where the window has room")] = True
    segments: Annotated[Literal[18, 17], Field(description="18: six walls up to the apex; 17: four, and the cap")] = 18
    quality: Annotated[Literal["best", "last"], Field(description="best of the exam, or as seen last")] = "best"


class PanelSettings(BaseModel):
    """The other panels below the pictures."""

    model_config = ConfigDict(frozen=True)

    history: Annotated[bool, Field(description="show the last 60 s as rows of colour")] = True
    cluster_map: Annotated[
        bool, Field(description="show the maps of clusters and artifact gate where there is one")
    ] = True
    map: Annotated[Literal["clusters", "gate"], Field(description="which of the two maps is in front")] = "clusters"


_Score = Annotated[float, Field(ge=1, le=5)]


class ReadinessSettings(BaseModel):
    """Region scores (1..5) from which a measurement is called possible. Engine limits, not fitted to raters."""

    model_config = ConfigDict(frozen=True)

    ef_score: Annotated[_Score, Field(description="EF and volumes: lowest score of each of the six wall regions")] = 2.5
    strain_score: Annotated[_Score, Field(description="strain: lowest score of each of the six wall regions")] = 2.5
    strain_good_score: Annotated[_Score, Field(description="strain: score that nearly all wall regions reach")] = 3.5
    strain_weaker: Annotated[
        int, Field(ge=0, le=6, description="strain: wall regions that may lie between those two scores")
    ] = 1
    mapse_score: Annotated[_Score, Field(description="MAPSE: lowest score of both annulus regions")] = 2.5
    margin: Annotated[
        float, Field(ge=0, le=0.5, description="how far scores may fall below their limits before a yes becomes a no")
    ] = 0.15


class RecordingSettings(BaseModel):
    """How sessions are recorded and kept."""

    model_config = ConfigDict(frozen=True)

    library: Annotated[str, Field(max_length=4096, description="folder of the sessions; empty: this user's own")] = ""
    codec: Annotated[Literal["ffv1", "h264"], Field(description="ffv1 keeps every bit, h264 is smaller")] = "ffv1"
    whole_screen: Annotated[bool, Field(description="record all that the scanner shows, names included")] = False
    pre_roll_s: Annotated[float, Field(ge=0, le=60, description="seconds before R that are kept")] = 0.0
    retention_days: Annotated[
        int, Field(ge=0, le=36500, description="propose older sessions for deletion; 0: never")
    ] = 0


class Settings(BaseModel):
    """All that is remembered."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[int, Field(ge=1, description="layout of this file")] = VERSION
    overlay: OverlaySettings = OverlaySettings()
    window: WindowSettings = WindowSettings()
    bulls_eye: BullsEyeSettings = BullsEyeSettings()
    panels: PanelSettings = PanelSettings()
    readiness: ReadinessSettings = ReadinessSettings()
    recording: RecordingSettings = RecordingSettings()


def default_path() -> Path:
    """The settings file of this user."""
    return platformdirs.user_config_path("sonogauge", appauthor=False) / "settings.toml"


def of_this_user() -> Settings:
    """Settings of this user for commands without a window; what could not be used of them is logged."""
    chosen, problems = load(default_path())
    for problem in problems:
        _log.warning("%s", problem)
    return chosen


def load(path: Path) -> tuple[Settings, tuple[str, ...]]:
    """Settings of a file, and one sentence for each thing in it that could not be used.

    A missing file gives the defaults and no problem; an unreadable one gives the defaults and says so.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings(), ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Settings(), (f"settings file {path.name} cannot be read ({error}): the defaults are used",)
    return _tolerant(values)


def _tolerant(values: dict[str, Any]) -> tuple[Settings, tuple[str, ...]]:
    try:
        return Settings.model_validate(values), ()
    except ValidationError as error:
        problems = []
        for finding in error.errors():
            _remove(values, finding["loc"])
            name = ".".join(str(part) for part in finding["loc"])
            problems.append(f"setting {name} is not usable ({finding['msg']}): its default is used")
        return Settings.model_validate(values), tuple(problems)


def _remove(values: MutableMapping[str, Any], place: tuple[int | str, ...]) -> None:
    """Drop the value at a place; a place inside a value that is not a table drops that value."""
    *parents, last = place
    for parent in parents:
        inner = values.get(str(parent))
        if not isinstance(inner, dict):
            last = parent
            break
        values = inner
    values.pop(str(last), None)


def save(settings: Settings, path: Path) -> None:
    """Write the settings aside and swap them in.

    Raises
    ------
    SettingsError
        The folder or the disk does not take the file; the old file is untouched.
    """
    text = tomli_w.dumps(settings.model_dump(mode="json"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        swap_in(path, text.encode())
    except OSError as error:
        raise SettingsError(
            f"settings cannot be saved in {path.parent} ({error}): check that the folder is writable and the disk "
            "has room"
        ) from error
