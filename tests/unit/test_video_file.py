from __future__ import annotations

import contextlib
import re
from pathlib import Path

import numpy as np
import pytest
from media import number_of, numbered_picture, write_video

from capture.errors import CaptureError
from capture.source import EndOfStream
from capture.video_file import VideoFileSource

PICTURES = [numbered_picture(k) for k in range(20)]


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mkv", PICTURES)


def read_all(source: VideoFileSource) -> list[tuple[int, float]]:
    """(number, t_media_s) of each frame to the end."""
    seen = []
    with contextlib.suppress(EndOfStream):
        while (frame := source.read(1.0)) is not None:
            assert frame.t_media_s is not None
            seen.append((number_of(frame.pixels), frame.t_media_s))
    return seen


def test_fast_gives_every_frame_with_its_time(clip: Path) -> None:
    source = VideoFileSource(clip, pace="fast")
    info = source.open()
    seen = read_all(source)
    assert [n for n, _ in seen] == list(range(20))
    assert [t for _, t in seen] == pytest.approx([k / 30 for k in range(20)], abs=0.002)
    assert (info.granted.width, info.granted.height, info.granted.fps) == (64, 48, 30.0)
    assert info.frame_count == source.frame_count == 20
    with pytest.raises(EndOfStream):
        source.read(1.0)
    source.close()
    assert source.frame_count is None


def test_real_pace_waits_until_a_frame_is_due(clip: Path) -> None:
    clock = Clock()
    source = VideoFileSource(clip, clock_ns=clock)
    source.open()
    first = source.read(0.0)
    assert first is not None
    assert source.read(0.0) is None
    clock.advance(0.020)
    assert source.read(0.0) is None
    clock.advance(0.015)
    second = source.read(0.0)
    assert second is not None
    assert number_of(second.pixels) == 1
    assert second.t_mono_ns - first.t_mono_ns == pytest.approx(33e6, abs=1e6), "the time it was due, not was read"
    source.close()


def test_real_pace_drops_what_is_late_and_counts_it(clip: Path) -> None:
    clock = Clock()
    source = VideoFileSource(clip, clock_ns=clock)
    source.open()
    assert source.read(0.0) is not None
    clock.advance(0.205)
    late = source.read(0.0)
    assert late is not None
    assert number_of(late.pixels) == late.index == 6
    assert source.dropped == 5
    assert source.read(0.0) is None, "the clock was not set anew by being late"
    source.close()


def test_loop_goes_on_one_frame_after_the_last(clip: Path) -> None:
    clock = Clock()
    source = VideoFileSource(clip, loop=True, clock_ns=clock)
    source.open()
    frames = []
    while len(frames) < 45:
        if (frame := source.read(0.0)) is not None:
            frames.append(frame)
        clock.advance(0.005)
    source.close()
    assert [number_of(f.pixels) for f in frames] == [k % 20 for k in range(45)]
    steps_ms = np.diff([f.t_mono_ns for f in frames]) / 1e6
    assert steps_ms == pytest.approx(33.3, abs=1.1)
    assert [f.index for f in frames] == list(range(45))
    assert source.dropped == 0


def test_fast_loop_does_not_end(clip: Path) -> None:
    source = VideoFileSource(clip, pace="fast", loop=True)
    source.open()
    frames = [source.read(0.0) for _ in range(41)]
    source.close()
    assert [number_of(f.pixels) for f in frames if f is not None][-2:] == [19, 0]


@pytest.mark.parametrize("codec", ["ffv1", "mpeg4"])
def test_seek_is_exact_forth_and_back_and_after_the_end(tmp_path: Path, codec: str) -> None:
    path = write_video(tmp_path / "clip.mkv", PICTURES, codec=codec, pix_fmt="yuv420p")
    source = VideoFileSource(path, pace="fast")
    source.open()
    truth = [frame.pixels for _ in PICTURES if (frame := source.read(1.0)) is not None]
    for number in (13, 2, 19, 0, 7):
        source.seek(number / 30)
        frame = source.read(1.0)
        assert frame is not None
        assert frame.t_media_s == pytest.approx(number / 30, abs=0.002)
        assert np.array_equal(frame.pixels, truth[number])
    source.seek(99.0)
    with pytest.raises(EndOfStream):
        source.read(1.0)
    source.seek(-1.0)
    assert read_all(source)[0][0] == 0
    source.close()
    with pytest.raises(CaptureError, match="not open"):
        source.seek(0.0)


def test_seek_at_real_pace_makes_the_frame_due_at_once(clip: Path) -> None:
    clock = Clock()
    source = VideoFileSource(clip, clock_ns=clock)
    source.open()
    source.read(0.0)
    source.seek(0.5)
    frame = source.read(0.0)
    assert frame is not None
    assert frame.t_media_s == pytest.approx(0.5, abs=0.002)
    assert source.read(0.0) is None
    source.close()


