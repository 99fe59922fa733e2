"""What dciodvfy, the validator of dicom3tools, says of DICOM files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def errors_of(path: Path) -> list[str]:
    """Lines that it calls errors; skips where it is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (apt install dicom3tools): nothing can validate the file")
    ended = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False)
    said = (ended.stdout + ended.stderr).splitlines()
    assert said, "it names at least the kind of object"
    return [line for line in said if line.startswith("Error")]
