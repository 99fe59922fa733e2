"""Which file of a model this machine runs: INT8 or float32 by measured speed and parity on a CPU, float16 on a GPU."""

from __future__ import annotations

import json
import logging
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import platformdirs

from capture.errors import ModelError
from models.runtime.manifest import Manifest, ModelEntry, ModelFile, Parity, Precision, load_manifest
from models.runtime.providers import Provider, ProviderError, cuda_problem, default_threads
from models.runtime.reference import reference_for
from models.runtime.session import ModelSession, measure_ms

_LOG = logging.getLogger(__name__)
CACHE_FILE = "precision.json"
_RUNS = 15
_DEFAULT_PARITY = {
    "segmentation": Parity(measure="label_agreement", limit=0.98),
    "regional_dense": Parity(measure="label_agreement", limit=0.98),
    "regional_quality": Parity(measure="mean_abs", limit=0.15),
    "other": Parity(measure="mean_abs", limit=0.05),
}


@dataclass(frozen=True)
class PrecisionTrial:
    """What was measured on this machine: median ms of both files, parity figure, and the choice that follows."""

    precision: Precision
    int8_ms: float
    float32_ms: float
    parity: float


def default_cache_dir() -> Path:
    """Folder of the user's cache."""
    return Path(platformdirs.user_cache_dir("sonogauge", appauthor=False))


def open_model(
    folder: Path,
    name: str,
    *,
    manifest: Manifest | None = None,
    provider: Provider | str = Provider.AUTO,
    precision: Precision | str | None = None,
    threads: int | None = None,
    cache_dir: Path | None = None,
    reference: Sequence[np.ndarray] | None = None,
) -> ModelSession:
    """Open the file of a model that suits this machine.

    Parameters
    ----------
    folder : of the weights
    name : of the model
    manifest : of the folder when it was read already
    provider : ``auto``, ``cpu`` or ``cuda``
    precision : pins one file; None or ``auto`` chooses
    threads : within one operator, None for ``default_threads()``
    cache_dir : where choices are remembered, None for the user's cache
    reference : inputs for the parity check, None for rendered frames

    Raises
    ------
    ModelError
        When no file fits, a file is refused (see ``ModelSession``), or CUDA was asked for and is not granted.
    """
    entry = (manifest or load_manifest(folder)).entry(name)
    opener = _Opener(Path(folder), name, entry, threads or default_threads())
    wish = Provider(provider)
    if precision not in (None, "auto"):
        return opener.open(_pinned_file(name, entry, Precision(str(precision))), wish)
    on_gpu = opener.try_gpu(wish)
    return on_gpu or _open_on_cpu(opener, cache_dir or default_cache_dir(), reference)


@dataclass(frozen=True)
class _Opener:
    folder: Path
    name: str
    entry: ModelEntry
    threads: int

    def open(self, file: ModelFile, provider: Provider) -> ModelSession:
        return ModelSession(self.folder, self.name, self.entry, file, provider, self.threads)

    def try_gpu(self, wish: Provider) -> ModelSession | None:
        """Session on CUDA; None when the CPU is to be used."""
        file = self.entry.file_of(Precision.FLOAT16) or self.entry.file_of(Precision.FLOAT32)
        if wish is Provider.CPU or file is None:
            return None
        if wish is Provider.AUTO and cuda_problem():  # a file for the GPU is of no concern here
            return None
        try:
            return self.open(file, Provider.CUDA)
        except ProviderError:
            if wish is Provider.CUDA:
                raise
        return None


def _pinned_file(name: str, entry: ModelEntry, precision: Precision) -> ModelFile:
    file = entry.files[0] if len(entry.files) == 1 else entry.file_of(precision)  # a single file leaves no choice
    if file is None:
        known = ", ".join(str(item.precision) for item in entry.files)
        raise ModelError(f"model {name} has no {precision} file (it has {known}): pin another precision, or none")
    return file


def _open_on_cpu(opener: _Opener, cache_dir: Path, reference: Sequence[np.ndarray] | None) -> ModelSession:
    int8, float32 = opener.entry.file_of(Precision.INT8), opener.entry.file_of(Precision.FLOAT32)
    if int8 is None or float32 is None:
        return opener.open(int8 or float32 or opener.entry.files[0], Provider.CPU)
    cache = PrecisionCache(cache_dir)
    key = machine_key((int8, float32), opener.threads)
    known = cache.get(key)
    if known is not None:
        return opener.open(int8 if known.precision is Precision.INT8 else float32, Provider.CPU)
    sessions = opener.open(int8, Provider.CPU), opener.open(float32, Provider.CPU)
    trial = compare(*sessions, reference or reference_for(opener.entry.contract.input))
    cache.put(key, trial)
    chosen, other = sessions if trial.precision is Precision.INT8 else sessions[::-1]
    other.close()
    return chosen


def compare(int8: ModelSession, float32: ModelSession, batches: Sequence[np.ndarray]) -> PrecisionTrial:
    """Measure both files on the same inputs and choose: INT8 when it is faster and keeps parity."""
    rule = int8.entry.parity or _DEFAULT_PARITY[int8.entry.task]
    pairs = [(int8.run(batch)[0], float32.run(batch)[0]) for batch in batches]
    agreement, is_sound = _parity(rule, pairs)
    int8_ms, float32_ms = measure_ms(int8, batches, _RUNS), measure_ms(float32, batches, _RUNS)
    choice = Precision.INT8 if is_sound and int8_ms < float32_ms else Precision.FLOAT32
    _LOG.info(
        "%s: INT8 %.1f ms, float32 %.1f ms, %s %.4f (limit %g): takes %s",
        *(int8.name, int8_ms, float32_ms, rule.measure, agreement, rule.limit, choice),
    )
    return PrecisionTrial(choice, int8_ms, float32_ms, agreement)


def _parity(rule: Parity, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, bool]:
    if rule.measure == "label_agreement":
        agreement = float(np.mean([(a.argmax(axis=1) == b.argmax(axis=1)).mean() for a, b in pairs]))
        return agreement, agreement >= rule.limit
    difference = float(np.mean([np.abs(a - b).mean() for a, b in pairs]))
    return difference, difference <= rule.limit


def cpu_name() -> str:
    """Model name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.lower().startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine_key(files: Sequence[ModelFile], threads: int) -> str:
    """All that a measured choice depends on: processor, runtime version, threads, model bytes."""
    return "|".join([cpu_name(), str(ort.__version__), str(threads), *(file.sha256 for file in files)])


class PrecisionCache:
    """Choices remembered per machine and model. A cache that cannot be read or written costs a new trial, no more."""

    def __init__(self, folder: Path) -> None:
        self._path = Path(folder) / CACHE_FILE

    def get(self, key: str) -> PrecisionTrial | None:
        """The remembered trial, None when there is none that can be understood."""
        record: Any = self._read().get(key)
        try:
            return PrecisionTrial(**{**record, "precision": Precision(record["precision"])})
        except (TypeError, KeyError, ValueError):
            return None

    def put(self, key: str, trial: PrecisionTrial) -> None:
        """Remember a trial; written aside and swapped in."""
        records = {**self._read(), key: asdict(trial)}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, aside = tempfile.mkstemp(dir=self._path.parent, prefix=CACHE_FILE)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(records, file, indent=1)
            os.replace(aside, self._path)
        except OSError as error:
            _LOG.warning("cannot remember the precision in %s: %s", self._path, error.strerror)

    def _read(self) -> dict[str, Any]:
        try:
            records = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return records if isinstance(records, dict) else {}
