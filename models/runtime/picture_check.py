"""Pictures that no network is asked about, whatever it rates."""

from __future__ import annotations

import cv2
import numpy as np

from capture.errors import PictureError

SMALLEST_SIDE = 8
ONE_COLOUR_SHARE = 0.9  # of the pixels that are not black: the sector's edge has levels of its own


def refuse_odd_crop(crop: np.ndarray) -> None:
    """Refuse what is no grey crop of a picture.

    Raises
    ------
    PictureError
        For another type than uint8, another shape than (H, W), or a side below 8 pixels.
    """
    if crop.dtype != np.uint8 or crop.ndim != 2 or min(crop.shape) < SMALLEST_SIDE:
        raise PictureError(
            f"a grey crop (H, W) of 8 bits with sides of {SMALLEST_SIDE} or more is needed, "
            f"not {crop.dtype} {crop.shape}: crop the sector first"
        )


def refuse_one_colour(grey: np.ndarray) -> None:
    """Refuse a picture without any structure; black outside a sector counts as none.

    Parameters
    ----------
    grey : (H, W) uint8, or float32 in 0..1

    Raises
    ------
    PictureError
        When 90 % of the pixels that are not black have one level.
    """
    levels = grey if grey.dtype == np.uint8 else np.rint(grey * 255).astype(np.uint8)
    shown = cv2.calcHist([levels], [0], None, [256], [0, 256])[1:]
    if not shown.any() or shown.max() >= ONE_COLOUR_SHARE * shown.sum():
        raise PictureError("the picture is of one colour: check the probe, the gain and the cable")
