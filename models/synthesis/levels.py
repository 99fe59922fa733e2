"""From what a generator gives to 8 bits: black is what is as rare as black in real pictures."""

from __future__ import annotations

import logging

import numpy as np

log = logging.getLogger(__name__)

HIGHEST_BLACK = 12.0  # grey levels: more would take texture away


def black_level(made: np.ndarray, real: np.ndarray) -> float:
    """Grey below which a generator's picture is black, so that it has as large a share of black as real pictures.

    A generator ends in a hyperbolic tangent, which never quite reaches the black around a sector; the flicker there
    would fill patterns that no real picture has.

    Parameters
    ----------
    made : (N, S, S) float32 in 0..255
    real : (M, S, S) uint8, pictures that it was trained on
    """
    share = float((real == 0).mean())
    if not share:
        return 0.0
    level = float(np.quantile(made, share))
    if level > HIGHEST_BLACK:
        there = f"{share:.0%} of real pixels are black, made ones have grey {level:.1f} there"
        log.warning("%s: cut at %.0f", there, HIGHEST_BLACK)
    return min(level, HIGHEST_BLACK)


def as_bytes(made: np.ndarray, black: float = 0.0) -> np.ndarray:
    """Pictures (N, S, S) float32 in 0..255 as uint8, black below ``black``."""
    return np.asarray(np.where(made < black, 0, np.rint(np.clip(made, 0, 255))), np.uint8)
