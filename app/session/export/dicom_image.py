"""Pictures of a session as DICOM Ultrasound Multi-frame Images: the cut sector, grey, with real frame times.

highdicom has no class for ultrasound, so the attributes are set here: PS3.3 A.7 (modules), C.7.6.5, C.7.6.6 (cine and
multi-frame), C.8.5.5 (regions), C.8.5.6 (ultrasound image).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UltrasoundMultiFrameImageStorage

from app.session.deid import OUTSIDE
from app.session.export.dicom_common import dataset_of, fresh_uid, uid_of
from app.session.export.plan import ExportPlan
from app.session.reader import Segment
from app.session.seal import Progress, no_progress
from app.session.video_writer import VideoCodec
from capture.errors import SessionError

LARGEST_PIXEL_BYTES = 128 << 20
"""Of one object; a longer recording makes several."""

MOST_FRAMES = 4000
"""Of one object: the times of more do not fit into the 64 KiB of the frame time vector."""

_2D, _TISSUE, _CM = 1, 1, 3
_FRAME_TIME_VECTOR = 0x00181065


def write_images(
    plan: ExportPlan,
    folder: Path,
    progress: Progress = no_progress,
    largest_bytes: int = LARGEST_PIXEL_BYTES,
) -> list[tuple[FileDataset, np.ndarray]]:
    """Write the frames, a file for each part of one geometry that is not larger than it may be.

    Parameters
    ----------
    plan : what to export; overlays are never burned in
    folder : exists; gets ``image_0001.dcm`` and so on
    progress : told the share of the frames that are written
    largest_bytes : of the pixels of one file

    Returns
    -------
    Each object without its pixels, and its frames of the session, (N,) int64.

    Raises
    ------
    SessionError
        When a picture is damaged, or none is left.
    OSError
        When the disk is full.
    """
    parts = list(_parts(plan, largest_bytes))
    if not parts:
        raise SessionError("the video holds none of these frames: choose others (--frame, --from, --to)")
    total, done = sum(map(len, parts)), 0
    written = []
    for number, frames in enumerate(parts, 1):
        image = _image(plan, number, frames)
        image.PixelData = _pixels(plan, frames, done, total, progress)
        image.save_as(folder / f"image_{number:04d}.dcm", enforce_file_format=True)
        del image.PixelData
        written.append((image, frames))
        done += len(frames)
    return written


def _parts(plan: ExportPlan, largest_bytes: int) -> Iterator[np.ndarray]:
    frames = plan.with_pictures
    segments = plan.session.frames.segment[frames]
    for number in dict.fromkeys(segments.tolist()):
        own = frames[segments == number]
        rect = plan.pictures.rect(int(own[0]))
        most = max(min(largest_bytes // (rect.width * rect.height), MOST_FRAMES), 1)
        yield from (own[k : k + most] for k in range(0, len(own), most))


def _pixels(plan: ExportPlan, frames: np.ndarray, done: int, total: int, progress: Progress) -> bytes:
    """All pictures one after the other, of even length; ``done`` of ``total`` were written before."""
    data = bytearray()
    for k, frame in enumerate(frames.tolist()):
        data += plan.pictures.grey(frame).tobytes()
        progress((done + k + 1) / total)
    return bytes(data + b"\0" * (len(data) % 2))


def _image(plan: ExportPlan, number: int, frames: np.ndarray) -> FileDataset:
    found = dataset_of(plan.name, UltrasoundMultiFrameImageStorage, fresh_uid(plan.name))
    segment = plan.session.segment_of(int(frames[0]))
    _set_series(found, plan.name, number)
    _set_pixels(found, plan, frames)
    _set_times(found, plan.session.frames.t_mono_ns[frames])
    found.BurnedInAnnotation = "YES" if plan.has_text else "NO"
    _set_compression(found, plan, segment)
    if segment.geometry.spacing_mm is not None:
        found.SequenceOfUltrasoundRegions = [_region(plan, int(frames[0]), segment.geometry.spacing_mm)]
    return found


def _set_series(found: FileDataset, name: str, number: int) -> None:
    found.Modality = "US"
    found.SeriesInstanceUID = uid_of(name, "images")
    found.SeriesNumber, found.InstanceNumber = 1, number
    found.PatientOrientation = found.Laterality = ""
    found.ContentDate = found.ContentTime = ""
    found.ImageType = ["DERIVED", "PRIMARY", "", "0001"]  # 0001: 2D imaging
    found.DerivationDescription = "Sector cut from the scanner's video output"


def _set_pixels(found: FileDataset, plan: ExportPlan, frames: np.ndarray) -> None:
    rect = plan.pictures.rect(int(frames[0]))
    found.SamplesPerPixel, found.PhotometricInterpretation = 1, "MONOCHROME2"
    found.Rows, found.Columns, found.NumberOfFrames = rect.height, rect.width, len(frames)
    found.BitsAllocated, found.BitsStored, found.HighBit, found.PixelRepresentation = 8, 8, 7, 0
    found.PixelPaddingValue = OUTSIDE
    found.UltrasoundColorDataPresent = 0


def _set_times(found: FileDataset, t_ns: np.ndarray) -> None:
    """Steps between frames in ms, from whole microseconds since the first frame, so that they do not drift."""
    t_us = np.rint((t_ns - t_ns[0]) / 1e3).astype(np.int64)
    steps = np.diff(t_us, prepend=t_us[:1])
    found.FrameIncrementPointer = _FRAME_TIME_VECTOR
    found.FrameTimeVector = [f"{step / 1e3:.3f}" for step in steps.tolist()]
    if len(t_us) > 1 and t_us[-1] > 0:
        found.RecommendedDisplayFrameRate = max(round((len(t_us) - 1) / (t_us[-1] / 1e6)), 1)


def _set_compression(found: FileDataset, plan: ExportPlan, segment: Segment) -> None:
    if segment.codec is VideoCodec.FFV1:
        found.LossyImageCompression = "00"
        return
    own = plan.session.frames.segment == segment.number
    rect = segment.geometry.rect
    stored = max(int(plan.session.frames.size[own].sum()), 1)
    found.LossyImageCompression, found.LossyImageCompressionMethod = "01", "ISO_14496_10"
    found.LossyImageCompressionRatio = f"{int(own.sum()) * rect.width * rect.height / stored:.2f}"


def _region(plan: ExportPlan, frame: int, spacing_mm: float) -> Dataset:
    """The calibrated region: the whole cut picture, the sector alone in it."""
    rect = plan.pictures.rect(frame)
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = _2D, _TISSUE, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = rect.width - 1, rect.height - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = _CM
    region.PhysicalDeltaX = region.PhysicalDeltaY = spacing_mm / 10
    return region
