"""From one frame to one assessment: sector, crop, segmentation, regions, regional quality."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from calibration.crop import SectorCrop
from calibration.profile import ScannerProfile
from capture.errors import ModelError
from capture.frame import Frame, SourceInfo
from capture.geometry import LinearField
from models.runtime.contract import (
    REGION_NAMES,
    Assessment,
    ModelInfo,
    RegionAssessment,
    cannot_judge,
    judged,
    label_of,
)
from models.runtime.labels import contours_of, full_label_map, strongest_class
from models.runtime.manifest import Precision, default_weights_folder, load_manifest
from models.runtime.precision import open_model
from models.runtime.providers import Provider
from models.runtime.published import PublishedQuality, load_published
from models.runtime.regions import RegionDivision, RegionFailure, divide
from models.runtime.sector_tracker import SectorTracker, StreamKnowledge, TrackedSector
from models.runtime.session import ModelSession

SEGMENTATION, REGIONAL_QUALITY = "segmentation", "regional_quality"
_OUT_OF_SECTOR = 0.5
_LOWEST, _HIGHEST = 1.0, 5.0


class RegionalAssessor:
    """The assessor of the live program: two networks and the region division.

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

    Raises
    ------
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
    ) -> None:
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
        self._segmentation = open_ours(SEGMENTATION)
        self._quality: ModelSession | PublishedQuality
        if published is not None:
            self._quality = load_published(published, provider=provider, threads=threads)
        else:
            self._quality = open_ours(REGIONAL_QUALITY)
        self._model_ids = {model.name: model.model_id for model in (self._segmentation, self._quality)}
        self._background = background
        self._tracker = SectorTracker(_knowledge(profile), per_frame=per_frame, background=background is not False)
        self._view = view
        self._source_view: str | None = None
        self._keep_label_map = keep_label_map

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The models in use."""
        return self._segmentation.info, self._quality.info

    def use_source(self, info: SourceInfo | None) -> None:
        """Take sector, spacing and view from a source that knows them; None for nothing known."""
        self._tracker.use_source(info)
        self._source_view = info.view if info is not None else None
        if self._background is None:
            self._tracker.background = info is None or info.is_live

    def set_view(self, view: str | None) -> None:
        """Fix the view, or say that it is unknown; a source's own view counts when none is set."""
        self._view = view

    def forget_stream(self) -> None:
        """Drop the sector and levels that were learnt."""
        self._tracker.forget()

    def close(self) -> None:
        """Release sessions and the helper thread; twice is fine."""
        self._tracker.close()
        self._segmentation.close()
        self._quality.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def assess(self, frame: Frame) -> Assessment:
        """Assess one frame on its own.

        Raises
        ------
        ModelError
            When a model fails to run or gives values that are not finite.
        """
        watch = _Stopwatch()
        tracked = self._tracker.find(frame)
        watch.lap("sector")
        assessment = self._without_sector(frame, watch) if tracked is None else self._judge(frame, tracked, watch)
        self._tracker.note(frame, assessment.is_judged)
        return assessment

    def _without_sector(self, frame: Frame, watch: _Stopwatch) -> Assessment:
        known: dict[str, Any] = {"view": self._view or self._source_view, "model_ids": self._model_ids}
        if self._keep_label_map:  # best effort: the whole picture may be one tight crop
            crop = SectorCrop(LinearField(0, 0, frame.width - 1, frame.height - 1), frame.height, frame.width)
            logits = self._segment(crop.extract(frame.pixels))
            known["label_map"] = full_label_map(logits, crop)
            watch.lap("segment")
        return cannot_judge(frame, self._tracker.reason, stages_ms=watch.stages_ms, **known)

    def _judge(self, frame: Frame, tracked: TrackedSector, watch: _Stopwatch) -> Assessment:
        crop = tracked.crop
        grey = crop.extract(frame.pixels, tracked.levels)
        watch.lap("crop")
        logits = self._segment(grey)
        labels = strongest_class(logits)
        watch.lap("segment")
        spacing_mm = self._tracker.spacing_mm(frame)
        known: dict[str, Any] = {
            "view": self._view or self._source_view,
            "sector": crop.sector,
            "crop": crop.rect,
            "model_ids": self._model_ids,
            "spacing_assumed": spacing_mm is None,
        }
        if self._keep_label_map:
            known["label_map"] = full_label_map(logits, crop)
            watch.lap("label_map")
        try:
            division = divide(
                labels,
                crop.mm_per_model_px(spacing_mm or 1.0),
                crop.sector_mask_model,
                spacing_known=spacing_mm is not None,
            )
        except RegionFailure as failure:
            watch.lap("regions")
            known["contours"] = contours_of(labels, crop)
            return cannot_judge(frame, str(failure.reason), stages_ms=watch.lap("contours"), **known)
        watch.lap("regions")
        scores = self._scores(grey)
        watch.lap("quality")
        known["contours"] = contours_of(division.labels, crop)
        regions = _regions(division, scores, crop)
        return judged(frame, regions, stages_ms=watch.lap("contours"), **known)

    def _segment(self, grey: np.ndarray) -> np.ndarray:
        """Logits of a model square: (256, 256) uint8 -> (C, 256, 256) float32."""
        return np.asarray(self._segmentation.run(_batch(grey))[0][0])

    def _scores(self, grey: np.ndarray) -> np.ndarray:
        """Corrected scores 1..5 of a model square: (256, 256) uint8 -> (8,)."""
        if isinstance(self._quality, PublishedQuality):
            return self._quality.scores(grey)
        raw = self._quality.run(_batch(grey))[0][0]
        if raw.shape != (len(REGION_NAMES),):
            raise ModelError(f"{self._quality.model_id} gave {raw.shape} scores, expected {len(REGION_NAMES)}")
        correction = self._quality.entry.correction
        return np.asarray(np.clip((raw - correction.intercept) / correction.slope, _LOWEST, _HIGHEST))


class _Stopwatch:
    """Times of the stages, in ms."""

    def __init__(self) -> None:
        self.stages_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> Mapping[str, float]:
        """End a stage."""
        now = time.perf_counter()
        self.stages_ms[stage] = (now - self._last) * 1e3
        self._last = now
        return self.stages_ms


def _batch(grey: np.ndarray) -> np.ndarray:
    """(256, 256) uint8 -> (1, 1, 256, 256) float32 in 0..255."""
    return grey.astype(np.float32)[np.newaxis, np.newaxis]


def _regions(division: RegionDivision, scores: np.ndarray, crop: SectorCrop) -> tuple[RegionAssessment, ...]:
    """Eight records; a region of which more than half lies outside the sector gets label 0 and no score."""
    return tuple(
        _region(name, float(score), outside, tuple(crop.to_screen(outline).astype(np.float32) for outline in outlines))
        for name, score, outside, outlines in zip(
            REGION_NAMES, scores, division.outside_share, division.polygons, strict=True
        )
    )


def _region(name: str, score: float, outside: float, polygons: tuple[np.ndarray, ...]) -> RegionAssessment:
    if outside > _OUT_OF_SECTOR:
        return RegionAssessment(name, None, None, 0, outside, polygons)
    return RegionAssessment(name, score, score, label_of(score), outside, polygons)


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
