"""Where the absolute scale of the regional scores comes from: contrast and level measured in the undegraded image.

No public set carries clinical quality labels. A region's anchor is what can be measured of its visibility: how well
its grey levels separate from the blood in the ventricle (generalised contrast-to-noise ratio in its textbook form;
Rodriguez-Molares et al. 2020) and whether it carries signal at all. The constants are engineering choices, not fitted
to people.
"""

from __future__ import annotations

import numpy as np

from models.runtime import pixel_metrics

HISTOGRAM_BINS = 64
CONTRAST_POOR, CONTRAST_GOOD = 0.15, 0.95  # about the 1 % and 95 % point of gCNR in 250 CAMUS training frames
LEVEL_POOR, LEVEL_GOOD = 20.0, 110.0  # mean grey below all of them, and about their median
SCORE_LOW, SCORE_SPAN = 3.0, 1.9  # a region without contrast that still has signal, and the way to excellent


def gcnr(region: np.ndarray, background: np.ndarray) -> float:
    """Textbook gCNR of two sets of whole grey levels 0..255, coarse for the sake of small regions, 0..1."""
    return pixel_metrics.gcnr(*(pixel_metrics.histogram(levels, HISTOGRAM_BINS) for levels in (region, background)))


def anchor_scores(image: np.ndarray, regions: np.ndarray, lumen: np.ndarray) -> np.ndarray:
    """Anchor of each region on the 1-5 scale.

    Parameters
    ----------
    image : (H, W) uint8
    regions : (8, H, W) bool, the part of each region inside the sector
    lumen : (H, W) bool, left ventricle inside the sector

    Returns
    -------
    (8,) float32 in 2..4.9; NaN where a region or the lumen is empty. Only a region
    that is dark as well as without contrast falls below 3.
    """
    background = image[lumen]
    scores = np.full(len(regions), np.nan, np.float32)
    if background.size == 0:
        return scores
    for index, region in enumerate(regions):
        inside = image[region]
        if inside.size == 0:
            continue
        contrast = np.clip((gcnr(inside, background) - CONTRAST_POOR) / (CONTRAST_GOOD - CONTRAST_POOR), 0, 1)
        brighter = float(inside.mean()) >= float(background.mean())
        level = np.clip((float(inside.mean()) - LEVEL_POOR) / (LEVEL_GOOD - LEVEL_POOR), 0, 1)
        visible = np.sqrt((contrast if brighter else 0.5 * contrast) * level)
        scores[index] = SCORE_LOW - (1 - level) + SCORE_SPAN * visible
    return np.clip(scores, 1, 5)
