"""``sonogauge score``: every frame of recorded pictures and videos, none dropped."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import Progress

from app.batch.inputs import Input, find_inputs
from app.batch.rows import RowFile, row_of
from app.bootstrap import ModelOptions, make_assessor
from app.engine.offline import assess_stream
from app.engine.smoothing import Smoother
from capture.errors import CaptureError, SettingsError
from capture.image_folder import ImageFolderSource
from capture.video_file import VideoFileSource
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import Assessment

log = logging.getLogger(__name__)

FAILURE, PARTLY_DONE = 1, 3


def run_score(paths: list[Path], out: Path, masks: Path | None, options: ModelOptions) -> int:
    """Score everything; 0 when all was scored, 3 when some files could not be read, 1 when none could."""
    inputs = find_inputs(paths)
    if masks is not None:
        _check_mask_names(inputs, masks)
    failed: list[str] = []
    rows = 0
    with (
        RowFile(out) as results,
        make_assessor(options, per_frame=True, keep_label_map=masks is not None) as stills,
        make_assessor(options, keep_label_map=masks is not None) as stream,
        Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress,
    ):
        for item in progress.track(inputs, description="scoring"):
            try:
                for assessment in _assess(item, stills if item.is_still else stream):
                    results.write(row_of(item.name, assessment))
                    rows += 1
                    if masks is not None:
                        _write_mask(masks / _mask_name(item, assessment.frame_index), assessment)
            except CaptureError as error:
                log.error("%s", error)
                failed.append(item.name)
    log.info("%d rows from %d of %d files in %s", rows, len(inputs) - len(failed), len(inputs), out)
    if not failed:
        return 0
    return FAILURE if len(failed) == len(inputs) else PARTLY_DONE


def _assess(item: Input, assessor: RegionalAssessor) -> Iterator[Assessment]:
    source = ImageFolderSource(item.path) if item.is_still else VideoFileSource(item.path, pace="fast")
    assessor.forget_stream()
    info = source.open()
    try:
        assessor.use_source(info)
        for assessed in assess_stream(source, assessor, None if item.is_still else Smoother()):
            yield assessed.assessment
    finally:
        source.close()


def _mask_name(item: Input, frame_index: int) -> Path:
    """``STEM.png`` for a still, ``STEM_FRAME.png`` for a video, in the input's own sub-folder."""
    name = Path(item.name)
    return name.with_name(f"{name.stem}.png" if item.is_still else f"{name.stem}_{frame_index}.png")


def _check_mask_names(inputs: list[Input], masks: Path) -> None:
    counts = Counter(_mask_name(item, 0) for item in inputs)
    clash = next((name for name, count in counts.items() if count > 1), None)
    if clash is not None:
        raise SettingsError(f"two inputs would both write {masks / clash}: score them in runs of their own")


def _write_mask(path: Path, assessment: Assessment) -> None:
    label_map = assessment.label_map
    if label_map is None:  # nothing was segmented: all background
        label_map = np.zeros(assessment.frame_size, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), label_map):
        raise SettingsError(f"cannot write {path}: check the disk and the rights, or choose another --masks")
