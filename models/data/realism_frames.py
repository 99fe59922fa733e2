"""Real and virtual frames brought to the same square for comparing: CAMUS, a recorded clip, a virtual data set."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np

from calibration.sector import detect_sector
from capture.errors import CalibrationError, DataError
from capture.geometry import Sector
from capture.source import EndOfStream
from capture.video_file import VideoFileSource
from models.data.camus import CamusSample, read_split, squash
from models.data.virtual_dataset import VirtualDataset
from models.metrics.realism import Framed

log = logging.getLogger(__name__)

CLIP = Path("ntnu_e95_a4c") / "a4c.mp4"
COMPARED_VIEWS = ("A4C", "A2C")


def camus_frames(data_dir: Path, count: int, seed: int = 0) -> tuple[list[Framed], list[str]]:
    """``count`` frames of the training split drawn at random, and their patients; those without a sector are left out.

    Raises
    ------
    DataError
        The data set is not there.
    """
    samples = read_split(data_dir, "train")
    order = np.random.default_rng([seed, 211]).permutation(len(samples))[:count]
    frames, patients = [], []
    for sample in (samples[index] for index in order):
        try:
            frames.append(_camus_frame(sample))
        except CalibrationError as reason:
            log.warning("%s left out: %s", sample.stem, reason)
            continue
        patients.append(sample.patient)
    return frames, patients


def clip_frames(path: Path, count: int) -> list[Framed]:
    """``count`` frames spread over a recording; empty when it is not there."""
    if not path.is_file():
        return []
    source = VideoFileSource(path, pace="fast", grey=True)
    source.open()
    try:
        pictures = _all_pictures(source)
    finally:
        source.close()
    places = np.unique(np.linspace(0, len(pictures) - 1, count).round().astype(int))
    return [_framed(pictures[place], _sector(pictures[place]), None) for place in places]


def virtual_frames(dataset: VirtualDataset, count: int) -> list[Framed]:
    """The first ``count`` samples that show A4C or A2C.

    Raises
    ------
    DataError
        There is none.
    """
    frames: list[Framed] = []
    for index in range(len(dataset)):
        record = dataset[index]
        if record.view in COMPARED_VIEWS:
            half_angle = float(record.info["sector"]["half_angle_deg"])
            frames.append(Framed(np.array(record.image), record.inside, half_angle, np.array(record.labels)))
        if len(frames) == count:
            break
    if not frames:
        raise DataError(f"{dataset.folder} holds no sample of {' or '.join(COMPARED_VIEWS)}: make more samples")
    return frames


def _all_pictures(source: VideoFileSource) -> list[np.ndarray]:
    pictures: list[np.ndarray] = []
    try:
        while (frame := source.read(timeout_s=5.0)) is not None:
            pictures.append(frame.pixels)
    except EndOfStream:
        pass
    return pictures


def _camus_frame(sample: CamusSample) -> Framed:
    image = sample.image()
    return _framed(image, _sector(image), sample.label())


def _sector(image: np.ndarray) -> Sector:
    shape = detect_sector([image]).shape
    if not isinstance(shape, Sector):
        raise CalibrationError("a linear field instead of a sector: realism is measured on sector pictures")
    return shape


def _framed(image: np.ndarray, sector: Sector, labels: np.ndarray | None) -> Framed:
    """The sector's tight crop squashed to a square."""
    box = sector.bounds().clipped(*image.shape[:2])
    place = box.slices()
    inside = sector.mask(*image.shape[:2])[place].astype(np.uint8)
    return Framed(
        squash(image[place], cv2.INTER_AREA),
        squash(inside, cv2.INTER_NEAREST) > 0,
        float(np.degrees(sector.angle_right - sector.angle_left)) / 2,
        None if labels is None else squash(labels[place], cv2.INTER_NEAREST),
    )
