"""``score --saliency``: for each judged frame a PNG of its sector, with what lowers the score in colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.batch.pictures import write_png
from app.engine.state import Assessed
from app.overlay.display_list import DisplayList
from app.overlay.paint_cv import draw
from app.overlay.saliency import legend, tint
from capture.errors import ModelError, PictureError
from capture.geometry import Rect
from models.runtime.frame_saliency import FrameSaliency, SaliencyMap, crop_of


def write_saliency(path: Path, assessed: Assessed, maker: FrameSaliency) -> str:
    """Write the picture of a frame that was judged; why there is none, else empty.

    Only the sector is stored: what a screen shows beside it may name a patient.

    Raises
    ------
    SettingsError
        When the file cannot be written.
    """
    if not assessed.assessment.is_judged:
        return assessed.assessment.reason
    try:
        found = maker.map_of(assessed.frame, assessed.assessment)
    except (PictureError, ModelError) as error:
        return str(error)
    write_png(path, saliency_picture(assessed, found), "--saliency")
    return ""


def saliency_picture(assessed: Assessed, found: SaliencyMap) -> np.ndarray:
    """The crop of a frame, grey and black outside the sector, under its map, (h, w, 3) BGR uint8."""
    crop = crop_of(assessed.assessment)
    grey = crop.crop(assessed.frame.pixels, assessed.assessment.levels)  # (h, w)
    place = Rect(0, 0, crop.rect.width, crop.rect.height)
    items = (tint(found, place, crop.sector_in_crop), *legend(found, 0.0, place))
    return draw(grey, DisplayList((place.height, place.width), items))
