"""CAMUS frames with what regional training and evaluation need of them: sector, eight region masks, anchors."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import cv2
import numpy as np

from calibration.sector import detect_sector
from capture.errors import CalibrationError
from capture.geometry import Sector
from models.data.camus import CamusSample, squash
from models.regional.anchor import anchor_scores
from models.runtime.contract import REGION_NAMES, STRUCTURE_VALUES
from models.runtime.landmarks import RegionFailure
from models.runtime.regions import divide

log = logging.getLogger(__name__)

IN_SECTOR_SHARE = 0.5


@dataclass(eq=False)
class LabelledImage:
    """One real frame with its regions, from the expert mask.

    Attributes
    ----------
    image : (H, W) uint8
    sector : in pixels of the image
    anchors : (8,) float32, anchor scores of the untouched image; 3 where ``scored`` is false
    scored : (8,) bool, at least half of the region lies inside the sector
    """

    sample: CamusSample
    image: np.ndarray
    sector: Sector
    anchors: np.ndarray
    scored: np.ndarray
    _square: np.ndarray = field(repr=False)  # (256, 256) uint8, bit r set where region r is

    def masks_square(self) -> np.ndarray:
        """Regions inside the sector in the square model grid, (8, 256, 256) bool."""
        return _unpack(self._square)

    def masks_native(self) -> np.ndarray:
        """Regions inside the sector in the image's own grid, (8, H, W) bool."""
        size = self.image.shape[1], self.image.shape[0]
        return _unpack(cv2.resize(self._square, size, interpolation=cv2.INTER_NEAREST))


def sector_of(image: np.ndarray) -> Sector:
    """Sector of an image that is cropped tightly already.

    Raises
    ------
    CalibrationError
        When there is none, or the picture comes from a linear probe.
    """
    shape = detect_sector([image]).shape
    if not isinstance(shape, Sector):
        raise CalibrationError("a linear field instead of a sector: regional scores need an apical view")
    return shape


def labelled_images(samples: list[CamusSample]) -> list[LabelledImage]:
    """Every sample whose mask can be divided; what cannot is left out and said in the log."""
    found = []
    for sample in samples:
        try:
            found.append(label_image(sample))
        except (RegionFailure, CalibrationError) as reason:
            log.warning("%s left out: %s", sample.stem, reason)
    log.info("%d of %d frames have eight regions", len(found), len(samples))
    return found


def label_image(sample: CamusSample) -> LabelledImage:
    """Divide one frame's expert mask and measure its anchors.

    Raises
    ------
    RegionFailure, CalibrationError
        When the mask has no eight regions or the image no sector.
    """
    image, label = sample.image(), sample.label()
    height, width = image.shape
    sector = sector_of(image)
    inside = squash(sector.mask(height, width).astype(np.uint8), cv2.INTER_NEAREST) > 0
    scale = sample.spacing_mm or 1.0
    division = divide(
        squash(label, cv2.INTER_NEAREST),
        (scale * width / 256, scale * height / 256),
        inside,
        spacing_known=sample.spacing_mm is not None,
    )
    masks = np.stack([division.mask(region) & inside for region in range(len(REGION_NAMES))])
    packed = np.packbits(masks, axis=0, bitorder="little")[0]
    scored = (np.array(division.outside_share) <= 1 - IN_SECTOR_SHARE) & masks.any(axis=(1, 2))
    result = LabelledImage(sample, image, sector, np.full(len(REGION_NAMES), 3, np.float32), scored, packed)
    lumen = (label == STRUCTURE_VALUES["LV"]) & sector.mask(height, width)
    anchors = anchor_scores(image, result.masks_native(), lumen)
    result.scored = scored & np.isfinite(anchors)
    result.anchors = np.where(result.scored, anchors, 3.0).astype(np.float32)
    return result


def _unpack(square: np.ndarray) -> np.ndarray:
    return np.stack([(square >> bit) & 1 for bit in range(len(REGION_NAMES))]).astype(bool)
