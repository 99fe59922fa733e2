"""The list of released model files: what each one eats and gives, what it was trained on, and the hash of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from capture.errors import ModelError

MANIFEST_FILE = "manifest.json"
MAX_FILE_BYTES = 1 << 30


class Precision(StrEnum):
    """Arithmetic that a model file computes in.

    A ``float32`` file may store its weights as float16 to be smaller: what counts is what it computes in.
    """

    INT8 = "int8"
    FLOAT32 = "float32"
    FLOAT16 = "float16"


Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorSpec(_Record):
    """One input or output: name, shape (None: any size), element type, and the range of bounded values."""

    name: str = Field(min_length=1)
    shape: tuple[Annotated[int, Field(gt=0)] | None, ...]
    dtype: Literal["float32", "int64", "uint8"] = "float32"
    value_range: tuple[float, float] | None = None


class Contract(_Record):
    """What a model eats and gives. ``preprocessing`` says in words how the input is made."""

    input: TensorSpec
    outputs: tuple[TensorSpec, ...] = Field(min_length=1)
    preprocessing: str = ""


class Parity(_Record):
    """How far INT8 may stray from float32 on the reference frames of the machine it runs on.

    ``label_agreement``: share of pixels with the same strongest class, at least ``limit``.
    ``mean_abs``: mean absolute difference of the outputs, at most ``limit``.
    """

    measure: Literal["label_agreement", "mean_abs"]
    limit: float = Field(ge=0)


class Correction(_Record):
    """Linear correction of raw scores: score = (raw - intercept) / slope."""

    slope: float = 1.0
    intercept: float = 0.0


class ReleasedFile(_Record):
    """One file of the release, named without any folder, and what proves its bytes."""

    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int | None = Field(default=None, gt=0, le=MAX_FILE_BYTES)


class ModelFile(ReleasedFile):
    """One ONNX file of a model."""

    precision: Precision
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$")
    bytes: int = Field(gt=0, le=MAX_FILE_BYTES)


class MapFile(ReleasedFile):
    """Reference points beside a model, as ``calibration.cluster_map.save_map`` writes them."""

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.npz$")


class Thresholds(_Record):
    """Log densities below which a frame is unlike anything known: 5 and 3 % of the fitted frames lie below them."""

    tau_5: Finite
    tau_3: Finite


class ModelEntry(_Record):
    """One model with all its files.

    ``card`` is the path of the model card from the project root; ``licence`` is what the training data allow;
    ``map`` is there for models of quality clusters and artifact gates alone, ``thresholds`` for the latter.
    """

    version: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]*$")
    task: Literal["segmentation", "regional_dense", "regional_quality", "other"]
    contract: Contract
    card: str = ""
    training_data: tuple[str, ...] = ()
    licence: str = ""
    parity: Parity | None = None
    correction: Correction = Correction()
    files: tuple[ModelFile, ...] = Field(min_length=1)
    map: MapFile | None = None
    thresholds: Thresholds | None = None

    def file_of(self, precision: Precision) -> ModelFile | None:
        """The file of one precision, None when the release has none."""
        return next((file for file in self.files if file.precision is precision), None)


class UnlistedModelError(ModelError):
    """A model that a folder of weights does not have, which may be meant so."""


class Manifest(_Record):
    """All models of one folder of weights."""

    format: Literal[1] = 1
    models: dict[str, ModelEntry]

    def entry(self, name: str) -> ModelEntry:
        """One model.

        Raises
        ------
        UnlistedModelError
            When the manifest does not list it.
        """
        if name not in self.models:
            known = ", ".join(sorted(self.models)) or "none"
            raise UnlistedModelError(f"no model {name!r} in {MANIFEST_FILE} (known: {known}): reinstall the weights")
        return self.models[name]


@dataclass(frozen=True)
class FileCheck:
    """Outcome of checking one file; ``precision`` is ``map`` for a map, ``problem`` is empty when it is sound."""

    model: str
    precision: str
    file: str
    problem: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the file can be used."""
        return not self.problem


def default_weights_folder() -> Path:
    """Folder of the released weights, installed with the package."""
    return Path(__file__).resolve().parents[1] / "weights"


def model_id(name: str, entry: ModelEntry, file: ModelFile) -> str:
    """``name@version-precision#hash``: the hash is the first 8 digits of the file's SHA-256."""
    return f"{name}@{entry.version}-{file.precision}#{file.sha256[:8]}"


def load_manifest(folder: Path) -> Manifest:
    """Read and validate ``manifest.json`` of a folder of weights.

    Raises
    ------
    ModelError
        When it is missing or not valid; the message names the file and the first bad field.
    """
    path = Path(folder) / MANIFEST_FILE
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(f"cannot read {path} ({error.strerror}): reinstall sonogauge or its weights") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ModelError(f"{path} is not valid at {where} ({first['msg']}): reinstall the weights") from error


def read_checked(folder: Path, file: ReleasedFile) -> bytes:
    """Bytes of a model file, read once and proven to be those that were released.

    Raises
    ------
    ModelError
        When the file is missing, has another size, or another SHA-256; the message names it.
    """
    path = Path(folder) / file.file
    try:
        size = path.stat().st_size
        wanted = file.bytes or min(size, MAX_FILE_BYTES)
        if size != wanted:  # before reading: a wrong file may be huge
            raise ModelError(f"model file {path} has {size} bytes, expected {wanted}: reinstall the weights")
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read model file {path} ({error.strerror}): reinstall the weights") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise ModelError(
            f"model file {path} is damaged or was changed (SHA-256 {digest[:8]}…, expected {file.sha256[:8]}…): "
            "reinstall the weights"
        )
    return content


def verify(folder: Path) -> tuple[FileCheck, ...]:
    """Check size and hash of every listed file.

    Raises
    ------
    ModelError
        When the manifest itself cannot be used.
    """
    manifest = load_manifest(folder)
    return tuple(
        check for name, entry in sorted(manifest.models.items()) for check in _checks(Path(folder), name, entry)
    )


def _checks(folder: Path, name: str, entry: ModelEntry) -> Iterator[FileCheck]:
    for file in entry.files:
        yield _check(folder, name, file.precision, file)
    if entry.map is not None:
        yield _check(folder, name, "map", entry.map)


def _check(folder: Path, name: str, precision: str, file: ReleasedFile) -> FileCheck:
    try:
        read_checked(folder, file)
    except ModelError as error:
        return FileCheck(name, precision, file.file, str(error))
    return FileCheck(name, precision, file.file)
