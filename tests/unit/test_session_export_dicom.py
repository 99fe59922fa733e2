"""DICOM of a session: valid to dciodvfy, spacing and times come back, nothing tells who or when."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_check import errors_of
from made_up_sessions import record, tissue

from app.session.export.dicom_common import uid_of
from app.session.export.dicom_folder import write_dicom
from app.session.export.dicom_image import write_images
from app.session.export.plan import NOTICE, open_plan
from app.session.layout import SessionFolder
from app.session.recorder_state import RecorderSettings
from app.session.video_writer import VideoCodec

FRAMES = 25


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SessionFolder:
    return record(tmp_path_factory.mktemp("library"), [tissue(k) for k in range(FRAMES)], "Smith-John")


@pytest.fixture(scope="module")
def written(folder: SessionFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dicom")
    with open_plan(folder) as plan:
        write_dicom(plan, out)
    return out


def test_both_objects_are_valid(written: Path):
    assert sorted(path.name for path in written.iterdir()) == ["image_0001.dcm", "quality.dcm"]
    for path in written.iterdir():
        assert errors_of(path) == []


def test_the_validator_finds_an_error(written: Path, tmp_path: Path):
    image = pydicom.dcmread(written / "image_0001.dcm")
    del image.Rows
    image.save_as(tmp_path / "bad.dcm")
    assert errors_of(tmp_path / "bad.dcm")


def test_pixels_spacing_and_times_come_back(folder: SessionFolder, written: Path):
    image = pydicom.dcmread(written / "image_0001.dcm")
    with open_plan(folder) as plan:
        wanted = np.stack([plan.pictures.grey(k) for k in range(FRAMES)])
        t_ns = plan.session.frames.t_mono_ns
    assert (image.pixel_array == wanted).all()
    assert image.PhotometricInterpretation == "MONOCHROME2"
    (region,) = image.SequenceOfUltrasoundRegions
    assert (region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection) == (3, 3), "cm"
    assert (region.PhysicalDeltaX, region.PhysicalDeltaY) == (pytest.approx(0.025), pytest.approx(0.025))
    assert (region.RegionLocationMaxX1 + 1, region.RegionLocationMaxY1 + 1) == (image.Columns, image.Rows)
    assert "PixelSpacing" not in image
    times_ms = np.cumsum([float(step) for step in image.FrameTimeVector])
    assert times_ms == pytest.approx((t_ns - t_ns[0]) / 1e6, abs=1e-3)
    assert image.LossyImageCompression == "00"


def test_an_unknown_spacing_is_not_told(tmp_path: Path):
    made = record(tmp_path, [tissue(k) for k in range(5)], spacing_mm=None)
    (tmp_path / "out").mkdir()
    with open_plan(made) as plan:
        write_dicom(plan, tmp_path / "out")
    image = pydicom.dcmread(tmp_path / "out" / "image_0001.dcm")
    assert "SequenceOfUltrasoundRegions" not in image
    assert errors_of(tmp_path / "out" / "image_0001.dcm") == []


@pytest.mark.parametrize(("view", "frame"), [(None, None), ("ALAX", 0), ("A4C", 1)])
def test_reports_of_other_views_and_of_a_frame_that_was_not_assessed_are_valid(
    tmp_path: Path, view: str | None, frame: int | None
):
    made = record(tmp_path, [tissue(k) for k in range(5)], view=view)
    (tmp_path / "out").mkdir()
    with open_plan(made, frame=frame) as plan:
        write_dicom(plan, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert errors_of(path) == []


def test_a_long_recording_makes_several_files(folder: SessionFolder, tmp_path: Path):
    with open_plan(folder) as plan:
        one = plan.pictures.grey(0).size
        found = write_images(plan, tmp_path, largest_bytes=10 * one + 1)
        assert [len(frames) for _, frames in found] == [10, 10, 5]
        assert np.concatenate([frames for _, frames in found]).tolist() == list(range(FRAMES))
    images = [pydicom.dcmread(path) for path in sorted(tmp_path.glob("*.dcm"))]
    assert [image.InstanceNumber for image in images] == [1, 2, 3]
    assert len({image.SOPInstanceUID for image in images}) == 3
    assert len({image.SeriesInstanceUID for image in images}) == 1


def test_a_lossy_recording_says_so(tmp_path: Path):
    settings = RecorderSettings(codec=VideoCodec.H264)
    made = record(tmp_path, [tissue(k) for k in range(6)], settings=settings)
    (tmp_path / "out").mkdir()
    with open_plan(made) as plan:
        write_dicom(plan, tmp_path / "out")
    image = pydicom.dcmread(tmp_path / "out" / "image_0001.dcm")
    assert (image.LossyImageCompression, image.LossyImageCompressionMethod) == ("01", "ISO_14496_10")
    assert float(image.LossyImageCompressionRatio) > 1
    assert errors_of(tmp_path / "out" / "image_0001.dcm") == []


def test_nothing_tells_who_or_when(written: Path):
    for path in written.iterdir():
        found = pydicom.dcmread(path)
        assert found.PatientIdentityRemoved == "YES"
        assert str(found.PatientName).rstrip("^") == found.PatientID
        assert found.PatientID.startswith("SG-")
        assert found.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        told = [e for e in found.iterall() if e.VR in ("DA", "TM", "DT") and e.value]
        assert {str(e.value) for e in told} <= {"19000101", "000000"}
        data = path.read_bytes()
        assert b"Smith" not in data
        assert re.search(rb"20[0-9]{2}-?[01][0-9]-?[0-3][0-9][^0-9.]", data[:1000]) is None


def test_the_report_has_a_group_per_region_with_standard_codes(folder: SessionFolder, written: Path):
    report = pydicom.dcmread(written / "quality.dcm")
    image = pydicom.dcmread(written / "image_0001.dcm")
    assert report.StudyInstanceUID == image.StudyInstanceUID
    items = {(e.ConceptNameCodeSequence[0].CodeValue, str(e.get("TextValue", ""))) for e in _items(report)}
    assert ("112039", "A4C: inferoseptal wall, mid") in items, "tracking identifiers"
    assert any(NOTICE in text for _, text in items)
    sites = [e.ConceptCodeSequence[0] for e in _items(report) if e.ConceptNameCodeSequence[0].CodeValue == "363698007"]
    by_scheme = [site.CodingSchemeDesignator for site in sites]
    assert (len(sites), by_scheme.count("99SONOGAUGE")) == (9, 2), "the annulus alone has no code"
    with open_plan(folder) as plan:
        wanted = np.mean(plan.session.figures("smooth_1")["smooth_1"])
    means = _measured(report, "A4C: inferoseptal wall, mid")
    assert means["373098007"] == pytest.approx(wanted)


def _items(node: pydicom.Dataset) -> list[pydicom.Dataset]:
    own = list(node.get("ContentSequence", ()))
    return own + [item for child in own for item in _items(child)]


def _measured(report: pydicom.Dataset, name: str) -> dict[str, float]:
    """Value of each derivation in the group of this name."""
    groups = [e for e in _items(report) if any(i.get("TextValue") == name for i in e.get("ContentSequence", ()))]
    found = {}
    for item in groups[0].ContentSequence:
        if item.ValueType == "NUM" and "ContentSequence" in item:
            derivation = item.ContentSequence[0].ConceptCodeSequence[0].CodeValue
            found[derivation] = float(item.MeasuredValueSequence[0].NumericValue)
    return found


def test_identifiers_are_uuid_derived():
    uid = uid_of("SG-1", "study")
    assert uid == uid_of("SG-1", "study") != uid_of("SG-2", "study")
    number = int(uid.removeprefix("2.25."))
    assert (number >> 76 & 15, number >> 62 & 3) == (8, 2)
    assert pydicom.uid.UID(uid).is_valid
