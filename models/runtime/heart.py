"""The heart-specific part of an assessment: outlines, view, the eight regions, their quality and its causes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from calibration.crop import SectorCrop
from capture.errors import SettingsError
from capture.frame import Frame
from models.runtime.beside import Beside, Timed
from models.runtime.causes import BY_LIKELIHOOD, BY_SEVERITY, OUTSIDE_SHARE, advice_of, frame_causes, region_causes
from models.runtime.contract import REGION_NAMES, Cause, ModelInfo, RegionAssessment, label_of
from models.runtime.dense import pooled, region_shares
from models.runtime.dense_model import REGIONAL_DENSE, DenseModel
from models.runtime.end_to_end import EndToEnd, QualityMaps, open_end_to_end
from models.runtime.labels import contours_of, full_label_map, strongest_class
from models.runtime.outlining import SEGMENTATION, Outlined, Outliner
from models.runtime.plausibility import PlausibilityGate, heart_confidence
from models.runtime.published import PublishedQuality
from models.runtime.regions import RegionDivision, RegionFailure, divide
from models.runtime.session import ModelSession
from models.runtime.stopwatch import Stopwatch
from models.runtime.view_tracker import is_other, view_of

NOT_APICAL = "not an apical view of the heart"
UNFAMILIAR = "the picture is unlike what the models know"
LEAST_CONFIDENCE = 0.75  # mean probability inside the heart
METHODS = ("end_to_end", "dense")
MODEL_SIZE = 256
_LOWEST, _HIGHEST = 1.0, 5.0
Reading = Future[Timed[QualityMaps | np.ndarray]]
"""Of the network that scores: ours, or a site's own."""

_GOOD = 3.5  # a region that is rated good needs no excuse


