"""What every test gets: no display, no thread left behind, the support folder, and a capture card without hardware."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parent / "support"))

from fake_v4l2 import FakeCard, build_preload

_GRACE_S = 1.0


@pytest.fixture(autouse=True)
def no_thread_left_behind() -> Iterator[None]:
    """Fail a test after which a thread runs on that would keep the program from ending."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _GRACE_S
    left = _foreign_threads(before)
    while left and time.monotonic() < deadline:
        left[0].join(0.05)
        left = _foreign_threads(before)
    assert not left, f"threads left running: {[t.name for t in left]}"


def _foreign_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t not in before and not t.daemon and t.is_alive()]


@pytest.fixture(scope="session")
def preload_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled V4L2 stand-in; skips where no compiler is installed."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed (apt install gcc libc6-dev): the V4L2 stand-in cannot be built")
    return build_preload(tmp_path_factory.mktemp("preload"))


@pytest.fixture
def fake_card(tmp_path: Path, preload_library: Path) -> FakeCard:
    """A 640x480 BGR card at 30 fps, at ``fake_v4l2.DEVICE``; see fake_v4l2.py for what it can do."""
    folder = tmp_path / "card"
    folder.mkdir()
    return FakeCard(folder, preload_library)


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """For small networks: threads that wait for each other cost more than they gain."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
