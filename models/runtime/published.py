"""The published regional quality model of a site that owns its file, in place of ours.

The site puts the ONNX file into a folder, beside a ``published.toml``::

    [regional_quality]
    file = "quality.onnx"
    slope = ...             # of the publication's linear correction
    intercept = ...
    sha256 = "..."          # optional, checked when given
    input = "..."           # optional name of the input
    output = "..."          # needed only when the network has several outputs

Contract of the file: (N, 1, 256, 256) float32 in 0..255, the tight sector crop squashed to a square -> (N, 8) float32
in the order of ``REGION_NAMES``; rating = (output - intercept) / slope.
"""

from __future__ import annotations

import hashlib
import logging
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calibration.score_map import LinearMap
from calibration.toml_file import TomlKind
from capture.errors import ModelError
from models.runtime.contract import REGION_NAMES, ModelInfo
from models.runtime.manifest import MAX_FILE_BYTES
from models.runtime.methods import RegionalInput
from models.runtime.onnx_bytes import refuse_external_data
from models.runtime.providers import ORT_ERRORS, Provider, create_session, default_threads

_LOG = logging.getLogger(__name__)
LIST_FILE = "published.toml"
_REMEDY = "correct the folder as 'Published models' in the README says"
_LIST = TomlKind("list of published models", _REMEDY, ModelError)
_SIZE = 256
_WARM_UP_RUNS = 3


class PublishedFile(LinearMap):
    """The section ``[regional_quality]``: the file and its linear correction."""

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$", description="name, without any folder")
    sha256: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{64}$", description="of the file's bytes")
    input: str | None = Field(default=None, min_length=1, description="name of the network's only input")
    output: str | None = Field(default=None, min_length=1, description="name of the output with the eight scores")


