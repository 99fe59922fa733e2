"""From one frame to one assessment: sector and crop here, the rest in the heart's part and the side networks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from calibration.cluster_map import ClusterMap
from calibration.crop import SectorCrop
from calibration.profile import ScannerProfile
from capture.errors import SettingsError
from capture.frame import EXAMS, Frame, SourceInfo
from capture.geometry import LinearField
from models.runtime.beside import Beside
from models.runtime.contract import Assessment, ModelInfo, cannot_judge, judged
from models.runtime.cores import Core
from models.runtime.gate_plane import GatePlane
from models.runtime.heart import NOT_APICAL, Heart, HeartFinding, HeartPicture
from models.runtime.manifest import Precision, default_weights_folder, load_manifest
from models.runtime.precision import open_model
from models.runtime.providers import Provider
from models.runtime.published import load_published
from models.runtime.sector_tracker import SectorTracker, TrackedSector, knowledge_of
from models.runtime.side_networks import SideNetworks, site_map_for
from models.runtime.stopwatch import Stopwatch


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
    on_own_core : ``assess`` is called on ``Core.ASSESSMENT``, and the window uses the other core: see ``cores.py``

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
        on_own_core: bool = False,
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
        self._beside = Beside(Core.OTHERS if on_own_core else None)
        self._side_beside = Beside(Core.ASSESSMENT if on_own_core else None, gives_way=on_own_core)
        self._heart: Heart | None = None
        if self._told_exam != "abdomen":
            self._heart = Heart(
                open_ours, open_theirs, method, self._beside, per_frame=per_frame, keep_label_map=keep_label_map
            )
        site = site_map_for(site_map, self._exam)
        site_gate = profile.gate if profile else None
        self._side = SideNetworks(open_ours, folder, manifest, self._side_beside, site, site_gate)
        self._side.use(self._exam, is_live=False)
        self._model_ids = {info.name: info.model_id for info in self.models}
        self._background = background
        self._tracker = SectorTracker(knowledge_of(profile), per_frame=per_frame, background=background is not False)
        self._view = view
        self._source_view: str | None = None
        self._keep_label_map = keep_label_map
        self._per_frame = per_frame

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The models in use."""
        heart = self._heart_in_use
        return (*(heart.models if heart else ()), *self._side.models)

    @property
    def cluster_map(self) -> ClusterMap | None:
        """The map that places of clusters lie on, None when clusters cannot be told."""
        return self._side.cluster_map

    @property
    def gate_plane(self) -> GatePlane | None:
        """The plane that places of the artifact gate lie on, None without a gate."""
        return self._side.gate_plane

    @property
    def missing(self) -> dict[str, str]:
        """One sentence for each of ``SIDE_FIELDS`` whose network is not there."""
        return self._side.missing

    @property
    def _heart_in_use(self) -> Heart | None:
        return None if self._exam == "abdomen" else self._heart

    def use_source(self, info: SourceInfo | None) -> None:
        """Take sector, spacing, view and exam from a source that knows them; None for nothing known."""
        self._tracker.use_source(info)
        if self._heart is not None:
            self._heart.forget()
        self._exam = self._told_exam or (info.exam if info is not None else None) or EXAMS[0]
        self._side.use(self._exam, is_live=info is not None and info.is_live and not self._per_frame)
        self._model_ids = {info.name: info.model_id for info in self.models}
        self._source_view = info.view if info is not None else None
        if self._background is None:
            self._tracker.background = info is None or info.is_live

    def set_view(self, view: str | None) -> None:
        """Fix the view, or say that it is unknown; a source's own view counts when none is set."""
        self._view = view
        self._side.begin_round()

    def forget_stream(self) -> None:
        """Drop the sector, levels and view that were learnt."""
        self._tracker.forget()
        self._side.begin_round()
        if self._heart is not None:
            self._heart.forget()

    def close(self) -> None:
        """Release sessions and the helper thread; twice is fine."""
        self._tracker.close()
        self._beside.close()
        self._side_beside.close()
        self._side.close()
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
        self._side.begin_round()
        heart = self._heart_in_use
        view = None if heart is None else self._view or self._source_view
        known: dict[str, Any] = {"view": view, "model_ids": self._model_ids}
        if self._keep_label_map and heart is not None:  # best effort: the whole picture may be one tight crop
            crop = SectorCrop(LinearField(0, 0, frame.width - 1, frame.height - 1), frame.height, frame.width)
            known["label_map"] = heart.label_map(frame.pixels, crop)
            watch.lap("network")
        return cannot_judge(frame, self._tracker.reason, stages_ms=watch.stages_ms, **known)

    def _judge(self, frame: Frame, tracked: TrackedSector, watch: Stopwatch) -> Assessment:
        crop = tracked.crop
        whole = crop.crop(frame.pixels, tracked.levels)
        spacing_mm = self._tracker.spacing_mm(frame)
        known: dict[str, Any] = {
            "sector": crop.sector,
            "crop": crop.rect,
            "levels": tracked.levels,
            "mirrored": crop.mirrored,
            "model_ids": self._model_ids,
            "spacing_assumed": spacing_mm is None,
            "stages_ms": watch.stages_ms,
        }
        start_side = partial(self._side.start, frame, whole, partial(crop.square, whole))
        if self._side.is_waited_for:
            start_side()
        found = self._of_the_heart(frame, crop, whole, spacing_mm, watch)
        known |= {**self._side.collect(frame, watch), **found.known}
        if not self._side.is_waited_for:  # in the time that is left until the next frame
            start_side(watch.elapsed_ms, without="cluster" if found.reason == NOT_APICAL else "")
        reason = found.reason if self._heart_in_use else known["cluster_reason"]
        return cannot_judge(frame, reason, **known) if reason else judged(frame, found.regions, **known)

    def _of_the_heart(
        self, frame: Frame, crop: SectorCrop, whole: np.ndarray, spacing_mm: float | None, watch: Stopwatch
    ) -> HeartFinding:
        """What the heart's part says of a crop of a screen, (h, w) uint8; nothing in an exam of other organs."""
        heart = self._heart_in_use
        if heart is None:
            watch.lap("crop")
            return HeartFinding((), "")
        told_view = self._view or self._source_view
        picture = HeartPicture(frame, crop, crop.square(whole), spacing_mm, told_view, self._view is not None)
        watch.lap("crop")
        found = heart.judge(picture, watch)
        if found.reason != NOT_APICAL:
            return found
        without = {"cluster": None, "cluster_reason": NOT_APICAL}  # clusters are learnt on apical views
        return replace(found, known={**found.known, **without})
