"""Does a measurement agree better where the predicted quality is higher? (regional quality paper, sections 3.4 and 4.4)

The measurement is the ejection fraction by single-plane disks, from predicted outlines against true ones: the labels
of virtual frames, the experts' masks of CAMUS. The quality of a recording is the mean predicted rating of all regions
in its end-diastolic and end-systolic frame, as in the paper; its category is the label of that mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from capture.errors import CaptureError
from capture.virtual.body.rhythm import end_systole_beat
from capture.virtual.generator.sample import SampleMaker
from capture.virtual.generator.truth import OTHER_VIEW, LabelledSample
from models.data.camus import squash
from models.data.degradations import KINDS, Degrader
from models.metrics.agreement import limits_of_agreement, rounded, spearman, to_labels
from models.metrics.volume import ejection_fraction
from models.regional.labelled import LabelledImage
from models.runtime.contract import LABEL_TEXT, REGION_NAMES, STRUCTURE_VALUES
from models.runtime.methods import RegionalInput
from models.runtime.regions import RegionFailure, divide

PAIRS, SEED = 48, 90_418  # virtual recordings
SEVERITIES = (0.5, 1.0)  # of the whole sector, so that all qualities occur
_VIEWS = {"A4C": 1.0, "A2C": 1.0, "ALAX": 1.0}


@dataclass(frozen=True, eq=False)
class Still:
    """One frame on the model's square.

    Attributes
    ----------
    image : (256, 256) uint8
    inside : (256, 256) bool, the sector
    labels : (256, 256) uint8, the truth
    unit_xy : size of a pixel (x, y) in mm, or in any unit of the right ratio
    """

    image: np.ndarray
    inside: np.ndarray
    labels: np.ndarray
    unit_xy: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Recording:
    """End-diastolic and end-systolic frame of one view of one patient; ``condition`` tells what was done to them."""

    patient: str
    view: str
    condition: str
    full: Still
    empty: Still


@dataclass(frozen=True, eq=False)
class Reading:
    """What is predicted for one frame: labels (256, 256) uint8, and the mean rating 1..5 of its regions."""

    labels: np.ndarray
    quality: float


Reader = Callable[[Still], Reading]
"""Raises RegionFailure where it finds no regions."""


def reader_of(segment: Callable[[np.ndarray], np.ndarray], rate: Callable[[RegionalInput], np.ndarray]) -> Reader:
    """A reader of a segmentation and a method.

    Parameters
    ----------
    segment : (256, 256) uint8 -> labels (256, 256) uint8
    rate : input with the regions of those labels -> (8,) ratings 1..5, NaN where none
    """

    def read(still: Still) -> Reading:
        labels = segment(still.image)
        division = divide(labels, still.unit_xy, still.inside, spacing_known=False)
        masks = np.stack([division.mask(region) & still.inside for region in range(len(REGION_NAMES))])
        lumen = (labels == STRUCTURE_VALUES["LV"]) & still.inside
        ratings = rate(RegionalInput(still.image, still.inside, masks, lumen))
        ratings = ratings[np.isfinite(ratings)]
        return Reading(labels, float(ratings.mean()) if len(ratings) else float("nan"))

    return read


@dataclass(frozen=True, eq=False)
class Measured:
    """What came out of N recordings.

    Attributes
    ----------
    error_pp : (N,) float64, predicted less true ejection fraction in percentage points
    quality : (N,) float64, mean predicted rating 1..5, NaN where none
    failed : recordings in which nothing to measure was found
    """

    error_pp: np.ndarray
    quality: np.ndarray
    failed: int

    def by_label(self) -> dict[str, np.ndarray]:
        """Errors of each quality category, (K,) each, by the text of its label."""
        labels = to_labels(self.quality)
        return {LABEL_TEXT[label]: self.error_pp[labels == label] for label in range(1, len(LABEL_TEXT))}

    def figures(self) -> dict[str, object]:
        """Limits of agreement over all and by category, and how the error's size goes with quality.

        ``spearman_quality_error`` is negative when better pictures are measured better.
        """
        return {
            "all": limits_of_agreement(self.error_pp),
            "by_quality": {label: limits_of_agreement(errors) for label, errors in self.by_label().items()},
            "spearman_quality_error": rounded(spearman(self.quality, np.abs(self.error_pp))),
            "n_failed": self.failed,
        }


def measure(recordings: Iterable[Recording], reader: Reader) -> Measured:
    """Read every recording and compare its ejection fraction with the truth."""
    found, failed = [], 0
    for recording in recordings:
        try:
            found.append(_measured(recording, reader))
        except RegionFailure:
            failed += 1
    errors, qualities = np.array(found, float).reshape(-1, 2).T
    return Measured(errors, qualities, failed)


def camus_recordings(images: Sequence[LabelledImage], degraded: bool) -> Iterator[Recording]:
    """ED and ES of each patient and view with both; ``degraded``: at each of ``SEVERITIES``, kinds by turns."""
    phases: dict[tuple[str, str], dict[str, LabelledImage]] = {}
    for item in images:
        phases.setdefault((item.sample.patient, item.sample.view), {})[item.sample.phase] = item
    whole = [(*key, found["ED"], found["ES"]) for key, found in phases.items() if set(found) == {"ED", "ES"}]
    for number, (patient, view, full, empty) in enumerate(whole):
        kind = list(KINDS)[number % len(KINDS)]
        for level in SEVERITIES if degraded else (0.0,):
            stills = (_camus_still(item, kind, level, number) for item in (full, empty))
            yield Recording(patient, view, f"{kind} {level}" if degraded else "as it is", *stills)


def virtual_recordings(count: int = PAIRS, seed: int = SEED) -> Iterator[Recording]:
    """Virtual patients at end-diastole and end-systole, all else alike; those whose plane shows no such view are left
    out."""
    maker = SampleMaker(seed, _VIEWS)
    for index in range(count):
        try:
            full, empty = maker.make(index, 0.0), maker.make(index, end_systole_beat())
        except CaptureError:  # a heart that the probe does not reach
            continue
        if OTHER_VIEW not in (full.view, empty.view):
            yield Recording(f"virtual{index}", full.view, "virtual", _virtual_still(full), _virtual_still(empty))


def _measured(recording: Recording, reader: Reader) -> tuple[float, float]:
    """Error in percentage points and quality 1..5."""
    stills = recording.full, recording.empty
    units = recording.full.unit_xy, recording.empty.unit_xy
    full, empty = (reader(still) for still in stills)
    truth = ejection_fraction((stills[0].labels, stills[1].labels), units)
    error = ejection_fraction((full.labels, empty.labels), units) - truth
    return error, 0.5 * (full.quality + empty.quality)


def _camus_still(item: LabelledImage, kind: str, level: float, seed: int) -> Still:
    height, width = item.image.shape
    inside = squash(item.sector.mask(height, width).astype(np.uint8), cv2.INTER_NEAREST)
    image = Degrader(item.image, item.sector).apply(kind, level, None, seed)
    scale = item.sample.spacing_mm or 1.0
    labels = squash(item.sample.label(), cv2.INTER_NEAREST)
    return Still(
        squash(image, cv2.INTER_AREA) * inside, inside > 0, labels, (scale * width / 256, scale * height / 256)
    )


def _virtual_still(sample: LabelledSample) -> Still:
    return Still(sample.image, sample.inside, sample.labels, sample.spacing_mm)
