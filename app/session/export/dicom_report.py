"""Quality of a session as a DICOM Structured Report: TID 1500 with one group of measurements per wall segment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from highdicom import sr
from pydicom.dataset import FileDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from app.engine.bulls_eye import segment_of
from app.overlay.names import region_text
from app.session.export.dicom_common import DUMMY_DATE, DUMMY_TIME, MAKER, fresh_uid, mark_deidentified, uid_of
from app.session.export.plan import NOTICE, ExportPlan
from app.session.export.summary import RegionFigures, curves_of, region_figures
from app.session.info import software_version

_SCHEME = "99SONOGAUGE"
_QUALITY = codes.DCM.ImageQuality
_REGION_SCORE = Code("SCORE-1-5", _SCHEME, "Regional image quality, 1 (not visible) to 5 (excellent)")
_PICTURE_SCORE = Code("SCORE-0-100", _SCHEME, "Image quality of the whole picture, 0 to 100")
_FRAMES = Code("FRAMES", _SCHEME, "Number of frames that have this score")
_ONE = Code("1", "UCUM", "no units")
_VIEWS = {"A4C": codes.SCT.ApicalFourChamber, "A2C": codes.SCT.ApicalTwoChamber, "ALAX": codes.SCT.ApicalLongAxis}
_DERIVATIONS = {"mean": codes.SCT.Mean, "worst": codes.SCT.Minimum, "best": codes.SCT.Maximum}
_CIDS = {"basal": codes.cid3782, "mid": codes.cid3783, "apical": codes.cid3785}

Images = Sequence[tuple[FileDataset, np.ndarray]]


def write_report(plan: ExportPlan, images: Images, path: Path) -> None:
    """Write a Comprehensive SR that refers to images of the same frames.

    Parameters
    ----------
    plan : what to export
    images : as ``write_images`` returns them
    path : of the new file

    Raises
    ------
    SessionError
        When the index is damaged.
    OSError
        When the disk is full.
    """
    report = sr.ComprehensiveSR(
        evidence=[image for image, _ in images],
        content=_content(plan, images)[0],
        series_instance_uid=uid_of(plan.name, "report"),
        series_number=2,
        sop_instance_uid=fresh_uid(plan.name),
        instance_number=1,
        manufacturer=MAKER,
        is_complete=True,
    )
    _without_dates(report)
    mark_deidentified(report)
    report.save_as(path, enforce_file_format=True)


def _content(plan: ExportPlan, images: Images) -> sr.MeasurementReport:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=uid_of(MAKER, "device"), manufacturer_name=MAKER, model_name=f"{MAKER} {software_version()}"
    )
    context = sr.ObservationContext(observer_device_context=sr.ObserverContext(codes.DCM.Device, device))
    curves = curves_of(plan)
    groups = [_whole(plan, images, curves.score)]
    groups += [_region(plan, images, figures) for figures in region_figures(curves)]
    return sr.MeasurementReport(
        observation_context=context,
        procedure_reported=codes.SCT.ImageQualityAnalysis,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=[image for image, _ in images],
    )


def _whole(plan: ExportPlan, images: Images, scores: np.ndarray) -> sr.MeasurementsAndQualitativeEvaluations:
    """The 0-100 score over all frames that have one; their number alone, 0, where none has."""
    known = scores[np.isfinite(scores)]
    figures = zip(_DERIVATIONS, (known.mean, known.min, known.max), strict=True)
    values = {name: float(figure()) for name, figure in figures} if len(known) else {}
    return _group(plan, images, "whole picture", _PICTURE_SCORE, values, len(known), codes.SCT.Heart, None)


def _region(plan: ExportPlan, images: Images, figures: RegionFigures) -> sr.MeasurementsAndQualitativeEvaluations:
    shown = [one for one in images if figures.first <= one[1][-1] and figures.last >= one[1][0]]
    values = {"mean": figures.mean, "worst": figures.worst, "best": figures.best}
    name = f"{figures.view or 'unknown view'}: {region_text(figures.region, figures.view)}"
    site = _site(figures.view, figures.region)
    return _group(plan, shown, name, _REGION_SCORE, values, figures.frames, site, figures.view)


def _group(
    plan: ExportPlan,
    images: Images,
    name: str,
    measured: Code,
    values: dict[str, float],
    frames: int,
    site: Code,
    view: str | None,
) -> sr.MeasurementsAndQualitativeEvaluations:
    """One group: mean, minimum and maximum of a score, and over how many frames."""
    measurements = [sr.Measurement(measured, value, _ONE, derivation=_DERIVATIONS[k]) for k, value in values.items()]
    measurements.append(sr.Measurement(_FRAMES, frames, _ONE))
    evaluations = [sr.QualitativeEvaluation(codes.DCM.ImageView, _VIEWS[view])] if view in _VIEWS else None
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=fresh_uid(plan.name), identifier=name),
        finding_type=_QUALITY,
        algorithm_id=_algorithm(plan),
        finding_sites=[sr.FindingSite(site)],
        measurements=measurements,
        qualitative_evaluations=evaluations,
        source_images=[_reference(image) for image, _ in images],
    )


def _algorithm(plan: ExportPlan) -> sr.AlgorithmIdentification:
    models = [f"{model.model_id} sha256:{model.sha256}" for model in plan.session.info.models]
    return sr.AlgorithmIdentification(name=MAKER, version=software_version(), parameters=[*models, NOTICE])


def _reference(image: FileDataset) -> sr.SourceImageForMeasurementGroup:
    return sr.SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID)


def _site(view: str | None, region: str) -> Code:
    """Wall segment by its standard code; for the annulus and unknown walls one of our own."""
    segment = segment_of(view, region) if view else None
    if segment is None:
        return Code(f"{view or 'ANY'}-{region}".upper()[:16], _SCHEME, f"{region_text(region, view)}"[:64])
    level, wall = segment.split()
    found: Code = getattr(_CIDS[level], f"LeftVentricle{level.title()}{wall.title()}Segment")
    return found


def _without_dates(report: FileDataset) -> None:
    """highdicom writes the time of the export; a session is often exported on the day of the examination."""
    report.ContentDate, report.ContentTime = DUMMY_DATE, DUMMY_TIME
    for name in ("InstanceCreationDate", "InstanceCreationTime", "TimezoneOffsetFromUTC"):
        if name in report:
            delattr(report, name)
    for equipment in report.get("ContributingEquipmentSequence", ()):
        equipment.pop("ContributionDateTime", None)
