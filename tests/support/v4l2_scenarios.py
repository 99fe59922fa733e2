"""What happens to a capture card, played in a process that has the V4L2 stand-in loaded.

``python v4l2_scenarios.py NAME...`` plays the named scenarios one after another and prints one JSON object,
``{name: result}``; a scenario that fails gives ``{"error": "..."}``. The tests judge the results.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fake_v4l2 import DEVICE, FakeCard
from media import numbered_picture
from source_checks import CHECKS, next_frame

from capture.discovery import SystemFolders, list_v4l2_devices, open_source
from capture.errors import CaptureError
from capture.frame import Frame, VideoMode
from capture.source import SourceLost
from capture.v4l2 import V4L2Source

Result = dict[str, Any]
SCENARIOS: dict[str, Callable[[FakeCard], Result]] = {}


def scenario(play: Callable[[FakeCard], Result]) -> Callable[[FakeCard], Result]:
    SCENARIOS[play.__name__] = play
    return play


def _source(**options: Any) -> V4L2Source:
    return V4L2Source(DEVICE, **options)


def _opened(**options: Any) -> V4L2Source:
    source = _source(**options)
    source.open()
    return source


def _error_of(call: Callable[[], object]) -> str:
    try:
        call()
    except CaptureError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _read_until_lost(source: V4L2Source, limit_s: float = 15.0) -> tuple[str, float]:
    begin = time.monotonic()
    while time.monotonic() - begin < limit_s:
        try:
            source.read(0.05)
        except SourceLost as error:
            return str(error), time.monotonic() - begin
    return "", time.monotonic() - begin


def _frame_where(source: V4L2Source, condition: Callable[[Frame], bool]) -> tuple[Frame, list[Frame], float]:
    """The first frame that fulfils the condition, those before it, and the seconds it took."""
    begin, before = time.monotonic(), []
    while time.monotonic() - begin < 15:
        frame = next_frame(source)
        if condition(frame):
            return frame, before, time.monotonic() - begin
        before.append(frame)
    raise AssertionError("no such frame came")


@scenario
def granted_mode(card: FakeCard) -> Result:
    card.set_rates(("YUYV", 25.0))
    source = _source(requested=VideoMode(1920, 1080, 30.0, "MJPG"))
    info = source.open()
    frame = next_frame(source)
    source.close()
    granted = info.granted
    return {
        "granted": [granted.width, granted.height, granted.fps, granted.fourcc],
        "requested": str(info.requested),
        "notes": info.notes,
        "name": info.name,
        "shape": frame.pixels.shape,
    }


@scenario
def slow_raw_format(card: FakeCard) -> Result:
    card.set_rates(("YUYV", 5.0), ("MJPG", 30.0))
    source = _source(requested=VideoMode(640, 480, 30.0))
    chosen = source.open().granted
    picture = next_frame(source).pixels
    source.close()
    card.set_rates(("YUYV", 5.0), ("MJPG", 5.0))
    notes = source.open().notes
    kept = source.info.granted.fourcc if source.info else ""
    source.close()
    return {"fourcc": chosen.fourcc, "fps": chosen.fps, "shape": picture.shape, "kept": kept, "notes": notes}


@scenario
def formats(card: FakeCard) -> Result:
    result: Result = {}
    truth = numbered_picture(9, 480, 640)
    for fourcc in ("BGR3", "YUYV", "GREY", "MJPG"):
        card.set_rates((fourcc, 30.0))
        card.show(truth)
        source = _opened(requested=VideoMode(640, 480, 30.0, fourcc))
        pixels = next_frame(source).pixels
        source.close()
        grey = pixels if pixels.ndim == 2 else pixels[..., 1]
        inside = np.abs(grey[2:14, 2:14].astype(int) - truth[2:14, 2:14])
        result[fourcc] = [list(pixels.shape), int(inside.max())]
    return result


@scenario
def frame_rate(card: FakeCard) -> Result:
    result: Result = {}
    for fps in (25.0, 30.0):
        card.set_rates(("BGR3", fps))
        source = _opened()
        frames = [next_frame(source) for _ in range(61)]
        ages_ms = [(time.monotonic_ns() - f.t_mono_ns) / 1e6 for f in [next_frame(source) for _ in range(5)][-1:]]
        source.close()
        steps = frames[-1].index - frames[0].index
        measured = steps / ((frames[-1].t_mono_ns - frames[0].t_mono_ns) / 1e9)
        result[f"{fps:g}"] = {"fps": measured, "age_ms": ages_ms[0], "dropped": source.dropped}
    return result


@scenario
def driver_times(card: FakeCard) -> Result:
    result: Result = {}
    for stamp in ("monotonic", "zero", "realtime"):
        card.stamp = stamp
        source = _opened()
        frames = [next_frame(source) for _ in range(4)]
        age_s = (time.monotonic_ns() - frames[-1].t_mono_ns) / 1e9
        info = source.info
        source.close()
        result[stamp] = {"age_s": age_s, "notes": [n for n in (info.notes if info else ()) if "times" in n]}
    return result


@scenario
def slow_reader(card: FakeCard) -> Result:
    source = _opened()
    first = next_frame(source)
    time.sleep(0.5)
    second = next_frame(source)
    age_s = (time.monotonic_ns() - second.t_mono_ns) / 1e9
    dropped = source.dropped
    source.close()
    return {"gap": second.index - first.index - 1, "dropped": dropped, "age_s": age_s, "after_close": source.dropped}


@scenario
def unplugged_and_back(card: FakeCard) -> Result:
    source = _opened()
    next_frame(source)
    card.unplug()
    message, lost_after_s = _read_until_lost(source)
    still = _error_of(lambda: source.read(0.01))
    source.close()
    absent = _error_of(source.open)
    card.plug()
    begin = time.monotonic()
    source.open()
    next_frame(source)
    back_after_s = time.monotonic() - begin
    source.close()
    return {
        "message": message,
        "lost_after_s": lost_after_s,
        "still": still,
        "absent": absent,
        "back_after_s": back_after_s,
        "handles": card.handles,
        "abandoned": V4L2Source.abandoned_readers,
    }


@scenario
def quick_replug(card: FakeCard) -> Result:
    source = _opened()
    next_frame(source)
    card.unplug()
    card.plug()  # so fast that only the dead handle tells
    message, _ = _read_until_lost(source)
    source.close()
    source.open()
    shape = next_frame(source).pixels.shape
    source.close()
    return {"message": message, "shape": shape}


@scenario
def busy(card: FakeCard) -> Result:
    card.busy()
    source = _source()
    message = _error_of(source.open)
    card.resume()
    source.open()
    other = _error_of(_source().open)
    shape = next_frame(source).pixels.shape
    source.close()
    return {"message": message, "other": other, "shape": shape, "handles": card.handles}


@scenario
def stalled(card: FakeCard) -> Result:
    source = _opened(stall_limit_s=2.5)
    next_frame(source)
    card.stall()
    time.sleep(0.1)
    while source.read(0.05) is not None:
        pass
    begin = time.monotonic()
    nothing = source.read(0.2)
    read_s = time.monotonic() - begin
    message, lost_after_s = _read_until_lost(source)
    begin = time.monotonic()
    source.close()
    close_s = time.monotonic() - begin
    card.resume()
    source.open()
    shape = next_frame(source).pixels.shape
    source.close()
    return {
        "nothing": nothing is None,
        "read_s": read_s,
        "message": message,
        "lost_after_s": lost_after_s,
        "close_s": close_s,
        "shape": shape,
    }


@scenario
def short_stall(card: FakeCard) -> Result:
    source = _opened()
    next_frame(source)
    opens = card.opens
    card.stall()
    time.sleep(0.7)
    card.resume()
    begin = time.monotonic()
    _frame_where(source, lambda f: f.t_mono_ns / 1e9 > begin)
    back_after_s = time.monotonic() - begin
    source.close()
    return {"back_after_s": back_after_s, "reopened": card.opens - opens}


@scenario
def hanging_driver(card: FakeCard) -> Result:
    source = _opened()
    next_frame(source)
    card.hang()
    time.sleep(0.1)
    begin = time.monotonic()
    while source.read(0.1) is not None:
        pass
    read_s = time.monotonic() - begin
    before = V4L2Source.abandoned_readers
    begin = time.monotonic()
    source.close()
    close_s = time.monotonic() - begin
    abandoned = V4L2Source.abandoned_readers - before
    again = _error_of(source.open)  # the thread that hangs still holds the card
    card.resume()
    time.sleep(0.3)
    source.open()
    shape = next_frame(source).pixels.shape
    source.close()
    return {
        "read_s": read_s,
        "close_s": close_s,
        "abandoned": abandoned,
        "again": again,
        "shape": shape,
        "handles": card.handles,
    }


def _resize(card: FakeCard, fourcc: str, fails: bool) -> Result:
    card.set_rates((fourcc, 30.0))
    card.resize_fails = fails
    card.show(numbered_picture(3, 480, 640))
    source = _opened()
    next_frame(source)
    card.show(numbered_picture(7, 720, 1280))
    frame, before, took_s = _frame_where(source, lambda f: f.pixels.shape[:2] == (720, 1280))
    info = source.info
    indexes = [f.index for f in (*before, frame)]
    torn = sum(bool(abs(int(f.pixels[4:12, 4:12].mean()) - 55) > 3) for f in before)
    source.close()
    return {
        "took_s": took_s,
        "torn": torn,
        "indexes_increase": indexes == sorted(set(indexes)),
        "granted": [info.granted.width, info.granted.height] if info else [],
        "number": float(frame.pixels[4:12, 4:12].mean()),
    }


@scenario
def resize_keeps_sending(card: FakeCard) -> Result:
    return _resize(card, "BGR3", fails=False)


@scenario
def resize_fails_until_set(card: FakeCard) -> Result:
    return _resize(card, "YUYV", fails=True)


@scenario
def resize_of_jpeg(card: FakeCard) -> Result:
    return _resize(card, "MJPG", fails=False)


@scenario
def no_signal_picture(card: FakeCard) -> Result:
    card.show(numbered_picture(5, 480, 640))
    source = _opened()
    next_frame(source)
    card.show_no_signal()
    frame, _, took_s = _frame_where(source, lambda f: int(f.pixels[4, 4, 0]) == 160)
    source.close()
    return {"took_s": took_s, "corner": frame.pixels[4, 4].tolist()}


@scenario
def stable_link(card: FakeCard) -> Result:
    link = card.folder / "usb-Fake_card-video-index0"
    link.symlink_to(DEVICE)
    source = open_source(f"v4l2:{link}")
    info = source.open()
    next_frame(source)
    source.close()
    return {"source_id": info.source_id, "expected": f"v4l2:{link}"}


@scenario
def found_by_asking_the_node(card: FakeCard) -> Result:
    system = card.folder / "sys"
    (system / "video42").mkdir(parents=True)
    (system / "video42" / "name").write_text("Fake capture card")
    nowhere = card.folder / "nowhere"
    folders = SystemFolders(system, Path(DEVICE).parent, nowhere, nowhere)
    source = _opened()
    next_frame(source)
    streaming_before = card.streaming
    found = list_v4l2_devices(folders)
    undisturbed = streaming_before and card.streaming and next_frame(source) is not None
    source.close()
    return {"found": [[d.source_id, d.label] for d in found], "undisturbed": undisturbed}


@scenario
def opened_many_times(card: FakeCard) -> Result:
    source = _source()
    files = threads = 0
    for k in range(25):
        source.open()
        next_frame(source)
        if k % 3 == 0:
            card.unplug()
            _read_until_lost(source)
            card.plug()
        source.close()
        if k == 4:
            files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    return {
        "more_files": len(os.listdir("/proc/self/fd")) - files,
        "more_threads": threading.active_count() - threads,
        "handles": card.handles,
        "abandoned": V4L2Source.abandoned_readers,
    }


@scenario
def cost_of_1080p(card: FakeCard) -> Result:
    result: Result = {}
    picture = np.repeat(numbered_picture(1, 1080, 1920)[..., None], 3, axis=2)
    for fourcc in ("BGR3", "YUYV", "MJPG"):
        card.set_rates((fourcc, 30.0))
        card.show(picture)
        source = _opened()
        next_frame(source)
        begin = time.process_time()
        first = next_frame(source)
        last = [next_frame(source) for _ in range(45)][-1]
        frames = last.index - first.index
        result[fourcc] = 1000 * (time.process_time() - begin) / frames
        source.close()
    return result


def _contract(check: Callable[[Callable[[], V4L2Source]], None]) -> Callable[[FakeCard], Result]:
    def play(card: FakeCard) -> Result:
        check(_source)
        return {"handles": card.handles}

    return play


SCENARIOS.update({f"contract_{name}": _contract(check) for name, check in CHECKS.items()})


def _reset(card: FakeCard) -> None:
    card.resume()
    card.wait_for(lambda: card.handles == 0, 2.0)
    card.resize_fails, card.stamp = False, "monotonic"
    card.set_rates(("BGR3", 30.0))
    card.show(np.zeros((480, 640, 3), np.uint8))


def main(names: list[str]) -> None:
    """Play the named scenarios and print their results."""
    card = FakeCard.attach()
    results: dict[str, Result] = {}
    for name in names:
        _reset(card)
        begin = time.monotonic()
        try:
            results[name] = {**SCENARIOS[name](card), "seconds": time.monotonic() - begin}
        except Exception:  # noqa: BLE001 - the test shows it
            results[name] = {"error": traceback.format_exc()}
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