def test_variable_rate_keeps_the_times_of_the_file(tmp_path: Path) -> None:
    times_ms = [0, 33, 66, 200, 240, 500]
    path = write_video(tmp_path / "vfr.mkv", PICTURES[:6], pts_ms=times_ms)
    source = VideoFileSource(path, pace="fast")
    source.open()
    assert [t for _, t in read_all(source)] == pytest.approx([t / 1000 for t in times_ms], abs=0.002)
    source.close()


def test_times_start_at_zero_where_the_file_starts_later(tmp_path: Path) -> None:
    path = write_video(tmp_path / "late.mkv", PICTURES[:4], pts_ms=[5000, 5040, 5080, 5120])
    source = VideoFileSource(path, pace="fast")
    source.open()
    assert [t for _, t in read_all(source)] == pytest.approx([0, 0.04, 0.08, 0.12], abs=0.002)
    source.seek(0.08)
    frame = source.read(1.0)
    assert frame is not None
    assert number_of(frame.pixels) == 2
    source.close()


def test_missing_times_are_made_from_the_rate(tmp_path: Path) -> None:
    path = write_video(tmp_path / "raw.m4v", PICTURES, codec="mpeg4", pix_fmt="yuv420p")
    source = VideoFileSource(path, pace="fast")
    info = source.open()
    times = [t for _, t in read_all(source)]
    source.close()
    assert len(times) == 20
    assert np.diff(times) == pytest.approx(1 / info.granted.fps, rel=0.05)


@pytest.mark.parametrize(
    ("pix_fmt", "color_range", "grey", "expected"),
    [
        ("gray", 0, False, [0, 16, 128, 235, 255]),
        ("gray", 2, False, [0, 16, 128, 235, 255]),
        ("gray", 1, False, [0, 0, 130, 255, 255]),
        ("yuv420p", 1, True, [0, 16, 128, 235, 255]),
        ("yuv420p", 2, True, [0, 16, 128, 235, 255]),
        ("yuv420p", 1, False, [0, 16, 128, 235, 255]),
        ("yuv420p", 2, False, [0, 16, 128, 235, 255]),
    ],
)
def test_colour_range_is_honoured(
    tmp_path: Path, pix_fmt: str, color_range: int, grey: bool, expected: list[int]
) -> None:
    levels = np.repeat(np.array([0, 16, 128, 235, 255], np.uint8), 16)[None].repeat(32, axis=0)
    path = write_video(tmp_path / "levels.mkv", [levels] * 2, pix_fmt=pix_fmt, color_range=color_range)
    source = VideoFileSource(path, pace="fast", grey=grey)
    source.open()
    frame = source.read(1.0)
    source.close()
    assert frame is not None
    assert frame.pixels.ndim == (2 if grey or pix_fmt == "gray" else 3)
    plane = frame.pixels if frame.pixels.ndim == 2 else frame.pixels[..., 0]
    assert plane[16, 8::16].tolist() == pytest.approx(expected, abs=2)


def test_damaged_packets_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mov", PICTURES, codec="png")
    raw = bytearray(path.read_bytes())
    data_at = [found.end() for found in re.finditer(b"IDAT", bytes(raw))]
    for number in (5, 9):
        raw[data_at[number] + 4 : data_at[number] + 40] = bytes(36)
    path.write_bytes(raw)
    source = VideoFileSource(path, pace="fast")
    source.open()
    numbers = [n for n, _ in read_all(source)]
    damaged = source.damaged
    source.close()
    assert numbers == [k for k in range(20) if k not in (5, 9)]
    assert damaged == 2


def test_cut_short_file_gives_what_it_holds(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", PICTURES)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = VideoFileSource(path, pace="fast")
    source.open()
    assert [n for n, _ in read_all(source)][:5] == [0, 1, 2, 3, 4]
    source.close()


def test_header_alone_is_one_capture_error(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", PICTURES)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(CaptureError, match=r"clip\.mkv"):
        VideoFileSource(path).open()


def test_text_and_playlists_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello\n" * 100)
    with pytest.raises(CaptureError, match="no video"):
        VideoFileSource(text).open()
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(CaptureError):
        VideoFileSource(playlist).open()


def test_odd_file_names(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", PICTURES[:3])
    odd = path.rename(tmp_path / "http: héart #1%20.mkv")
    source = VideoFileSource(odd, pace="fast")
    source.open()
    assert len(read_all(source)) == 3
    source.close()


def test_opening_twice_is_refused(clip: Path) -> None:
    source = VideoFileSource(clip)
    source.open()
    with pytest.raises(CaptureError, match="open already"):
        source.open()
    source.close()
