"""Keeps the sector of a stream: found on the first frame, refined, and checked again in a helper thread.

Layout and depth changes are noticed; a sector that is clearly different is taken over once it was found twice.
Time is the stream's own (media time of recordings, capture time of live sources), so that nothing here waits.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from calibration.crop import SectorCrop
from calibration.levels import Levels, detect_levels, grey_of
from calibration.profile import ScannerProfile
from calibration.sector import SectorFinding, detect_sector
from capture.errors import CalibrationError
from capture.frame import Frame, SourceInfo
from capture.geometry import SectorShape
from models.runtime.cores import stay_on

_LOG = logging.getLogger(__name__)

_SAMPLE_S = 0.09
_SAMPLES = 5
_REFINE_AFTER_S = 0.6
_CHECK_EVERY_S = 20.0  # a check costs about 100 ms of one core; changes beside the sector ask for one at once
_CHECK_SOON_S = 1.0
_SAME_IOU = 0.9
_LEAST_CONFIDENCE = 0.3
_GRID_STEP = 4
_SIGN_STEP = 24  # every 24th pixel is looked at to notice another screen layout
_SIGN_GREY = 40
_SIGN_SHARE = 0.02

Detector = Callable[[Sequence[np.ndarray]], SectorFinding]


@dataclass(frozen=True)
class StreamKnowledge:
    """What is known of a stream beforehand, from a scanner profile. None: to be found, or unknown.

    ``frame_size`` is the (height, width) that sector and spacing belong to; None for any.
    """

    sector: SectorShape | None = None
    frame_size: tuple[int, int] | None = None
    levels: Levels | None = None
    spacing_mm: float | None = None
    mirrored: bool = False


def knowledge_of(profile: ScannerProfile | None) -> StreamKnowledge:
    """What a scanner profile says of a stream; nothing without one."""
    if profile is None:
        return StreamKnowledge()
    return StreamKnowledge(
        sector=profile.shape,
        frame_size=(profile.height, profile.width),
        levels=profile.signal_levels,
        spacing_mm=profile.spacing_mm,
        mirrored=profile.mirrored,
    )


@dataclass(frozen=True, eq=False)
class TrackedSector:
    """The crop to use and the levels of the signal."""

    crop: SectorCrop
    levels: Levels


class SectorTracker:
    """Sector of one stream at a time. Called from one thread.

    Parameters
    ----------
    knowledge : from a scanner profile
    per_frame : pictures have nothing to do with each other: each is looked at on its own
    background : check again in a helper thread; False does it in the caller's, which makes results repeatable
    detect : finds a sector in frames
    """

    def __init__(
        self,
        knowledge: StreamKnowledge | None = None,
        *,
        per_frame: bool = False,
        background: bool = True,
        detect: Detector = detect_sector,
    ) -> None:
        self.background = background
        self.reason = ""
        self._knowledge = knowledge or StreamKnowledge()
        self._per_frame, self._detect = per_frame, detect
        self._info: SourceInfo | None = None
        self._helper: ThreadPoolExecutor | None = None
        self.forget()

    def forget(self) -> None:
        """Drop what was learnt of the stream; what was told stays."""
        self._tracked: TrackedSector | None = None
        self._size: tuple[int, int] | None = None
        self._samples: deque[Frame] = deque(maxlen=_SAMPLES)
        self._pending: Future[TrackedSector | str] | None = None
        self._candidate: SectorShape | None = None
        self._is_refined = False
        self._next_check_s = self._last_s = 0.0
        self._bad_since_s: float | None = None
        self._sign: np.ndarray | None = None
        self._sign_outside: np.ndarray | None = None

    def use_source(self, info: SourceInfo | None) -> None:
        """Take what a source says of itself: sector and spacing, for frames that carry its id."""
        self._info = info
        self.forget()

    def close(self) -> None:
        """End the helper thread."""
        if self._helper is not None:
            self._helper.shutdown(wait=True, cancel_futures=True)
            self._helper = None

    def spacing_mm(self, frame: Frame) -> float | None:
        """Side of a screen pixel in mm, None when unknown."""
        info, known = self._info_for(frame), self._knowledge
        if info is not None and info.spacing_mm:
            return info.spacing_mm
        return known.spacing_mm if known.frame_size in (None, (frame.height, frame.width)) else None

    def find(self, frame: Frame) -> TrackedSector | None:
        """The sector for a frame; None when there is none, with the sentence why in ``reason``."""
        told = self._told_sector(frame)
        size = (frame.height, frame.width)
        if self._size != size or self._per_frame:
            self.forget()
            self._size = size
            self._last_s = _stream_s(frame)
            self._next_check_s = self._last_s + _REFINE_AFTER_S
            self._take(self._tracked_of(told, [frame]) if told else self._look([frame]))
        elif told is None:
            self._check_again(frame)
        return self._tracked

    def note(self, frame: Frame, is_judged: bool) -> None:
        """Say how the frame went: a stream that cannot be judged for a second is looked at again."""
        now_s = _stream_s(frame)
        if is_judged or self._bad_since_s is None:
            self._bad_since_s = None if is_judged else now_s
        elif now_s - self._bad_since_s > _CHECK_SOON_S:
            self._next_check_s = min(self._next_check_s, now_s)

    def _info_for(self, frame: Frame) -> SourceInfo | None:
        return self._info if self._info is not None and self._info.source_id == frame.source_id else None

    def _told_sector(self, frame: Frame) -> SectorShape | None:
        info, size = self._info_for(frame), (frame.height, frame.width)
        if info is not None and info.sector is not None and size == (info.granted.height, info.granted.width):
            return info.sector
        known = self._knowledge
        return known.sector if known.frame_size in (None, size) else None

    def _check_again(self, frame: Frame) -> None:
        now_s = _stream_s(frame)
        if now_s < self._last_s:  # a recording was rewound
            self._samples.clear()
            self._next_check_s, self._bad_since_s = now_s + _CHECK_SOON_S, None
        self._last_s = now_s
        if self._pending is not None and self._pending.done():
            result, self._pending = self._pending.result(), None
            self._weigh(result, now_s)
        if not self._samples or now_s - _stream_s(self._samples[-1]) >= _SAMPLE_S:
            self._samples.append(frame)
            if self._layout_changed(frame):
                self._next_check_s = min(self._next_check_s, now_s)
        if self._pending is None and now_s >= self._next_check_s:
            self._next_check_s = now_s + (_CHECK_EVERY_S if self._tracked and not self._candidate else _CHECK_SOON_S)
            self._start(list(self._samples))

    def _start(self, frames: list[Frame]) -> None:
        if not self.background:
            self._weigh(self._look(frames), _stream_s(frames[-1]))
            return
        if self._helper is None:
            self._helper = ThreadPoolExecutor(1, thread_name_prefix="sector", initializer=partial(stay_on, None))
        self._pending = self._helper.submit(self._look, frames)

    def _look(self, frames: Sequence[Frame]) -> TrackedSector | str:
        """Sector in frames, or the sentence why there is none. Runs in either thread, touches no state."""
        try:
            finding = self._detect([frame.pixels for frame in frames])
        except CalibrationError as error:
            return str(error)
        if finding.confidence < _LEAST_CONFIDENCE:
            return "the sector was not found with confidence: draw it by hand in the profile"
        return self._tracked_of(finding.shape, frames)

    def _tracked_of(self, shape: SectorShape, frames: Sequence[Frame]) -> TrackedSector | str:
        levels = self._knowledge.levels or detect_levels([frame.pixels for frame in frames])
        try:
            crop = SectorCrop(shape, frames[0].height, frames[0].width, mirrored=self._knowledge.mirrored)
        except CalibrationError as error:
            return str(error)
        _ = crop.sector_mask_model  # computed here, in the helper thread
        return TrackedSector(crop, levels)

    def _weigh(self, result: TrackedSector | str, now_s: float) -> None:
        """Decide whether a new finding replaces the sector."""
        if isinstance(result, str):
            self._candidate = None
            if self._tracked is None:
                self.reason = result
            return
        if result.crop.frame_size != self._size:
            return
        shape = result.crop.sector
        if self._tracked is None or not self._is_refined:
            self._is_refined = self._tracked is not None
            self._take(result)
        elif _overlap(shape, self._tracked.crop.sector, self._tracked.crop.frame_size) >= _SAME_IOU:
            self._candidate = None
        elif self._candidate and _overlap(shape, self._candidate, self._tracked.crop.frame_size) >= _SAME_IOU:
            _LOG.info("the picture moved on the screen: the new sector is used from now on")
            self._take(result)
        else:
            self._candidate = shape
            self._next_check_s = now_s + _CHECK_SOON_S

    def _take(self, result: TrackedSector | str) -> None:
        self._tracked, self.reason = (None, result) if isinstance(result, str) else (result, "")
        self._candidate = self._sign = self._sign_outside = None

    def _layout_changed(self, frame: Frame) -> bool:
        """Whether much of the screen beside the sector differs from what it was when the sector was taken."""
        sign = grey_of(frame.pixels[::_SIGN_STEP, ::_SIGN_STEP])
        if self._tracked is None:
            return False
        if self._sign is None or self._sign_outside is None:
            self._sign = sign.copy()
            self._sign_outside = ~_grid(self._tracked.crop.sector, self._tracked.crop.frame_size, _SIGN_STEP)
            self._sign_outside = self._sign_outside[: sign.shape[0], : sign.shape[1]]
            return False
        differs = cv2.absdiff(sign, self._sign)[self._sign_outside] > _SIGN_GREY
        changed = differs.size > 0 and float(differs.mean()) > _SIGN_SHARE
        if changed:
            self._sign = sign.copy()  # one change asks for one check
        return changed


def _stream_s(frame: Frame) -> float:
    return frame.t_media_s if frame.t_media_s is not None else frame.t_mono_ns / 1e9


def _grid(shape: SectorShape, size: tuple[int, int], step: int) -> np.ndarray:
    """Shape on every ``step``-th pixel, (ceil(H / step), ceil(W / step)) bool."""
    grid = np.zeros((-(-size[0] // step), -(-size[1] // step)), np.uint8)
    cv2.fillPoly(grid, [np.rint(shape.outline() / step * 16).astype(np.int32)], 1, shift=4)
    return grid.astype(bool)


def _overlap(first: SectorShape, second: SectorShape, size: tuple[int, int]) -> float:
    """Intersection over union of two shapes on a screen."""
    a, b = _grid(first, size, _GRID_STEP), _grid(second, size, _GRID_STEP)
    return float(np.count_nonzero(a & b)) / max(int(np.count_nonzero(a | b)), 1)
