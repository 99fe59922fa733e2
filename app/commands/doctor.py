"""``sonogauge doctor``: is this machine ready, and what to do where it is not."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import onnxruntime
import platformdirs
import psutil
from rich.console import Console
from rich.table import Table

from capture.discovery import list_v4l2_devices
from capture.errors import SonogaugeError
from models.runtime.manifest import default_weights_folder, load_manifest, verify
from models.runtime.precision import cpu_name, open_model
from models.runtime.reference import reference_for
from models.runtime.session import measure_ms

OK, NOTE, BAD = "ok", "note", "bad"
LOW_DISK_GB = 5
MEASURED_RUNS = 15


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``advice`` says what to do, empty when there is nothing to do."""

    what: str
    level: str
    found: str
    advice: str = ""


def run_doctor(provider: str, weights: Path | None, as_json: bool) -> int:
    """Print the findings; 0 when none is bad, else 1."""
    folder = weights or default_weights_folder()
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _machine,
        _qt,
        lambda: _weights(folder),
        lambda: _speed(folder, provider),
        _devices,
        _disk,
    )
    findings = [finding for check in checks for finding in _guarded(check)]
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        table = Table("check", "", "found", "what to do")
        for finding in findings:
            table.add_row(finding.what, finding.level, finding.found, finding.advice)
        Console().print(table)
    return 1 if any(finding.level == BAD for finding in findings) else 0


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except SonogaugeError as error:
        yield Finding("check", BAD, str(error))


def _machine() -> Iterator[Finding]:
    memory = psutil.virtual_memory().total / 2**30
    cores = psutil.cpu_count() or 1
    advice = "" if cores >= 2 else "the frame budget needs two cores"
    yield Finding("machine", OK if cores >= 2 else NOTE, f"{cpu_name()}, {cores} cores, {memory:.0f} GiB", advice)
    yield Finding("runtime", OK, f"Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}")
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    advice = "" if has_cuda else "CPU only; for an NVIDIA GPU install the extra 'cuda'"
    yield Finding("providers", OK, ", ".join(onnxruntime.get_available_providers()), advice)


def _qt() -> Iterator[Finding]:
    try:
        import app.ui.bench_view  # noqa: F401 - loads Qt with the system's libraries
    except ImportError as error:
        yield Finding("window", BAD, str(error), "install the system packages that packaging/system_packages.sh lists")
        return
    yield Finding("window", OK, f"Qt for Python {version('PySide6-Essentials')}")


def _weights(folder: Path) -> Iterator[Finding]:
    for check in verify(folder):
        yield Finding(f"model {check.model}", OK if check.is_ok else BAD, check.file, check.problem)


def _speed(folder: Path, provider: str) -> Iterator[Finding]:
    for name, entry in load_manifest(folder).models.items():
        session = open_model(folder, name, provider=provider)
        median_ms = measure_ms(session, reference_for(entry.contract.input), MEASURED_RUNS)
        yield Finding(f"speed {name}", OK, f"{median_ms:.1f} ms, {session.info.provider}, {session.info.precision}")
        session.close()


def _devices() -> Iterator[Finding]:
    devices = list_v4l2_devices()
    if not devices:
        yield Finding("capture", NOTE, "no V4L2 capture device", "plug the card in; files and 'virtual' work without")
    for device in devices:
        yield Finding("capture", OK, f"{device.label} ({device.source_id})")


def _disk() -> Iterator[Finding]:
    home = Path(platformdirs.user_data_dir("sonogauge", appauthor=False))
    place = next(parent for parent in (home, *home.parents) if parent.exists())
    free_gb = shutil.disk_usage(place).free / 1e9
    low = free_gb < LOW_DISK_GB
    yield Finding("disk", NOTE if low else OK, f"{free_gb:.0f} GB free for user data", "make room" if low else "")
