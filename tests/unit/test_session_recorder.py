"""Recorder and reader together: what went in comes out, exactly."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from full_disk import FullDisk
from mocks import make_assessment, wait_until

from app.engine.state import Assessed
from app.session import video_writer
from app.session.disk_guard import START_BYTES, STOP_BYTES
from app.session.frame_reader import FrameReader
from app.session.info import ModelRecord, SessionInfo
from app.session.reader import Session
from app.session.recorder import Recorder
from app.session.recorder_state import RecorderPhase, RecorderSettings
from app.session.video_writer import VideoCodec, open_output
from capture.errors import SessionError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import Rect, Sector
from models.runtime.contract import Assessment, cannot_judge

SIZE = (120, 160)
SECTOR = Sector(80.0, -4.0, 10, 110, -0.6, 0.6)
OTHER = Sector(70.0, 2.0, 10, 100, -0.5, 0.5)
SOURCE = SourceInfo("mock", "virtual:0", VideoMode(SIZE[1], SIZE[0], 30.0, "GREY"), spacing_mm=0.3)


def picture(k: int, size: tuple[int, int] = SIZE, colour: bool = False) -> np.ndarray:
    rng = np.random.default_rng(k)
    return rng.integers(0, 256, (*size, 3) if colour else size).astype(np.uint8)


def frame(k: int, **known: Any) -> Frame:
    return Frame(picture(k, **known), k, 1_000_000_000 + k * 33_333_333, "virtual:0")


def result(of: Frame, sector: Sector | None = SECTOR, **known: Any) -> Assessed:
    crop = None if sector is None else sector.bounds().clipped(of.height, of.width)
    assessment = make_assessment(of, 1.0 + of.index % 5, sector=sector, crop=crop, **known)
    return Assessed(of, assessment, of.t_mono_ns + 20_000_000)


def info(name: str = "S-1") -> SessionInfo:
    return SessionInfo(session_id=name, started_at="2026-11-22T10:00:00+00:00", settings={"view": None})


def recorder(library: Path, settings: RecorderSettings | None = None, **known: Any) -> Recorder:
    made = Recorder(library, info(), settings, **known)
    made.start()
    made.take_source(SOURCE)
    return made


def feed(made: Recorder, item: Frame | Assessed) -> None:
    """As fast as it is taken, so that nothing is dropped by the test's own haste."""
    wait_until(lambda: len(made._frames) < 20 and len(made._results) < 20)
    made.take_frame(item) if isinstance(item, Frame) else made.take_result(item)


def finish(made: Recorder) -> Session:
    made.close("test")
    assert made.wait(20)
    return Session.open(made.folder.path)


def expected(of: Frame, sector: Sector = SECTOR) -> np.ndarray:
    """Grey pixels of the sector on a black screen, without the code under test."""
    grey = of.pixels
    if grey.ndim == 3:
        weights = np.array([0.114, 0.587, 0.299])
        grey = np.rint(grey @ weights).astype(np.uint8)
    rect = sector.bounds().clipped(*SIZE)
    mask = np.zeros(SIZE, bool)
    mask[rect.slices()] = sector.moved(-rect.x, -rect.y).mask(rect.height, rect.width)
    return np.where(mask, grey, 0)


@pytest.mark.parametrize("colour", [False, True])
def test_every_frame_comes_back_to_the_bit(tmp_path: Path, colour: bool):
    made = recorder(tmp_path)
    frames = [frame(k, colour=colour) for k in range(25)]
    for one in frames:
        feed(made, one)
        if one.index % 3 == 0:
            feed(made, result(one))
    with finish(made) as session, FrameReader(session) as reader:
        assert made.state.get().phase is RecorderPhase.DONE
        assert session.folder.is_sealed
        assert session.frames.frame_index.tolist() == list(range(25))
        assert session.frames.t_mono_ns.tolist() == [one.t_mono_ns for one in frames]
        assert [path.name for path in session.folder.videos()] == ["video.mkv"]
        for k in (24, 0, 13, 12, 1):
            difference = np.abs(reader.grey(k).astype(int) - expected(frames[k]))
            assert difference.max() <= (1 if colour else 0)  # OpenCV rounds grey of colour in its own way
        assert session.segments[1].geometry.spacing_mm == 0.3
        assert session.segments[1].geometry.rect == Rect(*vars(SECTOR.bounds().clipped(*SIZE)).values())


