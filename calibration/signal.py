"""Whether a video signal carries an ultrasound screen: black, a capture card's "no signal" picture, stalled.

Cards go on sending pictures when the cable is out. Such a picture is uniform, or made of flat areas (text, a logo,
colour bars); an ultrasound picture has speckle. A scanner that stands still is ``calibration.freeze``'s business.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from calibration.crop import SectorCrop
from capture.frame import Frame

_ROWS = 48
_CLOSE_TO_BACKGROUND = 6
_BLACK = 32
_COLOURFUL = 60


class SignalKind(StrEnum):
    """What a signal carries."""

    OK = "ok"
    BLACK = "black"
    NO_SIGNAL = "no_signal"
    STALLED = "stalled"


@dataclass(frozen=True)
class SignalState:
    """State of a signal and one sentence that says what to do; the sentence is empty when all is well."""

    kind: SignalKind
    sentence: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether there is no ultrasound picture to look at."""
        return self.kind is not SignalKind.OK


OK = SignalState(SignalKind.OK)
_BLACK_STATE = SignalState(
    SignalKind.BLACK, "The video input is black: check that the scanner is on and its video output enabled."
)
_LOST_CABLE = "check the video cable between scanner and capture card, and the scanner's output."
_UNIFORM = SignalState(SignalKind.NO_SIGNAL, f"The capture card sends one flat colour, no picture: {_LOST_CABLE}")
_BARS = SignalState(SignalKind.NO_SIGNAL, f"The capture card sends a coloured test picture: {_LOST_CABLE}")
_SNOW = SignalState(SignalKind.NO_SIGNAL, f"The capture card sends random noise, no picture: {_LOST_CABLE}")
_GRAPHICS = SignalState(
    SignalKind.NO_SIGNAL, f"The screen shows only text or graphics, no ultrasound picture: {_LOST_CABLE}"
)


def judge_signal(pixels: np.ndarray, crop: SectorCrop | None = None) -> SignalState:
    """Judge one picture on its own, from about 48 of its rows.

    Parameters
    ----------
    pixels : (H, W) or (H, W, 3) BGR uint8
    crop : where the ultrasound picture is, when known; its area is then looked at as well as the whole

    Returns
    -------
    ``ok``, ``black`` or ``no_signal``.
    """
    state = _judge_rows(_rows_of(pixels))
    if state.kind is SignalKind.NO_SIGNAL and state is not _UNIFORM and _fits(crop, pixels):
        return _judge_rows(_rows_of(pixels[crop.rect.slices()]))  # type: ignore[union-attr]
    return state


def _fits(crop: SectorCrop | None, pixels: np.ndarray) -> bool:
    return crop is not None and crop.frame_size == pixels.shape[:2]


