"""A site's own frames, taken evenly from recordings and live sources, as the released cluster model reads them."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from app.batch.inputs import find_inputs
from app.bootstrap import ModelOptions, make_assessor
from app.engine.offline import frames_of
from capture.discovery import open_source
from capture.errors import CaptureError, DataError, ModelError, SettingsError
from capture.frame import Frame
from capture.image_folder import ImageFolderSource
from capture.source import EndOfStream, FrameSource
from capture.video_file import VideoFileSource
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import Assessment, ClusterAssessment
from models.runtime.quality_clusters import MODELS

log = logging.getLogger(__name__)

FEWEST = 60
"""Frames below which a map says more of single frames than of a site."""

Progress = Callable[[float], None]
"""Told the share of the sources that is read, 0..1."""


@dataclass(frozen=True, eq=False)
class SiteFrames:
    """N frames that could be judged, in the order in which they were read.

    Attributes
    ----------
    latents : (N, D) float32, features of the released model
    severity : (N,) in 0..1, the released model's own
    ranks : (N,) cluster on the released map, 0 the worst
    places : (N, 2) place on the released map
    seen : frames that were looked at
    left_out : sentence why -> frames that could not be judged
    failed : sources that could not be read to their end
    """

    latents: np.ndarray
    severity: np.ndarray
    ranks: np.ndarray
    places: np.ndarray
    seen: int
    left_out: dict[str, int]
    failed: tuple[str, ...]


@dataclass(frozen=True)
class SiteSource:
    """One recording, still or live source, and how messages call it."""

    name: str
    source: FrameSource
    is_still: bool = False


Kept = TypeVar("Kept")


@dataclass
class EvenSample(Generic[Kept]):
    """Between ``most`` and twice as many frames of a stream of unknown length, evenly spread over it.

    Each time there are twice as many as wanted, every other one is dropped and half as many are taken from then on.
    """

    most: int
    kept: list[tuple[int, Kept]] = field(default_factory=list)
    stride: int = 1
    count: int = 0

    def wants_next(self) -> bool:
        """Count one more frame; whether it is to be looked at."""
        self.count += 1
        return (self.count - 1) % self.stride == 0

    def add(self, found: Kept) -> None:
        """Keep what was found in the frame counted last."""
        self.kept.append((self.count - 1, found))
        while len(self.kept) >= 2 * self.most:
            self.stride *= 2
            self.kept = [item for item in self.kept if item[0] % self.stride == 0]

    def chosen(self) -> list[Kept]:
        """At most ``most`` of them, evenly spread."""
        if len(self.kept) <= self.most:
            return [found for _, found in self.kept]
        places = np.linspace(0, len(self.kept) - 1, self.most).round().astype(int)
        return [self.kept[place][1] for place in places]


def find_sources(texts: list[str]) -> list[SiteSource]:
    """What a user named: files and folders as ``score`` takes them, stills first, and sources as ``live`` takes them.

    Raises
    ------
    SettingsError, CaptureError
        When a folder holds nothing to read, or a text is no source.
    """
    found: list[SiteSource] = []
    for text in texts:
        path = Path(text).expanduser()
        if path.is_dir() or path.is_file():
            found += [_recorded(item.path, item.name, item.is_still) for item in find_inputs([path])]
        else:
            found.append(SiteSource(text, open_source(text, pace="fast")))
    return sorted(found, key=lambda item: not item.is_still)


def gather(
    sources: list[SiteSource], options: ModelOptions, exam: str, most: int, seconds: float, progress: Progress
) -> SiteFrames:
    """Read sources and judge their frames by the released models.

    Parameters
    ----------
    exam : ``echo`` or ``abdomen``
    most : frames to take, evenly over all sources
    seconds : to read a live source for

    Raises
    ------
    DataError
        When fewer than 60 frames could be judged; says why.
    ModelError
        When the models cannot be used.
    SettingsError
        When a source says that it shows another exam.
    """
    gathering = _Gathering(exam, seconds, EvenSample(most))
    done = 0
    for is_still, group in groupby(sources, key=lambda item: item.is_still):
        with make_assessor(options, per_frame=is_still) as assessor:
            _require_clusters(assessor, exam)
            for item in group:
                gathering.read(item, assessor, part_progress(progress, done, sources))
                done += 1
    return gathering.result()


@dataclass
class _Gathering:
    """What is known while sources are read."""

    exam: str
    seconds: float
    sample: EvenSample[ClusterAssessment]
    left_out: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    seen: int = 0

    def read(self, item: SiteSource, assessor: RegionalAssessor, progress: Progress) -> None:
        """Take the frames of one source; a damaged one costs only what could not be read."""
        try:
            for frame in self._frames(item, assessor, progress):
                self._take(assessor.assess(frame))
        except CaptureError as error:
            log.error("%s", error)
            self.failed.append(item.name)
        progress(1)

    def _frames(self, item: SiteSource, assessor: RegionalAssessor, progress: Progress) -> Iterator[Frame]:
        """Those frames of a source that the sample wants."""
        assessor.forget_stream()
        try:
            info = item.source.open()
            if info.exam not in (None, self.exam):
                raise SettingsError(
                    f"{item.name} shows {info.exam}, and the map is for {self.exam}: give --exam {info.exam}"
                )
            assessor.use_source(replace(info, is_live=False))  # every frame gets a cluster
            frames = for_a_while(item.source, self.seconds, progress) if info.is_live else frames_of(item.source)
            for frame in frames:
                if info.frame_count:
                    progress(min(frame.index / info.frame_count, 1))
                if self.sample.wants_next():
                    yield frame
        finally:
            item.source.close()

    def _take(self, assessment: Assessment) -> None:
        self.seen += 1
        if assessment.cluster is not None:
            self.sample.add(assessment.cluster)
        else:
            self.left_out[assessment.cluster_reason or assessment.reason] += 1

    def result(self) -> SiteFrames:
        """The frames taken; DataError when they are too few."""
        found = self.sample.chosen()
        if len(found) < FEWEST:
            raise DataError(_too_few(len(found), self.seen, self.left_out, self.failed))
        return SiteFrames(
            latents=np.array([cluster.latent for cluster in found], np.float32),
            severity=np.array([cluster.severity for cluster in found]),
            ranks=np.array([cluster.rank for cluster in found]),
            places=np.array([cluster.place for cluster in found]),
            seen=self.seen,
            left_out=dict(self.left_out.most_common()),
            failed=tuple(self.failed),
        )


def _recorded(path: Path, name: str, is_still: bool) -> SiteSource:
    return SiteSource(name, ImageFolderSource(path) if is_still else VideoFileSource(path, pace="fast"), is_still)


def for_a_while(source: FrameSource, seconds: float, progress: Progress) -> Iterator[Frame]:
    """Frames of a live source for so many seconds."""
    start = time.monotonic()
    while (gone := time.monotonic() - start) < seconds:
        progress(gone / seconds)
        try:
            frame = source.read(min(1.0, seconds - gone))
        except EndOfStream:
            return
        if frame is not None:
            yield frame


def part_progress(progress: Progress, done: int, sources: list[SiteSource]) -> Progress:
    """Progress within one of several sources."""
    return lambda share: progress((done + share) / len(sources))


def _require_clusters(assessor: RegionalAssessor, exam: str) -> None:
    if assessor.cluster_map is None:
        raise ModelError(
            f"the released model {MODELS[exam]} cannot be used (the log above says why): run 'sonogauge models verify'"
        )


def _too_few(found: int, seen: int, left_out: Counter[str], failed: list[str]) -> str:
    text = f"{found} of {seen} frames could be judged, and a map needs {FEWEST} or more: give more recordings"
    for reason, times in left_out.most_common(1):
        text += f"; {left_out.total()} were left out, {times} of them because: {reason}"
    return text + (f"; {len(failed)} sources could not be read to their end" if failed else "")
