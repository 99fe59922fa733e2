"""The program as its users call it: in this process for speed, or in one of its own."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_mock_models import write_mock_models

from app.cli import main
from capture.virtual.scanner import VirtualScanner

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How a call of the program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Everything on stdout, which must be one JSON value."""
        return json.loads(self.out)


Sonogauge = Callable[..., Ended]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stand-in models; copy the folder before damaging it."""
    return write_mock_models(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def scanner() -> VirtualScanner:
    return VirtualScanner(width=640, height=480)


@pytest.fixture(scope="session")
def screens(scanner: VirtualScanner) -> list[np.ndarray]:
    """Six screens of the virtual scanner, (480, 640, 3) uint8."""
    return [scanner.render(index) for index in range(6)]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the program remembers of this machine and user goes into the test's own folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return folder


@pytest.fixture
def sonogauge(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> Sonogauge:
    """Call the program within this process."""

    def call(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sonogauge", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        logging.getLogger().handlers[:] = [h for h in logging.getLogger().handlers if type(h).__module__ != "logging"]
        out, err = capsys.readouterr()
        return Ended(int(end.value.code or 0), out, err)

    return call


@pytest.fixture
def sonogauge_alone(own_cache: Path) -> Sonogauge:
    """Call the program in a process of its own."""

    def call(*arguments: object, timeout_s: float = 120.0) -> Ended:
        command = [sys.executable, "-c", "from app.cli import main; main()", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=timeout_s, check=False
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return call