def _rows_of(pixels: np.ndarray) -> np.ndarray:
    """Evenly spread rows, a contiguous copy: (<= 48, W) or (<= 48, W, 3)."""
    step = max(pixels.shape[0] // _ROWS, 1)
    return np.ascontiguousarray(pixels[step // 2 :: step])


def _judge_rows(rows: np.ndarray) -> SignalState:
    grey = rows if rows.ndim == 2 else np.asarray(cv2.cvtColor(rows, cv2.COLOR_BGR2GRAY))
    colourful = _colourful_share(rows)
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel()  # a third of the time of np.bincount
    level = int(np.argmax(counts))
    near = slice(max(level - _CLOSE_TO_BACKGROUND, 0), level + _CLOSE_TO_BACKGROUND + 1)
    content = 1 - counts[near].sum() / grey.size
    if content < 0.002:
        return _BLACK_STATE if level <= _BLACK and colourful < 0.5 else _UNIFORM
    texture, snow = _texture(grey, level)
    if colourful > 0.5 and texture < 0.5:
        return _BARS
    if snow:
        return _SNOW
    if content < 0.25 and _strong_share(counts, level) > 0.5 * content:  # letters that compression rings around
        return _GRAPHICS
    return OK if texture > 0.4 else _GRAPHICS


def _strong_share(counts: np.ndarray, level: int) -> float:
    """Share of pixels far from the background, as letters are and speckle seldom is."""
    far = np.abs(np.arange(256) - level) > 110
    return float(counts[far].sum() / counts.sum())


def _colourful_share(rows: np.ndarray) -> float:
    if rows.ndim == 2:
        return 0.0
    blue, green, red = (np.ascontiguousarray(rows[:, ::4, channel]) for channel in range(3))
    spread = cv2.subtract(cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red))
    return float(np.count_nonzero(np.asarray(spread) > _COLOURFUL) / spread.size)


def _texture(grey: np.ndarray, level: int) -> tuple[float, bool]:
    """Share of content pixels that differ a little from their neighbour, and whether neighbours are unrelated."""
    step = cv2.absdiff(grey[:, 1:], grey[:, :-1])
    table = (np.abs(np.arange(256) - level) > _CLOSE_TO_BACKGROUND).astype(np.uint8) * 255
    content = cv2.LUT(grey[:, 1:], table)
    inside = int(np.count_nonzero(content))
    small = cv2.inRange(step, 1, 48)  # type: ignore[call-overload]
    texture = np.count_nonzero(cv2.bitwise_and(small, content)) / max(inside, 1)
    variance = float(cv2.meanStdDev(grey)[1][0, 0]) ** 2
    roughness = cv2.norm(step, cv2.NORM_L2SQR) / (2 * step.size * max(variance, 1.0))
    return float(texture), inside > 0.8 * step.size and roughness > 0.8


class SignalMonitor:
    """The state of one stream over time.

    Parameters
    ----------
    clock : monotonic clock in ns
    stalled_after_s : no picture for longer than this is a stalled one
    confirm_s : a change between picture and no picture counts once it has lasted this long, so that one torn frame
        changes nothing
    """

    def __init__(
        self,
        clock: Callable[[], int] = time.monotonic_ns,
        stalled_after_s: float = 0.5,
        confirm_s: float = 0.15,
    ) -> None:
        self._clock = clock
        self._stalled_after_ns = round(stalled_after_s * 1e9)
        self._confirm_ns = round(confirm_s * 1e9)
        self.reset()

    def reset(self) -> None:
        """Forget the stream, for a new source."""
        self._rows: np.ndarray | None = None
        self._last_ns = self._clock()
        self._settled: SignalState | None = None
        self._pending: SignalState | None = None
        self._pending_ns = 0

    def update(self, frame: Frame, crop: SectorCrop | None = None) -> SignalState:
        """Take a frame in and give the state; times are the frames' own capture times."""
        self._last_ns = self._clock()
        rows = _rows_of(frame.pixels)
        if self._rows is None or rows.shape != self._rows.shape or not np.array_equal(rows, self._rows):
            self._rows = rows
            self._settle(judge_signal(frame.pixels, crop), frame.t_mono_ns)
        elif self._pending is not None:
            self._settle(self._pending, frame.t_mono_ns)
        return self._settled or OK

    def state(self) -> SignalState:
        """The state now, between frames: stalled when none came for too long."""
        age_ns = self._clock() - self._last_ns
        if age_ns > self._stalled_after_ns:
            return SignalState(
                SignalKind.STALLED,
                f"No picture for {age_ns / 1e9:.1f} s: check the capture card and its USB connection.",
            )
        return self._settled or OK

    def _settle(self, state: SignalState, t_ns: int) -> None:
        """Take over a state at once when nothing is lost or found by it, else once it has lasted."""
        if self._settled is None or state.is_lost == self._settled.is_lost:
            self._settled, self._pending = state, None
        elif self._pending is None or self._pending.is_lost != state.is_lost:
            self._pending, self._pending_ns = state, t_ns
        elif t_ns - self._pending_ns >= self._confirm_ns:
            self._settled, self._pending = state, None
