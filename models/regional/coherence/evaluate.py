"""Figures of the coherence network on a virtual test set (paper, section 3.1 and figure 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from capture.errors import DataError
from models.data.virtual_dataset import VirtualDataset, VirtualRecord
from models.metrics.image_similarity import psnr_db, relative_pixel_error, ssim
from models.regional.coherence.truth import smoothed_inside, target_of

GAINS = (0.75, 1.25)  # factors on grey values
SMOOTHING_PX = 2.0  # of both maps in the smoothed figure: about one speckle

Predict = Callable[[np.ndarray], np.ndarray]
"""(N, 1, 256, 256) float32 in 0..255 -> coherence maps (N, 1, 256, 256): an ONNX session's or a network's."""


@dataclass(frozen=True)
class _FrameFigures:
    held_out: bool
    ssim: float
    ssim_smoothed: float
    rpe: float
    psnr: float
    gain_changes: tuple[float, ...]


def evaluate_coherence(predict: Predict, samples: VirtualDataset, indices: Sequence[int] = ()) -> dict[str, object]:
    """Compare predicted with true coherence, inside the sector only.

    Parameters
    ----------
    predict : the network
    samples : virtual test set
    indices : samples to take; empty for all

    Returns
    -------
    Means over frames: ``coherence_ssim`` (gamma .5, 11x11 Gaussian window, range 1), ``coherence_ssim_smoothed`` (both
    maps averaged over ``SMOOTHING_PX`` first), ``coherence_rpe`` (share), ``coherence_psnr`` (dB),
    ``coherence_gain_change`` (mean relative change of a pixel under the worse of ``GAINS``) and ``n``. The same under
    ``style_seen`` and ``style_held_out``, by whether training saw such looks; None when there is no such sample.

    Raises
    ------
    DataError
        When the network gives another shape.
    """
    frames = [_measured(predict, samples[index]) for index in (indices or range(len(samples)))]
    figures: dict[str, object] = dict(_means(frames) or {})
    figures["style_seen"] = _means([frame for frame in frames if not frame.held_out])
    figures["style_held_out"] = _means([frame for frame in frames if frame.held_out])
    return figures


def _measured(predict: Predict, record: VirtualRecord) -> _FrameFigures:
    inside, truth = record.inside, target_of(record)
    found, *changed = _maps(predict, record.image)
    smooth = [smoothed_inside(values, inside, SMOOTHING_PX) for values in (truth, found)]
    return _FrameFigures(
        held_out=record.is_held_out,
        ssim=ssim(truth, found, inside),
        ssim_smoothed=ssim(smooth[0], smooth[1], inside),
        rpe=relative_pixel_error(truth, found, inside),
        psnr=psnr_db(truth, found, inside),
        gain_changes=tuple(relative_pixel_error(found, other, inside) for other in changed),
    )


def _maps(predict: Predict, image: np.ndarray) -> Iterator[np.ndarray]:
    """Coherence of the picture and of the picture under each gain, (256, 256) float32."""
    for factor in (1.0, *GAINS):
        picture = np.clip(np.rint(image * np.float32(factor)), 0, 255).astype(np.float32)
        found = predict(picture[None, None])
        if found.shape != (1, 1, *image.shape):
            raise DataError(
                f"the network gave {found.shape} for one picture {image.shape}: evaluate a coherence network"
            )
        yield found[0, 0]


def _means(frames: Sequence[_FrameFigures]) -> dict[str, float | int] | None:
    if not frames:
        return None
    return {
        "coherence_ssim": _mean([frame.ssim for frame in frames]),
        "coherence_ssim_smoothed": _mean([frame.ssim_smoothed for frame in frames]),
        "coherence_rpe": _mean([frame.rpe for frame in frames]),
        "coherence_psnr": _mean([frame.psnr for frame in frames]),
        "coherence_gain_change": max(
            _mean(list(changes)) for changes in zip(*(f.gain_changes for f in frames), strict=True)
        ),
        "n": len(frames),
    }


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)
