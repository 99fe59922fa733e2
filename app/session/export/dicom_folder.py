"""A session as a folder of DICOM files: its pictures, and the report of their quality."""

from __future__ import annotations

from pathlib import Path

from app.session.export.dicom_image import write_images
from app.session.export.dicom_report import write_report
from app.session.export.plan import ExportPlan
from app.session.seal import Progress, no_progress


def write_dicom(plan: ExportPlan, folder: Path, progress: Progress = no_progress) -> None:
    """Write ``image_0001.dcm`` and so on, and ``quality.dcm`` that refers to them, into a folder that exists.

    Raises
    ------
    SessionError
        When the session is damaged, or the video holds none of the frames.
    OSError
        When the disk is full.
    """
    images = write_images(plan, folder, progress)
    write_report(plan, images, folder / "quality.dcm")
