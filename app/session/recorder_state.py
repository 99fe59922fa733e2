"""How to record, and what a window is told of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.session.disk_guard import DiskState
from app.session.video_writer import VideoCodec


class RecorderPhase(StrEnum):
    """Life of a recorder; ``standby`` keeps the last seconds only, ``done`` and ``failed`` are ends."""

    STARTING = "starting"
    STANDBY = "standby"
    RECORDING = "recording"
    SEALING = "sealing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class RecorderSettings:
    """How to record.

    Attributes
    ----------
    codec : of the video
    whole_screen : store everything that the scanner shows, names of patients included
    pre_roll_s : keep so much from before ``keep`` was called, 0 to 60; 0 records from the start
    frames_capacity, results_capacity : of the queues; a full one drops what comes
    hold_s : longest wait of a frame for its sector
    commit_s : longest time between two commits of the index
    rolling_s : length of a segment before ``keep``
    clip_s : before ``keep`` so much is there for a clip, the pre-roll at least
    """

    codec: VideoCodec = VideoCodec.FFV1
    whole_screen: bool = False
    pre_roll_s: float = 0.0
    frames_capacity: int = 60
    results_capacity: int = 240
    hold_s: float = 0.3
    commit_s: float = 0.25
    rolling_s: float = 2.0
    clip_s: float = 60.0


@dataclass(frozen=True)
class RecorderState:
    """A recording at one moment, for the window.

    Attributes
    ----------
    phase, sentence : what it does; why it ended, or what to know, in one sentence
    session_id, folder : the session
    elapsed_s : since the recording began
    frames, dropped : frames that are in the video, and those that are not although they came
    bytes_written, bytes_per_s : of the video, and how fast it grew lately
    disk : room on the disk
    minutes_left : until the disk is full at this rate, None while nothing is known of it
    sealed_share : part of the hashing that is done, 0..1
    clips : sessions that were asked for out of what rolls by, and whether there was anything to keep
    """

    phase: RecorderPhase = RecorderPhase.STARTING
    sentence: str = ""
    session_id: str = ""
    folder: Path = Path()
    elapsed_s: float = 0.0
    frames: int = 0
    dropped: int = 0
    bytes_written: int = 0
    bytes_per_s: float = 0.0
    disk: DiskState | None = None
    minutes_left: float | None = None
    sealed_share: float = 0.0
    clips: tuple[tuple[str, bool], ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether everything is kept and nothing more will be."""
        return self.phase in (RecorderPhase.DONE, RecorderPhase.FAILED)
