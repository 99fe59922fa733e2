"""A scanner that stands still is noticed, whatever moves beside the sector."""

from __future__ import annotations

import numpy as np
import pytest
from real_images import a4c_frames

from calibration.freeze import FreezeWatch
from calibration.sector import detect_sector
from capture.frame import Frame
from capture.geometry import LinearField, Sector, SectorShape
from tests.support.stopwatch import cpu_ms

SIZE = (240, 320)
SECTOR = Sector(160.0, 5.0, 5.0, 225.0, -0.6, 0.6)
INSIDE = SECTOR.mask(*SIZE)
LINEAR = LinearField(60, 20, 260, 220)
RNG = np.random.default_rng(5)
SPECKLE = RNG.gamma(2.0, 20.0, (SIZE[0] + 200, SIZE[1])).clip(0, 255).astype(np.uint8)


def screen(shift: int = 0, noise: float = 0.0, clock: int = 0, colour: bool = False) -> np.ndarray:
    """A scanner's screen: speckle in the sector, ``clock`` moves what is beside it."""
    picture = np.where(INSIDE, SPECKLE[shift : shift + SIZE[0]], 0).astype(np.float32)
    picture[225:235, 10 + clock % 60 : 50 + clock % 60] = 220
    picture[200:202, clock * 7 % 300 : clock * 7 % 300 + 20] = 200  # a trace that runs through the sector
    grey = np.clip(picture + RNG.normal(0, noise, SIZE), 0, 255).round().astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2) if colour else grey


class Live:
    """Feeds a watch at 30 fps."""

    def __init__(self, sector: SectorShape = SECTOR) -> None:
        self.watch, self.sector, self.index, self.now_ns = FreezeWatch(), sector, 0, 0

    def send(self, pixels: np.ndarray, fps: int = 30) -> bool:
        self.index += 1
        self.now_ns += 1_000_000_000 // fps
        frame = Frame(pixels, self.index, self.now_ns, "mock:0")
        return self.watch.update(frame, self.sector)

    def stand(self, seconds: float, **how: object) -> list[bool]:
        return [self.send(screen(clock=index, **how)) for index in range(round(seconds * 30))]  # type: ignore[arg-type]


@pytest.mark.parametrize("how", [{}, {"noise": 1.0}, {"noise": 2.0}, {"colour": True}])
def test_a_sector_that_stands_still_is_frozen_though_the_clock_runs(how: dict[str, object]) -> None:
    live = Live()
    live.send(screen(50, **how))  # type: ignore[arg-type]
    states = live.stand(2.5, **how)
    assert not any(states[:44])
    assert all(states[50:])


def test_a_moving_picture_is_never_frozen() -> None:
    live = Live()
    for index in range(90):
        assert not live.send(screen(index % 40, clock=index))


def test_a_picture_that_repeats_each_frame_several_times_is_not_frozen() -> None:
    live = Live()
    assert not any(live.send(screen(index // 12)) for index in range(120))


def test_going_on_ends_it_at_once() -> None:
    live = Live()
    assert live.stand(2.0)[-1]
    assert not live.send(screen(30))
    assert not any(live.stand(1.0))


def test_a_sector_found_anew_does_not_end_a_freeze() -> None:
    live = Live()
    live.stand(2.0)
    live.sector = Sector(161.0, 5.0, 5.0, 224.0, -0.59, 0.6)
    assert live.send(screen())


def test_a_linear_field_can_freeze_too() -> None:
    assert Live(LINEAR).stand(2.0)[-1]


def test_another_size_and_a_reset_begin_anew() -> None:
    live = Live()
    assert live.stand(2.0)[-1]
    assert not live.send(screen()[:, :310])
    live = Live()
    live.stand(2.0)
    live.watch.reset()
    assert not any(live.stand(1.0))


@pytest.mark.parametrize("dimmer", [1.0, 0.3])
def test_the_real_clip_is_not_frozen_and_one_of_its_frames_is(dimmer: float) -> None:
    frames = [(frame * dimmer).astype(np.uint8) for frame in a4c_frames(step=4)]
    live = Live(detect_sector(frames[:3]).shape)
    assert not any(live.send(frame, fps=15) for frame in frames)
    noisy = [frames[-1] + RNG.integers(0, 2, frames[-1].shape, dtype=np.uint8) for _ in range(4)]
    assert [live.send(noisy[index % 4]) for index in range(60)][-1]


def test_watching_is_cheap() -> None:
    live, picture = Live(), screen(colour=True)
    assert cpu_ms(lambda: live.send(picture), turns=19) < 0.5
