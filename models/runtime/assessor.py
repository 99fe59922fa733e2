"""From one frame to one assessment: the sector and its crop here, the rest in the parts for heart and clusters."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from calibration.cluster_map import ClusterMap, load_map
from calibration.crop import SectorCrop
from calibration.profile import ScannerProfile
from capture.errors import SettingsError
from capture.frame import EXAMS, Frame, SourceInfo
from capture.geometry import LinearField
from models.runtime.beside import Beside, Timed
from models.runtime.cluster_part import ClusterPart
from models.runtime.contract import Assessment, FrameStamp, ModelInfo, cannot_judge, judged
from models.runtime.fuzzy_filter import SIDE
from models.runtime.heart import NOT_APICAL, Heart, HeartPicture
from models.runtime.manifest import Precision, default_weights_folder, load_manifest
from models.runtime.precision import open_model
from models.runtime.providers import Provider
from models.runtime.published import load_published
from models.runtime.quality_clusters import open_clusters
from models.runtime.sector_tracker import SectorTracker, TrackedSector, knowledge_of
from models.runtime.stopwatch import Stopwatch

BEHIND_NS = 30_000_000
"""Age of a frame, after its regions are scored, from which the machine does not keep up with 30 frames a second."""

CLUSTER_EVERY, CLUSTER_EVERY_BEHIND = 2, 4
"""Frames of a live stream from one cluster to the next, which is a matter of half a second; regions are of each frame.

