"""Scanner profiles: what is known about one scanner's video output, kept as one small TOML file each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from calibration.crop import SectorCrop
from calibration.levels import Levels
from calibration.toml_file import TomlKind, broken_rules, swap_in
from capture.errors import CalibrationError
from capture.geometry import LinearField, Sector, SectorShape

SCHEMA_VERSION = 1
_FILE = TomlKind("profile", "correct the file, choose another or calibrate again")

Pixels = Annotated[float, Field(ge=-20000, le=20000, allow_inf_nan=False)]
Length = Annotated[float, Field(ge=0, le=40000, allow_inf_nan=False)]
Angle = Annotated[float, Field(ge=-1.58, le=1.58, allow_inf_nan=False)]

MapName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.npz$")]

Migration = Callable[[dict[str, Any]], dict[str, Any]]
MIGRATIONS: dict[int, Migration] = {}
"""From each older schema version, the step to the next one."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class SectorPart(_Part):
    """Sector of a phased or curvilinear probe."""

    kind: Literal["sector"] = "sector"
    apex_x: Pixels = Field(description="where the edge beams meet, screen pixels from the left")
    apex_y: Pixels = Field(description="where the edge beams meet, screen pixels from the top; may be negative")
    radius_min_px: Length = Field(description="nearest range of the beams from the apex, screen pixels")
    radius_max_px: Length = Field(description="furthest range of the beams from the apex, screen pixels")
    angle_left: Angle = Field(description="left edge beam, radians from straight down")
    angle_right: Angle = Field(description="right edge beam, radians from straight down")

    @model_validator(mode="after")
    def _in_order(self) -> SectorPart:
        if not self.radius_min_px < self.radius_max_px:
            raise ValueError("radius_min_px must be smaller than radius_max_px")
        if not self.angle_left < self.angle_right:
            raise ValueError("angle_left must be smaller than angle_right")
        return self


class LinearPart(_Part):
    """Rectangular field of a linear probe."""

    kind: Literal["linear"] = "linear"
    left: Pixels = Field(description="left edge, screen pixels")
    top: Pixels = Field(description="top edge, screen pixels")
    right: Pixels = Field(description="right edge, screen pixels")
    bottom: Pixels = Field(description="bottom edge, screen pixels")

    @model_validator(mode="after")
    def _in_order(self) -> LinearPart:
        if not (self.left < self.right and self.top < self.bottom):
            raise ValueError("left must be smaller than right and top smaller than bottom")
        return self


class LevelsPart(_Part):
    """Black and white of the video signal."""

    black: int = Field(default=0, ge=0, le=239, description="grey level of black, 16 for limited range")
    white: int = Field(default=255, ge=16, le=255, description="grey level of white, 235 for limited range")

    @model_validator(mode="after")
    def _apart(self) -> LevelsPart:
        if self.white - self.black < 16:
            raise ValueError("white must be at least 16 above black")
        return self


class GatePart(_Part):
    """A site's own threshold of the artifact gate."""

    family: Literal["echo", "any"] = Field(description="which density it belongs to")
    log_density: float = Field(allow_inf_nan=False, description="frames of a lower log density are not judged")
    share: float = Field(gt=0, lt=100, description="percent of the site's own frames below it when it was fitted")
    model: str = Field(min_length=1, max_length=80, description="name@version of the model that told the densities")


