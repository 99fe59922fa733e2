"""Pictures of a session for any player: an H.264 video with the overlay burned in, one PNG."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from app.session.deid import OUTSIDE
from app.session.export.plan import NOTICE, ExportPlan
from app.session.seal import Progress, no_progress
from capture.errors import SessionError

_TICKS_PER_S = 90_000
_JPEG_RANGE = 2  # AVColorRange: without it x264 shifts grey levels
_BT709 = 1  # AVColorSpace, AVColorPrimaries and AVColorTransferCharacteristic alike
_OPTIONS = {"preset": "fast", "crf": "16", "bf": "0"}  # without B pictures the first picture is at time 0
_MUXER = {"movflags": "+faststart", "video_track_timescale": str(_TICKS_PER_S)}


def write_mp4(plan: ExportPlan, path: Path, progress: Progress = no_progress) -> None:
    """Write an MP4: H.264, full range, each frame at its capture time since the first one.

    Parameters
    ----------
    plan : what to export; pictures of several sizes are centred on one canvas
    path : does not exist yet
    progress : told the share of the frames that are written

    Raises
    ------
    SessionError
        When a picture is damaged, none is left, or this installation cannot write H.264.
    OSError
        When the disk is full.
    """
    frames = _existing(plan)
    canvas = _canvas(plan, frames)
    with av.open(str(path), "w", format="mp4", options=_MUXER) as container:
        container.metadata["comment"] = NOTICE
        stream = _stream(container, canvas)
        before = -1
        for k, frame in enumerate(frames.tolist()):
            picture = _encoded_form(plan.picture(frame), canvas)
            ticks = round(int(plan.session.frames.t_mono_ns[frame] - plan.session.frames.t_mono_ns[frames[0]]) * 9e-5)
            before = picture.pts = max(ticks, before + 1)
            picture.time_base = Fraction(1, _TICKS_PER_S)
            container.mux(stream.encode(picture))
            progress((k + 1) / len(frames))
        container.mux(stream.encode(None))


def write_png(plan: ExportPlan, path: Path, progress: Progress = no_progress) -> None:
    """Write the first frame as PNG, with its own assessment's overlay where it has one.

    Raises
    ------
    SessionError
        When its picture is missing or damaged.
    OSError
        When the disk is full.
    """
    picture = plan.picture(int(_existing(plan)[0]), own=True)
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    progress(1.0)


def _existing(plan: ExportPlan) -> np.ndarray:
    frames = plan.with_pictures
    if not len(frames):
        raise SessionError("the video holds none of these frames: choose others (--frame, --from, --to)")
    return frames


def _canvas(plan: ExportPlan, frames: np.ndarray) -> tuple[int, int]:
    """(height, width) that holds every picture, even as H.264 wants it."""
    firsts = np.unique(plan.session.frames.segment[frames], return_index=True)[1]
    rects = [plan.pictures.rect(int(frames[k])) for k in firsts]
    height, width = max(r.height for r in rects), max(r.width for r in rects)
    return height + height % 2, width + width % 2


def _stream(container: Any, canvas: tuple[int, int]) -> Any:
    try:
        stream = container.add_stream("libx264", options=_OPTIONS)
    except ValueError as error:
        raise SessionError("this installation cannot write H.264: export png or dicom instead") from error
    stream.height, stream.width = canvas
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base, context.color_range, context.colorspace = Fraction(1, _TICKS_PER_S), _JPEG_RANGE, _BT709
    context.color_primaries = context.color_trc = _BT709
    return stream


def _encoded_form(picture: np.ndarray, canvas: tuple[int, int]) -> Any:
    whole = np.full((*canvas, 3), OUTSIDE, np.uint8)
    top, left = ((room - side) // 2 for room, side in zip(canvas, picture.shape, strict=False))
    whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    frame = av.VideoFrame.from_ndarray(whole, format="bgr24")
    frame = frame.reformat(
        format="yuv420p", src_color_range=_JPEG_RANGE, dst_color_range=_JPEG_RANGE, dst_colorspace=_BT709
    )
    frame.color_range, frame.colorspace = _JPEG_RANGE, _BT709
    return frame
