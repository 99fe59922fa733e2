"""What every frame source must do, one function per promise of ``capture.source.FrameSource``.

Each takes a function that makes a source that can be opened. They run in the test's own process and, for capture
cards, in one that has the V4L2 stand-in loaded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from capture.errors import CaptureError
from capture.frame import Frame
from capture.source import EndOfStream, FrameSource

Make = Callable[[], FrameSource]
_PATIENCE_S = 15.0


def _expect(condition: object, what: str) -> None:
    if not condition:
        raise AssertionError(what)


def next_frame(source: FrameSource) -> Frame:
    """The next frame, however slow the machine is now."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        frame = source.read(0.2)
        if frame is not None:
            return frame
    raise AssertionError("no frame came")


def _raises_capture_error(call: Callable[[], object]) -> bool:
    try:
        call()
    except EndOfStream:
        return False
    except CaptureError:
        return True
    return False


def is_a_frame_source(make: Make) -> None:
    source = make()
    _expect(isinstance(source, FrameSource), "has all that the contract names")
    _expect(source.source_id and isinstance(source.is_live, bool), "knows its id and kind before it is opened")


def describes_itself(make: Make) -> None:
    source = make()
    info = source.open()
    source.close()
    _expect(info.source_id == source.source_id, "the description carries the source's id")
    _expect(info.is_live == source.is_live, "the description knows whether the source is live")
    _expect(info.name, "the source has a name")


def gives_sound_frames(make: Make) -> None:
    source = make()
    source.open()
    frames = [next_frame(source) for _ in range(3)]
    source.close()
    for frame in frames:
        _expect(frame.pixels.dtype == np.uint8 and frame.pixels.ndim in (2, 3), "pixels are grey or BGR uint8")
        _expect(not frame.pixels.flags.writeable, "pixels are read-only")
        _expect(frame.pixels.flags.c_contiguous, "pixels are contiguous")
        _expect(frame.source_id == source.source_id, "frames carry the source's id")
    indexes = [f.index for f in frames]
    _expect(indexes == sorted(set(indexes)), f"indexes increase: {indexes}")
    times = [f.t_mono_ns for f in frames]
    _expect(times == sorted(set(times)), f"times increase: {times}")
    _expect(abs(time.monotonic_ns() - times[-1]) < _PATIENCE_S * 1e9, "times are on the monotonic clock")
    _expect((frames[0].t_media_s is None) or not source.is_live, "live frames have no place in a recording")


def closes_twice(make: Make) -> None:
    source = make()
    source.close()
    source.open()
    source.close()
    source.close()


def opens_again(make: Make) -> None:
    source = make()
    for _ in range(2):
        source.open()
        _expect(next_frame(source).index < 30, "indexes start anew")
        source.close()


def refuses_to_read_when_closed(make: Make) -> None:
    source = make()
    _expect(_raises_capture_error(lambda: source.read(0.01)), "read before open raises CaptureError")
    source.open()
    source.close()
    _expect(_raises_capture_error(lambda: source.read(0.01)), "read after close raises CaptureError")


def keeps_the_time_limit(make: Make) -> None:
    source = make()
    source.open()
    next_frame(source)
    begin = time.monotonic()
    source.read(0.0)
    waited_s = time.monotonic() - begin
    source.close()
    _expect(waited_s < 0.5, f"a read without patience took {waited_s:.3f} s")


def close_wakes_a_reader(make: Make) -> None:
    source = make()
    source.open()
    next_frame(source)
    ended = threading.Event()

    def read_until_closed() -> None:
        try:
            while source.read(60.0) is not None:
                pass
        except CaptureError:
            pass
        ended.set()

    reader = threading.Thread(target=read_until_closed)
    reader.start()
    time.sleep(0.1)
    source.close()
    _expect(ended.wait(_PATIENCE_S), "close wakes a waiting read")
    reader.join(_PATIENCE_S)


CHECKS = {
    check.__name__: check
    for check in (
        is_a_frame_source,
        describes_itself,
        gives_sound_frames,
        closes_twice,
        opens_again,
        refuses_to_read_when_closed,
        keeps_the_time_limit,
        close_wakes_a_reader,
    )
}
