"""From one frame to one assessment: sector, crop, view, segmentation, regions, quality and its causes."""

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
from capture.errors import SettingsError
from capture.frame import Frame, SourceInfo
from capture.geometry import LinearField
from models.runtime.causes import OUTSIDE_SHARE, TOLD_CAUSES, advice_of, frame_causes, region_causes
from models.runtime.contract import (
    REGION_NAMES,
    Assessment,
    Cause,
    ModelInfo,
    RegionAssessment,
    cannot_judge,
    judged,
    label_of,
)
from models.runtime.dense import pooled, region_shares
from models.runtime.dense_model import REGIONAL_DENSE, DenseModel
from models.runtime.end_to_end import REGIONAL_QUALITY, EndToEnd
from models.runtime.labels import contours_of, full_label_map, strongest_class
from models.runtime.manifest import Precision, default_weights_folder, load_manifest
from models.runtime.outlining import SEGMENTATION, Outlined, Outliner
from models.runtime.plausibility import PlausibilityGate, heart_confidence
from models.runtime.precision import open_model
from models.runtime.providers import Provider
from models.runtime.published import PublishedQuality, load_published
from models.runtime.regions import RegionDivision, RegionFailure, divide
from models.runtime.sector_tracker import SectorTracker, StreamKnowledge, TrackedSector
from models.runtime.view_tracker import is_other, view_of

NOT_APICAL = "not an apical view of the heart"
UNFAMILIAR = "the picture is unlike what the models know"
LEAST_CONFIDENCE = 0.75  # mean probability inside the heart
METHODS = ("end_to_end", "dense")
MODEL_SIZE = 256
_LOWEST, _HIGHEST = 1.0, 5.0
_GOOD = 3.5  # a region that is rated good needs no excuse


