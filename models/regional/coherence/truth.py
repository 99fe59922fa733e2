"""What the coherence network is to say about a virtual sample, and which samples it never sees."""

from __future__ import annotations

import cv2
import numpy as np

from models.data.virtual_dataset import VirtualDataset, VirtualRecord

GAMMA = 0.5  # of the target (paper, section 2.3.2)
_TARGET_OF_BYTE = (np.arange(256, dtype=np.float32) / np.float32(255)) ** np.float32(GAMMA)


def seen_styles(samples: VirtualDataset) -> list[int]:
    """Numbers of the samples that may be trained on."""
    return [index for index in range(len(samples)) if not samples[index].is_held_out]


def target_of(record: VirtualRecord) -> np.ndarray:
    """Coherence factor of the channels to the power of ``GAMMA``, (256, 256) float32, 0..1."""
    return _TARGET_OF_BYTE[record.coherence_byte]


def smoothed_inside(values: np.ndarray, inside: np.ndarray, sigma_px: float) -> np.ndarray:
    """Gaussian mean over the part of the sector around each pixel, (H, W) float32; 0 outside.

    Parameters
    ----------
    values : (H, W) float32; what is outside does not count
    inside : (H, W) bool
    sigma_px : of the Gaussian, above 0
    """
    share = np.asarray(inside, np.float32)
    total = np.asarray(cv2.GaussianBlur(values * share, (0, 0), sigma_px))
    weight = np.asarray(cv2.GaussianBlur(share, (0, 0), sigma_px))
    return np.asarray(np.where(inside, total / np.maximum(weight, np.float32(1e-6)), 0), np.float32)
