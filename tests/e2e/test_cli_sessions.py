"""``sonogauge live --record`` and ``sonogauge sessions`` as their users call them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from media import write_video

from app.session.frame_reader import FrameReader
from app.session.reader import Session
from calibration.crop import SectorCrop
from models.runtime.assessor import RegionalAssessor

Sonogauge = Callable[..., Any]
SMALL = "virtual:width=640,height=480"


@pytest.fixture(scope="module")
def greys(screens: list[np.ndarray]) -> list[np.ndarray]:
    return [cv2.cvtColor(screen, cv2.COLOR_BGR2GRAY) for screen in screens]


@pytest.fixture
def recorded(sonogauge: Sonogauge, weights: Path, tmp_path: Path, greys: list[np.ndarray]) -> Path:
    """Library with one session: three seconds of a clip at 12 fps."""
    clip = write_video(tmp_path / "Smith_John.mkv", greys * 6, fps=12.0)
    ended = sonogauge("live", clip, "--headless", "--json", "--weights", weights, "--record", tmp_path / "library")
    assert ended.code == 0, ended.err
    assert ended.json["recording"]["dropped"] == 0
    return tmp_path / "library"


def only_session(library: Path) -> Path:
    (found,) = [path for path in library.iterdir() if path.is_dir()]
    return found


def test_a_recorded_clip_comes_back_to_the_bit_and_is_assessed_the_same(
    recorded: Path, weights: Path, greys: list[np.ndarray], sonogauge: Sonogauge
):
    with Session.open(only_session(recorded)) as session, FrameReader(session) as reader:
        assert len(session) >= 34
        assert len(session.assessed_frames) >= len(session) // 2
        for k in range(len(session)):
            geometry = session.segment_of(k).geometry
            assert geometry.sector is not None
            crop = SectorCrop(geometry.sector, 480, 640)
            wanted = crop.crop(greys[session.frames.frame_index[k] % 6])
            assert (reader.stored(k) == wanted).all()
        _assert_same_scores(session, reader, weights)
        assert all(len(model.sha256) == 64 for model in session.info.models)
    kept = "".join(path.read_text(errors="replace") for path in only_session(recorded).iterdir())
    assert "Smith" not in kept


def _assert_same_scores(session: Session, reader: FrameReader, weights: Path) -> None:
    """With pinned models, and sector, levels and spacing as recorded."""
    (precision,) = {m.precision for m in session.info.models if m.name == "regional_dense"}
    geometry = session.segments[1].geometry
    with RegionalAssessor(weights, precision=precision, profile=geometry.profile(), view=geometry.view) as assessor:
        compared = 0
        for k in session.assessed_frames:
            was = session.assessment(int(k))
            if was is None or not was.is_judged or session.segment_of(int(k)).number != 1:
                continue
            now = assessor.assess(reader.frame(int(k)))
            raw = [[region.score_raw for region in one.regions] for one in (was, now)]
            assert raw[0] == pytest.approx(raw[1], abs=1e-3)
            compared += 1
        assert compared > 5


def test_list_show_verify(recorded: Path, sonogauge: Sonogauge):
    name = only_session(recorded).name
    (listed,) = sonogauge("sessions", "list", "--library", recorded, "--json").json
    assert (listed["session_id"], listed["state"]) == (name, "sealed")
    assert listed["seconds"] == pytest.approx(2.9, abs=0.3)
    assert name in sonogauge("sessions", "list", "--library", recorded).out
    shown = sonogauge("sessions", "show", name, "--library", recorded, "--json").json
    assert shown["frames"] == listed["frames"]
    assert [event[1] for event in shown["events"]][-1] == "end"
    by_path = sonogauge("sessions", "verify", only_session(recorded), "--json")
    assert by_path.code == 0
    assert {f["file"] for f in by_path.json} >= {"video.mkv", "recording.sqlite", "session.json", "thumbnail.png"}
    video = only_session(recorded) / "video.mkv"
    data = bytearray(video.read_bytes())
    data[len(data) // 2] ^= 4
    video.write_bytes(data)
    ended = sonogauge("sessions", "verify", name, "--library", recorded)
    assert ended.code == 1
    assert "BAD  video.mkv" in ended.out


def test_delete_asks(recorded: Path, sonogauge: Sonogauge):
    name = only_session(recorded).name
    ended = sonogauge("sessions", "delete", name, "--library", recorded)
    assert ended.code == 1
    assert "--yes" in ended.err
    assert sonogauge("sessions", "delete", name, "--library", recorded, "--yes").code == 0
    assert sonogauge("sessions", "list", "--library", recorded, "--json").json == []
    assert "there is no session" in sonogauge("sessions", "show", name, "--library", recorded).err


def test_the_virtual_scanner_for_three_seconds_and_a_session_that_was_cut_off(
    sonogauge: Sonogauge, weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    library = tmp_path / "library"
    arguments = ("--headless", "--json", "--weights", weights, "--record", library)
    ended = sonogauge("live", SMALL, "--seconds", 3, *arguments, "--record-codec", "h264")
    assert ended.code == 0, ended.err
    path = only_session(library)
    with Session.open(path) as session, FrameReader(session) as reader:
        assert session.info.codec == "h264"
        assert session.info.source is not None
        assert session.info.source.source_id.startswith("virtual:")
        assert len(session) > 20
        assert reader.grey(len(session) - 1).shape == (480, 640)
    frames = json.loads(ended.out)["recording"]["frames"]
    (path / "seal.json").unlink()
    ended = sonogauge("live", SMALL, "--seconds", 1, *arguments)
    assert f"sessions recover {path.name}" in caplog.text
    ended = sonogauge("sessions", "recover", path.name, "--library", library)
    assert (ended.code, f"{frames} frames" in ended.out) == (0, True), ended.err
    assert sonogauge("sessions", "verify", path).code == 0
    states = {s["session_id"]: s["state"] for s in sonogauge("sessions", "list", "--library", library, "--json").json}
    assert states[path.name] == "recovered"
    assert sorted(states.values()) == ["recovered", "sealed"]


def test_wrong_options_are_refused(sonogauge: Sonogauge, tmp_path: Path, weights: Path):
    ended = sonogauge("live", SMALL, "--headless", "--pre-roll", 5, "--record", tmp_path)
    assert (ended.code, "--headless" in ended.err) == (2, True)
    blocked = tmp_path / "file"
    blocked.write_text("")
    ended = sonogauge("live", SMALL, "--headless", "--weights", weights, "--record", blocked / "library")
    assert ended.code == 1
    assert "choose another library" in ended.err
    shutil.rmtree(tmp_path / "config", ignore_errors=True)


def test_the_window_records_from_its_start(sonogauge_alone: Sonogauge, weights: Path, tmp_path: Path):
    library = tmp_path / "library"
    ended = sonogauge_alone("live", SMALL, "--seconds", 4, "--weights", weights, "--record", library)
    assert ended.code == 0, ended.err
    assert f"session {only_session(library).name} is being recorded" in ended.err
    with Session.open(only_session(library)) as session:
        assert session.folder.is_sealed
        assert len(session) > 10
