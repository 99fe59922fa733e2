"""What a killed program, a full disk and changed bits do to a session."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from record_forever import number_of

from app.session.frame_reader import FrameReader
from app.session.layout import SessionFolder
from app.session.matroska import blocks
from app.session.reader import Session
from app.session.recover import recover_session
from app.session.review import ReviewFile
from app.session.verify import verify_session
from capture.errors import SessionError

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("SONOGAUGE_KILLS", "4"))
"""How often to kill a recording; the acceptance asks for 25."""


def recording_process(library: Path, codec: str, seconds: float, *more: str, **known: object) -> subprocess.Popen[str]:
    support = ROOT / "tests" / "support"
    paths = os.pathsep.join((str(ROOT), str(support), os.environ.get("PYTHONPATH", "")))
    return subprocess.Popen(
        [sys.executable, str(support / "record_forever.py"), str(library), codec, str(seconds), *more],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **known,
    )


def killed(library: Path, codec: str, after_s: float) -> tuple[SessionFolder, int]:
    """A session whose program was killed, and when that was on the monotonic clock."""
    process = recording_process(library, codec, 60)
    assert process.stdout is not None
    assert process.stdout.readline() == "recording\n"
    time.sleep(after_s)
    now_ns = time.monotonic_ns()
    process.kill()
    process.communicate()
    return SessionFolder(library / "S-killed"), now_ns


@pytest.mark.parametrize("round_", range(KILLS))
def test_a_killed_recording_loses_less_than_a_second(tmp_path: Path, round_: int):
    codec = ("ffv1", "h264")[round_ % 2]
    rng = np.random.default_rng(int.from_bytes(os.urandom(4)))
    folder, killed_ns = killed(tmp_path, codec, rng.uniform(0.3, 2.5))
    assert not folder.is_sealed
    with folder.video(1).open("rb", buffering=0) as file:
        in_video = {block.offset: block for block in blocks(file)}
    with Session.open(folder.path) as session, FrameReader(session) as reader:
        table = session.frames
        assert killed_ns - table.t_mono_ns[-1] <= 1_000_000_000
        assert [in_video[offset].size for offset in table.offset] == table.size.tolist()
        assert [number_of(reader.grey(k)) for k in range(len(session))] == table.frame_index.tolist()
        assert not session.is_active
        acknowledged = len(session)
    found = recover_session(folder.path)
    assert (found.missing, found.frames) == (0, acknowledged + found.added)
    assert all(finding.is_ok for finding in verify_session(folder.path))
    with Session.open(folder.path) as session, FrameReader(session) as reader:
        assert [number_of(reader.grey(k)) for k in range(len(session))] == list(range(len(session)))
        assert killed_ns - session.frames.t_mono_ns[-1] <= 600_000_000
        assert session.events[-1].kind == "recovered"
        known = session.frames.frame_index
        assert ((known == np.arange(len(session))) | (known == -1)).all()


def test_a_session_that_is_being_recorded_is_left_alone(tmp_path: Path):
    process = recording_process(tmp_path, "ffv1", 60)
    assert process.stdout is not None
    assert process.stdout.readline() == "recording\n"
    time.sleep(0.5)
    with Session.open(tmp_path / "S-killed") as session:
        assert session.is_active
        assert len(session) > 0
    with pytest.raises(SessionError, match="being recorded"):
        recover_session(tmp_path / "S-killed")
    process.kill()
    process.communicate()


def test_a_file_that_may_not_grow_ends_the_recording_in_order(tmp_path: Path):
    """The system refuses to write, as it does on a full disk."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    process = recording_process(tmp_path, "ffv1", 30, preexec_fn=limit)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "failed recording was stopped (File too large)" in out
    folder = SessionFolder(tmp_path / "S-killed")
    assert folder.is_sealed
    assert all(finding.is_ok for finding in verify_session(folder.path))
    _assert_readable(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 20 MB; skips where this user may not make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small disk needs the right to mount one (root)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_real_small_disk_is_refused_at_the_start(small_disk: Path):
    process = recording_process(small_disk, "ffv1", 5)
    _, err = process.communicate(timeout=60)
    assert "a recording needs 100 MB to begin" in err


def test_a_real_disk_that_is_full_to_the_last_byte(small_disk: Path):
    """Nobody warned in time, and not even the seal has room: what is there is readable, and sealed once there is."""
    (small_disk / "filler").write_bytes(bytes(18_500_000))
    process = recording_process(small_disk, "ffv1", 30, "blind")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "recording was stopped" in out
    folder = SessionFolder(small_disk / "S-killed")
    (small_disk / "filler").unlink()
    if not folder.is_sealed:
        _assert_readable(folder)
        assert recover_session(folder.path).missing == 0
    assert all(finding.is_ok for finding in verify_session(folder.path))
    _assert_readable(folder)


def _assert_readable(folder: SessionFolder) -> None:
    with Session.open(folder.path) as session, FrameReader(session) as reader:
        assert len(session) > 5
        known = session.frames.frame_index
        seen = np.array([number_of(reader.grey(k)) for k in range(len(session))])
        assert ((known == seen) | (known == -1)).all()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> SessionFolder:
    library = tmp_path_factory.mktemp("library")
    process = recording_process(library, "ffv1", 0.7)
    process.communicate(timeout=60)
    folder = SessionFolder(library / "S-killed")
    with ReviewFile(folder) as review:
        review.add("bookmarks", {"frame": 3, "text": "a good beat", "author": "R1"})
        review.add("ratings", {"frame": 3, "region": "mid_left", "score": 4, "author": "R1"})
    assert all(finding.is_ok for finding in verify_session(folder.path))
    return folder


def test_one_changed_bit_is_found_wherever_it_is(sealed: SessionFolder):
    rng = np.random.default_rng(20)
    files = sorted(path for path in sealed.path.iterdir())
    assert {path.name for path in files} == {
        *("video.mkv", "recording.sqlite", "session.json", "seal.json"),
        *("review.sqlite", "review.sha256", "thumbnail.png"),
    }
    for k in range(105):
        path = files[k % len(files)]
        original = path.read_bytes()
        data = bytearray(original)
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        findings = verify_session(sealed.path)
        path.write_bytes(original)
        assert not all(finding.is_ok for finding in findings), path.name
    assert all(finding.is_ok for finding in verify_session(sealed.path))


def test_rows_of_a_review_come_back_in_order_and_wrong_columns_are_refused(sealed: SessionFolder):
    with ReviewFile(sealed) as review:
        (bookmark,) = review.rows("bookmarks")
        assert (bookmark["frame"], bookmark["text"], bookmark["t_utc"]) == (3, "a good beat", None)
        with pytest.raises(SessionError, match="has no colour"):
            review.add("ratings", {"colour": "red"})
    assert all(finding.is_ok for finding in verify_session(sealed.path))


def test_a_changed_rating_is_named_even_when_the_stamp_was_renewed(sealed: SessionFolder):
    original, stamp = sealed.review.read_bytes(), sealed.review_stamp.read_bytes()
    sealed.review.write_bytes(original.replace(b"a good beat", b"a gold beat"))
    with ReviewFile(sealed):
        pass
    problems = [finding.problem for finding in verify_session(sealed.path)]
    sealed.review.write_bytes(original)
    sealed.review_stamp.write_bytes(stamp)
    assert "row 1 of bookmarks was changed" in problems