def test_assessments_are_found_by_their_frame(tmp_path: Path):
    made = recorder(tmp_path)
    kept: dict[int, Assessment] = {}
    for k in range(20):
        feed(made, one := frame(k))
        if k % 4 == 1:
            feed(made, got := result(one))
            kept[k] = got.assessment
    with finish(made) as session:
        assert session.assessed_frames.tolist() == list(kept)
        assert {k: session.assessment(k) for k in range(20) if session.assessment(k)} == kept
        figures = session.figures("raw_0", "verdict", "score")
        assert figures["raw_0"].tolist() == [1.0 + k % 5 for k in kept]
        assert figures["verdict"].tolist() == ["ok"] * 5
        assert np.isnan(figures["score"]).all()


def test_another_sector_starts_a_segment_and_its_first_frame_is_in_it(tmp_path: Path):
    made = recorder(tmp_path)
    frames = [frame(k) for k in range(12)]
    for one in frames:
        feed(made, one)
        feed(made, result(one, SECTOR if one.index < 5 else OTHER))
    with finish(made) as session, FrameReader(session) as reader:
        assert session.frames.segment.tolist() == [1] * 5 + [2] * 7
        assert session.frames.position.tolist() == [*range(5), *range(7)]
        assert (reader.grey(5) == expected(frames[5], OTHER)).all()
        assert (reader.grey(4) == expected(frames[4])).all()
        assert [path.name for path in session.folder.videos()] == ["video.mkv", "video_2.mkv"]


def test_nothing_is_stored_while_no_sector_is_known(tmp_path: Path):
    made = recorder(tmp_path)
    for k in range(4):
        feed(made, one := frame(k))
        made.take_result(Assessed(one, cannot_judge(one, "no sector"), one.t_mono_ns))
    feed(made, one := frame(4))
    feed(made, result(one))
    with finish(made) as session:
        assert session.frames.frame_index.tolist() == [4]
        assert session.drops == {"no_sector": 4}
        assert made.state.get().dropped == 4


def test_the_whole_screen_is_stored_on_request_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    made = recorder(tmp_path, RecorderSettings(whole_screen=True))
    frames = [frame(k) for k in range(5)]
    for one in frames:
        feed(made, one)
    with finish(made) as session, FrameReader(session) as reader:
        assert (reader.grey(3) == frames[3].pixels).all()
    assert "names of patients" in caplog.text


def test_h264_keeps_grey_levels(tmp_path: Path):
    made = recorder(tmp_path, RecorderSettings(codec=VideoCodec.H264))
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    frames = [Frame(((x + y + k) % 256).astype(np.uint8), k, 10**9 + k * 33_000_000, "virtual:0") for k in range(40)]
    for one in frames:
        feed(made, one)
        feed(made, result(one))
    with finish(made) as session, FrameReader(session) as reader:
        assert len(session) == 40
        assert 1 < session.frames.is_key.sum() < 10
        for k in (39, 3, 20, 21, 22, 0):
            wanted = expected(frames[k])
            inside = wanted > 0
            difference = reader.grey(k).astype(int)[inside] - wanted[inside]
            assert np.abs(np.median(difference)) <= 1
            assert np.percentile(np.abs(difference), 95) <= 6


def test_events_keep_their_order_and_hold_no_path(tmp_path: Path):
    made = recorder(tmp_path)
    feed(made, frame(0))
    made.note("view_fixed", view="A4C")
    made.note("source_switched", source="file:/home/someone/Smith_John.mp4")
    feed(made, frame(1))
    feed(made, result(frame(1)))
    with finish(made) as session:
        kinds = [event.kind for event in session.events]
        assert kinds == ["source_opened", "view_fixed", "source_switched", "end"]
        assert session.events[1].details == {"view": "A4C"}
        assert "Smith" not in session.folder.info.read_text() + str(session.events)
        assert session.events[2].details["source"].startswith("file:")


def test_models_are_written_down_when_they_are_known(tmp_path: Path):
    known: list[ModelRecord] = []
    made = recorder(tmp_path, models=lambda: tuple(known))
    feed(made, frame(0))
    feed(made, result(frame(0)))
    known.append(ModelRecord(name="regional", model_id="regional@1-int8#0", sha256="ab" * 32))
    with finish(made) as session:
        assert session.info.models == tuple(known)
        assert session.info.source is not None
        assert session.info.source.source_id == "virtual:0"


