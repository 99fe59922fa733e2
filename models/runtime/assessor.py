"""From one frame to one assessment: the sector and its crop here, the rest in the parts for the heart."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from calibration.crop import SectorCrop
from calibration.profile import ScannerProfile
from capture.frame import Frame, SourceInfo
from capture.geometry import LinearField
from models.runtime.contract import Assessment, ModelInfo, cannot_judge, judged
from models.runtime.heart import Heart, HeartPicture
from models.runtime.manifest import Precision, default_weights_folder, load_manifest
from models.runtime.precision import open_model
from models.runtime.providers import Provider
from models.runtime.published import load_published
from models.runtime.sector_tracker import SectorTracker, StreamKnowledge, TrackedSector
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

    Raises
    ------
    SettingsError
        When there is no such method.
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
    ) -> None:
        folder = Path(weights) if weights is not None else default_weights_folder()
        open_ours = partial(
            open_model,
            folder,
            manifest=load_manifest(folder),
            provider=provider,
            precision=precision,
            threads=threads,
            cache_dir=cache_dir,
        )
        open_theirs = partial(load_published, published, provider=provider, threads=threads) if published else None
        self._heart = Heart(open_ours, open_theirs, method, per_frame=per_frame, keep_label_map=keep_label_map)
        self._model_ids = {info.name: info.model_id for info in self.models}
        self._background = background
        self._tracker = SectorTracker(_knowledge(profile), per_frame=per_frame, background=background is not False)
        self._view = view
        self._source_view: str | None = None
        self._keep_label_map = keep_label_map

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The models in use."""
        return self._heart.models

    def use_source(self, info: SourceInfo | None) -> None:
        """Take sector, spacing and view from a source that knows them; None for nothing known."""
        self._tracker.use_source(info)
        self._heart.forget()
        self._source_view = info.view if info is not None else None
        if self._background is None:
            self._tracker.background = info is None or info.is_live

    def set_view(self, view: str | None) -> None:
        """Fix the view, or say that it is unknown; a source's own view counts when none is set."""
        self._view = view

    def forget_stream(self) -> None:
        """Drop the sector, levels and view that were learnt."""
        self._tracker.forget()
        self._heart.forget()

    def close(self) -> None:
        """Release sessions and the helper thread; twice is fine."""
        self._tracker.close()
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
        known: dict[str, Any] = {"view": self._view or self._source_view, "model_ids": self._model_ids}
        if self._keep_label_map:  # best effort: the whole picture may be one tight crop
            crop = SectorCrop(LinearField(0, 0, frame.width - 1, frame.height - 1), frame.height, frame.width)
            known["label_map"] = self._heart.label_map(frame.pixels, crop)
            watch.lap("network")
        return cannot_judge(frame, self._tracker.reason, stages_ms=watch.stages_ms, **known)

    def _judge(self, frame: Frame, tracked: TrackedSector, watch: Stopwatch) -> Assessment:
        crop = tracked.crop
        whole = crop.crop(frame.pixels, tracked.levels)
        spacing_mm = self._tracker.spacing_mm(frame)
        told_view = self._view or self._source_view
        picture = HeartPicture(frame, crop, crop.square(whole), spacing_mm, told_view, self._view is not None)
        watch.lap("crop")
        found = self._heart.judge(picture, watch)
        known: dict[str, Any] = {
            **found.known,
            "sector": crop.sector,
            "crop": crop.rect,
            "model_ids": self._model_ids,
            "spacing_assumed": spacing_mm is None,
            "stages_ms": watch.stages_ms,
        }
        return cannot_judge(frame, found.reason, **known) if found.reason else judged(frame, found.regions, **known)


def _knowledge(profile: ScannerProfile | None) -> StreamKnowledge:
    if profile is None:
        return StreamKnowledge()
    return StreamKnowledge(
        sector=profile.shape,
        frame_size=(profile.height, profile.width),
        levels=profile.signal_levels,
        spacing_mm=profile.spacing_mm,
        mirrored=profile.mirrored,
    )
