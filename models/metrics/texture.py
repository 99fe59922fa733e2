"""Local binary patterns: how often each of 256 patterns of a pixel's eight neighbours occurs (Ojala et al. 1996)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from capture.errors import DataError

BINS = 256
NAMED_BINS = {"V8": 8, "V20": 20, "V143": 143, "V240": 240}
"""Those that went best with a clinician's scores in the synthesis paper. It does not print its order of bits: ours is
that of common image libraries, so a bin of the paper need not be the bin here."""

# Bit 0 is the right neighbour, then counter-clockwise: (row, column) of each.
_NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


def lbp_codes(image: np.ndarray) -> np.ndarray:
    """Pattern of each pixel that has eight neighbours, (H - 2, W - 2) uint8: a bit for each neighbour >= the pixel.

    Raises
    ------
    DataError
        When the picture is not (H, W) with both sides at least 3.
    """
    if image.ndim != 2 or min(image.shape) < 3:
        raise DataError(f"patterns need a grey picture of at least 3 x 3 pixels, this one is {image.shape}")
    height, width = image.shape
    centre = image[1:-1, 1:-1]
    codes = np.zeros(centre.shape, np.uint8)
    for bit, (row, column) in enumerate(_NEIGHBOURS):
        around = image[1 + row : height - 1 + row, 1 + column : width - 1 + column]
        codes |= (around >= centre).astype(np.uint8) << np.uint8(bit)
    return codes


def lbp_vector(image: np.ndarray) -> np.ndarray:
    """Share of each pattern in a picture (H, W): (256,) float64, sums to 1."""
    codes = lbp_codes(image)
    return np.bincount(codes.ravel(), minlength=BINS) / codes.size


def lbp_vectors(images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Vector of each picture, (N, 256) float64."""
    return np.stack([lbp_vector(image) for image in images])


def lbp_distance(first: np.ndarray, second: np.ndarray) -> float:
    """How much of their patterns two vectors do not share: half the sum of absolute differences, 0..1."""
    return 0.5 * float(np.abs(first - second).sum())
