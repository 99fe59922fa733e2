"""What is known about one frame: the records that pass from the models to the engine, the windows and the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import numpy as np

from calibration.cluster_map import ClusterMap
from calibration.levels import Levels
from capture.frame import Frame, SourceInfo
from capture.geometry import Rect, SectorShape
from models.runtime.gate_plane import GatePlane
from models.runtime.whole_picture import ClusterAssessment as ClusterAssessment  # noqa: PLC0414 - part of the contract
from models.runtime.whole_picture import FrameStamp as FrameStamp  # noqa: PLC0414 - part of the contract
from models.runtime.whole_picture import GateAssessment as GateAssessment  # noqa: PLC0414 - part of the contract
from models.runtime.whole_picture import ScoreAssessment as ScoreAssessment  # noqa: PLC0414 - part of the contract

REGION_NAMES = (
    "basal_left",
    "mid_left",
    "apical_left",
    "apical_right",
    "mid_right",
    "basal_right",
    "annulus_left",
    "annulus_right",
)
"""Order of the published outputs; left and right are those of the image."""

LABEL_TEXT = ("out of sector", "not visible", "poor", "ok", "good", "excellent")
"""Text of the labels 0..5."""

STRUCTURE_VALUES = {"LV": 1, "MYO": 2, "LA": 3, "AO": 4}
"""Values in label maps; 0 is background."""

WALLS = {
    "A4C": ("inferoseptal", "anterolateral"),
    "A2C": ("inferior", "anterior"),
    "ALAX": ("inferolateral", "anteroseptal"),
}
"""Left and right wall of each apical view in standard orientation."""


VIEWS = tuple(WALLS)
"""The apical views that can be scored; ``OTHER_VIEW`` is everything else."""

OTHER_VIEW = "other"

CAUSES = (
    "gain_low",
    "gain_high",
    "shadow",
    "haze",
    "noise",
    "defocus",
    "outside",
    "foreshortened",
    "depth",
)
"""Why a region is bad: gain too low or high, shadow or dropout, haze or clutter, noise at depth, blurred (focus),
outside the sector, foreshortened apex, imaging depth wrong."""

SIDE_FIELDS = ("cluster", "score", "gate")
"""Fields of an assessment that are of networks which do not see every live frame; each has a ``<field>_reason``."""


class Verdict(StrEnum):
    """Whether the frame could be judged."""

    OK = "ok"
    CANNOT_JUDGE = "cannot_judge"


@dataclass(frozen=True)
class RegionAssessment:
    """One of the eight regions.

    Attributes
    ----------
    name : one of ``REGION_NAMES``
    score : 1..5 after temporal smoothing, None when not judged
    score_raw : 1..5 of this frame alone, None when not judged
    label : 1..5 (``LABEL_TEXT``), 0 out of sector, None when not judged
    outside_share : part of the region's area outside the sector, 0..1
    polygons : closed outlines of the part inside the sector, each (K, 2) float32 screen pixels (x, y)
    cause : one of ``CAUSES``, the strongest reason why the region is not better; None when it is good or unknown
    """

    name: str
    score: float | None
    score_raw: float | None
    label: int | None
    outside_share: float = 0.0
    polygons: tuple[np.ndarray, ...] = ()
    cause: str | None = None


@dataclass(frozen=True)
class Cause:
    """One reason for bad regions in a frame.

    Attributes
    ----------
    name : one of ``CAUSES``
    strength : 0..1, how much it costs
    regions : names of the regions that it lowers; empty when it concerns the picture as a whole
    """

    name: str
    strength: float
    regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readiness:
    """Which measurements the frame's regions are good enough for; None where that cannot be said.

    ``ef`` (ejection fraction, volumes) and ``strain`` need the whole myocardium, ``mapse`` the annulus alone (regional
    quality paper, introduction).
    """

    ef: bool | None = None
    strain: bool | None = None
    mapse: bool | None = None


def label_of(score: float) -> int:
    """Label 1..5 of a score: rounds, halves upward."""
    return int(min(max(np.floor(score + 0.5), 1), 5))


@dataclass(frozen=True)
class Assessment:
    """Everything known about one frame.

    Attributes
    ----------
    frame_index, t_mono_ns, source_id, t_media_s : those of the frame
    frame_size : (height, width) of the frame, the pixel grid of all outlines
    verdict, reason : ``ok`` with an empty reason, or ``cannot_judge`` with one plain sentence
    view : ``A4C``, ``A2C``, ``ALAX``; None when unknown
    view_p : probability that the models give to ``view``, 0..1, None when nothing recognised it; where the view was
        fixed by the user or the source, still the probability of that view
    causes : why regions are bad, the strongest first
    advice : one plain sentence on the strongest cause, empty when there is none
    readiness : what can be measured, None before temporal smoothing
    cluster : place among the global quality clusters, None when not judged
    cluster_reason : one sentence why there is no ``cluster``; empty with one, and where it was not this frame's turn
    score, score_reason : 0-100 score of the picture as a whole, likewise
    gate, gate_reason : whether the frame is like anything known, likewise; live, one below the threshold need not have
        been refused, and one above it need not have been judged (``app.engine.gate_keeping``)
    sector : sector on the screen, None when not found
    crop : the tight crop on the screen that the models saw
    levels, mirrored : black and white that it was expanded from, None for full range; whether it was turned round
    contours : outlines per structure (keys of ``STRUCTURE_VALUES``), each (K, 2) float32 screen pixels
    regions : eight, in the order of ``REGION_NAMES``; empty when not judged, and in an exam of other organs, where a
        frame counts as judged when its cluster is known
    spacing_assumed : the annulus radius rests on an assumed, not a known, pixel spacing
    label_map : (H, W) uint8 in the frame's own pixel grid when it was asked for, else None
    model_ids : name -> ``name@precision#hash`` of every model that had a part
    stages_ms : time of each stage in ms; ``..._beside`` is of a network that ran beside the stages, not of their sum
    """

    frame_index: int
    t_mono_ns: int
    source_id: str
    frame_size: tuple[int, int]
    verdict: Verdict
    reason: str = ""
    t_media_s: float | None = None
    view: str | None = None
    view_p: float | None = None
    causes: tuple[Cause, ...] = ()
    advice: str = ""
    readiness: Readiness | None = None
    cluster: ClusterAssessment | None = None
    cluster_reason: str = ""
    score: ScoreAssessment | None = None
    score_reason: str = ""
    gate: GateAssessment | None = None
    gate_reason: str = ""
    sector: SectorShape | None = None
    crop: Rect | None = None
    levels: Levels | None = None
    mirrored: bool = False
    contours: Mapping[str, tuple[np.ndarray, ...]] = field(default_factory=dict)
    regions: tuple[RegionAssessment, ...] = ()
    spacing_assumed: bool = True
    label_map: np.ndarray | None = None
    model_ids: Mapping[str, str] = field(default_factory=dict)
    stages_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_judged(self) -> bool:
        """Whether the regions carry scores, or in an exam of other organs the cluster is known."""
        return self.verdict is Verdict.OK

    @property
    def cluster_age_ms(self) -> float | None:
        """How much older the cluster's frame is than this one's, 0 for its own; None without a cluster."""
        return self.ages_ms.get("cluster")

    @property
    def ages_ms(self) -> dict[str, float]:
        """How much older than this frame that of each of ``SIDE_FIELDS`` is, 0 for its own; of those not None."""
        found = {name: getattr(self, name) for name in SIDE_FIELDS}
        return {name: self._age_ms(part.of) for name, part in found.items() if part is not None}

    def _age_ms(self, of: FrameStamp | None) -> float:
        return 0.0 if of is None else (self.t_mono_ns - of.t_mono_ns) / 1e6


def cannot_judge(frame: Frame, reason: str, **known: object) -> Assessment:
    """The refusal for a frame: verdict, one sentence, and whatever else is known.

    The sentence is the reason for each missing one of ``SIDE_FIELDS`` too, unless it or its reason are known.
    """
    known = {f"{name}_reason": "" if known.get(name) else reason for name in SIDE_FIELDS} | known
    return _assessment_of(frame, verdict=Verdict.CANNOT_JUDGE, reason=reason, **known)


def refused(assessment: Assessment, reason: str) -> Assessment:
    """The assessment of a frame that is not judged after all: no regions, cluster or score; its outlines stay."""
    return replace(
        assessment,
        verdict=Verdict.CANNOT_JUDGE,
        reason=reason,
        regions=(),
        causes=(),
        advice="",
        cluster=None,
        cluster_reason=reason,
        score=None,
        score_reason=reason,
    )


def judged(frame: Frame, regions: tuple[RegionAssessment, ...], **known: object) -> Assessment:
    """The accepted frame: its eight regions (none for an exam of other organs), and whatever else is known."""
    return _assessment_of(frame, verdict=Verdict.OK, regions=regions, **known)


def _assessment_of(frame: Frame, **known: object) -> Assessment:
    return Assessment(
        frame_index=frame.index,
        t_mono_ns=frame.t_mono_ns,
        source_id=frame.source_id,
        t_media_s=frame.t_media_s,
        frame_size=(frame.height, frame.width),
        **known,  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class ModelInfo:
    """One model in use, for the HUD and the records.

    ``provider`` is ``get_providers()[0]`` after creation, ``precision`` is int8, float32 or float16.
    """

    name: str
    model_id: str
    provider: str
    precision: str
    warm_ms: float


class Assessor(Protocol):
    """Turns one frame into one assessment. Called from one thread; never raises for a bad picture.

    A broken model or output raises ModelError: the engine then shows "cannot judge" with the reason.
    """

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The models in use."""
        ...

    @property
    def cluster_map(self) -> ClusterMap | None:
        """The map that places of clusters lie on, None when clusters cannot be told."""
        ...

    @property
    def gate_plane(self) -> GatePlane | None:
        """The plane that places of the artifact gate lie on, None without a gate."""
        ...

    @property
    def missing(self) -> Mapping[str, str]:
        """One sentence for each of ``SIDE_FIELDS`` whose network is not there."""
        ...

    def assess(self, frame: Frame) -> Assessment:
        """Assess one frame on its own (no smoothing over time)."""
        ...

    def use_source(self, info: SourceInfo) -> None:
        """Take what an opened source knows of itself: sector, spacing, view, exam; may change models and map."""
        ...

    def set_view(self, view: str | None) -> None:
        """Fix the view (``A4C``, ``A2C``, ``ALAX``) or say that it is unknown."""
        ...

    def forget_stream(self) -> None:
        """Drop what was learnt of the stream (sector, levels), for a new source or a change of resolution."""
        ...

    def close(self) -> None:
        """Release sessions and helper threads."""
        ...
