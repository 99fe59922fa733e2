"""The virtual scanner's process: live frames, loss, and nothing left behind, whoever dies first."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.source import FrameSource, SourceLost
from capture.virtual.abdomen.scanner import AbdomenScanner
from capture.virtual.options import ScannerOptions
from capture.virtual.probe.pose import ProbePose
from capture.virtual.scanner import VirtualScanner
from capture.virtual.shared_ring import SharedRing
from capture.virtual.source import VirtualSource

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def source() -> Iterator[VirtualSource]:
    source = VirtualSource(ScannerOptions(1, width=640, height=480))
    yield source
    source.close()


def _read_until_it_fails(source: VirtualSource) -> None:
    for _ in range(50):
        source.read(5.0)


def _gone(pid: int, limit_s: float = 5.0) -> bool:
    """Whether a process ends within ``limit_s``; a zombie counts as ended."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_live_frames_of_the_scanner(source: VirtualSource) -> None:
    assert isinstance(source, FrameSource)
    info = source.open()
    scanner = VirtualScanner(1, width=640, height=480)
    assert (info.sector, info.view, info.spacing_mm) == (scanner.sector, "A4C", scanner.spacing_mm)
    assert info.is_live
    frames = [source.read(5.0) for _ in range(8)]
    taken = [frame for frame in frames if frame is not None]
    indexes = [frame.index for frame in taken]
    assert indexes == sorted(set(indexes))
    assert all(later.t_mono_ns > earlier.t_mono_ns for earlier, later in itertools.pairwise(taken))
    assert 0 <= time.monotonic_ns() - taken[-1].t_mono_ns < 2e9
    assert np.array_equal(taken[-1].pixels, scanner.render(taken[-1].index))
    assert not taken[-1].pixels.flags.writeable
    assert source.renderer_cpu_s() > 0
    assert source.renderer_cpu_percent() > 0
    source.close()
    assert source.renderer_cpu_percent() == 0


def test_read_without_open_and_open_twice(source: VirtualSource) -> None:
    with pytest.raises(CaptureError, match="not open"):
        source.read(0.1)
    source.open()
    with pytest.raises(CaptureError, match="open already"):
        source.open()


def test_process_death_is_a_lost_source_and_it_opens_again(source: VirtualSource) -> None:
    source.open()
    pid = source.renderer_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(SourceLost, match="ended"):
        _read_until_it_fails(source)
    source.close()
    source.open()
    assert source.read(5.0) is not None


def test_close_ends_the_process_twice_is_fine(source: VirtualSource) -> None:
    before = len(os.listdir("/proc/self/fd")), threading.active_count()
    source.open()
    pid = source.renderer_pid
    assert pid is not None
    source.close()
    source.close()
    assert _gone(pid)
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before


def test_close_wakes_a_waiting_read(source: VirtualSource) -> None:
    source.open()
    pid = source.renderer_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    source.read(0.2)
    result: list[object] = []
    reader = threading.Thread(target=lambda: result.append(source.read(60.0)))
    reader.start()
    os.kill(pid, signal.SIGCONT)
    source.close()
    reader.join(5.0)
    assert not reader.is_alive()


def test_silent_process_gives_none_in_time(source: VirtualSource) -> None:
    source.open()
    pid = source.renderer_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    source.read(0.05)
    source.read(0.05)
    start = time.monotonic()
    assert source.read(0.1) is None
    assert time.monotonic() - start < 1.0
    os.kill(pid, signal.SIGCONT)


def test_renderer_ends_when_its_parent_is_killed() -> None:
    script = (
        "import time\nfrom capture.virtual.options import ScannerOptions\n"
        "from capture.virtual.source import VirtualSource\n"
        "s = VirtualSource(ScannerOptions(1, width=640, height=480))\n"
        "s.open()\nprint(s.renderer_pid, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert _gone(pid)


def test_a_process_that_cannot_start_says_why(source: VirtualSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CaptureError, match="did not start"):
        source.open()
    assert source.renderer_pid is None


@pytest.mark.parametrize("options", [{"view": "A9C"}, {"fps": 0.0}, {"width": 5}, {"mode": "pw"}])
def test_impossible_options_are_refused_at_open(options: dict[str, object]) -> None:
    with pytest.raises(CaptureError, match="Choose"):
        VirtualSource(ScannerOptions(**options)).open()  # type: ignore[arg-type]


def test_the_abdomen_runs_live_and_stays_where_it_is() -> None:
    source = VirtualSource(ScannerOptions(2, "BLADDER", width=640, height=480, patient="A"))
    try:
        assert source.open().view is None
        frame = source.read(5.0)
        assert frame is not None
        assert np.array_equal(frame.pixels, AbdomenScanner(2, 640, 480, quality="A").render(frame.index))
        with pytest.raises(CaptureError, match="stays where it is"):
            source.steer(ProbePose())
    finally:
        source.close()


def test_interpreter_exits_without_a_word() -> None:
    script = (
        "from capture.virtual.options import ScannerOptions\nfrom capture.virtual.source import VirtualSource\n"
        "s = VirtualSource(ScannerOptions(1, width=640, height=480))\ns.open()\ns.read(5.0)\ns.close()\n"
    )
    run = [sys.executable, "-W", "error", "-X", "dev", "-c", script]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_torn_copies_are_not_given_out() -> None:
    descriptor = SharedRing.create_file(2, 4, 6)
    ring = SharedRing(descriptor, 2, 4, 6)
    os.close(descriptor)
    picture = np.full((4, 6, 3), 7, np.uint8)
    ring.write(1, picture)
    copied = ring.copy(1)
    assert copied is not None
    assert np.array_equal(copied, picture)
    assert ring._versions is not None
    ring._versions[1] += 1
    assert ring.copy(1) is None
    ring.close()
    with pytest.raises(ValueError, match="closed"):
        ring.copy(0)
