"""Recognising a "no signal" picture, and the state of a stream over time."""

import cv2
import numpy as np
import pytest
from real_images import a4c_frames, stills

from calibration.crop import SectorCrop
from calibration.signal import SignalKind, SignalMonitor, judge_signal
from capture.frame import Frame
from capture.virtual.screen.console import random_screen
from tests.support.stopwatch import cpu_ms

COLOURS = {"blue": (255, 0, 0), "black": (0, 0, 0), "grey": (60, 60, 60), "limited black": (16, 16, 16)}
BARS = ((192, 192, 192), (0, 192, 192), (192, 192, 0), (0, 192, 0), (192, 0, 192), (0, 0, 192), (192, 0, 0))


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((1080, 1920, 3), colour, np.uint8)


def with_text(colour: tuple[int, int, int], logo: bool) -> np.ndarray:
    screen = flat(colour)
    cv2.putText(screen, "NO SIGNAL", (500, 560), 0, 5, (255, 255, 255), 12, cv2.LINE_AA)
    if logo:
        cv2.circle(screen, (960, 250), 180, (40, 160, 240), -1, cv2.LINE_AA)
    return screen


def bars() -> np.ndarray:
    screen = flat((0, 0, 0))
    for index, colour in enumerate(BARS):
        screen[:, index * 275 : (index + 1) * 275] = colour
    return screen


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("logo", [False, True])
def test_cable_out_pictures_are_no_signal(name: str, logo: bool) -> None:
    expected = SignalKind.BLACK if "black" in name else SignalKind.NO_SIGNAL
    assert judge_signal(flat(COLOURS[name])).kind is expected
    state = judge_signal(with_text(COLOURS[name], logo))
    assert state.kind is SignalKind.NO_SIGNAL
    assert state.is_lost
    assert "cable" in state.sentence


@pytest.mark.parametrize("quality", [None, 80])
def test_test_pictures_are_no_signal(quality: int | None) -> None:
    snow = np.random.default_rng(0).integers(0, 256, (480, 640), dtype=np.uint8)
    texts = [with_text((255, 0, 0), True), with_text((0, 0, 0), False)]
    for picture in (bars(), cv2.cvtColor(bars(), cv2.COLOR_BGR2GRAY), snow, *texts):
        sent = picture
        if quality is not None:
            sent = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)
        assert judge_signal(sent).kind is SignalKind.NO_SIGNAL


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_scanner_screens_are_ok(seed: int) -> None:
    screen, sector = random_screen(seed)
    assert judge_signal(screen).kind is SignalKind.OK
    crop = SectorCrop(sector, *screen.shape[:2])
    assert judge_signal(screen, crop).kind is SignalKind.OK
    compressed = cv2.imdecode(cv2.imencode(".jpg", screen, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1)
    assert judge_signal(compressed, crop).kind is SignalKind.OK


@pytest.mark.parametrize("darker", [0, 60, 90, 120])
def test_dim_stills_are_ok(darker: int) -> None:
    images = stills("camus/val/images/*.png")
    lost = [index for index, image in enumerate(images) if judge_signal(cv2.subtract(image, darker)).is_lost]
    assert lost == []


def test_the_real_clip_is_ok() -> None:
    assert not any(judge_signal(frame).is_lost for frame in a4c_frames())


def test_no_signal_with_a_known_crop() -> None:
    _, sector = random_screen(0)
    crop = SectorCrop(sector, 1080, 1920)
    assert judge_signal(with_text((255, 0, 0), True), crop).kind is SignalKind.NO_SIGNAL
    assert judge_signal(np.zeros((480, 640), np.uint8), crop).kind is SignalKind.BLACK


def test_judging_is_cheap() -> None:
    screen, sector = random_screen(0)
    crop = SectorCrop(sector, *screen.shape[:2])
    assert cpu_ms(lambda: judge_signal(screen, crop), turns=19) < 1


class Stream:
    """Feeds a monitor at 30 fps on a clock of its own."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000
        self.index = 0
        self.monitor = SignalMonitor(lambda: self.now_ns)

    def send(self, pixels: np.ndarray, seconds: float = 1 / 30) -> SignalKind:
        kind = SignalKind.OK
        for _ in range(round(seconds * 30)):
            self.now_ns += 33_333_333
            self.index += 1
            kind = self.monitor.update(Frame(pixels.copy(), self.index, self.now_ns, "test")).kind
        return kind


def moving(stream: Stream, screen: np.ndarray, seconds: float) -> SignalKind:
    kind = SignalKind.OK
    for shift in range(round(seconds * 30)):
        kind = stream.send(np.roll(screen, shift, axis=1))
    return kind


@pytest.fixture
def screen() -> np.ndarray:
    return random_screen(1)[0]


def test_loss_and_return(screen: np.ndarray) -> None:
    stream = Stream()
    assert moving(stream, screen, 0.5) is SignalKind.OK
    lost = flat((255, 0, 0))
    assert stream.send(lost) is SignalKind.OK  # one torn frame changes nothing
    assert stream.send(lost, 0.3) is SignalKind.NO_SIGNAL
    assert stream.send(lost, 5.0) is SignalKind.NO_SIGNAL  # not "frozen", though it does not change
    assert moving(stream, screen, 0.3) is SignalKind.OK


def test_starts_with_what_it_sees() -> None:
    stream = Stream()
    assert stream.send(flat((0, 0, 0))) is SignalKind.BLACK


def test_a_picture_that_stands_still_is_not_lost(screen: np.ndarray) -> None:
    stream = Stream()
    moving(stream, screen, 0.5)
    assert stream.send(screen, 2.5) is SignalKind.OK


def test_stall_is_seen_between_frames(screen: np.ndarray) -> None:
    stream = Stream()
    moving(stream, screen, 0.2)
    assert stream.monitor.state().kind is SignalKind.OK
    stream.now_ns += 700_000_000
    state = stream.monitor.state()
    assert state.kind is SignalKind.STALLED
    assert "0.7 s" in state.sentence
    assert moving(stream, screen, 0.1) is SignalKind.OK
    assert stream.monitor.state().kind is SignalKind.OK


def test_reset_forgets(screen: np.ndarray) -> None:
    stream = Stream()
    stream.send(flat((255, 0, 0)), 1.0)
    stream.monitor.reset()
    assert stream.send(screen) is SignalKind.OK