class _List(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    regional_quality: PublishedFile


class PublishedQuality:
    """The loaded model; a ``RegionalMethod`` whose metric is the rating itself.

    Parameters
    ----------
    folder : with the file
    part : what the folder's list says of it
    provider : ``auto``, ``cpu`` or ``cuda``
    threads : within one operator, None for ``default_threads()``

    Raises
    ------
    ModelError
        When the file is missing, not the one with the given hash, refers to other files, or breaks its contract.
    """

    name = "published"

    def __init__(
        self, folder: Path, part: PublishedFile, provider: Provider = Provider.AUTO, threads: int | None = None
    ) -> None:
        self._part, self._path = part, Path(folder) / part.file
        content = _read(self._path)
        digest = _checked_hash(content, part, self._path)
        refuse_external_data(content, str(self._path), _REMEDY)
        session = create_session(content, str(self._path), provider, threads or default_threads(), _REMEDY)
        self._input, self._output = _tensor_names(session, part, self._path)
        self._session: ort.InferenceSession | None = session
        self.model_id = f"{self.name}@{part.file}#{digest[:8]}"
        self.info = ModelInfo(
            self.name, self.model_id, str(session.get_providers()[0]), "float32", warm_ms=self._warm_up()
        )
        _LOG.info("%s is ready on %s: %.1f ms", self.model_id, self.info.provider, self.info.warm_ms)

    @property
    def infos(self) -> tuple[ModelInfo, ...]:
        """The one network, as of models that are several."""
        return (self.info,)

    def scores(self, grey: np.ndarray) -> np.ndarray:
        """Ratings of a model square: (256, 256) uint8 -> (8,) float64 in 1..5, in the order of ``REGION_NAMES``.

        Raises
        ------
        ModelError
            When the runtime fails or a score is not finite.
        """
        return self._part.rating(self._raw(grey))

    def measure(self, given: RegionalInput) -> np.ndarray:
        """Rating of each region, not held to 1..5: (8,) float32; NaN where a region is empty.

        Raises
        ------
        ModelError
            When the runtime fails or a score is not finite.
        """
        return np.where(given.masks.any(axis=(1, 2)), self._part.unclipped(self._raw(given.image)), np.nan).astype(
            np.float32
        )

    def close(self) -> None:
        """Release the session; twice is fine."""
        self._session = None

    def _raw(self, grey: np.ndarray) -> np.ndarray:
        """Output before the correction: (256, 256) uint8 -> (8,) float32."""
        batch = grey.astype(np.float32)[np.newaxis, np.newaxis]  # (256, 256) -> (1, 1, 256, 256), 0..255
        if self._session is None:
            raise ModelError(f"{self.model_id} was closed: open it again")
        try:
            raw = self._session.run([self._output], {self._input: batch})[0]
        except ORT_ERRORS as error:
            reason = str(error).strip()[:200]
            raise ModelError(f"{self._path} does not run on {batch.shape} float32 ({reason}): {_REMEDY}") from error
        expected = (1, len(REGION_NAMES))
        if raw.shape != expected or raw.dtype.kind != "f":
            raise ModelError(f"{self._path} gave {raw.dtype} {raw.shape}, expected floats {expected}: {_REMEDY}")
        if not np.isfinite(raw).all():
            raise ModelError(f"{self._path} gave NaN or infinite scores: use another file, or go without --published")
        return np.asarray(raw[0])

    def _warm_up(self) -> float:
        """Trial runs, which prove the shapes; time of the last in ms."""
        for _ in range(_WARM_UP_RUNS):
            start = time.perf_counter()
            self._raw(np.full((_SIZE, _SIZE), 127, np.uint8))
        return (time.perf_counter() - start) * 1e3


def read_list(folder: Path) -> PublishedFile:
    """What the folder's ``published.toml`` says, without loading the model.

    Raises
    ------
    ModelError
        When it is missing, no TOML or breaks a rule; names file, field and rule.
    """
    path = Path(folder) / LIST_FILE
    values = _LIST.read(path)
    try:
        return _List.model_validate(values).regional_quality
    except ValidationError as error:
        raise _LIST.invalid(path, error) from error


def load_published(
    folder: Path, *, provider: Provider | str = Provider.AUTO, threads: int | None = None
) -> PublishedQuality:
    """Load the model that a folder lists.

    Raises
    ------
    ModelError
        As ``read_list`` and ``PublishedQuality``; says what to do.
    """
    return PublishedQuality(folder, read_list(folder), Provider(provider), threads)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ModelError(f"{path} is larger than 1 GiB and so no quality model: {_REMEDY}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read published model {path} ({error.strerror}): {_REMEDY}") from error


def _checked_hash(content: bytes, part: PublishedFile, path: Path) -> str:
    """SHA-256 of the bytes that will be loaded, in hexadecimal digits."""
    digest = hashlib.sha256(content).hexdigest()
    if part.sha256 is None:
        _LOG.info('%s is not checked; to have it checked, write sha256 = "%s" into %s', path, digest, LIST_FILE)
    elif digest != part.sha256.lower():
        raise ModelError(
            f"{path} is damaged or another file (SHA-256 {digest[:8]}…, {LIST_FILE} says {part.sha256[:8]}…): "
            "copy it again, or correct sha256"
        )
    return digest


def _tensor_names(session: ort.InferenceSession, part: PublishedFile, path: Path) -> tuple[str, str]:
    """Names of the input and of the output to use."""
    inputs, outputs = ([value.name for value in side] for side in (session.get_inputs(), session.get_outputs()))
    if len(inputs) != 1 or part.input not in (None, inputs[0]):
        raise ModelError(f"{path} has the inputs {inputs}, expected {part.input or 'exactly one'}: {_REMEDY}")
    if part.output is None and len(outputs) != 1:
        raise ModelError(f"{path} has the outputs {outputs}: name one as output in {LIST_FILE}")
    if part.output is not None and part.output not in outputs:
        raise ModelError(f"{path} has the outputs {outputs}, not {part.output!r}: correct output in {LIST_FILE}")
    return inputs[0], part.output or outputs[0]
