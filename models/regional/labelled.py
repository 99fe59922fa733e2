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
from models.data.degradations import DILATION_SHARE
from models.regional.anchor import anchor_scores
from models.runtime.contract import REGION_NAMES, STRUCTURE_VALUES
from models.runtime.landmarks import RegionFailure
from models.runtime.regions import divide

log = logging.getLogger(__name__)

IN_SECTOR_SHARE = 0.5
ANNULI = (6, 7)
WALL_SURROUNDING = DILATION_SHARE  # of the image height: what a degradation of the region reaches
ANNULUS_SURROUNDING = 1.25 * DILATION_SHARE


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
    _around: np.ndarray = field(repr=False)  # the same for the surroundings

    def masks_square(self) -> np.ndarray:
        """Regions inside the sector in the square model grid, (8, 256, 256) bool."""
        return _unpack(self._square)

    def masks_native(self) -> np.ndarray:
        """Regions inside the sector in the image's own grid, (8, H, W) bool."""
        size = self.image.shape[1], self.image.shape[0]
        return _unpack(cv2.resize(self._square, size, interpolation=cv2.INTER_NEAREST))

    def surroundings_square(self) -> np.ndarray:
        """Each region with the band around it that shows its borders, in the square model grid, (8, 256, 256) bool."""
        return _unpack(self._around)

    def assessed_square(self) -> np.ndarray:
        """What each region is judged by, in the square model grid, (8, 256, 256) bool.

        A wall is judged by itself; an annulus by what surrounds the 2 mm circle (leaflet hinge, atrial wall), so that
        it depends on the wall above it only in part.
        """
        masks, around = self.masks_square(), self.surroundings_square()
        masks[list(ANNULI)] = around[list(ANNULI)]
        return masks


def mean_over(masks: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of an (H, W) map, squashed to the square grid, over each mask (8, 256, 256): (8,) float32; 0 where empty."""
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    sums = flat @ squash(values.astype(np.float32), cv2.INTER_AREA).ravel()
    return np.asarray(sums / np.maximum(flat.sum(axis=1), 1), np.float32)


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
    native = _unpack(cv2.resize(packed, (width, height), interpolation=cv2.INTER_NEAREST))
    around = _surroundings(native, sector.mask(height, width))
    result = LabelledImage(sample, image, sector, np.full(len(REGION_NAMES), 3, np.float32), scored, packed, around)
    lumen = (label == STRUCTURE_VALUES["LV"]) & sector.mask(height, width)
    anchors = anchor_scores(image, result.masks_native(), lumen)
    result.scored = scored & np.isfinite(anchors)
    result.anchors = np.where(result.scored, anchors, 3.0).astype(np.float32)
    return result


def _surroundings(regions: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Regions (8, H, W) dilated within the sector, packed in the square grid, (256, 256) uint8."""
    packed = np.zeros((256, 256), np.uint8)
    for index, region in enumerate(regions):
        if not region.any():
            continue
        share = ANNULUS_SURROUNDING if index in ANNULI else WALL_SURROUNDING
        distance = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        grown = ((distance <= share * region.shape[0]) & inside).astype(np.uint8)
        packed |= (squash(grown, cv2.INTER_NEAREST) << index).astype(np.uint8)
    return packed


def _unpack(square: np.ndarray) -> np.ndarray:
    return np.stack([(square >> bit) & 1 for bit in range(len(REGION_NAMES))]).astype(bool)