The least urgent model is slowed first, and more so on a machine that is behind.
"""


class RegionalAssessor:
    """The assessor of the live program: its networks, the region division, and what follows from both.

    Parameters
    ----------
    weights : folder of model files with their manifest, None for the released ones
    provider : ``auto``, ``cpu`` or ``cuda``
    precision : ``auto`` or None chooses by measurement; ``int8``, ``float32``, ``float16`` pin one
    threads : within one operator, None for ``default_threads()``
    profile : what is known of the scanner
    view : ``A4C``, ``A2C``, ``ALAX``, None when unknown
    per_frame : pictures have nothing to do with each other; the sector is looked for in each
    keep_label_map : put a label map in the frame's own grid into each assessment
    background : look at the sector again in a helper thread. None: for live sources, but not for recordings whose
        ``use_source`` was called, which then give the same results each time
    cache_dir : where the choice of precision is remembered, None for the user's cache
    published : folder with a site's own quality model (``published.py``) that scores in place of ours
    method : what scores the regions and tells causes, one of ``METHODS``
    exam : ``echo`` or ``abdomen``, of which the latter leaves the heart's part out; None: as the profile says, else the
        source, else ``echo``
    site_map : the site's own map of quality clusters; one that cannot be used costs the clusters alone

    Raises
    ------
    SettingsError
        When there is no such method or exam.
    ModelError
        When a model file cannot be trusted or the provider asked for is not granted.
    """

    def __init__(
        self,
        weights: Path | None = None,
        *,
        provider: Provider | str = Provider.AUTO,
        precision: Precision | str | None = None,
        threads: int | None = None,
        profile: ScannerProfile | None = None,
        view: str | None = None,
        per_frame: bool = False,
        keep_label_map: bool = False,
        background: bool | None = None,
        cache_dir: Path | None = None,
        published: Path | None = None,
        method: str = "end_to_end",
        exam: str | None = None,
        site_map: Path | None = None,
    ) -> None:
        if exam not in (None, *EXAMS):
            raise SettingsError(f"no exam {exam!r}: use one of {', '.join(EXAMS)}")
        folder = Path(weights) if weights is not None else default_weights_folder()
        manifest = load_manifest(folder)
        open_ours = partial(
            open_model,
            folder,
            manifest=manifest,
            provider=provider,
            precision=precision,
            threads=threads,
            cache_dir=cache_dir,
        )
        open_theirs = partial(load_published, published, provider=provider, threads=threads) if published else None
        self._told_exam = exam or (profile.exam if profile else None)
        self._exam = self._told_exam or EXAMS[0]
        self._beside = Beside()
        self._heart: Heart | None = None
        if self._told_exam != "abdomen":
            self._heart = Heart(
                open_ours, open_theirs, method, self._beside, per_frame=per_frame, keep_label_map=keep_label_map
            )
        site = partial(_site_map, site_map, self._exam)
        self._clusters = ClusterPart(lambda exam: open_clusters(exam, folder, manifest, open_ours, site(exam)))
        self._clusters.use(self._exam)
        self._model_ids = {info.name: info.model_id for info in self.models}
        self._background = background
        self._tracker = SectorTracker(knowledge_of(profile), per_frame=per_frame, background=background is not False)
        self._view = view
        self._source_view: str | None = None
        self._keep_label_map = keep_label_map
        self._per_frame, self._is_live, self._clusterless = per_frame, False, CLUSTER_EVERY_BEHIND

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The models in use."""
        heart = self._heart_in_use
        return (*(heart.models if heart else ()), *self._clusters.models)

    @property
    def cluster_map(self) -> ClusterMap | None:
        """The map that places of clusters lie on, None when clusters cannot be told."""
        return self._clusters.map

    @property
    def _heart_in_use(self) -> Heart | None:
        return None if self._exam == "abdomen" else self._heart

    def use_source(self, info: SourceInfo | None) -> None:
        """Take sector, spacing, view and exam from a source that knows them; None for nothing known."""
        self._tracker.use_source(info)
        if self._heart is not None:
            self._heart.forget()
        self._exam = self._told_exam or (info.exam if info is not None else None) or EXAMS[0]
        self._clusters.use(self._exam)
        self._model_ids = {info.name: info.model_id for info in self.models}
        self._source_view = info.view if info is not None else None
        self._clusterless = CLUSTER_EVERY_BEHIND
        self._is_live = info is not None and info.is_live and not self._per_frame
        if self._background is None:
            self._tracker.background = info is None or info.is_live

    def set_view(self, view: str | None) -> None:
        """Fix the view, or say that it is unknown; a source's own view counts when none is set."""
        self._view = view

    def forget_stream(self) -> None:
        """Drop the sector, levels and view that were learnt."""
        self._tracker.forget()
        if self._heart is not None:
            self._heart.forget()

    def close(self) -> None:
        """Release sessions and the helper thread; twice is fine."""
        self._tracker.close()
        self._beside.close()
        self._clusters.close()
        if self._heart is not None:
            self._heart.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def assess(self, frame: Frame) -> Assessment:
        """Assess one frame on its own; the view alone is averaged over the stream.

        Raises
        ------
        ModelError
            When a model fails to run or gives values that are not finite.
        """
        watch = Stopwatch()
        tracked = self._tracker.find(frame)
        watch.lap("sector")
        assessment = self._without_sector(frame, watch) if tracked is None else self._judge(frame, tracked, watch)
        self._tracker.note(frame, assessment.is_judged)
        return assessment

    def _without_sector(self, frame: Frame, watch: Stopwatch) -> Assessment:
        heart = self._heart_in_use
        view = None if heart is None else self._view or self._source_view
        known: dict[str, Any] = {"view": view, "model_ids": self._model_ids}
        if self._keep_label_map and heart is not None:  # best effort: the whole picture may be one tight crop
            crop = SectorCrop(LinearField(0, 0, frame.width - 1, frame.height - 1), frame.height, frame.width)
            known["label_map"] = heart.label_map(frame.pixels, crop)
            watch.lap("network")
        return cannot_judge(frame, self._tracker.reason, stages_ms=watch.stages_ms, **known)

    def _judge(self, frame: Frame, tracked: TrackedSector, watch: Stopwatch) -> Assessment:
        crop, heart = tracked.crop, self._heart_in_use
        whole = crop.crop(frame.pixels, tracked.levels)
        spacing_mm = self._tracker.spacing_mm(frame)
        known: dict[str, Any] = {
            "sector": crop.sector,
            "crop": crop.rect,
            "model_ids": self._model_ids,
            "spacing_assumed": spacing_mm is None,
            "stages_ms": watch.stages_ms,
        }
        if heart is None:
            watch.lap("crop")
            known |= self._cluster(frame, crop, whole)
            watch.lap("clusters")
            reason = known.get("cluster_reason", "")
            return cannot_judge(frame, reason, **known) if reason else judged(frame, (), **known)
        cluster = self._start_cluster(frame, crop, whole)
        told_view = self._view or self._source_view
        picture = HeartPicture(frame, crop, crop.square(whole), spacing_mm, told_view, self._view is not None)
        watch.lap("crop")
        try:
            found = heart.judge(picture, watch)
        finally:
            if cluster is not None:
                wait([cluster])
        known |= found.known
        if found.reason == NOT_APICAL:  # clusters are learnt on apical views: the next frame is asked again
            self._clusterless = CLUSTER_EVERY_BEHIND
        elif cluster is not None:
            read = cluster.result()
            watch.lap("clusters")
            watch.beside("clusters", read.ms)
            known |= read.found
        elif not self._clusters.models:
            known["cluster_reason"] = self._clusters.reason
        return cannot_judge(frame, found.reason, **known) if found.reason else judged(frame, found.regions, **known)

    def _cluster_is_due(self, frame: Frame) -> bool:
        """Whether this frame gets a cluster of its own: each of a recording, of a live stream every so many."""
        is_behind = time.monotonic_ns() - frame.t_mono_ns > BEHIND_NS
        self._clusterless += 1
        if self._is_live and self._clusterless < (CLUSTER_EVERY_BEHIND if is_behind else CLUSTER_EVERY):
            return False
        self._clusterless = 0
        return True

    def _start_cluster(self, frame: Frame, crop: SectorCrop, whole: np.ndarray) -> Future[Timed[dict[str, Any]]] | None:
        """Cluster of a heart's frame whose turn it is, or the reason why there is none."""
        if not self._clusters.models or not self._cluster_is_due(frame):
            return None
        return self._beside.start(lambda: self._cluster(frame, crop, whole))

    def _cluster(self, frame: Frame, crop: SectorCrop, whole: np.ndarray) -> dict[str, Any]:
        """Cluster of the crop of a screen, (h, w) uint8, or the reason why there is none."""
        return self._clusters.read(crop.square(whole, SIDE), FrameStamp(frame.index, frame.t_mono_ns))


def _site_map(path: Path | None, its_exam: str, exam: str) -> ClusterMap | None:
    """The site's own map, None when it has none for an exam; DataError when it cannot be used."""
    return load_map(path) if path is not None and exam == its_exam else None
