"""Textures of the lower abdomen on top of mean echoes: septa in fat, fibres in muscle, bowel and pelvic fat."""

from __future__ import annotations

import cv2
import numpy as np

from capture.virtual.abdomen.anatomy import WALL_MM, Bladder
from capture.virtual.abdomen.parameters import AbdomenParameters
from capture.virtual.probe.settings import ProbeSettings


def texture_db(
    p: AbdomenParameters, bladder: Bladder, probe: ProbeSettings, radius: np.ndarray, angle: np.ndarray
) -> np.ndarray:
    """Deviation from the mean echo in dB for ranges (R, 1) and beams (1, B), (R, B) float32."""
    rng = np.random.default_rng([p.seed, 209])
    size = (radius.shape[0], angle.shape[1])
    x, z = radius * np.sin(angle), radius * np.cos(angle)
    row_mm, beam_mm = probe.range_step_mm, probe.beam_step_rad * (probe.face_mm + 0.5 * probe.depth_mm)
    wall = _ridges(rng, size, 0.55 / row_mm, 9.0 / beam_mm)
    deep = _ridges(rng, size, 1.1 / row_mm, 5.0 / beam_mm)
    patches = _smooth(rng, size, 7.0 / row_mm, 7.0 / beam_mm)
    fine = _smooth(rng, size, 2.2 / row_mm, 2.6 / beam_mm)
    in_wall = radius - probe.face_mm < p.habitus_mm
    pelvis = 4.5 * patches + 2.5 * fine + 11.0 * deep - 4.0
    organ = _organ_share(bladder, x, z)
    calm = np.where(bladder.distance_mm(x, z) < WALL_MM, 0.25, 1.0 - 0.85 * organ)
    return np.asarray(np.where(in_wall, 13.0 * wall + 2.0 * fine - 3.0, calm * pelvis + organ * 0.8 * fine), np.float32)


def _organ_share(bladder: Bladder, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """1 inside the organ behind the bladder, 0 outside: its tissue is more even than what surrounds it."""
    return np.asarray(0.5 - 0.5 * np.tanh((np.hypot(*bladder.organ_position(x, z)) - 1.0) / 0.06))


def _ridges(rng: np.random.Generator, size: tuple[int, int], sigma_row: float, sigma_column: float) -> np.ndarray:
    """Thin bright lines, 0..1: where a smooth field passes through zero."""
    field = _smooth(rng, size, 2.5 * sigma_row, sigma_column)
    return np.asarray(np.exp(-((field / 0.16) ** 2)) * np.clip(0.6 + 0.7 * _smooth(rng, size, 12, 16), 0, 1.2))


def _smooth(rng: np.random.Generator, size: tuple[int, int], sigma_row: float, sigma_column: float) -> np.ndarray:
    """Gaussian field of unit variance, float32."""
    noise = rng.standard_normal(size).astype(np.float32)
    field = cv2.GaussianBlur(noise, (0, 0), sigmaX=max(sigma_column, 0.5), sigmaY=max(sigma_row, 0.5))
    return np.asarray(field / field.std())
