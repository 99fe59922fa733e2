"""A model that is ready to run: checked bytes, a session of those bytes, a checked contract, warm and measured."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import onnxruntime as ort

from capture.errors import ModelError
from models.runtime.contract import ModelInfo
from models.runtime.manifest import ModelEntry, ModelFile, Precision, TensorSpec, model_id, read_checked
from models.runtime.onnx_bytes import refuse_external_data
from models.runtime.providers import CUDA_PROVIDER, ORT_ERRORS, Provider, create_session, default_threads

Made = TypeVar("Made")

_LOG = logging.getLogger(__name__)
_WARM_UP_RUNS = 3
_MEASURED_RUNS = 5
_ORT_TYPES = {"float32": ("tensor(float)", "tensor(float16)"), "int64": ("tensor(int64)",), "uint8": ("tensor(uint8)",)}


class ModelSession:
    """One network, loaded from bytes whose hash is that of the manifest.

    Parameters
    ----------
    folder : of the weights
    name : of the model in the manifest
    entry : its entry
    file : the file to load
    provider : execution provider that the user wishes
    threads : within one operator, None for ``default_threads()``

    Raises
    ------
    ModelError
        When the file is missing, changed, refers to other files, breaks its contract, gives NaN, or the provider
        asked for by name is not granted. The message names the file or the model.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        entry: ModelEntry,
        file: ModelFile,
        provider: Provider = Provider.AUTO,
        threads: int | None = None,
    ) -> None:
        self.name, self.entry, self.file = name, entry, file
        content = read_checked(folder, file)
        refuse_external_data(content, file.file)
        session = create_session(content, file.file, Provider(provider), threads or default_threads())
        _check_contract(session, entry, file)
        self._output_names = [spec.name for spec in entry.contract.outputs]
        self.provider = str(session.get_providers()[0])
        on_gpu = self.provider == CUDA_PROVIDER
        self._runner: _Runs = _BoundRunner(session, "cuda") if on_gpu else _Runner(session)
        self.warm_ms = self._warm_up()
        _LOG.info("%s is ready on %s: %.1f ms", self.model_id, self.provider, self.warm_ms)

    @property
    def model_id(self) -> str:
        """``name@version-precision#hash``."""
        return model_id(self.name, self.entry, self.file)

    @property
    def precision(self) -> Precision:
        """Arithmetic of the loaded file."""
        return self.file.precision

    @property
    def info(self) -> ModelInfo:
        """What the HUD and the records show."""
        return ModelInfo(self.name, self.model_id, self.provider, str(self.precision), self.warm_ms)

    def run(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the network.

        Parameters
        ----------
        batch : array of the contract's input shape and dtype, with the batch size first

        Returns
        -------
        Outputs in the order of the contract.

        Raises
        ------
        ModelError
            When the runtime fails or an output is not finite; the message names the model.
        """
        try:
            outputs = self._runner.run(batch, self._output_names)
        except ORT_ERRORS as error:
            raise ModelError(f"{self.model_id} failed to run ({str(error).strip()[:200]})") from error
        for spec, output in zip(self.entry.contract.outputs, outputs, strict=True):
            if output.dtype.kind == "f" and not _is_finite(output):
                raise ModelError(
                    f"{self.model_id} gave NaN or infinite values in {spec.name}: restart, or reinstall it"
                )
        return tuple(outputs)

    def close(self) -> None:
        """Release the session; a later ``run`` raises ModelError."""
        self._runner = _ClosedRunner()

    def _warm_up(self) -> float:
        batch = blank_input(self.entry.contract.input)
        for _ in range(_WARM_UP_RUNS):
            outputs = self.run(batch)
        for spec, output in zip(self.entry.contract.outputs, outputs, strict=True):
            if not _sizes_fit(output.shape, spec.shape):
                raise ModelError(f"{self.model_id} gave {spec.name} of shape {output.shape}, expected {spec.shape}")
        return measure_ms(self, [batch], _MEASURED_RUNS)


def measure_ms(session: ModelSession, batches: Sequence[np.ndarray], runs: int) -> float:
    """Median wall time of one run in ms, over ``runs`` runs that take the batches in turn."""
    times = []
    for index in range(runs):
        start = time.perf_counter()
        session.run(batches[index % len(batches)])
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def batch_of(grey: np.ndarray) -> np.ndarray:
    """A model square as a network's input: (256, 256) uint8 -> (1, 1, 256, 256) float32 in 0..255."""
    return grey.astype(np.float32)[np.newaxis, np.newaxis]


def blank_input(spec: TensorSpec) -> np.ndarray:
    """Mid-range input of batch size 1 where the contract leaves a size open."""
    low, high = spec.value_range or (0.0, 0.0)
    shape = tuple(size or 1 for size in spec.shape)
    return np.full(shape, (low + high) / 2, dtype=spec.dtype)


class _Runs(Protocol):
    def run(self, batch: np.ndarray, names: list[str]) -> list[np.ndarray]: ...


class _Runner:
    """Plain run on the CPU."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._dtype = np.float16 if session.get_inputs()[0].type == "tensor(float16)" else None

    def run(self, batch: np.ndarray, names: list[str]) -> list[np.ndarray]:
        """Outputs by name; float16 comes back as float32."""
        batch = batch if self._dtype is None else batch.astype(self._dtype)
        return [_as_float32(output) for output in self._session.run(names, {self._input: batch})]


class _BoundRunner:
    """Run with inputs and outputs bound to the device, so that only the copies in and out cross the bus."""

    def __init__(self, session: ort.InferenceSession, device: str) -> None:
        self._session, self._device = session, device
        self._input = session.get_inputs()[0]
        self._dtype = np.float16 if self._input.type == "tensor(float16)" else None
        self._binding = session.io_binding()
        self._value: ort.OrtValue | None = None

    def run(self, batch: np.ndarray, names: list[str]) -> list[np.ndarray]:
        """Outputs by name; float16 comes back as float32."""
        batch = np.ascontiguousarray(batch if self._dtype is None else batch.astype(self._dtype))
        if self._value is None or tuple(self._value.shape()) != batch.shape:
            self._bind(batch, names)
        assert self._value is not None
        self._value.update_inplace(batch)
        self._binding.synchronize_inputs()
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()
        return [_as_float32(output) for output in self._binding.copy_outputs_to_cpu()]

    def _bind(self, batch: np.ndarray, names: list[str]) -> None:
        self._binding.clear_binding_inputs()
        self._binding.clear_binding_outputs()
        self._value = ort.OrtValue.ortvalue_from_numpy(batch, self._device, 0)
        self._binding.bind_ortvalue_input(self._input.name, self._value)
        for name in names:
            self._binding.bind_output(name, self._device)


class _ClosedRunner:
    """Stands where a session was."""

    def run(self, batch: np.ndarray, names: list[str]) -> list[np.ndarray]:
        """Say that the model was closed."""
        raise RuntimeError("the model was closed")


def _as_float32(output: np.ndarray) -> np.ndarray:
    return output.astype(np.float32) if output.dtype == np.float16 else output


def _is_finite(output: np.ndarray) -> bool:
    """Look at the sum, which any NaN or infinity spoils, and at the elements only when it is not finite."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(output.sum()) or np.isfinite(output).all())


def _check_contract(session: ort.InferenceSession, entry: ModelEntry, file: ModelFile) -> None:
    inputs = {value.name: value for value in session.get_inputs()}
    outputs = {value.name: value for value in session.get_outputs()}
    if len(inputs) != 1:
        raise ModelError(f"model file {file.file} has {len(inputs)} inputs, expected 1: reinstall the weights")
    for found, specs in ((inputs, (entry.contract.input,)), (outputs, entry.contract.outputs)):
        for spec in specs:
            _check_tensor(found.get(spec.name), spec, file.file)


def _check_tensor(found: ort.NodeArg | None, spec: TensorSpec, file: str) -> None:
    if found is None:
        raise ModelError(f"model file {file} has no tensor {spec.name!r} as its manifest says: reinstall the weights")
    if not _sizes_fit(found.shape, spec.shape) or found.type not in _ORT_TYPES[spec.dtype]:
        raise ModelError(
            f"{spec.name} of model file {file} is {found.type} {found.shape}, expected {spec.dtype} "
            f"{list(spec.shape)}: reinstall the weights"
        )


def _sizes_fit(found: Sequence[int | str | None], wanted: Sequence[int | None]) -> bool:
    """Whether the sizes agree wherever both are known."""
    return len(found) == len(wanted) and all(
        not isinstance(size, int) or expected is None or size == expected
        for size, expected in zip(found, wanted, strict=True)
    )


def made_of(session: ModelSession, make: Callable[[ModelSession], Made]) -> Made:
    """What is made of a session, which is closed when that fails."""
    try:
        return make(session)
    except Exception:
        session.close()
        raise