class ScannerProfile(_Part):
    """What is known about one scanner's video output at one resolution.

    Every field carries its unit and bounds; ``ScannerProfile.model_json_schema()`` lists them with help.
    """

    schema_version: int = Field(default=SCHEMA_VERSION, ge=1, description="version of this file's layout")
    name: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$", description="name shown to the user")
    width: int = Field(ge=32, le=16384, description="screen width that the profile is for, pixels")
    height: int = Field(ge=32, le=16384, description="screen height that the profile is for, pixels")
    field: SectorPart | LinearPart = Field(discriminator="kind", description="where the picture is on the screen")
    levels: LevelsPart = LevelsPart()
    spacing_mm: float | None = Field(
        default=None, gt=0.001, le=10, allow_inf_nan=False, description="side of a screen pixel in mm, when known"
    )
    mirrored: bool = Field(default=False, description="the scanner shows left and right swapped")
    exam: Literal["echo", "abdomen"] | None = Field(default=None, description="what the scanner is used for")
    cluster_map: MapName | None = Field(
        default=None, description="the site's own map of quality clusters, a file beside the profile"
    )
    cluster_maps_before: tuple[MapName | Literal[""], ...] | None = Field(
        default=None, max_length=64, description="the maps before it, oldest first, empty for the released one"
    )
    gate: GatePart | None = Field(default=None, description="the site's own threshold of the artifact gate")
    gates_before: tuple[GatePart | Literal[""], ...] | None = Field(
        default=None, max_length=64, description="the thresholds before it, oldest first, empty for the released one"
    )

    @model_validator(mode="after")
    def _on_the_screen(self) -> ScannerProfile:
        rect = self.shape.bounds().clipped(self.height, self.width)
        if min(rect.width, rect.height) < 8:
            raise ValueError(f"field must lie on the {self.width}x{self.height} screen")
        return self

    @property
    def shape(self) -> SectorShape:
        """The field as a shape in screen pixels."""
        values = self.field.model_dump(exclude={"kind"})
        return Sector(**values) if isinstance(self.field, SectorPart) else LinearField(**values)

    def cluster_map_beside(self, path: Path) -> Path | None:
        """The site's own cluster map, for a profile that was read from ``path``; None for the released one."""
        return None if self.cluster_map is None else Path(path).parent / self.cluster_map

    @property
    def signal_levels(self) -> Levels:
        """Black and white of the signal."""
        return Levels(self.levels.black, self.levels.white)

    def crop(self, size: int = 256) -> SectorCrop:
        """The crop for screens of this profile's resolution."""
        return SectorCrop(self.shape, self.height, self.width, size, self.mirrored)

    @classmethod
    def of(
        cls,
        name: str,
        shape: SectorShape,
        frame_size: tuple[int, int],
        levels: Levels | None = None,
        spacing_mm: float | None = None,
        mirrored: bool = False,
    ) -> ScannerProfile:
        """Profile of findings.

        Parameters
        ----------
        frame_size : (height, width) in pixels

        Raises
        ------
        CalibrationError
            When a value is out of bounds, naming field and rule.
        """
        part = SectorPart if isinstance(shape, Sector) else LinearPart
        levels = levels or Levels()
        try:
            return cls(
                name=name,
                width=frame_size[1],
                height=frame_size[0],
                field=part.model_validate({key: float(value) for key, value in vars(shape).items()}),
                levels=LevelsPart(black=levels.black, white=levels.white),
                spacing_mm=spacing_mm,
                mirrored=mirrored,
            )
        except ValidationError as error:
            raise CalibrationError(f"profile {name!r}: {broken_rules(error)}: correct the value") from error


def load_profile(path: Path) -> ScannerProfile:
    """Read one profile.

    Raises
    ------
    CalibrationError
        When the file is missing, no TOML, too new or breaks a rule; names file, field and rule.
    """
    path = Path(path)
    data = _FILE.read(path)
    try:
        return ScannerProfile.model_validate(_migrated(data, path))
    except ValidationError as error:
        raise _FILE.invalid(path, error) from error


def save_profile(profile: ScannerProfile, path: Path) -> None:
    """Write one profile: aside, then swapped in, so that the old file stays whole whatever happens.

    Raises
    ------
    CalibrationError
        When the folder cannot be written to.
    """
    _FILE.write(Path(path), profile.model_dump(exclude_none=True))


def change_profile(path: Path, change: dict[str, Any]) -> None:
    """Change some fields of a profile by one swap; its former text, comments and all, is kept as ``NAME.toml.bak``.

    Raises
    ------
    CalibrationError
        When it cannot be read or written; nothing has changed then.
    """
    path, profile = Path(path), load_profile(path)
    try:
        swap_in(path.with_name(f"{path.name}.bak"), path.read_bytes())
    except OSError as error:
        raise CalibrationError(f"cannot keep a copy of profile {path} ({error}): check the folder's rights") from error
    save_profile(ScannerProfile.model_validate(profile.model_dump() | change), path)


@dataclass(frozen=True)
class ProfileList:
    """Profiles of a folder by file, and what is wrong with the files that could not be read."""

    profiles: dict[Path, ScannerProfile]
    problems: dict[Path, CalibrationError]


def list_profiles(folder: Path) -> ProfileList:
    """All ``*.toml`` profiles of a folder, by file name; a broken one costs only itself. A missing folder is empty."""
    profiles: dict[Path, ScannerProfile] = {}
    problems: dict[Path, CalibrationError] = {}
    for path in sorted(Path(folder).glob("*.toml")):
        try:
            profiles[path] = load_profile(path)
        except CalibrationError as error:
            problems[path] = error
    return ProfileList(profiles, problems)


def _migrated(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The data in today's layout."""
    version = _FILE.version(data, path, SCHEMA_VERSION)
    for step in range(version, SCHEMA_VERSION):
        data = {**MIGRATIONS[step](data), "schema_version": step + 1}
    return data