class _Refusal(Exception):
    """A picture that is not judged, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class HeartPicture:
    """One frame as the heart's networks need it.

    Attributes
    ----------
    frame : it came from
    crop : of its sector
    grey : (256, 256) uint8, the crop's square
    spacing_mm : side of a screen pixel, None when unknown
    told_view : by the user or the source, None when unknown
    is_apical : the user says so: it is judged whatever the networks think of the view
    """

    frame: Frame
    crop: SectorCrop
    grey: np.ndarray
    spacing_mm: float | None
    told_view: str | None
    is_apical: bool


@dataclass(frozen=True, eq=False)
class HeartFinding:
    """What is found: regions, or the reason why there are none, and fields of the assessment that are known anyway."""

    regions: tuple[RegionAssessment, ...]
    reason: str
    known: Mapping[str, Any] = field(default_factory=dict)


class Heart:
    """The heart's networks and what follows from them, for one stream. Called from one thread.

    Parameters
    ----------
    open_model : gives the session of one of our models by its name; closed with this object
    published : a site's own quality model that scores in place of ours, or None; closed with this object
    method : what scores the regions, one of ``METHODS``
    beside : runs the scoring network while the outlines are found
    per_frame : pictures have nothing to do with each other
    keep_label_map : put a label map in the frame's own grid among what is known

    Raises
    ------
    SettingsError
        When there is no such method.
    ModelError
        From ``open_model``.
    """

    def __init__(
        self,
        open_model: Callable[[str], ModelSession],
        published: Callable[[], PublishedQuality] | None,
        method: str,
        beside: Beside,
        *,
        per_frame: bool,
        keep_label_map: bool,
    ) -> None:
        if method not in METHODS:
            raise SettingsError(f"no method {method!r}: use one of {', '.join(METHODS)}")
        self._scorer: EndToEnd | PublishedQuality | None = None
        if published is not None:
            self._scorer = published()
        elif method == "end_to_end":
            self._scorer = open_end_to_end(open_model)
        self._outliner = Outliner(
            open_model(SEGMENTATION),
            DenseModel(open_model(REGIONAL_DENSE)),
            per_frame=per_frame,
            every_frame=not isinstance(self._scorer, EndToEnd),  # the dense maps score then, or tell causes
            one_pass=self._scorer is None,
        )
        self._gate, self._per_frame, self._keep_label_map = PlausibilityGate(), per_frame, keep_label_map
        self._beside = beside

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The models in use."""
        others = () if self._scorer is None else self._scorer.infos
        return (self._outliner.segmentation.info, self._outliner.dense.session.info, *others)

    def forget(self) -> None:
        """Another stream begins."""
        self._outliner.forget()
        self._gate.reset()

    def close(self) -> None:
        """Release the sessions; twice is fine."""
        self._outliner.close()
        if self._scorer is not None:
            self._scorer.close()

    def label_map(self, pixels: np.ndarray, crop: SectorCrop) -> np.ndarray:
        """Label map of a screen for a crop, (H, W) uint8 in the screen's own grid."""
        return full_label_map(self._outliner.segment(crop.extract(pixels)), crop)

    def judge(self, picture: HeartPicture, watch: Stopwatch) -> HeartFinding:
        """Regions of one frame, scored.

        Raises
        ------
        ModelError
            When a model fails to run or gives values that are not finite.
        """
        reading = self._start_reading(picture.grey)
        try:
            return self._judge(picture, reading, watch)
        finally:
            if reading is not None:  # also of a refused frame: the next one finds the network free
                wait([reading])

    def _start_reading(self, grey: np.ndarray) -> Reading | None:
        """The scoring network's own reading of a square, which needs no outlines."""
        scorer = self._scorer
        if scorer is None:
            return None
        return self._beside.start(lambda: scorer.read(grey) if isinstance(scorer, EndToEnd) else scorer.scores(grey))

    def _judge(self, picture: HeartPicture, reading: Reading | None, watch: Stopwatch) -> HeartFinding:
        crop, spacing_mm = picture.crop, picture.spacing_mm
        outlined = self._outliner.outline(picture.grey, picture.frame.t_mono_ns, picture.told_view)
        watch.lap("network")
        labels = strongest_class(outlined.logits)
        view, p = view_of(outlined.view_p, picture.told_view)
        known: dict[str, Any] = {"view": view, "view_p": p}
        if self._keep_label_map:
            known["label_map"] = full_label_map(outlined.logits, crop)
        watch.lap("labels")
        try:
            if is_other(outlined.view_p) and not picture.is_apical:
                known |= {"view": None, "view_p": None}
                raise _Refusal(NOT_APICAL)
            division = self._divide(labels, picture)
            if heart_confidence(outlined.logits, labels) < LEAST_CONFIDENCE:
                raise _Refusal(UNFAMILIAR)
        except (RegionFailure, _Refusal) as failure:
            watch.lap("regions")
            known["contours"] = {} if failure.reason == NOT_APICAL else contours_of(labels, crop)
            watch.lap("contours")
            return HeartFinding((), str(failure.reason), known)
        watch.lap("regions")
        read = None if reading is None else reading.result()
        if read is not None:
            watch.beside("quality", read.ms)
        regions, causes = self._score(outlined, read.found if read else None, division, crop, spacing_mm)
        watch.lap("quality")
        known["contours"] = contours_of(division.labels, crop)
        length_share = _length_share(division, crop, spacing_mm)
        known |= {"causes": causes, "advice": advice_of(causes, view, length_share)}
        watch.lap("contours")
        return HeartFinding(regions, "", known)

    def _divide(self, labels: np.ndarray, picture: HeartPicture) -> RegionDivision:
        """Regions of a segmentation that can be a heart."""
        unit_xy = picture.crop.mm_per_model_px(picture.spacing_mm or 1.0)
        inside = picture.crop.sector_mask_model
        division = divide(labels, unit_xy, inside, spacing_known=picture.spacing_mm is not None)
        if self._per_frame:
            self._gate.reset()
        reason = self._gate.check(labels, division, inside, unit_xy, picture.frame.t_mono_ns)
        if reason is not None:
            raise _Refusal(reason)
        return division

    def _score(
        self,
        outlined: Outlined,
        read: QualityMaps | np.ndarray | None,
        division: RegionDivision,
        crop: SectorCrop,
        spacing_mm: float | None,
    ) -> tuple[tuple[RegionAssessment, ...], tuple[Cause, ...]]:
        """Eight records and the frame's causes; ``read``: maps of ours, scores (8,) of a site, None for dense maps."""
        shares = region_shares(division, crop.mm_per_model_px(spacing_mm or 1.0), crop.sector_mask_model)
        if isinstance(read, QualityMaps):
            assert isinstance(self._scorer, EndToEnd)
            found = self._scorer.regions(read, shares)
            scores, severity, told = found.ratings, found.likelihoods, BY_LIKELIHOOD
        else:
            assert outlined.reading is not None  # read in every frame then
            rating = pooled(outlined.reading.rating, shares) if read is None else read
            severity, told = pooled(outlined.reading.severity, shares), BY_SEVERITY
            scores = np.clip(rating, _LOWEST, _HIGHEST)
        reasons = region_causes(severity, division.outside_share, told)
        length_share = _length_share(division, crop, spacing_mm)
        causes = frame_causes(severity, division.outside_share, outlined.foreshortening, length_share, told)
        return _regions(division, scores, reasons, crop), causes


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