def test_a_full_disk_ends_the_recording_and_leaves_it_readable(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    made = recorder(tmp_path, open_file=lambda path: FullDisk(path, 60_000))
    frames = [frame(k) for k in range(30)]
    began = time.monotonic()
    for one in frames:
        made.take_frame(one)
        made.take_result(result(one))
        time.sleep(0.002)
    wait_until(lambda: made.state.get().sentence != "", 3)
    assert time.monotonic() - began < 3
    assert made.wait(10)
    state = made.state.get()
    assert (state.phase, "No space left on device" in state.sentence) == (RecorderPhase.FAILED, True)
    made.take_frame(frame(31))  # the engine goes on
    with Session.open(made.folder.path) as session, FrameReader(session) as reader:
        assert 2 <= len(session) < 30
        for k in range(len(session)):
            assert (reader.grey(k) == expected(frames[k])).all()
    assert "No space left on device" in caplog.text


def test_too_little_room_is_refused_and_the_end_of_room_stops_cleanly(tmp_path: Path):
    with pytest.raises(SessionError, match="delete old sessions"):
        recorder(tmp_path, free=lambda _: START_BYTES - 1)
    assert not any(tmp_path.iterdir())
    room = [START_BYTES * 10]
    made = recorder(tmp_path, free=lambda _: room[0])
    feed(made, frame(0))
    feed(made, result(frame(0)))
    wait_until(lambda: made._writer is not None and made._writer.frames == 1)
    room[0] = STOP_BYTES - 1
    assert made.wait(5)
    assert made.state.get().phase is RecorderPhase.DONE
    assert "disk is full" in made.state.get().sentence
    with Session.open(made.folder.path) as session:
        assert len(session) == 1
        assert session.events[-1].details["reason"].startswith("the disk is full")


def test_a_codec_that_is_not_there_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    recipe = video_writer._RECIPES[VideoCodec.H264]
    monkeypatch.setitem(video_writer._RECIPES, VideoCodec.H264, replace(recipe, encoder="libx999"))
    with pytest.raises(SessionError, match="record with ffv1"):
        recorder(tmp_path, RecorderSettings(codec=VideoCodec.H264))
    assert not any(tmp_path.iterdir())


def test_a_name_that_is_taken_is_refused(tmp_path: Path):
    (tmp_path / "S-1").mkdir()
    with pytest.raises(SessionError, match="already"):
        recorder(tmp_path)


def test_a_queue_that_is_full_drops_and_writes_it_down(tmp_path: Path):
    def slow(path: Path) -> Any:
        time.sleep(0.3)
        return open_output(path)

    made = recorder(tmp_path, RecorderSettings(frames_capacity=5), open_file=slow)
    made.take_result(result(frame(0)))
    for k in range(60):
        made.take_frame(frame(k))
    with finish(made) as session:
        assert session.drops["frames"] == 60 - len(session) > 0


def test_a_second_name_of_a_still_replaces_the_first(tmp_path: Path):
    made = recorder(tmp_path)
    feed(made, one := frame(0))
    feed(made, first := result(one))
    feed(made, replace(first, assessment=replace(first.assessment, view="A2C")))
    with finish(made) as session:
        found = session.assessment(0)
        assert found is not None
        assert found.view == "A2C"


def test_the_video_is_one_that_other_programs_read(tmp_path: Path):
    made = recorder(tmp_path)
    for k in range(10):
        feed(made, one := frame(k))
        feed(made, result(one))
    finish(made).close()
    with av.open(str(made.folder.video(1))) as container:
        times = [float(picture.time) for picture in container.decode(video=0)]
    assert times == pytest.approx([k / 30 for k in range(10)], abs=0.0011)


def test_the_state_tells_time_size_and_minutes(tmp_path: Path):
    made = recorder(tmp_path, free=lambda _: 10_000_000_000)
    for k in range(40):
        feed(made, one := frame(k))
        feed(made, result(one))
        time.sleep(0.04)
    state = made.state.get()
    assert state.phase is RecorderPhase.RECORDING
    assert state.elapsed_s > 1
    assert state.bytes_per_s == pytest.approx(state.bytes_written / state.elapsed_s, rel=0.1)
    assert state.minutes_left == pytest.approx((10e9 - 50e6) / state.bytes_per_s / 60, rel=0.01)
    finish(made).close()
