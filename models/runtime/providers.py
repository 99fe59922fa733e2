"""Which execution provider of ONNX Runtime runs a model: asked for by name and granted, or chosen by trial."""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import os
import sys
from collections.abc import Iterator
from enum import StrEnum

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as _ort_state

from capture.errors import ModelError
from models.runtime.onnx_bytes import REINSTALL

_LOG = logging.getLogger(__name__)
_SILENT, _WARNING, _ERROR = 4, 2, 3
_MOST_THREADS = 4  # more gains little at batch 1 and takes cores from capture and drawing

CPU_PROVIDER, CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"

ORT_ERRORS: tuple[type[Exception], ...] = (
    *(item for item in vars(_ort_state).values() if isinstance(item, type) and issubclass(item, Exception)),
    RuntimeError,
    ValueError,
)
"""Everything that ONNX Runtime raises; its exceptions share no root of their own."""


class Provider(StrEnum):
    """The user's wish. A provider asked for by name and not granted is an error."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class ProviderError(ModelError):
    """The execution provider that was asked for by name is not granted."""


def default_threads() -> int:
    """Threads within one network: half of the cores this process may use, since two run at a time; four at most."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores // 2, _MOST_THREADS))


def session_options(threads: int) -> ort.SessionOptions:
    """Options of every session: all graph optimisations, one graph at a time, no thread that spins while it waits."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERROR
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def create_session(
    content: bytes, name: str, provider: Provider, threads: int, remedy: str = REINSTALL
) -> ort.InferenceSession:
    """Session from the bytes of a model.

    Parameters
    ----------
    content : bytes of the ONNX file, already checked
    name : of the file, for messages
    provider : ``auto`` tries CUDA and takes the CPU when it is not granted
    threads : within one operator
    remedy : what to do about a file that cannot be loaded, for the message

    Raises
    ------
    ProviderError
        When CUDA was asked for by name and not granted.
    ModelError
        When the bytes are no model that can run.
    """
    if provider is not Provider.CPU:
        session, problem = _try_cuda(content, threads)
        if session is not None:
            return session
        if provider is Provider.CUDA:
            raise ProviderError(f"CUDA was asked for and is not available for {name} ({problem}): use --provider cpu")
        _LOG.debug("%s runs on the CPU: %s", name, problem)
    try:
        return ort.InferenceSession(content, session_options(threads), providers=[CPU_PROVIDER], enable_fallback=False)
    except ORT_ERRORS as error:
        raise ModelError(f"model file {name} cannot be loaded ({_first_line(error)}): {remedy}") from error


def _try_cuda(content: bytes, threads: int) -> tuple[ort.InferenceSession | None, str]:
    problem = cuda_problem()
    if problem:
        return None, problem
    with _quiet_runtime():
        try:
            session = ort.InferenceSession(
                content, session_options(threads), providers=[CUDA_PROVIDER, CPU_PROVIDER], enable_fallback=False
            )
        except ORT_ERRORS as error:
            return None, _first_line(error)
    if session.get_providers()[0] != CUDA_PROVIDER:
        return None, "the CUDA or cuDNN libraries are missing: install sonogauge[cuda]"
    return session, ""


def cuda_problem() -> str:
    """Why CUDA cannot work here as far as can be told without a session; empty when it may work."""
    if CUDA_PROVIDER not in ort.get_available_providers():
        return "this build of ONNX Runtime has no CUDA"
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "no NVIDIA driver on this machine"
    with _quiet_runtime():
        ort.preload_dlls()  # finds the CUDA libraries of the sonogauge[cuda] extra
    return ""


@contextlib.contextmanager
def _quiet_runtime() -> Iterator[None]:
    """Keep a failed trial of CUDA, which is no fault, off the terminal."""
    ort.set_default_logger_severity(_SILENT)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        ort.set_default_logger_severity(_WARNING)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
