"""Reading: an hour at once, any frame at once, and clear errors for what is not there."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import av
import numpy as np
import pytest
from mocks import make_assessment, make_frame

from app.session.assessment_record import FIGURES, figures_of, pack_assessment
from app.session.frame_reader import FrameReader
from app.session.geometry import SegmentGeometry
from app.session.info import SessionInfo, load_info, save_info
from app.session.layout import SessionFolder
from app.session.matroska import Block, blocks
from app.session.reader import Session
from app.session.recording_file import FrameRow, RecordingFile, transaction
from app.session.video_writer import VideoCodec, VideoWriter
from capture.errors import SessionError
from capture.geometry import LinearField, Sector

HOUR = 108_000
SECTOR = Sector(512.0, -20.0, 30, 760, -0.7, 0.7)


RECORD_EVERY = 50


def long_session(path: Path, frames: int) -> Session:
    """An index of many frames whose packets are those of ten pictures, again and again; all have figures."""
    folder = SessionFolder(path)
    path.mkdir()
    save_info(SessionInfo(session_id=path.name, started_at="2026-11-22T10:00:00+00:00"), folder.info)
    geometry = SegmentGeometry((768, 1024), "virtual:", SECTOR)
    rect = geometry.rect
    rng = np.random.default_rng(0)
    with_index = RecordingFile(folder.recording)
    with_index.begin_segment(1, folder.video(1).name, "ffv1", 0, geometry.to_json())
    writer = VideoWriter(folder.video(1), VideoCodec.FFV1, (rect.height, rect.width))
    found: list[Block] = []
    for k in range(10):
        found += writer.write(rng.integers(0, 60, (rect.height, rect.width)).astype(np.uint8), k)
    found += writer.close()
    for k in range(frames):
        with_index.frame(FrameRow(k, k, k * 33_333_333, None, 1, k, found[k % 10]))
    with_index.commit()
    one = make_assessment(make_frame(0, 0), 3.0)
    figures, record = figures_of(one, 0)[2:], pack_assessment(one)
    marks = ", ".join("?" * len(FIGURES))
    with transaction(with_index.db):
        rows = ((k, k, k * 33_333_333, *figures) for k in range(frames))
        with_index.db.executemany(f"INSERT INTO assessments VALUES (?, {marks})", rows)
        with_index.db.executemany(
            "INSERT INTO details VALUES (?, ?)", ((k, record) for k in range(0, frames, RECORD_EVERY))
        )
    with_index.make_single_file()
    with_index.close()
    return Session.open(path)


def test_an_hour_opens_within_a_second_and_any_frame_comes_within_100_ms(tmp_path: Path):
    """CPU time of this process, since the machine may be busy with other work."""
    long_session(tmp_path / "hour", HOUR).close()
    began = time.process_time()
    with Session.open(tmp_path / "hour") as session, FrameReader(session) as reader:
        opened_s = time.process_time() - began
        assert (len(session), len(session.assessed_frames)) == (HOUR, HOUR)
        assert opened_s < 1.0
        reader.stored(0)
        seeks = []
        for k in np.random.default_rng(1).integers(0, HOUR, 12):
            began = time.process_time()
            reader.grey(int(k))
            found = session.assessment(int(k) - int(k) % RECORD_EVERY)
            seeks.append(time.process_time() - began)
            assert found is not None
        assert max(seeks) < 0.1
        began = time.process_time()
        assert len(session.figures("smooth_0", "score")["score"]) == HOUR
        assert time.process_time() - began < 1.0


def test_frames_and_times(tmp_path: Path):
    with long_session(tmp_path / "s", 30) as session, FrameReader(session) as reader:
        assert session.seconds == pytest.approx(29 / 30, abs=1e-3)
        assert session.frame_at(-1) == -1
        assert session.frame_at(5 * 33_333_333) == 5
        assert session.frame_at(5 * 33_333_333 + 1) == 5
        assert session.frame_at(10**12) == 29
        assert session.assessment(0) is not None
        with pytest.raises(SessionError, match="is missing"):
            session.assessment(3)
        assert reader.frame(4).index == 4
        for frame in (-1, 30):
            with pytest.raises(SessionError, match="there is no frame"):
                reader.grey(frame)
        with pytest.raises(SessionError, match="no figure"):
            session.figures("smooth_9")


def test_a_missing_and_a_foreign_folder(tmp_path: Path):
    with pytest.raises(SessionError, match="is no session"):
        Session.open(tmp_path / "none")
    session = long_session(tmp_path / "s", 10)
    session.close()
    db = sqlite3.connect(session.folder.recording)
    db.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    db.commit()
    db.close()
    with pytest.raises(SessionError, match="update"):
        Session.open(tmp_path / "s")
    session.folder.recording.unlink()
    with pytest.raises(SessionError, match="still play"):
        Session.open(tmp_path / "s")


def test_a_newer_and_a_damaged_session_json(tmp_path: Path):
    path = tmp_path / "session.json"
    save_info(SessionInfo(session_id="S", started_at="x"), path)
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"future": 1}))
    assert load_info(path).session_id == "S"
    path.write_text(json.dumps(values | {"schema_version": 2}))
    with pytest.raises(SessionError, match="newer program"):
        load_info(path)
    for text in ("[]", "{", json.dumps(values | {"session_id": "Smith, John"}), "null"):
        path.write_text(text)
        with pytest.raises(SessionError, match="damaged"):
            load_info(path)


@pytest.mark.parametrize("sector", [SECTOR, LinearField(100.5, 20, 800, 700)])
def test_a_geometry_keeps_every_digit(sector: Sector | LinearField):
    geometry = SegmentGeometry((768, 1024), "virtual:", sector, spacing_mm=0.1 + 0.2, view="A4C", mirrored=True)
    again = SegmentGeometry.from_json(json.loads(json.dumps(geometry.to_json())))
    assert again == geometry
    assert again.profile().shape == sector
    assert again.profile().spacing_mm == 0.1 + 0.2


def test_without_a_sector_nothing_is_cut():
    with pytest.raises(SessionError, match="no sector"):
        SegmentGeometry((48, 64), "virtual:")
    with pytest.raises(SessionError, match="does not lie on"):
        SegmentGeometry((48, 64), "virtual:", LinearField(1000, 1000, 1100, 1100))


@pytest.mark.parametrize("codec", list(VideoCodec))
@pytest.mark.parametrize("size", [(97, 131), (8, 8), (64, 48)])
def test_places_of_packets_are_those_that_ffmpeg_finds(tmp_path: Path, codec: VideoCodec, size: tuple[int, int]):
    path = tmp_path / "v.mkv"
    writer = VideoWriter(path, codec, size)
    rng = np.random.default_rng(0)
    arrived = [writer.write(rng.integers(0, 256, size).astype(np.uint8), k * 33.4) for k in range(20)]
    assert [len(found) for found in arrived] == [0] + [1] * 19, "a packet waits for the next one and no longer"
    told = [block for found in arrived for block in found] + writer.close()
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        assert [(p.pts, p.size, p.is_keyframe) for p in packets] == [(b.pts_ms, b.size, b.is_key) for b in told]
    with path.open("rb", buffering=0) as file:
        assert list(blocks(file)) == told
        whole = path.read_bytes()
    for cut in (told[7].offset, told[7].offset + told[7].size - 1, told[7].offset - 3):
        path.write_bytes(whole[:cut])
        with path.open("rb", buffering=0) as file:
            assert list(blocks(file)) == told[:7]


def test_two_pictures_at_one_time_are_a_millisecond_apart(tmp_path: Path):
    writer = VideoWriter(tmp_path / "v.mkv", VideoCodec.FFV1, (16, 16))
    found = [block for t_ms in (0.0, 0.2, 0.3, 40.0) for block in writer.write(np.zeros((16, 16), np.uint8), t_ms)]
    assert [block.pts_ms for block in found + writer.close()] == [0, 1, 2, 40]
