"""What the capture worker does: open a source, publish its frames, and get it back when it is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.engine.channels import ChannelClosed, Latest
from app.engine.state import SignalState, SourceStatus
from app.engine.timing import Rate
from app.engine.worker import Worker
from capture.errors import CaptureError
from capture.frame import Frame, SourceInfo
from capture.source import EndOfStream, FrameSource, SourceLost

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CaptureSettings:
    """Times of the capture worker in seconds.

    Attributes
    ----------
    read_timeout_s : longest wait in one read; bounds how long stopping takes
    reopen_every_s : pause between attempts to get a lost source back
    reopen_after_s : a live source that is silent for longer, and does not itself say that it is lost, is opened again
    first_frame_s : the same limit before its first frame, since devices and simulators take time to start
    """

    read_timeout_s: float = 0.2
    reopen_every_s: float = 0.5
    reopen_after_s: float = 8.0
    first_frame_s: float = 12.0


class CaptureLoop:
    """Opens, reads and closes one source in the worker's thread.

    A live source that is missing or lost is tried again for ever. A recording that cannot be opened or read is given
    up: trying again would start it from the beginning.
    """

    def __init__(
        self,
        source: FrameSource,
        frames: Latest[Frame],
        rate: Rate,
        clock_ns: Callable[[], int],
        settings: CaptureSettings,
        on_change: Callable[[], None],
        on_opened: Callable[[SourceInfo], None],
        on_frame: Callable[[Frame], None],
    ) -> None:
        self._source = source
        self._frames = frames
        self._rate = rate
        self._clock_ns = clock_ns
        self._settings = settings
        self._on_change = on_change
        self._on_opened = on_opened
        self._on_frame = on_frame
        self._idle_since_ns = clock_ns()
        self._has_frame = False
        self.status = SourceStatus(SignalState.OPENING, f"opening {source.source_id}", since_ns=clock_ns())

    @property
    def is_live(self) -> bool:
        """Whether the source gives frames at their own time."""
        return self.status.info.is_live if self.status.info else self._source.is_live

    @property
    def info(self) -> SourceInfo | None:
        """Newest description: a source may keep one up to date, since cards change their mode with the input."""
        newest = getattr(self._source, "info", None)
        return newest if isinstance(newest, SourceInfo) else self.status.info

    @property
    def source_drops(self) -> int:
        """Frames that the source itself counted as given by the device and lost before they were read."""
        return int(getattr(self._source, "dropped", 0))

    @property
    def idle_s(self) -> float | None:
        """Seconds since the last frame of this opening, None before the first."""
        return self._silent_s if self._has_frame else None

    @property
    def _silent_s(self) -> float:
        return (self._clock_ns() - self._idle_since_ns) / 1e9

    def run(self, worker: Worker) -> None:
        """Body of the capture worker."""
        try:
            while not worker.stopping:
                if self._open(worker):
                    self._read_all(worker)
                    self._close()
                if self.status.phase in (SignalState.ENDED, SignalState.FAILED):
                    return
                worker.beat()
                worker.wait(self._settings.reopen_every_s)
        except ChannelClosed:
            raise
        except Exception as error:
            self._enter(SignalState.LOST, f"reading the source failed ({type(error).__name__}: {error})")
            raise
        finally:
            self._close()

    def close_source(self) -> None:
        """Wake a read that does not return; for the stopping thread when waiting for the worker was in vain."""
        self._close()

    def _open(self, worker: Worker) -> bool:
        try:
            info = self._source.open()
        except CaptureError as error:
            self._give_up_or_retry(str(error))
            return False
        worker.beat()
        self._has_frame = False
        self._idle_since_ns = self._clock_ns()
        self._on_opened(info)
        log.info("opened %s, %s", info.name, info.granted)
        self.status = replace(self.status, info=info, openings=self.status.openings + 1)
        self._enter(SignalState.OK, "")
        return True

    def _read_all(self, worker: Worker) -> None:
        """Publish frames until the stream ends, is lost, or is silent for too long."""
        try:
            while not worker.stopping and not self._is_silent():
                frame = self._source.read(self._settings.read_timeout_s)
                worker.beat()
                if frame is not None and not worker.stopping:
                    self._publish(frame)
        except EndOfStream:
            self._enter(SignalState.ENDED, "end of the recording")
        except SourceLost as error:
            self._enter(SignalState.LOST, str(error))
        except CaptureError as error:
            self._give_up_or_retry(str(error))

    def _publish(self, frame: Frame) -> None:
        now_ns = self._clock_ns()
        self._idle_since_ns = now_ns
        self._on_frame(frame)  # kept before anyone sees it
        self._frames.put(frame)
        self._rate.add(now_ns)
        if not self._has_frame:  # only now: until the put the newest frame was an old one
            self._has_frame = True
            self._on_change()

    def _is_silent(self) -> bool:
        limit_s = self._settings.reopen_after_s if self._has_frame else self._settings.first_frame_s
        if not self.is_live or self._silent_s <= limit_s:
            return False
        self._enter(SignalState.LOST, f"no picture for {self._silent_s:.1f} s: trying to open the source again")
        return True

    def _give_up_or_retry(self, sentence: str) -> None:
        self._enter(SignalState.LOST if self.is_live else SignalState.FAILED, sentence)

    def _enter(self, phase: SignalState, sentence: str) -> None:
        if (phase, sentence) == (self.status.phase, self.status.sentence):
            return
        self.status = replace(self.status, phase=phase, sentence=sentence, since_ns=self._clock_ns())
        self._on_change()

    def _close(self) -> None:
        try:
            self._source.close()
        except CaptureError as error:
            log.warning("closing %s: %s", self._source.source_id, error)
