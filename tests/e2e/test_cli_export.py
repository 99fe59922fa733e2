"""``sonogauge sessions export`` as its users call it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import pydicom
import pytest
from made_up_sessions import record, tissue
from mocks import wait_until

Sonogauge = Callable[..., Any]
NAME = "Smith-John"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A recorded session in a library."""
    return record(tmp_path / "library", [tissue(k) for k in range(40)], NAME).path


@pytest.fixture
def export(session: Path, sonogauge: Sonogauge, tmp_path: Path) -> Callable[..., Any]:
    """Call ``sessions export`` for the only session, into a folder of its own."""
    out = tmp_path / "out"
    out.mkdir()

    def call(kind: str, *options: object) -> Any:
        arguments = ("--library", session.parent, "--format", kind, "--out", out, *options)
        return sonogauge("sessions", "export", session.name, *arguments)

    return call


def test_every_kind_of_export(export: Callable[..., Any]):
    for kind, options in (
        *(("mp4", ()), ("png", ("--frame", 3)), ("csv", ("--from", 0.5)), ("parquet", ())),
        *(("html", ("--no-overlay",)), ("dicom", ("--to", 1.0))),
    ):
        ended = export(kind, *options)
        assert ended.code == 0, ended.err
        path = Path(ended.out.strip())
        assert path.exists()
        assert NAME not in path.name
        assert path.suffix == ("" if kind == "dicom" else f".{kind}")
    with av.open(str(path.parent / f"{path.name}.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in container.decode(video=0)) == 40
    assert sorted(found.name for found in path.iterdir()) == ["image_0001.dcm", "quality.dcm"]
    assert len(list(path.parent.iterdir())) == 6
    assert (export("dicom").code, "choose a new folder" in export("dicom").err) == (1, True)


def test_exports_that_make_no_sense_are_refused(export: Callable[..., Any], session: Path):
    assert "--frame" in export("png").err
    assert export("png").code == 2
    assert "use one of them" in export("mp4", "--frame", 1, "--to", 2).err
    assert "there is no frame 99999" in export("png", "--frame", 99999).err
    assert "no frame lies there" in export("csv", "--from", 1000).err
    video = session / "video.mkv"
    data = bytearray(video.read_bytes())
    data[len(data) // 2] ^= 4
    video.write_bytes(data)
    ended = export("mp4")
    assert (ended.code, "sessions verify" in ended.err) == (1, True)


def test_ctrl_c_while_it_writes_leaves_nothing_behind(tmp_path: Path, own_cache: Path):
    path = record(tmp_path, [tissue(k) for k in range(200)]).path
    out = tmp_path / "out"
    out.mkdir()
    call = ("sessions", "export", str(path), "--format", "mp4", "--out", str(out / "clip.mp4"))
    command = [sys.executable, "-c", "from app.cli import main; main()", *call]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        wait_until(lambda: bool(list(out.glob(".export-*/clip.mp4"))), 60)
        program.send_signal(signal.SIGINT)
        assert program.wait(60) == 130
    assert list(out.iterdir()) == []


def test_text_over_the_picture_needs_a_yes(sonogauge: Sonogauge, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    pictures = [tissue(k) for k in range(12)]
    for picture in pictures:
        cv2.putText(picture, "ADEYOLE 4711", (110, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230, 1, cv2.LINE_AA)
    path = record(tmp_path, pictures).path
    for kind in ("mp4", "dicom", "html"):
        out = tmp_path / f"out.{kind}"
        ended = sonogauge("sessions", "export", path, "--format", kind, "--out", out)
        assert (ended.code, "--accept-text" in ended.err, out.exists()) == (1, True, False)
    assert sonogauge("sessions", "export", path, "--format", "csv", "--out", tmp_path / "t.csv").code == 0
    out = tmp_path / "accepted"
    ended = sonogauge("sessions", "export", path, "--format", "dicom", "--out", out, "--accept-text")
    assert ended.code == 0, ended.err
    assert "as you accepted" in caplog.text
    assert pydicom.dcmread(out / "image_0001.dcm").BurnedInAnnotation == "YES"
