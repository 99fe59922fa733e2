"""``sonogauge score``: every frame of recorded pictures and videos, none dropped."""

from __future__ import annotations

import logging
import re
import sys
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
from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from app.settings import of_this_user
from capture.errors import CaptureError, SettingsError
from capture.image_folder import ImageFolderSource
from capture.video_file import VideoFileSource
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import Assessment

log = logging.getLogger(__name__)

FAILURE, PARTLY_DONE = 1, 3
WHOLE_SHARE = 0.9


def run_score(paths: list[Path], out: Path, masks: Path | None, options: ModelOptions) -> int:
    """Score everything; 0 when all was scored, 3 when some could not be read to their end, 1 when nothing could."""
    inputs = find_inputs(paths)
    if masks is not None:
        _check_mask_names(inputs, masks)
    readiness = ReadinessJudge(of_this_user().readiness)
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
                for assessment in _assess(item, stills if item.is_still else stream, readiness):
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
    return PARTLY_DONE if rows else FAILURE


def _assess(item: Input, assessor: RegionalAssessor, readiness: ReadinessJudge) -> Iterator[Assessment]:
    source = ImageFolderSource(item.path) if item.is_still else VideoFileSource(item.path, pace="fast")
    assessor.forget_stream()
    info = source.open()
    try:
        assessor.use_source(info)
        frames = 0
        smoother = None if item.is_still else Smoother()
        for assessed in assess_stream(source, assessor, smoother, readiness=readiness):
            yield assessed.assessment
            frames += 1
        if isinstance(source, VideoFileSource):
            _check_whole(source, frames, info.frame_count)
    finally:
        source.close()


def _check_whole(source: VideoFileSource, frames: int, expected: int | None) -> None:
    """CaptureError for a recording with damaged parts, or much shorter than it says (the number is an estimate)."""
    if source.damaged or (expected and frames < WHOLE_SHARE * expected - 1):
        of_all = f" of about {expected}" if expected else ""
        raise CaptureError(f"{source.path} is damaged or cut short: {frames}{of_all} frames were read; copy it again")


def _mask_name(item: Input, frame_index: int) -> Path:
    """``STEM.png`` for a still, ``STEM_FRAME.png`` for a video, in the input's own sub-folder."""
    name = Path(item.name)
    return name.with_name(f"{name.stem}.png" if item.is_still else f"{name.stem}_{frame_index}.png")


def _check_mask_names(inputs: list[Input], masks: Path) -> None:
    """Refuse inputs whose masks would overwrite each other: the same name twice, or a still CLIP_7 beside CLIP."""
    videos = {_mask_name(item, 0) for item in inputs if not item.is_still}
    seen: set[Path] = set()
    for item in inputs:
        name = _mask_name(item, 0)
        as_video = name.with_name(re.sub(r"_(0|[1-9]\d*)\.png$", "_0.png", name.name))
        if name in seen or (item.is_still and as_video in videos):
            raise SettingsError(f"two inputs would both write {masks / name}: score them in runs of their own")
        seen.add(name)


def _write_mask(path: Path, assessment: Assessment) -> None:
    label_map = assessment.label_map
    if label_map is None:  # nothing was segmented: all background
        label_map = np.zeros(assessment.frame_size, np.uint8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = cv2.imwrite(str(path), label_map)
    except OSError:
        written = False
    if not written:
        raise SettingsError(f"cannot write {path}: check the disk and the rights, or choose another --masks")
