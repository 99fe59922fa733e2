"""Recordings of a running engine: started and ended from outside, before any viewer, and never in its way."""

from __future__ import annotations

import errno
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from full_disk import FullDisk
from mocks import MockAssessor, MockSource, make_assessment, wait_until

from app.engine.pipeline import Engine
from app.session.control import RecordingControl, RecordingSetup
from app.session.disk_guard import STOP_BYTES
from app.session.frame_reader import FrameReader
from app.session.info import SessionInfo
from app.session.reader import Session
from app.session.recorder import Recorder
from app.session.recorder_state import RecorderPhase, RecorderSettings
from app.session.store import Library
from app.session.verify import verify_session
from capture.errors import SessionError
from capture.frame import Frame
from capture.geometry import Sector
from models.runtime.contract import Assessment

SECTOR = Sector(32.0, -2.0, 4, 44, -0.6, 0.6)


class SectorAssessor(MockAssessor):
    def assess(self, frame: Frame) -> Assessment:
        super().assess(frame)
        return make_assessment(frame, 4.0, sector=SECTOR)


def engine_of(source: MockSource) -> Engine:
    return Engine(source, SectorAssessor)


def control_of(engine: Engine, library: Path, **settings: object) -> RecordingControl:
    return RecordingControl(engine, RecordingSetup(library, RecorderSettings(**settings), settings={"view": None}))


def phase(control: RecordingControl) -> RecorderPhase | None:
    return control.state.phase if control.state else None


def test_every_frame_from_start_to_stop_is_kept(tmp_path: Path):
    source = MockSource(fps=100.0)
    engine = engine_of(source)
    control = control_of(engine, tmp_path)
    with engine:
        engine.wait_started(5)
        control.start("first")
        control.start("again")  # one at a time
        wait_until(lambda: control.state is not None and control.state.frames > 40)
        assert control.is_recording
        engine.set_view("A2C")
        engine.freeze(True)
        engine.freeze(False)
        control.stop()
        assert control.wait(20)
        before = engine.timing.assessed.last_ns
        wait_until(lambda: engine.timing.assessed.last_ns != before)  # the picture goes on
        control.start("second")
        wait_until(lambda: control.state is not None and control.state.frames > 5)
    assert control.wait(20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]
    with Session.open(tmp_path / "first") as session, FrameReader(session) as reader:
        indexes = session.frames.frame_index
        assert (np.diff(indexes) == 1).all(), "no frame is missing between the first and the last"
        assert session.drops == {}
        assert (reader.stored(0) <= 80).all()
        assert len(session.assessed_frames) > 10
        kinds = [event.kind for event in session.events]
        assert kinds == ["source_opened", "view_fixed", "freeze", "freeze", "end"]
        assert session.info.models[0].model_id == "mock@int8#0"
    with Session.open(tmp_path / "second") as session:
        assert session.folder.is_sealed, "the engine's stop ends the recording in order"


def test_a_view_that_was_fixed_before_is_part_of_the_session(tmp_path: Path):
    engine = engine_of(MockSource(fps=100.0))
    control = control_of(engine, tmp_path)
    with engine:
        engine.wait_started(5)
        engine.set_view("ALAX")
        control.start("s")
        wait_until(lambda: control.state is not None and control.state.frames > 5)
    assert control.wait(20)
    with Session.open(tmp_path / "s") as session:
        assert session.segments[1].geometry.view == "ALAX"


def test_another_source_starts_a_segment(tmp_path: Path):
    engine = engine_of(MockSource(fps=100.0, source_id="virtual:1"))
    control = control_of(engine, tmp_path)
    with engine:
        engine.wait_started(5)
        control.start("s")
        wait_until(lambda: control.state is not None and control.state.frames > 10)
        engine.switch(MockSource(fps=100.0, size=(96, 128), source_id="virtual:2"))
        wait_until(lambda: engine.state.get().source is not None and engine.state.get().source.source_id == "virtual:2")
        count = control.state.frames if control.state else 0
        wait_until(lambda: control.state is not None and control.state.frames > count + 20)
    assert control.wait(20)
    with Session.open(tmp_path / "s") as session:
        assert [s.geometry.source_id for s in session.segments.values()] == ["virtual:1", "virtual:2"]
        assert [s.geometry.frame_size for s in session.segments.values()] == [(48, 64), (96, 128)]
        assert "source_switched" in [event.kind for event in session.events]


