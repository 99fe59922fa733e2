"""From the logits of the segmentation to label maps and to outlines on the screen."""

from __future__ import annotations

import cv2
import numpy as np

from calibration.crop import SectorCrop
from models.runtime.contract import STRUCTURE_VALUES
from models.runtime.landmarks import clean_labels
from models.runtime.outline import smooth_outlines


def strongest_class(logits: np.ndarray) -> np.ndarray:
    """Class with the highest logit, the lower one among equals: (C, H, W) float32 -> (H, W) uint8.

    Pairwise, since numpy's argmax over a short first axis takes several times as long.
    """
    best = logits[0]
    labels = np.zeros(best.shape, np.uint8)
    for value in range(1, len(logits)):
        stronger = np.asarray(cv2.compare(logits[value], best, cv2.CMP_GT))  # 0 or 255
        labels = np.asarray(cv2.max(labels, stronger & np.uint8(value)))
        best = np.asarray(cv2.max(best, logits[value]))
    return labels


def full_label_map(logits: np.ndarray, crop: SectorCrop) -> np.ndarray:
    """Label map in the frame's own pixels: (C, 256, 256) float32 -> (H, W) uint8, 0 outside the crop.

    Logits, not labels, are enlarged: borders then fall between the pixels of the square.
    """
    enlarged = np.stack([crop.to_crop_grid(plane) for plane in logits])
    screen = np.zeros(crop.frame_size, np.uint8)
    screen[crop.rect.slices()] = clean_labels(strongest_class(enlarged))
    return screen


def contours_of(labels: np.ndarray, crop: SectorCrop) -> dict[str, tuple[np.ndarray, ...]]:
    """Outlines of each structure that is there, in screen pixels.

    Parameters
    ----------
    labels : (256, 256) uint8
    crop : that the labels belong to

    Returns
    -------
    Name of the structure -> closed outlines, each (K, 2) float32 (x, y).
    """
    outlines = {name: smooth_outlines((labels == value).view(np.uint8)) for name, value in STRUCTURE_VALUES.items()}
    return {
        name: tuple(crop.to_screen(part).astype(np.float32) for part in parts)
        for name, parts in outlines.items()
        if parts
    }
