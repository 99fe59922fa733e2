"""``sonogauge score``: every frame of recorded pictures and videos, none dropped."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from app.batch.inputs import Input, find_inputs
from app.batch.pictures import check_names, picture_name, write_png
from app.batch.rows import RowFile, row_of
from app.batch.saliency_files import write_saliency
from app.bootstrap import ModelOptions, make_assessor, make_saliency
from app.engine.offline import assess_stream
from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from app.engine.state import Assessed
from app.settings import of_this_user
from capture.errors import CaptureError, SettingsError
from capture.image_folder import ImageFolderSource
from capture.video_file import VideoFileSource
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import Assessment

log = logging.getLogger(__name__)

FAILURE, PARTLY_DONE = 1, 3
WHOLE_SHARE = 0.9


def run_score(
    paths: list[Path], out: Path, masks: Path | None, options: ModelOptions, saliency: Path | None = None
) -> int:
    """Score everything; 0 when all was scored, 3 when some could not be read to their end, 1 when nothing could."""
    inputs = find_inputs(paths)
    _check_folders(inputs, masks, saliency)
    readiness = ReadinessJudge(of_this_user().readiness)
    failed: list[str] = []
    unmapped: Counter[str] = Counter()
    rows = 0
    with (
        RowFile(out) as results,
        make_assessor(options, per_frame=True, keep_label_map=masks is not None) as stills,
        make_assessor(options, keep_label_map=masks is not None) as stream,
        closing(make_saliency(options)) if saliency is not None else nullcontext() as maker,
        Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress,
    ):
        for item in progress.track(inputs, description="scoring"):
            try:
                for assessed in _assess(item, stills if item.is_still else stream, readiness):
                    assessment = assessed.assessment
                    name = picture_name(item, assessment.frame_index)
                    results.write(row_of(item.name, assessment))
                    rows += 1
                    if masks is not None:
                        _write_mask(masks / name, assessment)
                    if saliency is not None and maker is not None:
                        unmapped[write_saliency(saliency / name, assessed, maker)] += 1
            except CaptureError as error:
                log.error("%s", error)
                failed.append(item.name)
    log.info("%d rows from %d of %d files in %s", rows, len(inputs) - len(failed), len(inputs), out)
    for reason, frames in unmapped.most_common():
        if reason:
            log.warning("frames without a saliency map: %d (%s)", frames, reason)
    if not failed:
        return 0
    return PARTLY_DONE if rows else FAILURE


def _check_folders(inputs: list[Input], masks: Path | None, saliency: Path | None) -> None:
    """SettingsError where one picture would overwrite another."""
    if masks is not None and saliency is not None and masks.resolve() == saliency.resolve():
        raise SettingsError(f"--masks and --saliency are both {masks}: choose two folders")
    for folder in (masks, saliency):
        if folder is not None:
            check_names(inputs, folder)


def _assess(item: Input, assessor: RegionalAssessor, readiness: ReadinessJudge) -> Iterator[Assessed]:
    source = ImageFolderSource(item.path) if item.is_still else VideoFileSource(item.path, pace="fast")
    assessor.forget_stream()
    info = source.open()
    try:
        assessor.use_source(info)
        frames = 0
        smoother = None if item.is_still else Smoother()
        for assessed in assess_stream(source, assessor, smoother, readiness=readiness):
            yield assessed
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


def _write_mask(path: Path, assessment: Assessment) -> None:
    label_map = assessment.label_map
    if label_map is None:  # nothing was segmented: all background
        label_map = np.zeros(assessment.frame_size, np.uint8)
    write_png(path, label_map, "--masks")