def test_a_pre_roll_becomes_the_beginning_of_the_session(tmp_path: Path):
    engine = engine_of(MockSource(fps=100.0))
    control = control_of(engine, tmp_path, pre_roll_s=0.6, rolling_s=0.2, clip_s=0.0)
    with engine:
        engine.wait_started(5)
        control.arm()
        assert not control.is_recording
        wait_until(lambda: control.state is not None and control.state.frames > 150)
        (folder,) = tmp_path.iterdir()
        assert phase(control) is RecorderPhase.STANDBY
        assert len(list(folder.glob("video*.mkv"))) <= 6, "old pictures go"
        assert Library(tmp_path).folders() == [], "it is no session yet"
        frames_before = engine.frames.generation
        control.start()
        wait_until(lambda: control.is_recording)
        wait_until(lambda: engine.frames.generation > frames_before + 50)
        control.stop()
        assert control.wait(20)
    with Session.open(folder) as session, FrameReader(session) as reader:
        kept = next(event for event in session.events if event.kind == "kept")
        before_s = (kept.t_mono_ns - session.frames.t_mono_ns[0]) / 1e9
        assert 0.5 < before_s < 1.2
        assert kept.details["pre_roll_s"] == pytest.approx(before_s, abs=0.01)
        assert session.info.started_mono_ns == session.frames.t_mono_ns[0]
        assert (np.diff(session.frames.frame_index) == 1).all()
        assert session.folder.is_sealed
        assert reader.stored(0).shape == reader.stored(len(session) - 1).shape
        assert session.figures("t_mono_ns")["t_mono_ns"].min() >= session.frames.t_mono_ns[0] - 3e8


def test_a_clip_of_what_rolls_by_is_a_session_of_its_own(tmp_path: Path):
    engine = engine_of(MockSource(fps=100.0))
    control = control_of(engine, tmp_path, pre_roll_s=5.0, rolling_s=0.2)
    with engine:
        engine.wait_started(5)
        control.arm()
        assert control.keep_best_clip() is None, "no heart beats in these pictures"
        wait_until(lambda: control.state is not None and control.state.frames > 120)
        newest = engine.frames.newest()
        assert newest is not None
        begin_ns, end_ns = newest.t_mono_ns - 800_000_000, newest.t_mono_ns - 500_000_000
        info = SessionInfo(session_id="S-best", started_at="2026-11-22T10:00:00+00:00")
        recorder = control._recorder
        assert recorder is not None
        recorder.save_clip(info, begin_ns, end_ns)
        wait_until((tmp_path / "S-best" / "seal.json").exists)
        count = control.state.frames if control.state else 0
        wait_until(lambda: control.state is not None and control.state.frames > count + 20)  # the standby goes on
    assert control.wait(20)
    assert [path.name for path in tmp_path.iterdir()] == ["S-best"]
    with Session.open(tmp_path / "S-best") as session, FrameReader(session) as reader:
        times = session.frames.t_mono_ns
        assert times[0] <= begin_ns + 100_000_000, "both ends may lie between two frames, where a segment ends"
        assert times[-1] >= end_ns - 100_000_000
        assert times[-1] - times[0] < 1.0e9
        assert session.info.started_mono_ns == times[0]
        assert session.assessment(int(session.assessed_frames[0])) is not None
        assert reader.stored(len(session) - 1).size > 100
    assert all(finding.is_ok for finding in verify_session(tmp_path / "S-best"))


def test_a_standby_that_is_never_kept_leaves_nothing(tmp_path: Path):
    engine = engine_of(MockSource(fps=100.0))
    control = control_of(engine, tmp_path, pre_roll_s=1.0)
    with engine:
        engine.wait_started(5)
        control.arm()
        wait_until(lambda: control.state is not None and control.state.frames > 5)
    assert control.wait(20)
    assert list(tmp_path.iterdir()) == []
    assert phase(control) is RecorderPhase.DONE


