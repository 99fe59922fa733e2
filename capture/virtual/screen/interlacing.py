"""Interlaced video: one frame woven from two fields that were taken at different times."""

from __future__ import annotations

import numpy as np


def weave(newer: np.ndarray, older: np.ndarray) -> np.ndarray:
    """Even lines (0, 2, ...) of ``newer`` and odd lines of ``older``: what moved between them shows combs.

    Parameters
    ----------
    newer, older : successive frames of one size, (H, W) or (H, W, 3)

    Returns
    -------
    A fresh array of the same shape and type.
    """
    if newer.shape != older.shape:
        raise ValueError(f"fields of one picture have one size, not {newer.shape} and {older.shape}")
    woven = newer.copy()
    woven[1::2] = older[1::2]
    return woven
