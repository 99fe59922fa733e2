"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA = Path("../shared/data")


class ProviderChoice(StrEnum):
    """Where models run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class PrecisionChoice(StrEnum):
    """Which model files run."""

    AUTO = "auto"
    INT8 = "int8"
    FLOAT32 = "float32"
    FLOAT16 = "float16"


class ViewChoice(StrEnum):
    """The view shown, when the user says so."""

    UNKNOWN = "unknown"
    A4C = "A4C"
    A2C = "A2C"
    ALAX = "ALAX"


class ExamChoice(StrEnum):
    """What is examined."""

    AUTO = "auto"
    ECHO = "echo"
    ABDOMEN = "abdomen"


class MethodChoice(StrEnum):
    """What scores the regions."""

    END_TO_END = "end_to_end"
    DENSE = "dense"


class CodecChoice(StrEnum):
    """How a recorded video is stored."""

    SETTINGS = "settings"
    FFV1 = "ffv1"
    H264 = "h264"


Method = Annotated[MethodChoice, typer.Option(help="What scores the regions: a network of its own, or the dense map.")]
Exam = Annotated[ExamChoice, typer.Option(help="Heart or other organs; auto: as profile or source say, else echo.")]
Provider = Annotated[ProviderChoice, typer.Option(help="Where models run; one asked for by name must be there.")]
Precision = Annotated[PrecisionChoice, typer.Option(help="Which model files run; auto measures and chooses.")]
View = Annotated[ViewChoice, typer.Option(help="View shown, when you know it: names the walls.")]
Weights = Annotated[Path | None, typer.Option(help="Folder of model files (default: the released ones).")]
Published = Annotated[Path | None, typer.Option(help="Folder with a published quality model to use instead of ours.")]
Profile = Annotated[Path | None, typer.Option(help="Scanner profile (TOML) with sector, levels and spacing.")]
Data = Annotated[Path, typer.Option(help="Folder that holds the data sets (camus/, ...).")]
Record = Annotated[Path | None, typer.Option(help="Record into this library; a session is a folder in it.")]
RecordCodec = Annotated[CodecChoice, typer.Option(help="ffv1 keeps every bit of the sector, h264 is smaller.")]
RecordScreen = Annotated[
    bool, typer.Option("--record-screen", help="Record the whole screen: names of patients on it are stored too.")
]
PreRoll = Annotated[
    float | None, typer.Option(min=0, max=60, help="Window: keep so many seconds from before R is pressed.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
