"""The library: its list, its search, its index, and names."""

from __future__ import annotations

import datetime
import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from mocks import make_assessment

from app.engine.state import Assessed
from app.session.control import report_cut_off
from app.session.disk_guard import AMBER_BYTES, RED_BYTES, START_BYTES, STOP_BYTES, DiskGuard, DiskLevel
from app.session.info import SessionInfo
from app.session.naming import checked_name, new_session_id, pseudonymous
from app.session.recorder import Recorder
from app.session.store import INDEX_NAME, Library, Search
from capture.errors import SessionError
from capture.frame import Frame
from capture.geometry import Sector
from models.runtime.contract import ScoreAssessment

SECTOR = Sector(80.0, -4.0, 10, 110, -0.6, 0.6)


def record(library: Path, name: str, day: str, view: str = "A4C", score: float = 50.0, exercise: str = "") -> None:
    info = SessionInfo(session_id=name, started_at=f"{day}T10:00:00+00:00", exercise=exercise)
    recorder = Recorder(library, info)
    recorder.start()
    for k in range(4):
        frame = Frame(np.full((120, 160), 40 * (k + 1), np.uint8), k, 10**9 + k * 33_000_000, "mock:0")
        recorder.take_frame(frame)
        assessment = make_assessment(frame, 3.0, sector=SECTOR, view=view, score=ScoreAssessment(score + k))
        recorder.take_result(Assessed(frame, assessment, frame.t_mono_ns))
    recorder.close("test")
    assert recorder.wait(20)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    record(tmp_path / "l", "S-a", "2026-11-20", score=20)
    record(tmp_path / "l", "S-b", "2026-11-21", view="A2C", score=70, exercise="tilt")
    record(tmp_path / "l", "S-c", "2026-11-22", score=90)
    return Library(tmp_path / "l")


def ids(library: Library, search: Search | None = None) -> list[str]:
    return [summary.session_id for summary in library.sessions(search)]


def test_the_newest_comes_first_with_its_figures(library: Library):
    newest = library.sessions()[0]
    assert (newest.session_id, newest.state, newest.frames, newest.assessed) == ("S-c", "sealed", 4, 4)
    assert (newest.views, newest.quality, newest.region_score) == (("A4C",), 91.5, 3.0)
    assert newest.bytes > 1000


def test_search(library: Library):
    assert ids(library) == ["S-c", "S-b", "S-a"]
    assert ids(library, Search(since="2026-11-21")) == ["S-c", "S-b"]
    assert ids(library, Search(until="2026-11-20")) == ["S-a"]
    assert ids(library, Search(view="A2C")) == ["S-b"]
    assert ids(library, Search(min_quality=60, max_quality=80)) == ["S-b"]
    assert ids(library, Search(exercise="tilt")) == ["S-b"]
    assert ids(library, Search(view="ALAX")) == []


def test_the_index_is_made_anew_when_it_is_damaged_or_wrong(library: Library):
    wanted = library.sessions()
    index = library.path / INDEX_NAME
    for content in (b"", b"no index at all" * 100, os.urandom(8192)):
        index.write_bytes(content)
        assert library.sessions() == wanted
        assert library.sessions() == wanted
    index.unlink()
    assert library.sessions() == wanted
    shutil.rmtree(library.path / "S-b")
    assert ids(library) == ["S-c", "S-a"]


def test_the_index_saves_reading(library: Library, monkeypatch: pytest.MonkeyPatch):
    wanted = library.sessions()
    monkeypatch.setattr("app.session.store.summary_of", lambda _: pytest.fail("it was read again"))
    assert library.sessions() == wanted


def test_a_damaged_session_is_listed_with_its_problem_and_hides_no_other(library: Library):
    (library.path / "S-b" / "session.json").write_text("{")
    found = {summary.session_id: summary for summary in library.sessions()}
    assert (found["S-b"].state, "damaged" in found["S-b"].problem) == ("damaged", True)
    assert found["S-c"].state == "sealed"


def test_thumbnails_show_the_best_sector_alone(library: Library):
    picture = cv2.imread(str(library.folder("S-a").thumbnail), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert max(picture.shape) == 256
    assert picture.max() == 160  # the last frame has the best score
    assert picture[-1, 0] == 0


def test_delete_and_expired(library: Library):
    now = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
    assert [s.session_id for s in library.expired(1, now)] == ["S-b", "S-a"]
    assert library.expired(0, now) == []
    assert len(library.sessions()) == 3, "the retention deletes nothing by itself"
    library.delete(library.folder("S-b"))
    assert ids(library) == ["S-c", "S-a"]
    with pytest.raises(SessionError, match="no session"):
        library.folder("S-b")
    with pytest.raises(SessionError, match="no session"):
        library.folder("")


def test_an_empty_and_a_missing_library(tmp_path: Path):
    assert Library(tmp_path).sessions() == []
    assert Library(tmp_path / "none").sessions() == []
    Library(tmp_path / "none").tidy()


def test_what_was_cut_off_is_reported_and_what_never_began_goes(library: Library):
    library.folder("S-b").seal.unlink()
    left = library.path / "S-standby"
    left.mkdir()
    (left / "standby").touch()
    said: list[str] = []
    report_cut_off(library, said.append)
    assert len(said) == 1
    assert "sessions recover S-b" in said[0]
    assert not left.exists()


def test_names():
    now = datetime.datetime(2026, 11, 22, 14, 15, 2)
    assert new_session_id(now).startswith("S-20261122-141502-")
    assert new_session_id(now) != new_session_id(now)
    assert checked_name("S-20261122_a") == "S-20261122_a"
    for name in ("", "Müller", "Smith, John", "../x", "a b", "x" * 65, "-x", "a\n"):
        with pytest.raises(SessionError, match="no patient's name"):
            checked_name(name)


def test_sources_keep_no_names_of_files():
    for plain in ("v4l2:/dev/video0", "v4l2:/dev/v4l/by-id/usb-Card-index0", "virtual:seed=1,gain=0.5"):
        assert pseudonymous(plain) == plain
    for path in ("file:Smith", "file:/data/Smith/1.mp4", "virtual:path=/x/Smith", "Smith:1", "v4l2:/dev/../Smith x"):
        found = pseudonymous(path)
        assert "Smith" not in found
        assert found == pseudonymous(path)
    assert pseudonymous("file:a") != pseudonymous("file:b")


def test_the_disk_guard_looks_twice_a_second(tmp_path: Path):
    free = [AMBER_BYTES]
    guard = DiskGuard(tmp_path, lambda _: free[0])
    levels = {AMBER_BYTES: DiskLevel.OK, AMBER_BYTES - 1: DiskLevel.AMBER, RED_BYTES - 1: DiskLevel.RED}
    for k, (count, level) in enumerate((levels | {STOP_BYTES - 1: DiskLevel.FULL}).items()):
        free[0] = count
        assert guard.check(k * 0.5).level is level
        free[0] = 10**12
        assert guard.check(k * 0.5 + 0.4).level is level
    state = replace(guard.state, free_bytes=STOP_BYTES + 600_000_000)
    assert state.minutes_left(1_000_000) == pytest.approx(10)
    assert state.minutes_left(0) is None
    free[0] = START_BYTES - 1
    with pytest.raises(SessionError, match="100 MB"):
        guard.check_start()
