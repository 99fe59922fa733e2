"""Tapes for sweeping strips: a whole number of heart beats as one endless grey picture, columns are time.

Both start at an R peak and repeat without a seam. Values are 0..255.
"""

from __future__ import annotations

import cv2
import numpy as np

_BASELINE = 0.55  # of the height


def spectral_tape(rng: np.random.Generator, rows: int, columns: int, beats: int) -> np.ndarray:
    """Doppler spectrum of a valve, (rows, columns) uint8: filling above the base line, outflow below it."""
    phase = _phase(columns, beats)[None, :]
    above = 0.80 * _bump(phase, 0.50, 0.055) + rng.uniform(0.4, 0.7) * _bump(phase, 0.86, 0.045) + 0.03
    below = rng.uniform(0.5, 0.9) * np.sin(np.clip((phase - 0.06) / 0.30, 0, 1) * np.pi) ** 0.8 + 0.03
    height = (_BASELINE - np.linspace(0, 1, rows))[:, None]
    up = _spectrum(height / (0.92 * _BASELINE), above)
    down = _spectrum(-height / (0.92 * (1 - _BASELINE)), below)
    speckle = _speckle(rng, rows, columns, 0.8, 1.6)
    grey = 235 * np.maximum(up, 0.85 * down) * (0.35 + 0.65 * speckle) + 14 * speckle
    grey[np.abs(height[:, 0]) < 1.5 / rows] = 130
    return np.asarray(np.clip(grey, 0, 255).astype(np.uint8))


def _spectrum(velocity: np.ndarray, envelope: np.ndarray) -> np.ndarray:
    """Brightness 0..1 of each velocity: nothing beyond the envelope, most just below it."""
    inside = 1 / (1 + np.exp((velocity - envelope) * 40))
    modal = np.exp(-(((velocity - 0.82 * envelope) / (0.10 + 0.25 * envelope)) ** 2))
    positive = 1 / (1 + np.exp(-(velocity - 0.03) * 120))
    return np.asarray(inside * positive * (0.25 + 0.75 * modal))


def mmode_tape(rng: np.random.Generator, rows: int, columns: int, beats: int) -> np.ndarray:
    """Echoes of one beam over time, (rows, columns) uint8: chest wall, moving walls with dark blood between."""
    phase = _phase(columns, beats)
    squeeze = np.sin(np.clip((phase - 0.04) / 0.55, 0, 1) * np.pi) ** 1.3
    depth = np.linspace(0, 1, rows)[:, None]
    front, back = rng.uniform(0.26, 0.34), rng.uniform(0.66, 0.76)
    septum = front + 0.025 * squeeze[None, :]
    wall = back - 0.055 * squeeze[None, :]
    level = 70 * np.exp(-depth / 0.06) + 55 * (depth < 0.18)
    level = level + 95 * _band(depth, septum, 0.035 + 0.010 * squeeze[None, :])
    level = level + 115 * _band(depth, wall + 0.045, 0.045 + 0.012 * squeeze[None, :])
    level = level + 85 * _band(depth, wall + 0.125, 0.012) + 40 * (depth > wall + 0.13) * np.exp(-(depth - back) * 4)
    level = level + 70 * _band(depth, front + 0.16 + 0.10 * (1 - squeeze[None, :]), 0.008)
    # Texture rides on the tissue: it is read at the depth from where the motion has brought it.
    shift = 0.025 * squeeze[None, :] * (depth < 0.5) - 0.055 * squeeze[None, :] * (depth >= 0.5)
    speckle = _speckle(rng, rows, columns, 1.2, 14.0)
    at_row = ((depth - shift) * (rows - 1)).astype(np.float32)
    at_column = np.broadcast_to(np.arange(columns, dtype=np.float32), (rows, columns))
    riding = cv2.remap(
        speckle, np.ascontiguousarray(at_column), at_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(np.clip(level * (0.45 + 0.65 * riding) + 9 * riding, 0, 255).astype(np.uint8))


def _band(depth: np.ndarray, centre: np.ndarray | float, half: np.ndarray | float) -> np.ndarray:
    return np.asarray(1 / (1 + (np.abs(depth - centre) / half) ** 6))


def _phase(columns: int, beats: int) -> np.ndarray:
    """Share of the beat that has passed at each column, (columns,)."""
    return np.asarray(np.arange(columns) * (beats / columns) % 1.0)


def _bump(phase: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * ((phase - centre) / width) ** 2))


def _speckle(rng: np.random.Generator, rows: int, columns: int, sigma_y: float, sigma_x: float) -> np.ndarray:
    """Rayleigh envelope of mean 1 that repeats in time, (rows, columns) float32."""
    parts = rng.standard_normal((2, rows, columns)).astype(np.float32)
    pad = int(np.ceil(4 * sigma_x))
    wrapped = np.concatenate([parts[..., -pad:], parts, parts[..., :pad]], axis=2)
    blurred = [cv2.GaussianBlur(part, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y)[:, pad:-pad] for part in wrapped]
    envelope = np.hypot(blurred[0], blurred[1])
    return np.asarray(envelope / envelope.mean(), dtype=np.float32)