def test_pictures_roll_by_for_clips_too_and_the_pre_roll_alone_begins_the_session(tmp_path: Path):
    engine = engine_of(MockSource(fps=100.0))
    control = control_of(engine, tmp_path, pre_roll_s=0.4, rolling_s=0.2, clip_s=30.0)
    with engine:
        engine.wait_started(5)
        control.arm()
        wait_until(lambda: control.state is not None and control.state.frames > 200)
        (folder,) = tmp_path.iterdir()
        assert len(list(folder.glob("video*.mkv"))) >= 7, "two seconds and more"
        control.start()
        assert control.is_recording, "from the moment on that it was asked for"
        wait_until(lambda: phase(control) is RecorderPhase.RECORDING)
        control.stop()
        assert not control.is_recording
        assert control.wait(20)
    with Session.open(folder) as session:
        kept = next(event for event in session.events if event.kind == "kept")
        assert 0.3 < kept.details["pre_roll_s"] < 1.0


def test_the_next_standby_begins_while_the_last_session_is_sealed(tmp_path: Path):
    engine = engine_of(MockSource(fps=100.0))
    control = control_of(engine, tmp_path, pre_roll_s=5.0)
    with engine:
        engine.wait_started(5)
        control.start("a")
        wait_until(lambda: control.state is not None and control.state.frames > 10)
        control.stop()
        control.arm()
        assert control.states[0].session_id == "a"
        assert len(control.states) == 2
        wait_until(lambda: phase(control) is RecorderPhase.STANDBY)
        control.use(replace(control.setup.recorder, pre_roll_s=0.0))
        wait_until(lambda: all(state.is_over for state in control.states))
        control.use(replace(control.setup.recorder, pre_roll_s=3.0))
        wait_until(lambda: phase(control) is RecorderPhase.STANDBY)
    assert control.wait(20)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_disk_that_is_full_in_standby_leaves_nothing_and_says_so(
    tmp_path: Path, is_guarded: bool, caplog: pytest.LogCaptureFixture
):
    room = [10**12]

    def opened(path: Path) -> FullDisk:
        return FullDisk(path, 10**12 if is_guarded else 20_000)

    engine = engine_of(MockSource(fps=100.0, size=(240, 320)))
    setup = RecordingSetup(tmp_path, RecorderSettings(pre_roll_s=5.0))
    control = RecordingControl(engine, setup, partial(Recorder, free=lambda _: room[0], open_file=opened))
    with engine:
        engine.wait_started(5)
        control.arm()
        wait_until(lambda: control.state is not None and control.state.frames > 2)
        room[0] = STOP_BYTES - 1 if is_guarded else room[0]
        wait_until(lambda: control.state is not None and control.state.is_over)
        assert "nothing from before R is kept" in control.state.sentence
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_at_the_moment_of_r_does_not_cost_the_pre_roll(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    engine = engine_of(MockSource(fps=100.0))
    control = control_of(engine, tmp_path, pre_roll_s=5.0, rolling_s=0.2)
    with engine:
        engine.wait_started(5)
        control.arm()
        wait_until(lambda: control.state is not None and control.state.frames > 60)

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("app.session.session_feed.save_info", full)
        control.start()
        wait_until(lambda: control.state is not None and control.state.is_over)
        assert "what was recorded so far is kept" in control.state.sentence
    (folder,) = Library(tmp_path).folders()
    with Session.open(folder.path) as session, FrameReader(session) as reader:
        assert len(session) > 50
        assert reader.stored(len(session) - 1).size > 100


def test_a_bad_name_is_refused_and_nothing_begins(tmp_path: Path):
    engine = engine_of(MockSource())
    control = control_of(engine, tmp_path)
    with pytest.raises(SessionError, match="patient's name"):
        control.start("Smith, John")
    assert control.state is None
    control.stop()
    assert control.wait(1)