class _Refusal(Exception):
    """A picture that is not judged, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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
        if method not in METHODS:
            raise SettingsError(f"no method {method!r}: use one of {', '.join(METHODS)}")
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
        self._scorer: EndToEnd | PublishedQuality | None = None
        if published is not None:
            self._scorer = load_published(published, provider=provider, threads=threads)
        elif method == "end_to_end":
            self._scorer = EndToEnd(open_ours(REGIONAL_QUALITY))
        self._outliner = Outliner(
            open_ours(SEGMENTATION),
            DenseModel(open_ours(REGIONAL_DENSE)),
            per_frame=per_frame,
            every_frame=not isinstance(self._scorer, EndToEnd),  # the dense maps score then, or tell causes
            one_pass=self._scorer is None,
        )
        self._model_ids = {info.name: info.model_id for info in self.models}
        self._gate, self._per_frame = PlausibilityGate(), per_frame
        self._background = background
        self._tracker = SectorTracker(_knowledge(profile), per_frame=per_frame, background=background is not False)
        self._view = view
        self._source_view: str | None = None
        self._keep_label_map = keep_label_map

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The models in use."""
        others = () if self._scorer is None else (self._scorer.info,)
        return (self._outliner.segmentation.info, self._outliner.dense.session.info, *others)

    def use_source(self, info: SourceInfo | None) -> None:
        """Take sector, spacing and view from a source that knows them; None for nothing known."""
        self._tracker.use_source(info)
        self._outliner.forget()
        self._gate.reset()
        self._source_view = info.view if info is not None else None
        if self._background is None:
            self._tracker.background = info is None or info.is_live

    def set_view(self, view: str | None) -> None:
        """Fix the view, or say that it is unknown; a source's own view counts when none is set."""
        self._view = view

    def forget_stream(self) -> None:
        """Drop the sector, levels and view that were learnt."""
        self._tracker.forget()
        self._outliner.forget()
        self._gate.reset()

    def close(self) -> None:
        """Release sessions and the helper thread; twice is fine."""
        self._tracker.close()
        self._outliner.close()
        if self._scorer is not None:
            self._scorer.close()

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
            known["label_map"] = full_label_map(self._outliner.segment(crop.extract(frame.pixels)), crop)
            watch.lap("network")
        return cannot_judge(frame, self._tracker.reason, stages_ms=watch.stages_ms, **known)

    def _judge(self, frame: Frame, tracked: TrackedSector, watch: _Stopwatch) -> Assessment:
        crop = tracked.crop
        grey = crop.extract(frame.pixels, tracked.levels)
        watch.lap("crop")
        fixed_view = self._view or self._source_view
        outlined = self._outliner.outline(grey, frame.t_mono_ns, fixed_view)
        watch.lap("network")
        labels = strongest_class(outlined.logits)
        view, p = view_of(outlined.view_p, fixed_view)
        spacing_mm = self._tracker.spacing_mm(frame)
        known: dict[str, Any] = {
            "view": view,
            "view_p": p,
            "sector": crop.sector,
            "crop": crop.rect,
            "model_ids": self._model_ids,
            "spacing_assumed": spacing_mm is None,
        }
        if self._keep_label_map:
            known["label_map"] = full_label_map(outlined.logits, crop)
        watch.lap("labels")
        try:
            if is_other(outlined.view_p) and self._view is None:
                known |= {"view": None, "view_p": None}
                raise _Refusal(NOT_APICAL)
            division = self._divide(labels, crop, spacing_mm, frame)
            if heart_confidence(outlined.logits, labels) < LEAST_CONFIDENCE:
                raise _Refusal(UNFAMILIAR)
        except (RegionFailure, _Refusal) as failure:
            watch.lap("regions")
            known["contours"] = {} if failure.reason == NOT_APICAL else contours_of(labels, crop)
            return cannot_judge(frame, str(failure.reason), stages_ms=watch.lap("contours"), **known)
        watch.lap("regions")
        regions, causes = self._score(grey, outlined, division, crop, spacing_mm)
        watch.lap("quality")
        known["contours"] = contours_of(division.labels, crop)
        length_share = _length_share(division, crop, spacing_mm)
        known |= {"causes": causes, "advice": advice_of(causes, view, length_share)}
        return judged(frame, regions, stages_ms=watch.lap("contours"), **known)

    def _divide(self, labels: np.ndarray, crop: SectorCrop, spacing_mm: float | None, frame: Frame) -> RegionDivision:
        """Regions of a segmentation that can be a heart."""
        unit_xy, inside = crop.mm_per_model_px(spacing_mm or 1.0), crop.sector_mask_model
        division = divide(labels, unit_xy, inside, spacing_known=spacing_mm is not None)
        if self._per_frame:
            self._gate.reset()
        reason = self._gate.check(labels, division, inside, unit_xy, frame.t_mono_ns)
        if reason is not None:
            raise _Refusal(reason)
        return division

    def _score(
        self,
        grey: np.ndarray,
        outlined: Outlined,
        division: RegionDivision,
        crop: SectorCrop,
        spacing_mm: float | None,
    ) -> tuple[tuple[RegionAssessment, ...], tuple[Cause, ...]]:
        """Eight records and the frame's causes."""
        shares = region_shares(division, crop.mm_per_model_px(spacing_mm or 1.0), crop.sector_mask_model)
        if isinstance(self._scorer, EndToEnd):
            second = self._scorer.read(grey)
            scores, severity = second.region_ratings(shares), second.region_severity(shares)
        else:
            assert outlined.reading is not None  # read in every frame then
            reading = outlined.reading
            rating = pooled(reading.rating, shares) if self._scorer is None else self._scorer.scores(grey)
            scores, severity = np.clip(rating, _LOWEST, _HIGHEST), pooled(reading.severity, shares)
        reasons = region_causes(severity, division.outside_share, TOLD_CAUSES)
        length_share = _length_share(division, crop, spacing_mm)
        causes = frame_causes(severity, division.outside_share, outlined.foreshortening, length_share, TOLD_CAUSES)
        return _regions(division, scores, reasons, crop), causes


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


def _length_share(division: RegionDivision, crop: SectorCrop, spacing_mm: float | None) -> float:
    """Length of the ventricle as a share of the crop's height."""
    return division.landmarks.length / (MODEL_SIZE * crop.mm_per_model_px(spacing_mm or 1.0)[1])


def _regions(
    division: RegionDivision, scores: np.ndarray, causes: tuple[str | None, ...], crop: SectorCrop
) -> tuple[RegionAssessment, ...]:
    """Eight records; a region of which more than half lies outside the sector gets label 0 and no score."""
    parts = zip(REGION_NAMES, scores, causes, division.outside_share, division.polygons, strict=True)
    return tuple(
        _region(name, float(score), cause, outside, tuple(crop.to_screen(o).astype(np.float32) for o in outlines))
        for name, score, cause, outside, outlines in parts
    )


def _region(
    name: str, score: float, cause: str | None, outside: float, polygons: tuple[np.ndarray, ...]
) -> RegionAssessment:
    if outside > OUTSIDE_SHARE or not np.isfinite(score):
        return RegionAssessment(name, None, None, 0, outside, polygons, "outside")
    return RegionAssessment(name, score, score, label_of(score), outside, polygons, cause if score < _GOOD else None)


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
