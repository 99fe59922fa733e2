"""A site's own frames as the artifact gate reads them, taken evenly from recordings, pictures and live sources."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from app.batch.site_frames import EvenSample, Progress, SiteSource, for_a_while, part_progress
from app.engine.offline import frames_of
from calibration.profile import ScannerProfile
from capture.errors import CaptureError, DataError
from capture.frame import Frame
from models.runtime.artifact_gate import SIDE, ArtifactGate
from models.runtime.sector_tracker import SectorTracker, knowledge_of

log = logging.getLogger(__name__)

FEWEST = 60
"""Frames below which five percent of them are too few to tell a threshold by."""


@dataclass(frozen=True, eq=False)
class GateFrames:
    """What the gate says of N frames.

    Attributes
    ----------
    densities : (N,) log densities
    seen : frames that were looked at
    left_out : sentence why -> frames without a sector
    failed : sources that could not be read to their end
    """

    densities: np.ndarray
    seen: int
    left_out: dict[str, int]
    failed: tuple[str, ...]


def gather_densities(
    sources: list[SiteSource],
    gate: ArtifactGate,
    profile: ScannerProfile,
    most: int,
    seconds: float,
    progress: Progress,
) -> GateFrames:
    """Read sources and let the gate judge the sector of their frames.

    Parameters
    ----------
    profile : where the sector is; looked for on screens of another size
    most : frames to take, evenly over all sources
    seconds : to read a live source for
    progress : told the share of the sources that is read

    Raises
    ------
    DataError
        When fewer than 60 frames could be read; says why.
    ModelError
        When the gate fails.
    """
    gathering = _Gathering(gate, profile, seconds, EvenSample(most))
    for number, item in enumerate(sources):
        gathering.read(item, part_progress(progress, number, sources))
    return gathering.result()


@dataclass
class _Gathering:
    """What is known while sources are read."""

    gate: ArtifactGate
    profile: ScannerProfile
    seconds: float
    sample: EvenSample[float]
    left_out: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    seen: int = 0

    def read(self, item: SiteSource, progress: Progress) -> None:
        """Take the frames of one source; a damaged one costs only what could not be read."""
        tracker = SectorTracker(knowledge_of(self.profile), per_frame=item.is_still, background=False)
        try:
            info = item.source.open()
            tracker.use_source(info)
            frames = for_a_while(item.source, self.seconds, progress) if info.is_live else frames_of(item.source)
            for frame in frames:
                if self.sample.wants_next():
                    self._take(frame, tracker)
        except CaptureError as error:
            log.error("%s", error)
            self.failed.append(item.name)
        finally:
            item.source.close()
            tracker.close()
        progress(1)

    def _take(self, frame: Frame, tracker: SectorTracker) -> None:
        self.seen += 1
        tracked = tracker.find(frame)
        if tracked is None:
            self.left_out[tracker.reason] += 1
            return
        square = tracked.crop.square(tracked.crop.crop(frame.pixels, tracked.levels), SIDE)
        self.sample.add(self.gate.read(square).log_density)

    def result(self) -> GateFrames:
        """The frames taken; DataError when they are too few."""
        found = self.sample.chosen()
        if len(found) < FEWEST:
            why = f", most of them because: {self.left_out.most_common(1)[0][0]}" if self.left_out else ""
            raise DataError(
                f"{len(found)} of {self.seen} frames could be read, and a threshold needs {FEWEST} or more: give more "
                f"recordings; {self.left_out.total()} were left out{why}"
            )
        return GateFrames(np.array(found), self.seen, dict(self.left_out.most_common()), tuple(self.failed))
