"""What all DICOM objects of an exported session share: identifiers, and attributes by the basic profile of PS3.15."""

from __future__ import annotations

import hashlib
import secrets

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from app.session.info import software_version

MAKER = "sonogauge"
METHOD = "PS3.15 basic profile, clean pixel data: only the sector is kept"
"""How an object was de-identified, at most 64 letters as the attribute holds."""

_PROFILE_CODES = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113101", "Clean Pixel Data Option"),
)
DUMMY_DATE, DUMMY_TIME = "19000101", "000000"
"""Where an object must hold a date: the day of the examination is not told."""


def uid_of(name: str, part: str) -> str:
    """The same identifier for the same part of the same session, nobody else's (UUID derived, ISO 9834-8)."""
    digest = hashlib.sha256(f"{name}/{part}".encode()).digest()[:16]
    number = int.from_bytes(digest) & ~(0xF << 76 | 0x3 << 62) | 8 << 76 | 0x2 << 62  # version 8, RFC 9562
    return f"2.25.{number}"


def fresh_uid(name: str) -> str:
    """An identifier of an object that was never written before."""
    return uid_of(name, secrets.token_hex(16))


def dataset_of(name: str, sop_class: str, sop_instance: str) -> FileDataset:
    """A new object of a pseudonymous patient, with patient, study and equipment filled in."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, sop_instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    found.SOPClassUID, found.SOPInstanceUID = sop_class, sop_instance
    found.update(patient_of(name))
    found.Manufacturer, found.ManufacturerModelName = MAKER, MAKER
    found.SoftwareVersions = software_version()
    return found


def patient_of(name: str) -> Dataset:
    """Patient and study attributes: the pseudonym, empty where nothing may be told."""
    found = Dataset()
    found.PatientID = name
    found.PatientName = f"{name}^"  # the caret says that one component is all there is
    found.PatientBirthDate = found.PatientSex = ""
    found.StudyInstanceUID = uid_of(name, "study")
    found.StudyDate = found.StudyTime = found.AccessionNumber = found.ReferringPhysicianName = found.StudyID = ""
    mark_deidentified(found)
    return found


def mark_deidentified(found: Dataset) -> None:
    """Say that, and how, an object was de-identified."""
    found.PatientIdentityRemoved = "YES"
    found.DeidentificationMethod = METHOD
    found.DeidentificationMethodCodeSequence = [_code(*code) for code in _PROFILE_CODES]
    found.LongitudinalTemporalInformationModified = "REMOVED"


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code
